/**
 * Does what the plan says for one file on one server: process, transfer, acknowledge; or forget and retire.
 *
 * @since 1.0.0
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import * as Result from "effect/Result"
import type { Delivery, DeliveryKey, Target } from "../domain/Delivery.ts"
import { dispositionOf, type WorkError } from "../domain/Disposition.ts"
import { SourceError, TransportError } from "../domain/Errors.ts"
import { type FileState, isSame } from "../domain/FileState.ts"
import { Ledger } from "../domain/Ledger.ts"
import { UPLOAD_DOUBT } from "../domain/Limits.ts"
import { directoryOf, type RemotePath, remotePath, type ServerName } from "../domain/Path.ts"
import { type Job, plan } from "../domain/Plan.ts"
import { Workspace } from "../domain/Processor.ts"
import type { Destination, Rule } from "../domain/Rule.ts"
import { SourceFiles } from "../domain/SourceFiles.ts"
import type { OutputFile, TransporterShape } from "../domain/Transporter.ts"
import type { makeAcknowledge } from "./acknowledge.ts"
import { type Item, listed } from "./backlog.ts"
import type { makeProcess } from "./process.ts"
import type { Shared, SourceBook } from "./shared.ts"

/** What the stage is made of. */
export interface DeliverParts {
  readonly shared: Shared
  readonly server: ServerName
  readonly transporter: TransporterShape
  readonly process: Effect.Success<ReturnType<typeof makeProcess>>
  readonly acknowledge: Effect.Success<ReturnType<typeof makeAcknowledge>>
}

