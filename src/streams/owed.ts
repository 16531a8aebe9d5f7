/**
 * Files of one lane with a retry or a removal that is due, as its agenda handed them over. Bounded: what finds no room here,
 * or is lost, is still due, and handed over again.
 *
 * @since 1.0.0
 */
import { LANE_AGENDA } from "../domain/Limits.ts"
import { type Item, ItemQueue } from "./backlog.ts"

/** See the module. Every operation is synchronous. */
export class Owed {
  readonly #waiting = new ItemQueue()
  readonly #inWork = new Set<string>()

  /** How many wait. */
  get size(): number {
    return this.#waiting.size
  }

  add(item: Item): void {
    const isKnown = this.#inWork.has(item.key) || this.#waiting.get(item.key) !== undefined
    if (!isKnown && this.#waiting.size + this.#inWork.size < LANE_AGENDA) this.#waiting.set(item)
  }

  /** The one that waits longest, left where it is. */
  peek(): Item | undefined {
    return this.#waiting.peek()
  }

  /** What waits of a file is handed over again, should it still be due. */
  drop(key: string): void {
    this.#waiting.delete(key)
  }

  /** Work on a file begins, for whatever reason: what is owed is part of it. */
  begin(key: string): void {
    if (this.#waiting.delete(key)) this.#inWork.add(key)
  }

  /** Whether something that is owed is part of the work on a file. */
  isInWork(key: string): boolean {
    return this.#inWork.has(key)
  }

  /** Work on a file ended. Returns whether that was the last of what was handed over. */
  end(key: string): boolean {
    return this.#inWork.delete(key) && this.#inWork.size + this.#waiting.size === 0
  }
}
