/**
 * Directories on the server: made when a file needs them, removed when they are empty.
 *
 * @since 1.0.0
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { SFTP_PRUNE_LEVELS } from "../../../domain/Limits.ts"
import { toBytes } from "../../../domain/Path.ts"
import { Unfit } from "../shared/failures.ts"
import type { Failure } from "./failures.ts"
import * as packets from "./packets.ts"
import { isTop, parentOf } from "../shared/paths.ts"
import { lookAt, tell } from "./requests.ts"
import type { SftpSession } from "./SftpSession.ts"

export interface Directories {
  /** Makes a directory and those above it. Whoever needs the same one meanwhile waits for it. */
  readonly ensure: (session: SftpSession, directory: string) => Effect.Effect<void, Failure>
  /** Removes a directory and those above it while they are empty, at most up to `base`; gives the one that stays. */
  readonly prune: (session: SftpSession, directory: string, base: string) => Effect.Effect<string, Failure>
}

const isMissing = (failure: Failure): boolean =>
  failure._tag === "Refused" && failure.code === packets.status.noSuchFile

/**
 * No cache says which directories are there: files are created right away, and only when the server says that the
 * directory is missing is it made. So nothing can be out of date.
 */
export const makeDirectories = (
  mode: number,
  made: (directory: string) => void,
): Effect.Effect<Directories, never, Scope.Scope> =>
  Effect.gen(function* () {
    const scope = yield* Effect.scope
    const underWay = new Map<string, Deferred.Deferred<void, Failure>>()

    const makeOne = (session: SftpSession, directory: string): Effect.Effect<void, Failure> => {
      const path = toBytes(directory)
      return tell(session, "directory", packets.makeDirectory(path, { mode })).pipe(
        Effect.andThen(Effect.sync(() => made(directory))),
        Effect.andThen(session.exchange([packets.setStat(path, { mode })])),
        Effect.asVoid,
        Effect.catchIf(
          (failure) => failure._tag === "Refused" && !isMissing(failure),
          (failure) =>
            Effect.flatMap(lookAt(session, path), (there): Effect.Effect<void, Failure> => {
              if (there === undefined) return Effect.fail(failure)
              if (there.mode === undefined || packets.isDirectory(there)) return Effect.void
              const detail = `"${directory}" is a file on the server where a directory is needed; remove or rename it`
              return Effect.fail(new Unfit({ reason: { _tag: "Rejected" }, detail }))
            }),
        ),
      )
    }

    const make = (session: SftpSession, directory: string): Effect.Effect<void, Failure> => {
      if (isTop(directory)) return Effect.void
      return Effect.catchIf(makeOne(session, directory), isMissing, (failure) => {
        const parent = parentOf(directory)
        if (isTop(parent)) return Effect.fail(failure)
        return Effect.andThen(ensure(session, parent), makeOne(session, directory))
      })
    }

    const ensure = (session: SftpSession, directory: string): Effect.Effect<void, Failure> =>
      Effect.suspend(() => {
        const same = underWay.get(directory)
        if (same !== undefined) return Deferred.await(same)
        const ready = Deferred.makeUnsafe<void, Failure>()
        underWay.set(directory, ready)
        return make(session, directory).pipe(
          Effect.onExit((exit) => {
            underWay.delete(directory)
            return Deferred.done(ready, exit)
          }),
          Effect.exit,
          Effect.forkIn(scope),
          Effect.andThen(Deferred.await(ready)),
        )
      })

    const prune = (session: SftpSession, directory: string, base: string): Effect.Effect<string, Failure> =>
      Effect.gen(function* () {
        let current = directory
        for (let level = 0; level < SFTP_PRUNE_LEVELS && current !== base && !isTop(current); level++) {
          const [answer] = yield* session.exchange([packets.removeDirectory(toBytes(current))])
          if (answer === undefined || answer.kind !== packets.STATUS) return current
          const code = answer.fields.uint32()
          if (code !== packets.status.ok && code !== packets.status.noSuchFile) return current
          current = parentOf(current)
        }
        return current
      })

    return { ensure, prune }
  })
