/**
 * Leftovers of broken uploads on an FTP server.
 *
 * @since 1.0.0
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import { FTP_SWEEP_REMOVALS } from "../../../domain/Limits.ts"
import { Lost } from "../shared/failures.ts"
import type { LeftoverWays } from "../shared/leftovers.ts"
import { within } from "../shared/paths.ts"
import { isAlive, isLeftover, thisProcess } from "../shared/temporary.ts"
import type { Failure } from "./failures.ts"
import type { FtpSession } from "./FtpSession.ts"
import type { Habits } from "./habits.ts"
import { list } from "./listing.ts"
import type { FtpPool } from "./pool.ts"

/** The name in a line of MLSD or NLST. */
const nameIn = (line: string): string => {
  const name = /^[^ ]*=[^ ]*; /.test(line) ? line.slice(line.indexOf(" ") + 1) : line
  return name.slice(name.lastIndexOf("/") + 1)
}

/** How they are searched for and removed, with connections of this pool. `prune` removes a directory that is empty then. */
export const leftoverWays = (
  pool: FtpPool,
  habits: Habits,
  patience: number,
  prune: (session: FtpSession, directory: string) => Effect.Effect<void, Failure>,
): LeftoverWays<FtpSession, Failure> => ({
  sweep: (directory) =>
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
        if (found.length > 0) yield* prune(session, directory)
        return found.length
      }),
    ),
  remove: (session, path, lost) =>
    session.post(`DELE ${path}`, (answer) => {
      if (answer instanceof Lost) lost()
    }),
})
