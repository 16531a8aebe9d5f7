/**
 * Takes over what a classic installation published: finds the rule under which a file is on a server, asks the server
 * whether it is, and makes a delivery of it.
 *
 * @since 1.0.0
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type { Config, Source } from "../domain/Config.ts"
import type { Delivery } from "../domain/Delivery.ts"
import type { FileState } from "../domain/FileState.ts"
import { Ledger } from "../domain/Ledger.ts"
import { baseNameOf, directoryOf, type RelativePath, remotePath, type ServerName } from "../domain/Path.ts"
import { handles, Processors, Workspace } from "../domain/Processor.ts"
import type { PublishedRow } from "../domain/Publisher.ts"
import { applies, candidate, type Destination, type Rule } from "../domain/Rule.ts"
import { SourceFiles } from "../domain/SourceFiles.ts"
import { type RemoteFile, Transporters } from "../domain/Transporter.ts"
import { makeAsk } from "../streams/ask.ts"
import { makeProcess } from "../streams/process.ts"
import { booksOf, type SourceBook } from "../streams/shared.ts"
import { absolutePath, locate } from "./locate.ts"

/**
 * - `Taken`: the server has the file as it is now; nothing will be uploaded.
 * - `Older`: the server has another version of it, or has it under another name; it is on record as that, so it is
 *   delivered again and what it replaces is removed.
 * - `Known`: a delivery is on record already.
 * - `Left`: nothing is known of it afterwards; why.
 * - `Unanswered`: the server could not be asked; why.
 */
export type TakenOver =
  | { readonly _tag: "Taken" | "Older"; readonly deliveries: ReadonlyArray<Delivery>; readonly reason: string }
  | { readonly _tag: "Known" }
  | { readonly _tag: "Left"; readonly reason: string }
  | { readonly _tag: "Unanswered"; readonly reason: string }

/** A rule and a destination of it that may have brought a file to where it is. */
interface Origin {
  readonly book: SourceBook
  readonly path: RelativePath
  readonly state: FileState | undefined
  readonly rule: Rule
  readonly destination: Destination
}

const left = (reason: string): TakenOver => ({ _tag: "Left", reason })

/** No fingerprint of a config is empty, so a delivery with this one is out of date. */
const OUT_OF_DATE = ""

