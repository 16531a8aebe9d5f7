/**
 * One upload: under a temporary name beside its place, verified, then moved into place.
 *
 * @since 1.0.0
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import { FTP_CLEAN_UP, FTP_DIRECTORY_ATTEMPTS } from "../../../domain/Limits.ts"
import type { Content } from "../../../domain/SourceFiles.ts"
import { parentOf, within } from "../shared/paths.ts"
import { temporaryName, thisProcess } from "../shared/temporary.ts"
import type { Directories } from "./directories.ts"
import { Unfit } from "../shared/failures.ts"
import { type Failure, Unconfirmed } from "./failures.ts"
import { type FtpSession, isPositive } from "./FtpSession.ts"
import type { Habits } from "./habits.ts"
import type { Leftovers } from "../shared/leftovers.ts"
import { fileSize, learnSize, sizeOf } from "./look.ts"
import { permissionAnswer, permissionCommand } from "./permissions.ts"
import { moveIntoPlace } from "./rename.ts"
import { mayLackDirectory, noProgress, store } from "./store.ts"

/** What an upload needs to know. */
export interface Upload {
  readonly content: Content
  /** Where it goes, as it travels. */
  readonly path: string
  /** Seconds since the epoch. */
  readonly modified: number
}

/** What uploads to one server share. */
export interface UploadHost {
  readonly habits: Habits
  readonly directories: Directories
  readonly leftovers: Leftovers<FtpSession>
  /** Milliseconds that a data connection may take to come about. */
  readonly patience: number
  /** It turned out that the server does not replace a file in one step. */
  readonly cannotReplace: Effect.Effect<void>
}

/** The time as FTP writes it, in UTC; undefined where it can not. */
export const timeText = (seconds: number): string | undefined => {
  if (seconds < 0 || seconds >= 253_402_300_800) return undefined
  return new Date(seconds * 1000).toISOString().replace(/\D/g, "").slice(0, 14)
}

const timeCommand = (session: FtpSession, habits: Habits, path: string, seconds: number): string | undefined => {
  habits.time ??= session.features.has("MFMT") ? "MFMT" : session.features.has("MDTM") ? "MDTM" : "none"
  const text = timeText(seconds)
  return habits.time === "none" || text === undefined ? undefined : `${habits.time} ${text} ${path}`
}

const verify = (told: number | undefined, size: number): Effect.Effect<void, Unfit> => {
  if (told === size) return Effect.void
  const detail =
    told === undefined
      ? "the server does not tell the size of what it stored, so it can not be verified"
      : `the server holds ${told} of ${size} bytes`
  return Effect.fail(new Unfit({ reason: { _tag: "VerificationFailed" }, detail }))
}

/** Verifies what was stored, sets time and permissions where the server lets, and moves it into place. */
const finish = (session: FtpSession, host: UploadHost, temporary: string, order: Upload) =>
  Effect.gen(function* () {
    const { habits } = host
    const size = habits.size === "SIZE" ? `SIZE ${temporary}` : undefined
    const time = timeCommand(session, habits, temporary, order.modified)
    const permissions = permissionCommand(session, habits, "filePermissions", temporary)
    const commands = [size, time, permissions].filter((command) => command !== undefined)
    const answers = yield* session.exchange(commands)
    const answerTo = (command: string | undefined) =>
      command === undefined ? undefined : answers[commands.indexOf(command)]

    if (time !== undefined && !isPositive(answerTo(time))) habits.time = "none"
    if (permissions !== undefined) {
      yield* permissionAnswer(session, habits, "filePermissions", temporary, permissions, answerTo(permissions))
    }
    if (size !== undefined && habits.size === "SIZE") learnSize(session, habits, answerTo(size)?.code ?? 0)
    const told = sizeOf(answerTo(size)) ?? (yield* fileSize(session, habits, host.patience, temporary))
    yield* verify(told, order.content.size)
    yield* moveIntoPlace(session, host, temporary, order.path)
  })

const removeTemporary = (session: FtpSession, host: UploadHost, temporary: string): Effect.Effect<void> =>
  Effect.suspend(() => {
    if (session.lost() !== undefined) return Effect.sync(() => host.leftovers.abandon(temporary))
    return session.exchange([`DELE ${temporary}`]).pipe(
      Effect.interruptible,
      Effect.timeoutOrElse({ duration: FTP_CLEAN_UP, orElse: () => Effect.fail("timeout" as const) }),
      Effect.asVoid,
      Effect.catch(() =>
        Effect.sync(() => {
          session.retire()
          host.leftovers.abandon(temporary)
        }),
      ),
    )
  })

/** Stores the content. Gives the SHA-256 of what was sent, in hex. */
export const upload = Effect.fnUntraced(function* (session: FtpSession, host: UploadHost, order: Upload) {
  const directory = parentOf(order.path)
  const temporary = within(directory, temporaryName(thisProcess, yield* Clock.currentTimeMillis))
  let progress = noProgress()
  let unconfirmed = false

  const stored = (attempt: number): Effect.Effect<string, Failure> => {
    progress = noProgress()
    return Effect.catchIf(
      store(session, host.habits, host.patience, temporary, order.content, progress),
      (failure) => attempt < FTP_DIRECTORY_ATTEMPTS && directory !== "" && mayLackDirectory(failure),
      () => Effect.flatMap(host.directories.ensure(session, directory), () => stored(attempt + 1)),
    )
  }

  const body = Effect.gen(function* () {
    const sha256 = yield* stored(1)
    host.leftovers.used(directory)
    yield* finish(session, host, temporary, order)
    return sha256
  })
  return yield* body.pipe(
    Effect.tapError((failure) =>
      Effect.sync(() => {
        unconfirmed = failure instanceof Unconfirmed
      }),
    ),
    Effect.onExit((exit) => {
      if (exit._tag === "Success" || unconfirmed) return Effect.void
      if (!progress.answered && progress.asked) session.retire()
      return progress.asked && (progress.begun || !progress.answered)
        ? removeTemporary(session, host, temporary)
        : Effect.void
    }),
  )
})

/**
 * An upload whose confirmation got lost with its connection goes on over another one: what the server holds decides
 * whether it was complete.
 */
export const resumeUnconfirmed = Effect.fnUntraced(function* (
  session: FtpSession,
  host: UploadHost,
  order: Upload,
  { lost, sha256, temporary }: Unconfirmed,
) {
  const body = Effect.gen(function* () {
    const size = yield* fileSize(session, host.habits, host.patience, temporary)
    if (size !== order.content.size) return yield* lost
    yield* finish(session, host, temporary, order)
    return sha256
  })
  return yield* Effect.onExit(body, (exit) =>
    exit._tag === "Success" ? Effect.void : removeTemporary(session, host, temporary),
  )
})
