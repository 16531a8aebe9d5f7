/**
 * Compares deliveries with what their servers hold. Nothing is changed.
 *
 * @since 1.0.0
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { Config } from "../domain/Config.ts"
import { placesOf } from "../domain/Companion.ts"
import type { Delivery } from "../domain/Delivery.ts"
import type { LedgerError } from "../domain/Errors.ts"
import { isSame } from "../domain/FileState.ts"
import { Ledger } from "../domain/Ledger.ts"
import { baseNameOf } from "../domain/Path.ts"
import { Processors, Workspace } from "../domain/Processor.ts"
import { type Content, SourceFiles } from "../domain/SourceFiles.ts"
import type { RemoteFile } from "../domain/Transporter.ts"
import { isAboutServer, makeAsk } from "./ask.ts"
import { makeProspect } from "./prospect.ts"
import { booksOf } from "./shared.ts"

/**
 * - `Same`: the server holds what was delivered, as far as can be told.
 * - `Due`: disk, config and delivery differ, so the file is delivered (or removed) anyway.
 * - `Differs`: the server holds something else, or nothing; `canRepair`: delivering the file again would cure it.
 * - `Unknown`: the server was asked and could not tell.
 * - `Skipped`: its server does not answer.
 */
export type Verdict =
  | { readonly _tag: "Same" }
  | { readonly _tag: "Due" }
  | { readonly _tag: "Differs"; readonly detail: string; readonly canRepair: boolean }
  | { readonly _tag: "Unknown"; readonly detail: string }
  | { readonly _tag: "Skipped"; readonly detail: string }

/** What a delivery should be on its server; what is undefined can not be told. */
interface Expected {
  readonly size?: number
  readonly sha256?: string
  readonly content?: Content
}

const same: Verdict = { _tag: "Same" }
const due: Verdict = { _tag: "Due" }
const none: ReadonlyMap<string, Expected> = new Map()

export const makeVerify = Effect.fnUntraced(function* (config: Config) {
  const ledger = yield* Ledger
  const files = yield* SourceFiles
  const workspace = yield* Workspace
  const processors = yield* Processors
  const prospect = yield* makeProspect(config)
  const books = booksOf(config)
  const servers = yield* makeAsk(config)
  const names = new Set(config.servers.map((server) => server.name))

  const ruleOf = (delivery: Delivery) => {
    const rule = books.get(delivery.source)?.rules.find((one) => one.id === delivery.rule)
    const destination = rule?.destinations.find((one) => one.server === delivery.server)
    return destination?.fingerprint === delivery.fingerprint ? rule : undefined
  }

  /** What the chain makes of the file now, which is what was delivered: rule, settings and file are the same. */
  const expected = Effect.fnUntraced(function* (delivery: Delivery) {
    const book = books.get(delivery.source)
    const rule = ruleOf(delivery)
    if (book === undefined || rule === undefined) return undefined
    const recorded: Expected = {
      size: delivery.state.size,
      ...(delivery.hash === "" ? {} : { sha256: delivery.hash }),
    }
    if (delivery.sourceDeleted) return { own: rule.chain.length === 0 ? recorded : {}, companions: none }
    const state = yield* files.stat(book.source, delivery.path)
    if (state === undefined || !isSame(state, delivery.state)) return undefined
    if (rule.chain.length === 0) {
      return { own: { ...recorded, content: files.content(book.source, delivery.path, state) }, companions: none }
    }
    const { processed } = yield* prospect({
      book,
      path: delivery.path,
      state,
      rule,
      server: delivery.server,
    }).pipe(Effect.provideService(Processors, processors))
    // Files it refers to are due, and so is it.
    if (processed === undefined) return undefined
    const { companions, content } = processed
    const beside = new Map(companions.map(({ content, suffix }) => [suffix, { size: content.size, content }]))
    if (content.origin === "source") return { own: { ...recorded, content }, companions: beside }
    // Taken over from elsewhere: another program made it, and no two make the same of a file.
    return { own: delivery.hash === "" ? {} : { size: content.size, content }, companions: beside }
  })

  const hashOf = (wanted: Expected, algorithm: "md5" | "sha1" | "sha256") =>
    algorithm === "sha256" && wanted.sha256 !== undefined && wanted.sha256 !== ""
      ? Effect.succeed(wanted.sha256)
      : wanted.content === undefined
        ? Effect.succeed(undefined)
        : workspace.hash(wanted.content, algorithm)

  /** How what is at a place differs from what should be; undefined: it does not, as far as can be told. */
  const difference = Effect.fnUntraced(function* (wanted: Expected, remote: RemoteFile | undefined) {
    if (remote === undefined) return "it is not there"
    if (wanted.size !== undefined && remote.size !== wanted.size) {
      return `it has ${remote.size} bytes instead of ${wanted.size}`
    }
    if (remote.hash === undefined) return undefined
    const hash = yield* hashOf(wanted, remote.hash.algorithm)
    return hash === undefined || hash === remote.hash.hex ? undefined : "its content is another, of the same size"
  })

  const judge = Effect.fnUntraced(function* (
    delivery: Delivery,
    [remote, ...beside]: ReadonlyArray<RemoteFile | undefined>,
  ) {
    const wanted = yield* expected(delivery)
    if (wanted === undefined) return due
    const differs = (detail: string): Verdict => ({ _tag: "Differs", detail, canRepair: !delivery.sourceDeleted })
    const own = yield* difference(wanted.own, remote)
    if (own !== undefined) return differs(own)
    for (const [index, suffix] of (delivery.companions ?? []).entries()) {
      const detail = yield* difference(wanted.companions.get(suffix) ?? {}, beside[index])
      if (detail !== undefined) return differs(`${baseNameOf(delivery.destination)}${suffix}: ${detail}`)
    }
    return same
  }, Effect.scoped)

  const look = Effect.fnUntraced(
    function* (delivery: Delivery) {
      const remotes = yield* Effect.forEach(placesOf(delivery), (place) =>
        Effect.map(servers.stat(delivery.server, place), Option.getOrUndefined),
      )
      return yield* judge(delivery, remotes)
    },
    (effect) =>
      Effect.catchTags(effect, {
        TransportError: (error) =>
          Effect.succeed<Verdict>({ _tag: isAboutServer(error) ? "Skipped" : "Unknown", detail: error.detail }),
        // Whatever reads the file next will say more; it is not about the server.
        SourceError: () => Effect.succeed(due),
        ProcessorError: (error) => Effect.succeed<Verdict>({ _tag: "Unknown", detail: error.message }),
      }),
  )

  /** The delivery as it is recorded now; undefined: there is none any more. */
  const current = (delivery: Delivery) =>
    Effect.map(ledger.deliveriesOf(delivery.source, delivery.path), (deliveries) =>
      deliveries.find((one) => one.rule === delivery.rule && one.server === delivery.server),
    )

  const verify = (delivery: Delivery): Effect.Effect<Verdict, LedgerError> =>
    Effect.gen(function* () {
      if (!names.has(delivery.server)) return due
      const verdict = yield* look(delivery)
      if (verdict._tag !== "Differs") return verdict
      // A daemon may have delivered it, or taken it away, while the server was asked.
      const now = yield* current(delivery)
      if (now === undefined) return due
      return now.deliveredAt === delivery.deliveredAt ? verdict : yield* verify(now)
    })

  return verify
})
