/**
 * The ways from one stage to another. Stages are made with them, and they lead to stages: whoever is called looks up where.
 *
 * @since 1.0.0
 */
import * as Effect from "effect/Effect"
import type { Config } from "../domain/Config.ts"
import type { ServerName, SourceName } from "../domain/Path.ts"
import type { ConveyorEvent } from "../domain/Telemetry.ts"
import type { Discover } from "./discover.ts"
import type { Guard } from "./guard.ts"
import type { Publish } from "./publish.ts"
import type { ServerStages } from "./servers.ts"
import type { Settle } from "./settle.ts"
import type { Books, Shared } from "./shared.ts"
import type { Status } from "./status.ts"
import type { Sweep } from "./sweep.ts"

/** All stages of a graph. */
export interface Stages {
  readonly sources: ReadonlyMap<SourceName, Discover>
  readonly servers: ReadonlyMap<ServerName, ServerStages>
  readonly settle: Settle
  readonly guard: Guard
  readonly sweep: Sweep
  readonly publish: Publish
  readonly status: Status
}

/** `stages` is not called before all of them are made. */
export const makeArrows = (
  config: Config,
  books: Books,
  emit: (event: ConveyorEvent) => void,
  stages: () => Stages,
): Shared => {
  let uploads = 0
  const server = (name: ServerName) => stages().servers.get(name)
  const lanes = () => Array.from(stages().servers.values(), ({ lane }) => lane)
  return {
    config,
    books,
    nextUpload: () => ++uploads,
    enqueue: (name, item) => server(name)?.lane.add(item),
    stale: (target) => server(target.server)?.lane.addStale(target),
    comes: ({ path, source }) =>
      stages().settle.isWaiting(source, path) || stages().sources.get(source)?.isIdle() === false,
    enqueueAll: (item) => books.get(item.source)?.servers.forEach((name) => server(name)?.lane.add(item)),
    take: (item) => {
      if (lanes().some((lane) => lane.isBusyWith(item))) return false
      for (const lane of lanes()) lane.take(item)
      return true
    },
    leave: (items) => {
      for (const lane of lanes()) lane.leave(items)
      items.forEach(stages().sweep.left)
    },
    busyWith: (source) => lanes().flatMap((lane) => lane.busyWith().filter((item) => item.source === source)),
    lookAgain: (item) => lanes().forEach((lane) => lane.add(item)),
    left: (item) => stages().sweep.left(item),
    room: (source) =>
      Effect.forEach(books.get(source)?.servers ?? [], (name) => server(name)?.lane.room ?? Effect.void, {
        discard: true,
      }),
    unsettled: (source, path, quiet) => stages().settle.again(source, path, quiet),
    isWritten: (source, path) => stages().settle.isWaiting(source, path),
    scan: (source, directory) => stages().sources.get(source)?.scan(directory),
    linked: (source, link, target) => stages().sources.get(source)?.linked(link, target),
    vanished: (item) => stages().guard.vanished(item),
    outboxChanged: () => stages().publish.changed(),
    deletionDue: () => stages().sweep.changed(),
    invalidates: (name) => server(name)?.invalidate !== undefined,
    invalidationDue: (name) => server(name)?.invalidate?.changed(),
    agendaChanged: (name) => server(name)?.agenda.changed(),
    rested: () => stages().status.rested(),
    emit,
  }
}
