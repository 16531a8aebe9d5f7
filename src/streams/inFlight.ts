/**
 * What one lane works on, and what of it is to be looked at again afterwards. An item is in it at most once (invariant I2).
 *
 * @since 1.0.0
 */
import type { Item } from "./backlog.ts"

interface Flight {
  readonly item: Item
  again: Item | undefined
}

/** Items in work, by their keys. Every operation is synchronous. */
export class InFlight {
  readonly #flights = new Map<string, Flight>()

  get size(): number {
    return this.#flights.size
  }

  has(key: string): boolean {
    return this.#flights.has(key)
  }

  /** What is there to work on anew once all of it is cut off: from what is on disk and on record by then. */
  get anew(): ReadonlyArray<Item> {
    return Array.from(this.#flights.values(), ({ again, item }) => again ?? unseen(item))
  }

  begin(item: Item): void {
    this.#flights.set(item.key, { item, again: undefined })
  }

  /** Notes that an item is to be looked at again, where it is in work; else false. */
  again(item: Item): boolean {
    const flight = this.#flights.get(item.key)
    if (flight !== undefined) flight.again = item
    return flight !== undefined
  }

  /** It is in work no more; what of it is to be looked at again. */
  end(key: string): Item | undefined {
    const again = this.#flights.get(key)?.again
    this.#flights.delete(key)
    return again
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
