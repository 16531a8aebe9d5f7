/**
 * Directories on the server: made when a file needs them, removed when they are empty.
 *
 * @since 1.0.0
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import { FTP_PRUNE_LEVELS } from "../../../domain/Limits.ts"
import { isTop, parentOf } from "../shared/paths.ts"
import { type Lost, Unfit } from "../shared/failures.ts"
import type { Failure, Refused } from "./failures.ts"
import { type FtpSession, isPositive, refusalOf } from "./FtpSession.ts"
import type { Habits } from "./habits.ts"
import { fileSize, isDirectory, saysMissing } from "./look.ts"
import { permissionAnswer, permissionCommand } from "./permissions.ts"

export interface Directories {
  /** Makes a directory and those above it. Whoever needs the same one meanwhile waits for it. */
  readonly ensure: (session: FtpSession, directory: string) => Effect.Effect<void, Failure>
  /** Removes a directory and those above it while they are empty, at most up to `base`; gives the one that stays. */
  readonly prune: (session: FtpSession, directory: string, base: string) => Effect.Effect<string, Lost>
}

/**
 * No cache says which directories are there: files are created right away, and only when the server refuses is their
 * directory made. So nothing can be out of date.
 */
export const makeDirectories = (
  habits: Habits,
  patience: number,
  made: (directory: string) => void,
): Effect.Effect<Directories> =>
  Effect.sync(() => {
    const underWay = new Map<string, Deferred.Deferred<void>>()

    /** Undefined: it is there now. */
    const makeOne = (session: FtpSession, directory: string): Effect.Effect<Refused | undefined, Lost> =>
      Effect.gen(function* () {
        const [reply] = yield* session.exchange([`MKD ${directory}`])
        if (!isPositive(reply)) {
          return (yield* isDirectory(session, directory)) ? undefined : refusalOf("directory", reply, directory)
        }
        made(directory)
        const command = permissionCommand(session, habits, "directoryPermissions", directory)
        if (command === undefined) return undefined
        const [answer] = yield* session.exchange([command])
        yield* permissionAnswer(session, habits, "directoryPermissions", directory, command, answer)
        return undefined
      })

    const make = (session: FtpSession, directory: string): Effect.Effect<void, Failure> =>
      Effect.gen(function* () {
        if (isTop(directory)) return
        const refused = yield* makeOne(session, directory)
        if (refused === undefined) return
        if ((yield* fileSize(session, habits, patience, directory)) !== undefined) {
          const detail = `"${directory}" is a file on the server where a directory is needed; remove or rename it`
          return yield* new Unfit({ reason: { _tag: "Rejected" }, detail })
        }
        const parent = parentOf(directory)
        if (isTop(parent) || directory === session.home) return yield* refused
        if (!(yield* isDirectory(session, parent))) yield* ensure(session, parent)
        const again = yield* makeOne(session, directory)
        if (again !== undefined) return yield* again
      })

    /** The first one works on its own connection; whoever waits tries for itself afterwards, on its own. */
    const ensure = (session: FtpSession, directory: string): Effect.Effect<void, Failure> =>
      Effect.suspend(() => {
        const same = underWay.get(directory)
        if (same !== undefined) return Deferred.await(same)
        const ready = Deferred.makeUnsafe<void>()
        underWay.set(directory, ready)
        return Effect.ensuring(
          make(session, directory),
          Effect.suspend(() => {
            underWay.delete(directory)
            return Deferred.succeed(ready, undefined)
          }),
        )
      })

    const prune = (session: FtpSession, directory: string, base: string): Effect.Effect<string, Lost> =>
      Effect.gen(function* () {
        let current = directory
        for (let level = 0; level < FTP_PRUNE_LEVELS && current !== base && !isTop(current); level++) {
          const [reply] = yield* session.exchange([`RMD ${current}`])
          if (!isPositive(reply) && !saysMissing(reply, current)) return current
          current = parentOf(current)
        }
        return current
      })

    return { ensure, prune }
  })