export const makeTakeOver = Effect.fnUntraced(function* (config: Config) {
  const ledger = yield* Ledger
  const files = yield* SourceFiles
  const transporters = yield* Transporters
  const workspace = yield* Workspace
  const processors = yield* Processors
  const process = yield* makeProcess()
  const books = booksOf(config)
  const servers = yield* makeAsk(config)

  /** The chain gives the file at most another name: what it makes of it is known without the work of the others. */
  const onlyRenames = (rule: Rule, path: RelativePath): boolean =>
    rule.chain.every((use) => {
      const definition = processors.get(use)
      return definition.renames === true || !handles(definition, baseNameOf(path))
    })

  const originsIn = Effect.fnUntraced(function* (source: Source, path: RelativePath, server: ServerName) {
    const book = books.get(source.name)
    if (book === undefined) return []
    const state = yield* Effect.orElseSucceed(files.stat(source, path), () => undefined)
    const origins: Array<Origin> = []
    for (const rule of book.rules) {
      const destination = rule.destinations.find((one) => one.server === server)
      if (destination === undefined || !applies(rule, candidate(book.root, path, state?.size))) continue
      origins.push({ book, path, state, rule, destination })
    }
    return origins
  })

  /** How the file differs from what the server has; undefined: it does not, as far as can be told. `proved`: its bytes are the same. */
  const compare = Effect.fnUntraced(function* (
    origin: Origin,
    state: FileState,
    row: PublishedRow,
    remote: RemoteFile,
  ) {
    const { book, destination, path, rule } = origin
    if (!onlyRenames(rule, path)) return { proved: false }
    const { baseName, content } = yield* process({ book, path, state, rule, server: destination.server })
    // A new extension may be one that another processor of the chain handles.
    if (content.origin !== "source") return { proved: false }
    if (baseName !== row.transportedFileBasename) return { proved: false, older: "it gets another name here" }
    if (remote.size !== state.size) return { proved: false, older: "it has another size there" }
    if (remote.hash === undefined) return { proved: false }
    const hash = yield* workspace.hash(files.content(book.source, path, state), remote.hash.algorithm)
    return hash === remote.hash.hex ? { proved: true } : { proved: false, older: "it has other content there" }
  }, Effect.scoped)

  const deliveryOf = Effect.fnUntraced(function* (origin: Origin, row: PublishedRow) {
    const { book, destination, path, rule, state } = origin
    const { server } = destination
    const place = remotePath(
      [destination.path, directoryOf(path), row.transportedFileBasename].filter((part) => part !== "").join("/"),
    )
    if (place === undefined) return undefined
    const remote = yield* servers.stat(server, place)
    if (remote._tag === "None") return undefined
    const deletesSource = rule.fileDeletionDelayAfterSync !== undefined
    if (state === undefined && !deletesSource) return undefined
    const verdict: { readonly proved: boolean; readonly older?: string } =
      state === undefined ? { proved: false } : yield* compare(origin, state, row, remote.value)
    // A source file is deleted only when it is certain that the server has it.
    const older =
      verdict.older ??
      (deletesSource && state !== undefined && !verdict.proved
        ? "its source file is to be deleted, and this server can not prove that it has the same"
        : undefined)
    const delivery: Delivery = {
      source: book.source.name,
      path,
      server,
      rule: rule.id,
      destination: place,
      url: transporters.get(server).url(place),
      fingerprint: older === undefined ? destination.fingerprint : OUT_OF_DATE,
      state:
        state === undefined
          ? { size: remote.value.size, mtimeNs: 0n, inode: 0n }
          : { size: state.size, mtimeNs: state.mtimeNs, inode: state.inode },
      hash: "",
      deliveredAt: yield* Clock.currentTimeMillis,
      sourceDeleted: state === undefined,
    }
    return { delivery, older }
  })

  const whyNot = (origins: ReadonlyArray<Origin>): TakenOver => {
    if (origins.every(({ state }) => state === undefined)) {
      return left("the source file is gone; what is on the server stays there")
    }
    return left("the server does not have it where its rule puts it; it will be delivered")
  }

  const takeOver = Effect.fnUntraced(function* (row: PublishedRow, server: ServerName) {
    const places = locate(config, yield* absolutePath(row.inputFile))
    if (places.length === 0) return left("it is in none of the sources")
    const origins: Array<Origin> = []
    for (const { path, source } of places) origins.push(...(yield* originsIn(source, path, server)))
    if (origins.length === 0) return left("no rule sends it to this server")
    const deliveries: Array<Delivery> = []
    let reason: string | undefined
    for (const origin of origins) {
      const known = yield* ledger.deliveriesOf(origin.book.source.name, origin.path)
      if (known.some((one) => one.rule === origin.rule.id && one.server === server)) return { _tag: "Known" } as const
      const found = yield* deliveryOf(origin, row)
      if (found === undefined) continue
      deliveries.push(found.delivery)
      reason ??= found.older
    }
    if (deliveries.length === 0) return whyNot(origins)
    return { _tag: reason === undefined ? "Taken" : "Older", deliveries, reason: reason ?? "" } as const
  })

  /** What becomes of a row of the classic map. Nothing is written. */
  return Effect.fnUntraced(
    function* (row: PublishedRow) {
      const server = config.servers.find((one) => one.name === row.server)?.name
      if (server === undefined) return left("the config has no server of this name")
      return yield* Effect.catchTag(takeOver(row, server), "TransportError", (error) =>
        Effect.succeed<TakenOver>({ _tag: "Unanswered", reason: error.detail }),
      )
    },
    (effect) =>
      Effect.catchTags(effect, {
        ProcessorError: (error) => Effect.succeed(left(`its chain fails: ${error.detail}`)),
        SourceError: (error) => Effect.succeed(left(error.detail)),
      }),
  )
})
