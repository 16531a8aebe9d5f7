/**
 * The graph as whoever runs it sees it.
 *
 * @since 1.0.0
 */
import * as Effect from "effect/Effect"
import { type RelativePath, root, type SourceName } from "../domain/Path.ts"
import type { Adopt } from "./adopt.ts"
import type { Stages } from "./arrows.ts"
import { urgent } from "./backlog.ts"
import type { Events } from "./events.ts"
import { totalsOf } from "./servers.ts"
import type { Shared } from "./shared.ts"

export interface HandleParts {
  readonly shared: Shared
  readonly stages: Stages
  readonly events: Events
  readonly adopt: Adopt | undefined
}

export const makeHandle = ({ adopt, events, shared, stages }: HandleParts) => {
  const servers = [...stages.servers.values()]
  const { guard, publish, sources, status } = stages
  return {
    /** What happens, from now on. A subscriber that falls behind misses the oldest. */
    events: events.stream,
    /** How things stand. */
    status: status.status,
    /** Whether disk and servers are in sync. */
    inSync: status.inSync,
    /** Returns when nothing can be done any more; see `status` for what is left. */
    quiet: status.quiet,
    /** Looks at this path at once, failed before or not. */
    look: (source: SourceName, path: RelativePath) => shared.enqueueAll(urgent(source, path)),
    /** Looks at everything, and tries servers that are down at once. */
    retryAll: () => {
      for (const { invalidate, lane } of servers) {
        lane.retryNow()
        invalidate?.retryNow()
      }
      for (const discover of sources.values()) discover.scan(root)
    },
    /** A person confirms that the missing files of a source were meant to go. */
    confirmDeletes: (source: SourceName) => guard.confirm(source),
    /** Starts nothing new and returns when what was in flight is done and written down. */
    drain: Effect.suspend(() => {
      for (const { lane } of servers) lane.stop()
      return status.until(() => totalsOf(servers).inFlight === 0 && publish.isIdle())
    }),
    /** Returns at the next moment when some part of the graph comes to rest. */
    progressed: status.progressed,
    /** How far the work is. What lanes remember as whole directories is counted by what the first scans found. */
    progress: () => {
      const { inFlight, waiting, worked } = totalsOf(servers)
      return { done: worked, total: Math.max(worked + waiting + inFlight, events.expected()) }
    },
    /** Files delivered and removed by this run; `adopted` of those delivered were there already. */
    tally: () => ({ ...events.tally(), adopted: adopt?.count() ?? 0 }),
  }
}
