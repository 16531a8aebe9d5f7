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
import { SFTP_ABANDONED, SFTP_SWEEP_ENTRIES, SFTP_SWEEP_QUEUE, SFTP_SWEPT } from "../../../domain/Limits.ts"
import { fromBytes, toBytes } from "../../../domain/Path.ts"
import * as packets from "./packets.ts"
import { within } from "./paths.ts"
import type { SftpPool } from "./pool.ts"
import { ask } from "./requests.ts"
import type { SftpSession } from "./SftpSession.ts"
import { isAlive, isLeftover, thisProcess } from "./temporary.ts"

export interface Leftovers {
  /** A directory is used: searched once, in the background. */
  readonly used: (directory: string) => void
  /** A directory was just made: there can be nothing in it. */
  readonly made: (directory: string) => void
  /** A temporary file of this run may still be there, since its connection broke. */
  readonly abandon: (path: string) => void
  /**
   * Removes what was abandoned. Goes out before anything that is asked of this session later, so a late rename of a
   * broken connection finds nothing to put over a newer file.
   */
  readonly tidy: (session: SftpSession) => void
}

/** Looks after leftovers, with connections of this pool, until the scope ends. */
export const makeLeftovers = (pool: SftpPool): Effect.Effect<Leftovers, never, Scope.Scope> =>
  Effect.gen(function* () {
    const swept = new Set<string>()
    const abandoned = new Set<string>()
    const queue = yield* Queue.sliding<string>(SFTP_SWEEP_QUEUE)

    const sweep = (directory: string) =>
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
      if (swept.size >= SFTP_SWEPT) swept.clear()
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
        if (abandoned.size < SFTP_ABANDONED) abandoned.add(path)
      },
      tidy: (session) => {
        for (const path of abandoned) {
          abandoned.delete(path)
          session.post(packets.remove(toBytes(path)), (answer) => {
            if ("_tag" in answer && abandoned.size < SFTP_ABANDONED) abandoned.add(path)
          })
        }
      },
    }
  })
