/**
 * Does what the plan says for one file on one server: process, transfer, acknowledge; or forget and retire.
 *
 * @since 1.0.0
 */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import type { Delivery, DeliveryKey, Target } from "../domain/Delivery.ts"
import { dispositionOf, type WorkError } from "../domain/Disposition.ts"
import { ProcessorError, SourceError, TransportError } from "../domain/Errors.ts"
import { type FileState, isSame } from "../domain/FileState.ts"
import { Ledger } from "../domain/Ledger.ts"
import {
  directoryOf,
  display,
  type RelativePath,
  type RemotePath,
  remotePath,
  type ServerName,
} from "../domain/Path.ts"
import { type Job, plan } from "../domain/Plan.ts"
import { Workspace } from "../domain/Processor.ts"
import type { Destination, Rule } from "../domain/Rule.ts"
import { type Content, SourceFiles } from "../domain/SourceFiles.ts"
import type { OutputFile, TransporterShape } from "../domain/Transporter.ts"
import type { Confirmation, makeAcknowledge } from "./acknowledge.ts"
import { type Item, listed } from "./backlog.ts"
import { makeCompanions, suffixesOf } from "./companions.ts"
import type { Forget } from "./forget.ts"
import { outdating } from "./invalidate.ts"
import type { Links } from "./links.ts"
import type { Longer } from "./longer.ts"
import type { Places } from "./places.ts"
import type { makeProcess, Processed } from "./process.ts"
import { makeProduce } from "./produce.ts"
import type { Shared, SourceBook } from "./shared.ts"
import type { Ask, Waits } from "./waits.ts"

/** Where a file goes: below the destination's path, in the directory it is in at home. Fails for a name no server takes. */
export const placeOf = (
  server: ServerName,
  destination: Destination,
  path: RelativePath,
  baseName: string,
): Result.Result<RemotePath, TransportError> => {
  const directory = directoryOf(path)
  const within = directory === "" ? baseName : `${directory}/${baseName}`
  const place = remotePath(destination.path === "" ? within : `${destination.path}/${within}`)
  if (place !== undefined) return Result.succeed(place)
  return Result.fail(
    new TransportError({
      server,
      operation: "put",
      path,
      reason: { _tag: "NameRefused" },
      detail: "this name can not be used on a server",
    }),
  )
}

/** What the transporter is given. */
export const outputOf = (
  { path, source }: Pick<Item, "source" | "path">,
  state: FileState,
  rule: Rule,
  { content, headers, uniqueName }: Pick<Processed, "content" | "headers" | "uniqueName">,
): OutputFile => ({
  content,
  source,
  path,
  state,
  sourceStays: rule.fileDeletionDelayAfterSync === undefined,
  headers,
  uniqueName,
})

/** What is recorded once the server confirmed it. */
export const deliveryOf = (
  { path, source }: Pick<Item, "source" | "path">,
  { inode, mtimeNs, size }: FileState,
  rule: Rule,
  { fingerprint, server }: Pick<Destination, "fingerprint" | "server">,
  place: RemotePath,
  url: string,
  hash: string,
): Confirmation["delivery"] => ({
  source,
  path,
  server,
  rule: rule.id,
  destination: place,
  url,
  fingerprint,
  state: { size, mtimeNs, inode },
  hash,
})

/** What the stage is made of. */
export interface DeliverParts {
  readonly shared: Shared
  readonly server: ServerName
  readonly transporter: TransporterShape
  readonly process: Effect.Success<ReturnType<typeof makeProcess>>
  readonly links: Links
  readonly waits: Waits
  readonly longer: Longer
  readonly forget: Forget
  readonly acknowledge: Effect.Success<ReturnType<typeof makeAcknowledge>>
  readonly places: Places
}

/** Fingerprint of a file that was published as it is because a processor fails on it: never what the rule wants. */
const unprocessed = (destination: Destination): string => `${destination.fingerprint} unprocessed`

const publishedAnyway = ({ cause, detail, path, processor }: ProcessorError): ProcessorError =>
  new ProcessorError({ processor, path, detail: `${detail} (published unprocessed meanwhile)`, cause })

