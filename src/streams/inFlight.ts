/**
 * What one lane works on, and what of it is to be looked at again afterwards. An item is in it at most once (invariant I2).
 *
 * @since 1.0.0
 */
import type { Item } from "./backlog.ts"

interface Flight {
  readonly item: Item
  /** The lane does not work on it, and must not. */
  readonly isTaken: boolean
  again: Item | undefined
}

/** Items in work, by their keys. Every operation is synchronous. */
export class InFlight {
  readonly #flights = new Map<string, Flight>()
  #taken = 0

  /** How many are in work. */
  get size(): number {
    return this.#flights.size - this.#taken
  }

  has(key: string): boolean {
    return this.#flights.has(key)
  }

  /** What is there to work on anew once all of it is cut off: from what is on disk and on record by then. */
  get anew(): ReadonlyArray<Item> {
    const inWork = [...this.#flights.values()].filter(({ isTaken }) => !isTaken)
    return inWork.map(({ again, item }) => again ?? unseen(item))
  }

  /** All items, in work or taken. */
  get items(): ReadonlyArray<Item> {
    return Array.from(this.#flights.values(), ({ item }) => item)
  }

  begin(item: Item): void {
    this.#flights.set(item.key, { item, isTaken: false, again: undefined })
  }

  /** Keeps an item that is not in work out of it, until its `end`. */
  take(item: Item): void {
    this.#flights.set(item.key, { item, isTaken: true, again: undefined })
    this.#taken++
  }

  /** Notes that an item is to be looked at again, where it is in work or taken; else false. */
  again(item: Item): boolean {
    const flight = this.#flights.get(item.key)
    if (flight !== undefined) flight.again = flight.isTaken ? unseen(item) : item
    return flight !== undefined
  }

  /** It is in work, or taken, no more; what of it is to be looked at again. */
  end(key: string): Item | undefined {
    const flight = this.#flights.get(key)
    if (flight?.isTaken === true) this.#taken--
    this.#flights.delete(key)
    return flight?.again
  }
}

/** What a listing or a look said of it may be outdated. */
const unseen = ({ key, kind, path, source, urgent }: Item): Item => ({
  key,
  source,
  path,
  kind,
  urgent,
})
