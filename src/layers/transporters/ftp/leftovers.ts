/**
 * What broken uploads left on the server: those of crashed runs are searched for when a directory is used for the first
 * time, those of this run are remembered until they are gone.
 *
 * @since 1.0.0
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import type * as Scope from "effect/Scope"
import { FTP_ABANDONED, FTP_SWEEP_QUEUE, FTP_SWEEP_REMOVALS, FTP_SWEPT } from "../../../domain/Limits.ts"
import { within } from "../sftp/paths.ts"
import { isAlive, isLeftover, thisProcess } from "../sftp/temporary.ts"
import { Lost } from "./failures.ts"
import type { FtpSession } from "./FtpSession.ts"
import type { Habits } from "./habits.ts"
import { list } from "./listing.ts"
import type { FtpPool } from "./pool.ts"

export interface Leftovers {
  /** A directory is used: searched once, in the background. */
  readonly used: (directory: string) => void
  /** A directory was just made: there can be nothing in it. */
  readonly made: (directory: string) => void
  /** A temporary file of this run may still be there, since its connection broke. */
  readonly abandon: (path: string) => void
  /** Removes what was abandoned, before anything that is asked of this session later. */
  readonly tidy: (session: FtpSession) => void
}

/** The name in a line of MLSD or NLST. */
const nameIn = (line: string): string => {
  const name = /^[^ ]*=[^ ]*; /.test(line) ? line.slice(line.indexOf(" ") + 1) : line
  return name.slice(name.lastIndexOf("/") + 1)
}

/** Looks after leftovers, with connections of this pool, until the scope ends. */
export const makeLeftovers = (
  pool: FtpPool,
  habits: Habits,
  patience: number,
): Effect.Effect<Leftovers, never, Scope.Scope> =>
  Effect.gen(function* () {
    const swept = new Set<string>()
    const abandoned = new Set<string>()
    const queue = yield* Queue.sliding<string>(FTP_SWEEP_QUEUE)

    const sweep = (directory: string) =>
      pool.use((session) =>
        Effect.gen(function* () {
          const now = yield* Clock.currentTimeMillis
          const found: Array<string> = []
          const command = session.features.has("MLST") ? "MLSD" : "NLST -a"
          const refused = yield* list(session, habits, patience, directory, command, (line) => {
            const name = nameIn(line)
            if (found.length < FTP_SWEEP_REMOVALS && isLeftover(name, thisProcess, now, isAlive)) found.push(name)
          }).pipe(
            Effect.as(undefined),
            Effect.catchTag("Refused", (refused) => Effect.succeed(refused)),
          )
          if (refused !== undefined) {
            yield* Effect.logDebug(`${directory || "."} can not be searched for leftovers: ${refused.words}`)
          }
          for (const name of found) yield* session.exchange([`DELE ${within(directory, name)}`])
          if (found.length > 0) {
            yield* Effect.logInfo(`removed ${found.length} leftovers of interrupted uploads in ${directory || "."}`)
          }
        }),
      )

    const worker = Effect.flatMap(Queue.take(queue), (directory) =>
      Effect.catchCause(sweep(directory), (cause) => {
        swept.delete(directory)
        return Effect.logDebug(`could not look for leftovers in ${directory || "."}`, cause)
      }),
    )
    yield* Effect.forkScoped(Effect.forever(worker))

    const remember = (directory: string): void => {
      if (swept.size >= FTP_SWEPT) swept.clear()
      swept.add(directory)
    }

    return {
      used: (directory) => {
        if (swept.has(directory)) return
        remember(directory)
        Queue.offerUnsafe(queue, directory)
      },
      made: remember,
      abandon: (path) => {
        if (abandoned.size < FTP_ABANDONED) abandoned.add(path)
      },
      tidy: (session) => {
        for (const path of abandoned) {
          abandoned.delete(path)
          session.post(`DELE ${path}`, (answer) => {
            if (answer instanceof Lost && abandoned.size < FTP_ABANDONED) abandoned.add(path)
          })
        }
      },
    }
  })
