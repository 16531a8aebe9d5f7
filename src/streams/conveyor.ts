/**
 * The whole graph as one Effect. Discovery feeds settle and the lanes; each lane processes, transfers and acknowledges for
 * its server; guard, agenda, sweep and publish look after what is owed. Nothing here touches the world: that is what the
 * services in its type are for.
 *
 * @since 1.0.0
 */
import * as Effect from "effect/Effect"
import type { Config } from "../domain/Config.ts"
import { makeAcknowledge } from "./acknowledge.ts"
import { type AdoptProof, makeAdopt } from "./adopt.ts"
import { makeArrows, type Stages } from "./arrows.ts"
import { makeDiscover } from "./discover.ts"
import { makeEvents } from "./events.ts"
import { evict } from "./evict.ts"
import { makeForget } from "./forget.ts"
import { makeGuard } from "./guard.ts"
import { makeHandle } from "./handle.ts"
import { makeLinks } from "./links.ts"
import { makeProcess } from "./process.ts"
import { makePublish } from "./publish.ts"
import { makeReferrers } from "./referrers.ts"
import { makeServers } from "./servers.ts"
import { makeSettle } from "./settle.ts"
import { booksOf, type SourceBook } from "./shared.ts"
import { makeStatus } from "./status.ts"
import { supervised } from "./supervise.ts"
import { makeSweep } from "./sweep.ts"

export interface ConveyorOptions {
  /** What servers hold already is written down instead of being uploaded; see {@link ./adopt.ts}. */
  readonly adopt?: AdoptProof | undefined
}

export const makeConveyor = Effect.fnUntraced(function* (config: Config, options: ConveyorOptions = {}) {
  const books = booksOf(config)
  const events = yield* makeEvents(books)
  const shared = makeArrows(config, books, events.emit, () => stages)
  const evicted = yield* evict(config)

  const settle = yield* makeSettle(shared)
  const discover = Effect.fnUntraced(function* (book: SourceBook) {
    return [book.source.name, yield* makeDiscover({ shared, settle, book })] as const
  })
  const sources = new Map(yield* Effect.forEach(books.values(), discover))
  const referrers = yield* makeReferrers(shared)
  const forget = yield* makeForget(shared, referrers)
  const guard = yield* makeGuard(shared, forget)
  const process = yield* makeProcess()
  const links = yield* makeLinks(books)
  const acknowledge = yield* makeAcknowledge(shared, referrers)
  const adopt = options.adopt === undefined ? undefined : yield* makeAdopt(options.adopt)
  const servers = yield* makeServers({ shared, process, links, acknowledge, forget, adopt })
  const sweep = yield* makeSweep(shared)
  const publish = yield* makePublish({ shared, servers, evicted })
  const status = yield* makeStatus({ shared, sources, servers, settle, guard, sweep, publish })
  const stages: Stages = { sources, servers, settle, guard, sweep, publish, status }

  const parts = [
    ...Array.from(sources, ([name, { run }]) => supervised({ name: `discover ${name}`, run })),
    ...Array.from(servers, ([name, { lane }]) => supervised({ name: `lane ${name}`, run: lane.run })),
    ...Array.from(servers, ([name, { agenda }]) => supervised({ name: `agenda ${name}`, run: agenda.run })),
    ...Array.from(servers, ([name, { invalidate }]) =>
      invalidate === undefined ? Effect.never : supervised({ name: `invalidate ${name}`, run: invalidate.run }),
    ),
    ...guard.stages.map((stage) => supervised(stage)),
    supervised({ name: "settle", run: settle.run }),
    supervised({ name: "sweep", run: sweep.run }),
    supervised({ name: "publish", run: publish.run }),
    supervised({ name: "status", run: status.run }),
    supervised({ name: "events", run: events.run }),
  ]
  /** `run`: until interrupted; fails only when the ledger is broken. */
  return { run: Effect.raceAllFirst(parts), ...makeHandle({ shared, stages, events, adopt }) }
})

export type Conveyor = Effect.Success<ReturnType<typeof makeConveyor>>
