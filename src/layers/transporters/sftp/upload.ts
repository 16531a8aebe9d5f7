/**
 * One upload: under a temporary name beside its place, verified, then moved into place.
 *
 * @since 1.0.0
 */
import { Buffer } from "node:buffer"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { SFTP_CLEAN_UP, SFTP_DIRECTORY_ATTEMPTS } from "../../../domain/Limits.ts"
import { toBytes } from "../../../domain/Path.ts"
import type { Content } from "../../../domain/SourceFiles.ts"
import { lend } from "../../disk/DiskContent.ts"
import type { Directories } from "./directories.ts"
import { sourceFailure, Unfit } from "../shared/failures.ts"
import { type Failure, Refused } from "./failures.ts"
import type { Leftovers } from "../shared/leftovers.ts"
import * as packets from "./packets.ts"
import { parentOf, within } from "../shared/paths.ts"
import { moveIntoPlace } from "./rename.ts"
import { expect, lookAt, refusal } from "./requests.ts"
import { roomLeft } from "./roomLeft.ts"
import type { SftpSession } from "./SftpSession.ts"
import { temporaryName, thisProcess } from "../shared/temporary.ts"

/** What an upload needs to know. */
export interface Upload {
  readonly content: Content
  /** Where it goes, on the server. */
  readonly path: string
  readonly mode: number
  /** Seconds since the epoch. */
  readonly modified: number
}

/** What uploads to one server share. */
export interface UploadHost {
  readonly directories: Directories
  readonly leftovers: Leftovers<SftpSession>
  /** The server would not set permissions. */
  readonly modeRefused: (words: string) => Effect.Effect<void>
}

/** What came to be of an upload so far, for whoever has to clean up. */
interface Progress {
  handle: Buffer | undefined
  /** Asked for and not answered yet. */
  creating: boolean
  /** The handle was given back: servers give its number to the next file, so it must never be closed twice. */
  closed: boolean
  /** Nobody waits for the answer to the creation any more. */
  given: boolean
}

const create = (session: SftpSession, host: UploadHost, temporary: string, mode: number, progress: Progress) =>
  Effect.callback<Buffer, Failure>((resume) => {
    progress.creating = true
    session.post(packets.create(toBytes(temporary), mode), (answer) => {
      if ("_tag" in answer) {
        if (progress.given) host.leftovers.abandon(temporary)
        return resume(Effect.fail(answer))
      }
      progress.creating = false
      const fields = expect("create", packets.HANDLE, answer)
      if ("_tag" in fields) return resume(Effect.fail(fields))
      const handle = fields.string()
      progress.handle = handle
      if (progress.given) {
        session.post(packets.close(handle), () => {})
        session.post(packets.remove(toBytes(temporary)), () => {})
      }
      resume(Effect.succeed(handle))
    })
  })

/** Sends the bytes, many requests in flight; ends when all are sent, and tells whether any was refused. */
const send = (session: SftpSession, handle: Buffer, content: Content) =>
  Effect.gen(function* () {
    const { pieces: lent, sha256 } = yield* lend(content)
    const most = session.writeBytes(handle)
    let pieces: Array<Uint8Array> = []
    let gathered = 0
    let offset = 0
    let unanswered = 0
    let failure: Failure | undefined
    let whenDone: (() => void) | undefined
    const confirmed = (answer: Parameters<Parameters<SftpSession["post"]>[1]>[0]): void => {
      unanswered -= 1
      failure ??= "_tag" in answer ? answer : refusal("write", answer)
      if (unanswered === 0) whenDone?.()
    }
    const flush: Effect.Effect<void, Failure> = Effect.suspend(() => {
      if (failure !== undefined) return Effect.fail(failure)
      if (gathered === 0) return Effect.void
      const [part, bytes, at] = [pieces, gathered, offset]
      pieces = []
      gathered = 0
      offset += bytes
      unanswered += 1
      return session.write(handle, at, part, bytes, confirmed)
    })
    const gather = (chunk: Uint8Array): Effect.Effect<void, Failure> => {
      const piece = chunk.subarray(0, most - gathered)
      gathered += piece.length
      const isFull = gathered === most
      // What waits for more is copied, since the memory of the chunk is given back.
      pieces.push(isFull ? piece : Buffer.from(piece))
      if (!isFull) return Effect.void
      return piece.length === chunk.length ? flush : Effect.flatMap(flush, () => gather(chunk.subarray(piece.length)))
    }
    yield* Stream.runForEach(lent, ({ bytes, giveBack }) => Effect.map(gather(bytes), giveBack))
    yield* flush
    if (offset !== content.size) {
      const detail = `the source gave ${offset} bytes instead of ${content.size}`
      return yield* new Unfit({ reason: { _tag: "SourceChanged" }, detail })
    }
    const drained = Effect.callback<void, Failure>((resume) => {
      const settle = (): void => resume(failure === undefined ? Effect.void : Effect.fail(failure))
      if (unanswered === 0) settle()
      else whenDone = settle
    })
    return { sha256: yield* sha256, drained }
  }).pipe(
    Effect.catchTag("SourceError", (error) => Effect.fail(sourceFailure(error))),
    Effect.scoped,
  )

