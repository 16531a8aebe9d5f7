/**
 * The bytes of a file, on their way to the server under a given name.
 *
 * @since 1.0.0
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { FTP_CLEAN_UP } from "../../../domain/Limits.ts"
import type { Content } from "../../../domain/SourceFiles.ts"
import { lend } from "../../disk/DiskContent.ts"
import type { DataConnection } from "./data.ts"
import { Lost, sourceFailure, Unfit } from "../shared/failures.ts"
import { type Failure, isForbidden, Refused, Unconfirmed } from "./failures.ts"
import { type FtpSession, isPositive, refusalOf } from "./FtpSession.ts"
import type { Habits } from "./habits.ts"
import { openData } from "./passive.ts"
import { begin, type Transfer } from "./transfer.ts"

/** What came to be of it so far, for whoever has to clean up. */
export interface Progress {
  /** `STOR` was sent: there may be a file. */
  asked: boolean
  /** The server took the command and waits for bytes. */
  begun: boolean
  /** The server has confirmed or refused the whole. */
  answered: boolean
  transfer: Transfer | undefined
}

export const noProgress = (): Progress => ({ asked: false, begun: false, answered: false, transfer: undefined })

const changed = (detail: string): Unfit => new Unfit({ reason: { _tag: "SourceChanged" }, detail })

/** Sends all bytes; gives their SHA-256 in hex. */
const send = (data: DataConnection, content: Content) =>
  Effect.gen(function* () {
    const { pieces, sha256 } = yield* lend(content)
    let sent = 0
    yield* Stream.runForEach(pieces, ({ bytes, giveBack }) => {
      sent += bytes.length
      if (sent > content.size) return Effect.fail(changed(`the source gave more than its ${content.size} bytes`))
      data.push(bytes)
      return Effect.map(data.drained, giveBack)
    })
    if (sent !== content.size) {
      return yield* changed(`the source gave ${sent} bytes instead of ${content.size}`)
    }
    yield* data.end
    return yield* sha256
  }).pipe(
    Effect.catchTag("SourceError", (error) => Effect.fail(sourceFailure(error))),
    Effect.scoped,
  )

/** When the data connection breaks, the server has the last word on why. */
const lastWords = (session: FtpSession, transfer: Transfer, failure: Failure): Effect.Effect<never, Failure> => {
  if (failure._tag !== "Lost" || session.lost() !== undefined) return Effect.fail(failure)
  return transfer.outcome.pipe(
    Effect.timeoutOption(FTP_CLEAN_UP),
    Effect.flatMap((reply) =>
      reply._tag === "Some" && !isPositive(reply.value)
        ? Effect.fail<Failure>(refusalOf("transfer", reply.value))
        : Effect.fail<Failure>(failure),
    ),
  )
}

/** Like acquireUseRelease, but waiting for the resource can be interrupted. */
const using = <A, B>(
  acquire: Effect.Effect<A, Failure>,
  use: (resource: A) => Effect.Effect<B, Failure>,
  release: (resource: A) => Effect.Effect<void>,
): Effect.Effect<B, Failure> =>
  Effect.uninterruptibleMask((restore) =>
    Effect.flatMap(restore(acquire), (resource) => Effect.onExit(restore(use(resource)), () => release(resource))),
  )

/** Stores a content under a name, as it travels. Ends when the server confirmed it. */
export const store = (
  session: FtpSession,
  habits: Habits,
  patience: number,
  name: string,
  content: Content,
  progress: Progress,
): Effect.Effect<string, Failure> =>
  using(
    openData(session, habits, patience),
    (data) =>
      Effect.gen(function* () {
        const started = yield* Clock.currentTimeMillis
        data.socket.resume()
        progress.asked = true
        const transfer = yield* begin(session, data, `STOR ${name}`, (reply, begun) => {
          progress.answered = true
          return refusalOf(begun ? "transfer" : "create", reply, name)
        })
        progress.begun = true
        progress.transfer = transfer
        const sha256 = yield* send(data, content).pipe(Effect.catch((failure) => lastWords(session, transfer, failure)))
        session.patience = (yield* Clock.currentTimeMillis) - started
        session.due(1)
        const reply = yield* transfer.outcome.pipe(
          Effect.onExit(() => Effect.sync(() => session.due(-1))),
          Effect.catch((lost) =>
            Effect.callback<void>((resume) => data.whenClosed(() => resume(Effect.void))).pipe(
              Effect.timeoutOption(FTP_CLEAN_UP),
              Effect.andThen(Effect.fail(new Unconfirmed({ lost, temporary: name, sha256 }))),
            ),
          ),
        )
        session.patience = 0
        progress.answered = true
        if (!isPositive(reply)) return yield* refusalOf("transfer", reply, name)
        return sha256
      }),
    (data) =>
      Effect.sync(() => {
        const failure = data.broken()
        if (!progress.begun && failure instanceof Lost) habits.passive = undefined
        if (progress.transfer === undefined) data.close()
        else progress.transfer.giveUp()
      }),
  )

/** True where a refusal may mean that the directory is missing. */
export const mayLackDirectory = (failure: Failure): boolean =>
  failure instanceof Refused &&
  failure.request === "create" &&
  !isForbidden(failure.words) &&
  (failure.code === 550 || failure.code === 553 || failure.code === 450 || failure.code === 451)
