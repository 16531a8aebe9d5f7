/**
 * What there is for each server: its lane, what the clock owes it, and the CDN in front of it.
 *
 * @since 1.0.0
 */
import * as Effect from "effect/Effect"
import * as Semaphore from "effect/Semaphore"
import { Transporters, type TransporterShape } from "../domain/Transporter.ts"
import type { ServerName } from "../domain/Path.ts"
import type { Adopt } from "./adopt.ts"
import { type Agenda, makeAgenda } from "./agenda.ts"
import { type Invalidate, makeInvalidate } from "./invalidate.ts"
import { type Lane, type LaneOptions, makeLane } from "./lanes.ts"
import { limited, makePaced } from "./transfer.ts"

/** The stages of one server. */
export interface ServerStages {
  readonly lane: Lane
  readonly agenda: Agenda
  /** Absent where no CDN has to be told what changed. */
  readonly invalidate: Invalidate | undefined
}

export interface ServersOptions extends Omit<LaneOptions, "server" | "transporter" | "connections"> {
  readonly adopt: Adopt | undefined
}

/** The stages of all servers, in the order of the config. */
export const makeServers = Effect.fnUntraced(function* ({ adopt, ...rest }: ServersOptions) {
  const { shared } = rest
  const { bandwidthLimit, maxFilesInPipeline, maxSimultaneousTransporters } = shared.config.settings
  const transporters = yield* Transporters
  const turns = limited(yield* Semaphore.make(maxSimultaneousTransporters))
  const paced = bandwidthLimit === undefined ? undefined : yield* makePaced(bandwidthLimit)
  const stages = new Map<ServerName, ServerStages>()

  const decorated = (server: ServerName, plain: TransporterShape): TransporterShape => {
    const taken = plain.capabilities.local === true ? plain : turns(plain)
    const sending = paced === undefined ? taken : paced(taken)
    return adopt === undefined ? sending : adopt.decorate(server, sending)
  }

  for (const { maxConnections, name: server } of shared.config.servers) {
    const plain = transporters.get(server)
    const transporter = decorated(server, plain)
    const most = maxConnections > 0 ? maxConnections : transporter.capabilities.connections
    const lane = yield* makeLane({ ...rest, server, transporter, connections: Math.min(most, maxFilesInPipeline) })
    const { invalidator } = plain
    stages.set(server, {
      lane,
      agenda: yield* makeAgenda(lane, shared.rested),
      invalidate: invalidator === undefined ? undefined : yield* makeInvalidate({ shared, server, invalidator }),
    })
  }
  return stages as ReadonlyMap<ServerName, ServerStages>
})

/** How much there is to do, over all lanes. `atLeast`: some of it is remembered as whole directories. */
export const totalsOf = (servers: Iterable<ServerStages>) => {
  const totals = { waiting: 0, inFlight: 0, worked: 0, atLeast: false }
  for (const { lane } of servers) {
    const { atLeast, inFlight, waiting, worked } = lane.snapshot()
    totals.waiting += waiting
    totals.inFlight += inFlight
    totals.worked += worked
    totals.atLeast ||= atLeast
  }
  return totals
}
