/**
 * Files that are published beside another: which of them have their place to themselves, and how they get there. A file of
 * a source that belongs at such a place has it before them.
 *
 * @since 1.0.0
 */
import * as Effect from "effect/Effect"
import { type Companion, companionPlace } from "../domain/Companion.ts"
import type { Delivery } from "../domain/Delivery.ts"
import type { TransportError } from "../domain/Errors.ts"
import { Ledger } from "../domain/Ledger.ts"
import type { Link } from "../domain/Link.ts"
import { display, type RemotePath, type ServerName } from "../domain/Path.ts"
import type { OutputFile, TransporterShape } from "../domain/Transporter.ts"
import type { Item } from "./backlog.ts"
import type { Places } from "./places.ts"

/** A companion and where it goes. */
export interface Placed extends Companion {
  readonly place: RemotePath
}

export interface CompanionParts {
  readonly server: ServerName
  readonly transporter: TransporterShape
  readonly places: Places
}

const isNameRefused = (error: TransportError): boolean => error.reason._tag === "NameRefused"

export const makeCompanions = Effect.fnUntraced(function* ({ places, server, transporter }: CompanionParts) {
  const ledger = yield* Ledger

  const tell = (item: Item, message: string) =>
    Effect.annotateLogs(Effect.logWarning(message), { server, path: item.path })

  const notMade = (item: Item, place: string, why: string) =>
    tell(item, `"${display(place)}" is not published beside ${display(item.path)}: ${why}`)

  /** Those that have a place beside `place`. */
  const placesFor = Effect.fnUntraced(function* (item: Item, place: RemotePath, companions: ReadonlyArray<Companion>) {
    const placed: Array<Placed> = []
    for (const companion of companions) {
      const at = companionPlace(place, companion.suffix)
      if (at !== undefined) placed.push({ ...companion, place: at })
      else yield* notMade(item, `${place}${companion.suffix}`, "this name can not be used on a server")
    }
    return placed
  })

  /** Those whose place no other file holds; `links`: to the files that do, so that it is looked at again when they go. */
  const free = Effect.fnUntraced(function* (item: Item, placed: ReadonlyArray<Placed>) {
    const links: Array<Link> = []
    const kept: Array<Placed> = []
    for (const one of placed) {
      const occupants = yield* ledger.occupants(server, one.place)
      const other = occupants.find(({ path, source }) => path !== item.path || source !== item.source)
      if (other === undefined) {
        kept.push(one)
        continue
      }
      links.push({ source: other.source, path: other.path, place: one.place })
      yield* notMade(item, one.place, `${display(other.path)} is a file of its own that is published there`)
    }
    return { kept, links }
  })

  /** Uploads them, and gives those that the server holds now. */
  const send = Effect.fnUntraced(function* (
    item: Item,
    placed: ReadonlyArray<Placed>,
    outputOf: (content: Placed["content"]) => OutputFile,
  ) {
    const sent: Array<Placed> = []
    for (const one of placed) {
      const refused = yield* transporter.put(outputOf(one.content), one.place).pipe(
        Effect.as(undefined),
        Effect.catchIf(isNameRefused, (error) => Effect.succeed(error)),
      )
      if (refused === undefined) sent.push(one)
      else yield* notMade(item, one.place, refused.detail)
    }
    return sent
  })

  return {
    placesFor,
    free,
    send,
    /** Does something once nobody else is at these places. They are longer one by one, so nobody waits in a circle. */
    at: <A, E, R>(placed: ReadonlyArray<Placed>, use: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
      placed.reduceRight((inner, { place }) => places.at(place, inner), use),
  }
})

export const suffixesOf = (placed: ReadonlyArray<Placed>): Pick<Delivery, "companions"> =>
  placed.length === 0 ? {} : { companions: placed.map(({ suffix }) => suffix) }
