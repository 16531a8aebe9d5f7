/**
 * The ways to a set of in-memory servers.
 *
 * @since 1.0.0
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { ServerName } from "../../domain/Path.ts"
import { Transporters } from "../../domain/Transporter.ts"
import { makeServer, type MemoryServer, type MemoryServerOptions } from "./server.ts"

/** Servers by name. */
export interface MemoryServers {
  readonly all: ReadonlyArray<MemoryServer>
  /** The server of this name; another name is a defect. */
  readonly get: (name: string) => MemoryServer
  readonly service: Transporters["Service"]
  readonly layer: Layer.Layer<Transporters>
  /** What no server should ever live through, of all servers; empty where all is well. */
  readonly violations: Effect.Effect<ReadonlyArray<string>>
  /** Every server works again. */
  readonly heal: Effect.Effect<void>
}

/** Empty servers of these names. */
export const makeServers = (
  servers: ReadonlyArray<string | (MemoryServerOptions & { readonly name: string })>,
): Effect.Effect<MemoryServers> =>
  Effect.gen(function* () {
    const all = yield* Effect.forEach(servers, (server) =>
      typeof server === "string" ? makeServer(server as ServerName) : makeServer(server.name as ServerName, server),
    )
    const byName = new Map<string, MemoryServer>(all.map((server) => [server.name, server]))
    const get = (name: string) => {
      const server = byName.get(name)
      if (server === undefined) throw new Error(`no server is called ${name}`)
      return server
    }
    const service: Transporters["Service"] = { get: (name) => get(name).transporter }
    return {
      all,
      get,
      service,
      layer: Layer.succeed(Transporters, service),
      violations: Effect.map(
        Effect.forEach(all, (server) =>
          Effect.map(server.violations, (sentences) => sentences.map((sentence) => `${server.name}: ${sentence}`)),
        ),
        (sentences) => sentences.flat(),
      ),
      heal: Effect.forEach(all, (server) => server.heal, { discard: true }),
    }
  })