const verify = (told: number | undefined, size: number): Effect.Effect<void, Unfit> => {
  if (told === size) return Effect.void
  const detail =
    told === undefined
      ? "the server does not tell the size of what it stored, so it can not be verified"
      : `the server holds ${told} of ${size} bytes`
  return Effect.fail(new Unfit({ reason: { _tag: "VerificationFailed" }, detail }))
}

/** Permissions and time, size and end in one go, since each of them would cost a round trip of its own. */
const finish = (
  session: SftpSession,
  host: UploadHost,
  handle: Buffer,
  temporary: string,
  { content, mode, modified }: Upload,
  drained: Effect.Effect<void, Failure>,
  progress: Progress,
) =>
  Effect.gen(function* () {
    const path = toBytes(temporary)
    progress.closed = true
    const [changed, looked, closed] = yield* session.exchange([
      packets.fsetStat(handle, { mode, modified }),
      packets.fstat(handle),
      packets.close(handle),
    ])
    yield* drained
    const notClosed = closed === undefined ? undefined : refusal("close", closed)
    if (notClosed !== undefined) return yield* notClosed
    const attributes = looked === undefined ? undefined : expect("stat", packets.ATTRS, looked)
    const told = attributes === undefined || "_tag" in attributes ? undefined : attributes.attributes().size
    yield* verify(told ?? (yield* lookAt(session, path))?.size, content.size)
    const unchanged = changed === undefined ? undefined : refusal("change", changed)
    if (unchanged === undefined) return
    const [modeAnswer] = yield* session.exchange([packets.setStat(path, { mode }), packets.setStat(path, { modified })])
    const modeRefusal = modeAnswer === undefined ? undefined : refusal("change", modeAnswer)
    if (modeRefusal !== undefined) yield* host.modeRefused(modeRefusal.words)
  })

const cleanUp = (session: SftpSession, host: UploadHost, temporary: string, progress: Progress) =>
  Effect.suspend(() => {
    progress.given = true
    const { handle } = progress
    if (handle === undefined) {
      if (progress.creating && session.lost() !== undefined) host.leftovers.abandon(temporary)
      return Effect.void
    }
    const removal = packets.remove(toBytes(temporary))
    return session.exchange(progress.closed ? [removal] : [packets.close(handle), removal]).pipe(
      Effect.interruptible,
      Effect.timeoutOrElse({ duration: SFTP_CLEAN_UP, orElse: () => Effect.fail("timeout" as const) }),
      Effect.catch(() => Effect.sync(() => host.leftovers.abandon(temporary))),
    )
  })

/** Stores the content. Gives the SHA-256 of what was sent, in hex. */
export const upload = Effect.fnUntraced(function* (session: SftpSession, host: UploadHost, order: Upload) {
  const directory = parentOf(order.path)
  const temporary = within(directory, temporaryName(thisProcess, yield* Clock.currentTimeMillis))
  const progress: Progress = { handle: undefined, creating: false, closed: false, given: false }

  const created = (attempt: number): Effect.Effect<Buffer, Failure> =>
    Effect.catchIf(
      create(session, host, temporary, order.mode, progress),
      (failure) =>
        failure._tag === "Refused" &&
        failure.code === packets.status.noSuchFile &&
        attempt < SFTP_DIRECTORY_ATTEMPTS &&
        directory !== "",
      () => Effect.andThen(host.directories.ensure(session, directory), created(attempt + 1)),
    )

  const body = Effect.gen(function* () {
    const handle = yield* created(1)
    host.leftovers.used(directory)
    const { drained, sha256 } = yield* send(session, handle, order.content)
    yield* finish(session, host, handle, temporary, order, drained, progress)
    yield* moveIntoPlace(session, temporary, order.path)
    return sha256
  })

  return yield* body.pipe(
    Effect.catchIf(
      (failure): failure is Refused => failure._tag === "Refused" && failure.code === packets.status.failure,
      (failure) => Effect.flatMap(roomLeft(session, directory, order.content.size, failure), Effect.fail),
    ),
    Effect.onExit((exit) => (exit._tag === "Success" ? Effect.void : cleanUp(session, host, temporary, progress))),
  )
})
