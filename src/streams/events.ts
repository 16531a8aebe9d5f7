/**
 * What happens in the graph, told to whoever listens, and counted.
 *
 * @since 1.0.0
 */
import * as Effect from "effect/Effect"
import * as PubSub from "effect/PubSub"
import * as Stream from "effect/Stream"
import { EVENTS } from "../domain/Limits.ts"
import type { ConveyorEvent } from "../domain/Telemetry.ts"
import { makePulse } from "./pulse.ts"
import type { Books } from "./shared.ts"

export const makeEvents = Effect.fnUntraced(function* (books: Books) {
  const events = yield* PubSub.sliding<ConveyorEvent>(EVENTS)
  /** Events on their way to subscribers, who are woken once for many. */
  const untold: Array<ConveyorEvent> = []
  const news = makePulse()
  const tally = { delivered: 0, removed: 0 }
  let expected = 0

  const count = (event: ConveyorEvent) => {
    if (event._tag === "Delivered") tally.delivered++
    else if (event._tag === "Removed") tally.removed++
    else if (event._tag === "Scanned" && event.first) {
      expected += event.due * (books.get(event.source)?.servers.size ?? 0)
    }
  }

  return {
    emit: (event: ConveyorEvent) => {
      count(event)
      if (untold.length >= EVENTS) untold.splice(0, EVENTS / 2)
      untold.push(event)
      news.wake()
    },
    /** A subscriber that falls behind misses the oldest. */
    stream: Stream.fromPubSub(events),
    /** Files delivered and removed by this run. */
    tally: () => ({ ...tally }),
    /** Pieces of work that the first scans found. */
    expected: () => expected,
    run: Effect.andThen(
      news.wait,
      Effect.suspend(() => PubSub.publishAll(events, untold.splice(0))),
    ).pipe(Effect.forever) as Effect.Effect<never>,
  }
})

export type Events = Effect.Success<ReturnType<typeof makeEvents>>