/** One file at one place on the server at a time: a replace and a removal of one place never overlap. */
const makePlaces = () => {
  const busy = new Map<RemotePath, Latch.Latch | undefined>()
  const leave = (place: RemotePath) =>
    Effect.sync(() => {
      busy.get(place)?.openUnsafe()
      busy.delete(place)
    })
  const enter = <A, E, R>(place: RemotePath, use: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
    Effect.suspend(() => {
      if (!busy.has(place)) {
        busy.set(place, undefined)
        return Effect.ensuring(use, leave(place))
      }
      const left = busy.get(place) ?? Latch.makeUnsafe(false)
      busy.set(place, left)
      return Effect.andThen(left.await, enter(place, use))
    })
  return enter
}

/** The stage of one server: an Effect for each item of its lane. */
export const makeDeliver = Effect.fnUntraced(function* (parts: DeliverParts) {
  const { acknowledge, process, server, shared, transporter } = parts
  const ledger = yield* Ledger
  const files = yield* SourceFiles
  const workspace = yield* Workspace
  const clock = yield* Clock.Clock
  const atPlace = makePlaces()

  const destinationOf = Effect.fnUntraced(function* (destination: Destination, item: Item, baseName: string) {
    const directory = directoryOf(item.path)
    const place = remotePath([destination.path, directory, baseName].filter((part) => part !== "").join("/"))
    if (place !== undefined) return place
    return yield* new TransportError({
      server,
      operation: "put",
      path: item.path,
      reason: { _tag: "NameRefused" },
      detail: "this name can not be used on a server",
    })
  })

  /** Another file's delivery at this place: taken over when its source is gone or goes elsewhere now, else a conflict. */
  const claim = Effect.fnUntraced(function* (item: Item, place: RemotePath) {
    const occupants = yield* ledger.occupants(server, place)
    const other = occupants.find((occupant) => occupant.path !== item.path || occupant.source !== item.source)
    if (other === undefined) return undefined
    const book = shared.books.get(other.source)
    const state = book === undefined ? undefined : yield* files.stat(book.source, other.path)
    const stillThere =
      book !== undefined &&
      state !== undefined &&
      !plan(book, other.path, state, [other], server).some((job) => job._tag === "Retire")
    if (!stillThere) {
      const key: DeliveryKey = { source: other.source, path: other.path, server, rule: other.rule }
      return key
    }
    return yield* new TransportError({
      server,
      operation: "put",
      path: item.path,
      reason: { _tag: "Rejected" },
      detail: `"${place}" is where ${other.path} is published already; rename one of the two, or give their rules different destinations`,
    })
  })

  const put = (
    book: SourceBook,
    item: Item,
    state: FileState,
    rule: Rule,
    destination: Destination,
    previous: Delivery | undefined,
  ) =>
    Effect.scoped(
      Effect.gen(function* () {
        const processed = yield* process({ book, path: item.path, state, rule, server })
        const isTemporary = processed.content.origin === "temporary"
        const place = yield* destinationOf(destination, item, processed.baseName)
        yield* atPlace(
          place,
          Effect.gen(function* () {
            const takenFrom = yield* claim(item, place)
            const output: OutputFile = {
              content: processed.content,
              source: item.source,
              path: item.path,
              state,
              sourceStays: rule.fileDeletionDelayAfterSync === undefined,
              headers: processed.headers,
              uniqueName: processed.uniqueName,
            }
            // Should the answer get lost, or we be stopped, the place is put right: delivered again or cleared away.
            const removeAt = clock.currentTimeMillisUnsafe() + UPLOAD_DOUBT
            yield* ledger.commit([
              {
                _tag: "Placing",
                target: { source: item.source, path: item.path, server },
                destination: place,
                removeAt,
              },
            ])
            const receipt = yield* transporter.put(output, place)
            const hash = isTemporary
              ? yield* workspace.hash(files.content(book.source, item.path, state), "sha256")
              : receipt.sha256
            yield* acknowledge({
              delivery: {
                source: item.source,
                path: item.path,
                server,
                rule: rule.id,
                destination: place,
                url: transporter.url(place),
                fingerprint: destination.fingerprint,
                state: { size: state.size, mtimeNs: state.mtimeNs, inode: state.inode },
                hash,
              },
              previous,
              takenFrom,
              bytes: processed.content.size,
              deletesSource: rule.fileDeletionDelayAfterSync !== undefined,
            })
          }),
        )
        if (isTemporary) yield* checkAfter(book, item, state)
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
    item: Item,
    state: FileState,
    job: Extract<Job, { _tag: "Compare" }>,
  ) {
    const hash = yield* workspace.hash(files.content(book.source, item.path, state), "sha256")
    if (hash !== job.previous.hash) {
      return yield* put(book, item, state, job.rule, job.destination, job.previous)
    }
    yield* ledger.commit([
      {
        _tag: "Delivered",
        delivery: { ...job.previous, state: { size: state.size, mtimeNs: state.mtimeNs, inode: state.inode } },
      },
    ])
    shared.outboxChanged()
  })

  /** An approved deletion may have waited long: the root must still be the one it was about, and the file not in it. */
  const isGone = Effect.fnUntraced(function* (book: SourceBook, item: Item) {
    const identity = yield* files.identity(book.source)
    if (identity === undefined || identity !== shared.approvedRoot(item.source)) return false
    return (yield* files.stat(book.source, item.path)) === undefined
  })

  const forget = Effect.fnUntraced(function* (delivery: Delivery) {
    const { path, rule, source } = delivery
    yield* ledger.commit([
      { _tag: "Forgotten", key: { source, path, rule, server }, retireAt: clock.currentTimeMillisUnsafe() },
    ])
    shared.outboxChanged()
    shared.agendaChanged(server)
  })

  const retire = Effect.fnUntraced(function* (target: Target) {
    let asked = false
    // Not what the agenda saw: the map may name an old place again or still, and must let go of it first.
    for (const retirement of yield* ledger.retirable(target, clock.currentTimeMillisUnsafe())) {
      asked = true
      yield* atPlace(
        retirement.destination,
        Effect.gen(function* () {
          const occupied = (yield* ledger.occupants(server, retirement.destination)).length > 0
          if (!occupied) yield* transporter.remove(retirement.destination)
          yield* ledger.commit([{ _tag: "Retired", server, destination: retirement.destination }])
          if (!occupied) shared.emit({ _tag: "Removed", ...target, destination: retirement.destination })
        }),
      )
    }
    return asked
  })

  /**
   * `retirements`: the agenda says that something of this target is to be removed now. Returns whether the server was
   * asked for anything.
   */
  return Effect.fnUntraced(function* (item: Item, retirements: boolean) {
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
          if (job.vanished && !(item.approved && (yield* isGone(book, item))))
            shared.vanished(listed(item.source, item.path, undefined))
          else yield* forget(job.delivery)
        } else if (state !== undefined) {
          asked = true
          const done = yield* Effect.result(
            job._tag === "Put"
              ? put(book, item, state, job.rule, job.destination, job.previous)
              : compare(book, item, state, job),
          )
          if (Result.isSuccess(done)) continue
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
