/**
 * Makes deliveries due again whose file on the server is not what was delivered, and waits for what becomes of them.
 *
 * @since 1.0.0
 */
import * as Effect from "effect/Effect"
import type { Delivery, DeliveryKey } from "../domain/Delivery.ts"
import { Ledger } from "../domain/Ledger.ts"
import { REPAIR_LOOK } from "../domain/Limits.ts"
import type { Conveyor } from "../streams/conveyor.ts"

/** A delivery as it was when it was found to be wrong. */
export interface Wrong extends DeliveryKey {
  readonly deliveredAt: number
}

/** No fingerprint of a config is empty, so a delivery with this one is out of date. */
const OUT_OF_DATE = ""

const sameKey = (wrong: Wrong) => (delivery: Delivery) =>
  delivery.rule === wrong.rule && delivery.server === wrong.server

export const makeRepair = Effect.fnUntraced(function* (conveyor: Conveyor) {
  const ledger = yield* Ledger

  const recorded = (wrong: Wrong) =>
    Effect.map(ledger.deliveriesOf(wrong.source, wrong.path), (deliveries) => deliveries.find(sameKey(wrong)))

  const makeDue = Effect.fnUntraced(function* (wrong: Wrong) {
    const delivery = yield* recorded(wrong)
    if (delivery === undefined || delivery.deliveredAt !== wrong.deliveredAt) return
    yield* ledger.commit([{ _tag: "Delivered", delivery: { ...delivery, fingerprint: OUT_OF_DATE } }])
    conveyor.look(wrong.source, wrong.path)
  })

  /** Why it was not repaired, null where it was; undefined while that is open. */
  const outcome = Effect.fnUntraced(function* (wrong: Wrong) {
    const delivery = yield* recorded(wrong)
    if (delivery === undefined || delivery.fingerprint !== OUT_OF_DATE) return null
    const failure = yield* ledger.failureOf(wrong)
    // Making it due ended the failure on record, so any is a new one.
    if (failure !== undefined) return failure.reason
    const server = (yield* conveyor.status).servers.find((one) => one.name === wrong.server)
    return server?.state === "down" ? `the server is down: ${server.reason ?? "out of reach"}` : undefined
  })

  /** For each, in the order given: null where the server holds the file again, else why not. What failed stays due. */
  return Effect.fnUntraced(function* (all: ReadonlyArray<Wrong>) {
    yield* Effect.forEach(all, makeDue, { discard: true })
    const outcomes = new Map<number, string | null>()
    for (;;) {
      for (const [index, wrong] of all.entries()) {
        if (outcomes.has(index)) continue
        const found = yield* outcome(wrong)
        if (found !== undefined) outcomes.set(index, found)
      }
      if (outcomes.size === all.length) break
      yield* Effect.raceFirst(conveyor.progressed, Effect.sleep(REPAIR_LOOK))
    }
    return all.map((_, index) => outcomes.get(index) ?? null)
  })
})
