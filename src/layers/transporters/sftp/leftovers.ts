/**
 * Leftovers of broken uploads on an SFTP server.
 *
 * @since 1.0.0
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import { SFTP_SWEEP_ENTRIES } from "../../../domain/Limits.ts"
import { fromBytes, toBytes } from "../../../domain/Path.ts"
import type { LeftoverWays } from "../shared/leftovers.ts"
import { within } from "../shared/paths.ts"
import { isAlive, isLeftover, thisProcess } from "../shared/temporary.ts"
import type { Failure } from "./failures.ts"
import * as packets from "./packets.ts"
import type { SftpPool } from "./pool.ts"
import { ask } from "./requests.ts"
import type { SftpSession } from "./SftpSession.ts"

/** How they are searched for and removed, with connections of this pool. `prune` removes a directory that is empty then. */
export const leftoverWays = (
  pool: SftpPool,
  prune: (session: SftpSession, directory: string) => Effect.Effect<void, Failure>,
): LeftoverWays<SftpSession, Failure> => ({
  sweep: (directory) =>
    pool.use((session) =>
      Effect.gen(function* () {
        const opened = yield* ask(session, "list", packets.HANDLE, packets.openDirectory(toBytes(directory || ".")))
        const handle = opened.string()
        const found: Array<string> = []
        const list = Effect.gen(function* () {
          const now = yield* Clock.currentTimeMillis
          for (let seen = 0; seen < SFTP_SWEEP_ENTRIES;) {
            const fields = yield* ask(session, "list", packets.NAME, packets.readDirectory(handle))
            const count = fields.uint32()
            if (count === 0) return
            for (let i = 0; i < count; i++) {
              const name = fromBytes(fields.string())
              fields.string()
              fields.attributes()
              if (isLeftover(name, thisProcess, now, isAlive)) found.push(name)
            }
            seen += count
          }
        })
        yield* Effect.ignore(list)
        yield* session.exchange([
          packets.close(handle),
          ...found.map((name) => packets.remove(toBytes(within(directory, name)))),
        ])
        if (found.length > 0) yield* prune(session, directory)
        return found.length
      }),
    ),
  remove: (session, path, lost) =>
    session.post(packets.remove(toBytes(path)), (answer) => {
      if ("_tag" in answer) lost()
    }),
})