/** The stage of one server: an Effect for each item of its lane. */
export const makeDeliver = Effect.fnUntraced(function* (parts: DeliverParts) {
  const { acknowledge, forget, places, server, shared, transporter } = parts
  const produce = yield* makeProduce(parts)
  const beside = yield* makeCompanions(parts)
  const ledger = yield* Ledger
  const files = yield* SourceFiles
  const workspace = yield* Workspace
  const clock = yield* Clock.Clock

  const taken = (item: Item, detail: string) =>
    new TransportError({ server, operation: "put", path: item.path, reason: { _tag: "Rejected" }, detail })

  /** Where the same file goes to one place under two rules that make different things of it, the first in the config has it. */
  const claimFromRule = (
    item: Item,
    place: RemotePath,
    rule: Rule,
    other: Delivery,
  ): Effect.Effect<boolean, TransportError> => {
    const rules = shared.books.get(item.source)?.rules ?? []
    const otherRule = rules.find(({ id }) => id === other.rule)
    const madeBy = (one: Rule | undefined) => one?.destinations.find((to) => to.server === server)?.fingerprint
    if (madeBy(rule) === madeBy(otherRule)) return Effect.succeed(false)
    if (otherRule === undefined || rules.indexOf(rule) < rules.indexOf(otherRule)) return Effect.succeed(true)
    const detail = `"${place}" is where rule "${otherRule.label}" publishes it already; give the two rules different destinations`
    return Effect.fail(taken(item, detail))
  }

  /** Another delivery at this place: taken over when its source is gone or goes elsewhere now, else a conflict. */
  const claim = Effect.fnUntraced(function* (item: Item, place: RemotePath, rule: Rule) {
    const occupants = yield* ledger.occupants(server, place)
    const isOwnFile = (one: Delivery) => one.path === item.path && one.source === item.source
    const other =
      occupants.find((occupant) => !isOwnFile(occupant)) ?? occupants.find((occupant) => occupant.rule !== rule.id)
    if (other === undefined) return undefined
    const key: DeliveryKey = { source: other.source, path: other.path, server, rule: other.rule }
    if (other.destination !== place) {
      yield* Effect.annotateLogs(
        Effect.logWarning(`"${place}" is published as the file that it is, and no more made of ${display(other.path)}`),
        { server, path: item.path },
      )
      return key
    }
    const book = shared.books.get(other.source)
    const state = book === undefined ? undefined : yield* files.stat(book.source, other.path)
    // The copy of a file that we deleted ourselves is all there is of it.
    const stillThere =
      book !== undefined &&
      (state !== undefined || other.sourceDeleted) &&
      !plan(book, other.path, state, [other], server).some((job) => job._tag === "Retire")
    if (!stillThere) return key
    if (isOwnFile(other)) return (yield* claimFromRule(item, place, rule, other)) ? key : undefined
    return yield* taken(
      item,
      `"${place}" is where ${other.path} is published already; rename one of the two, or give their rules different destinations`,
    )
  })

  /** Returns whether the server was asked; it is not where the file has to wait. */
  const put = (
    book: SourceBook,
    ask: Ask,
    state: FileState,
    rule: Rule,
    destination: Destination,
    previous: Delivery | undefined,
  ) =>
    Effect.scoped(
      Effect.gen(function* () {
        const { item } = ask
        const produced = yield* produce({ book, path: item.path, state, rule, server }, ask)
        if (produced === undefined) return false
        const { links, processed } = produced
        const { failure } = processed
        const fingerprint = failure === undefined ? destination.fingerprint : unprocessed(destination)
        // The file as it is stands in for what its processors make of it: tried again, but not sent again.
        if (failure !== undefined && previous?.fingerprint === fingerprint && isSame(previous.state, state)) {
          return yield* publishedAnyway(failure)
        }
        const isTemporary = processed.content.origin === "temporary"
        const place = yield* Effect.fromResult(placeOf(server, destination, item.path, processed.baseName))
        const companions = yield* beside.placesFor(item, place, processed.companions)
        const publish = Effect.gen(function* () {
          const takenFrom = yield* claim(item, place, rule)
          const { kept, links: yielded } = yield* beside.free(item, companions)
          const { path, source } = item
          const uploads = [place, ...kept.map((one) => one.place)]
          // Before the upload: once the server has what was made of the file, nothing may come between that and its record.
          const hash = isTemporary
            ? yield* workspace.hash(files.content(book.source, item.path, state), "sha256")
            : undefined
          const id = yield* acknowledge.begin(
            server,
            uploads.map((destination) => ({ source, path, destination })),
          )
          const outputFor = (content: Content) => outputOf(item, state, rule, { ...processed, content })
          const upload = Effect.all([
            beside.send(item, kept, outputFor),
            transporter.put(outputFor(processed.content), place),
          ])
          /** It has lost a companion to this file, or nobody knows what became of it. */
          const tellOther = Effect.sync(() => takenFrom === undefined || shared.stale(takenFrom))
          const [sent, receipt] = yield* Effect.tapCause(upload, (cause) =>
            // Where we are stopped, the next run ends it.
            Cause.hasInterrupts(cause)
              ? Effect.void
              : Effect.andThen(acknowledge.end(server, id, [], uploads), tellOther),
          )
          const made = { server, fingerprint }
          const confirmation: Confirmation = {
            delivery: {
              ...deliveryOf(item, state, rule, made, place, transporter.url(place), hash ?? receipt.sha256),
              ...suffixesOf(sent),
            },
            previous,
            takenFrom,
            ...(links === undefined && yielded.length === 0 ? {} : { links: [...(links ?? []), ...yielded] }),
            bytes: sent.reduce((sum, { content }) => sum + content.size, processed.content.size),
            deletesSource: rule.fileDeletionDelayAfterSync !== undefined,
          }
          yield* acknowledge.end(server, id, [confirmation], [])
          yield* tellOther
        })
        yield* places.at(place, beside.at(companions, publish))
        if (isTemporary) yield* checkAfter(book, item, state)
        if (failure !== undefined) yield* publishedAnyway(failure)
        return true
      }),
    )

  /** The file may have changed while its output was made and sent: then it is looked at again. */
  const checkAfter = Effect.fnUntraced(function* (book: SourceBook, item: Item, state: FileState) {
    const now = yield* files.stat(book.source, item.path)
    if (now === undefined || !isSame(now, state)) {
      return yield* new SourceError({ path: item.path, reason: "Changed", detail: "changed while it was delivered" })
    }
  })

  /** A restored file with the recorded content needs a new record only. */
  const compare = Effect.fnUntraced(function* (
    book: SourceBook,
    ask: Ask,
    state: FileState,
    job: Extract<Job, { _tag: "Compare" }>,
  ) {
    const hash = yield* workspace.hash(files.content(book.source, ask.item.path, state), "sha256")
    if (hash !== job.previous.hash) {
      return yield* put(book, ask, state, job.rule, job.destination, job.previous)
    }
    yield* ledger.commit([
      {
        _tag: "Delivered",
        delivery: { ...job.previous, state: { size: state.size, mtimeNs: state.mtimeNs, inode: state.inode } },
      },
    ])
    shared.outboxChanged()
    return true
  })

  const retire = Effect.fnUntraced(function* (target: Target) {
    let asked = false
    // Not what the agenda saw: the map may name an old place again or still, and must let go of it first.
    for (const retirement of yield* ledger.retirable(target, clock.currentTimeMillisUnsafe())) {
      asked = true
      yield* places.at(
        retirement.destination,
        Effect.gen(function* () {
          const occupied = (yield* ledger.occupants(server, retirement.destination)).length > 0
          if (!occupied) yield* transporter.remove(retirement.destination)
          yield* ledger.commit([
            ...(occupied
              ? []
              : outdating(shared, server, retirement.destination, "removed", clock.currentTimeMillisUnsafe())),
            { _tag: "Retired", server, destination: retirement.destination },
          ])
          if (!occupied) shared.invalidationDue(server)
          if (!occupied) shared.emit({ _tag: "Removed", ...target, destination: retirement.destination })
        }),
      )
    }
    return asked
  })

  /**
   * `retirements`: the agenda says that something of this target is to be removed now. Returns whether the server was
   * asked for anything; `ask` says what the file waits for.
   */
  return Effect.fnUntraced(function* (ask: Ask, retirements: boolean) {
    const { item } = ask
    const book = shared.books.get(item.source)
    // First, so that a file that can not be delivered does not keep its old copies; should it fail, the file goes on.
    const retired = retirements
      ? yield* Effect.result(retire({ source: item.source, path: item.path, server }))
      : Result.succeed(false)
    let asked = Result.isSuccess(retired) && retired.success
    let refused: WorkError | undefined
    if (book !== undefined) {
      const state = item.state ?? (yield* files.stat(book.source, item.path))
      if (state?.link !== undefined) shared.linked(item.source, item.path, state.link)
      const deliveries = item.deliveries ?? (yield* ledger.deliveriesOf(item.source, item.path))
      for (const job of plan(book, item.path, state, deliveries, server)) {
        if (job._tag === "Retire") {
          if (job.vanished) shared.vanished(listed(item.source, item.path, undefined))
          else yield* forget([job.delivery])
        } else if (state !== undefined) {
          if (item.restless === undefined && shared.isWritten(item.source, item.path)) {
            return yield* new SourceError({ path: item.path, reason: "Changed", detail: "is being written" })
          }
          const done = yield* Effect.result(
            job._tag === "Put"
              ? put(book, ask, state, job.rule, job.destination, job.previous)
              : compare(book, ask, state, job),
          )
          if (Result.isSuccess(done)) {
            asked ||= done.success
            continue
          }
          asked = true
          // What is wrong with the file under one rule is no reason to withhold it under another.
          if (dispositionOf(done.failure)._tag !== "ParkFile") return yield* done.failure
          refused ??= done.failure
        }
      }
    }
    if (refused !== undefined) return yield* refused
    if (Result.isFailure(retired)) return yield* retired.failure
    return asked
  })
})
