/**
 * Asks servers what they hold, as many questions at once as each takes, and gives up on one that does not answer: else a
 * thousand files would each wait for it.
 *
 * @since 1.0.0
 */
import * as Effect from "effect/Effect"
import type * as Option from "effect/Option"
import * as Semaphore from "effect/Semaphore"
import type { Config } from "../domain/Config.ts"
import { dispositionOf } from "../domain/Disposition.ts"
import { TransportError } from "../domain/Errors.ts"
import { VERIFY_AT_ONCE, VERIFY_PATIENCE } from "../domain/Limits.ts"
import type { RemotePath, ServerName } from "../domain/Path.ts"
import { type RemoteFile, Transporters } from "../domain/Transporter.ts"

/** The failure is about the server as a whole, not about this file. */
export const isAboutServer = (error: TransportError): boolean => {
  const disposition = dispositionOf(error)._tag
  return disposition === "ParkServer" || disposition === "SlowDown"
}

export const makeAsk = Effect.fnUntraced(function* (config: Config) {
  const transporters = yield* Transporters
  const turns = new Map(
    config.servers.map(({ maxConnections, name }) => {
      const { connections } = transporters.get(name).capabilities
      const most = Math.min(maxConnections > 0 ? maxConnections : connections, VERIFY_AT_ONCE)
      return [name, Semaphore.withPermit(Semaphore.makeUnsafe(most))] as const
    }),
  )
  const silent = new Map<ServerName, number>()
  const down = new Map<ServerName, string>()

  const ask = (server: ServerName, at: RemotePath): Effect.Effect<Option.Option<RemoteFile>, TransportError> =>
    Effect.suspend(() => {
      const detail = down.get(server)
      if (detail !== undefined) {
        return Effect.fail(
          new TransportError({ server, operation: "stat", path: at, reason: { _tag: "Unreachable" }, detail }),
        )
      }
      return transporters.get(server).stat(at)
    }).pipe(
      Effect.tap(() => Effect.sync(() => silent.delete(server))),
      Effect.tapError((error) =>
        Effect.sync(() => {
          if (!isAboutServer(error)) return
          const times = (silent.get(server) ?? 0) + 1
          silent.set(server, times)
          if (times >= VERIFY_PATIENCE) down.set(server, error.detail)
        }),
      ),
    )

  return {
    /** What is at this place, if anything. */
    stat: (server: ServerName, at: RemotePath) => turns.get(server)?.(ask(server, at)) ?? ask(server, at),
  }
})
