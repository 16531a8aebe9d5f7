/**
 * Processes for processors: which one gets which work, when they start and end.
 *
 * The first is started for the first work, another when those there are busy. One that crashed, was stopped or holds much
 * memory is replaced when it is needed again, one that has nothing to do is ended after a while.
 *
 * @since 1.0.0
 */
import { PROCESSOR_IDLE, PROCESSOR_RECYCLE_BYTES } from "../../../domain/Limits.ts"
import { Child, type ChildOptions } from "./child.ts"

/** Processes for processors. How many there are follows from how many are taken at once. */
export class Pool {
  readonly #options: ChildOptions
  readonly #children = new Set<Child>()
  #idle: Array<Child> = []
  #watch: NodeJS.Timeout | undefined

  constructor(options: ChildOptions) {
    this.#options = options
  }

  /** How many processes there are. */
  get size(): number {
    for (const child of this.#children) if (child.over) this.#children.delete(child)
    return this.#children.size
  }

  /** A process that has nothing to do, a new one where there is none or where one is wanted. */
  take(fresh = false): Child {
    for (let child = fresh ? undefined : this.#idle.pop(); child !== undefined; child = this.#idle.pop()) {
      if (!child.over) return child
      this.#children.delete(child)
    }
    const child = new Child(this.#options)
    this.#children.add(child)
    return child
  }

  /** Gives back one that has nothing to do any more. */
  give(child: Child): void {
    const most = Math.min(PROCESSOR_RECYCLE_BYTES, this.#options.memory / 2)
    if (child.over || child.memory > most) {
      this.#children.delete(child)
      void child.kill()
    } else {
      this.#idle.push(child)
      this.#startWatch()
    }
  }

  /** Ends all of them, and returns when they are gone. */
  async close(): Promise<void> {
    if (this.#watch !== undefined) clearInterval(this.#watch)
    this.#idle = []
    await Promise.all(Array.from(this.#children, (child) => child.kill()))
  }

  #startWatch(): void {
    if (this.#watch !== undefined) return
    const watch = setInterval(() => {
      const now = performance.now()
      const [ended, kept]: [Array<Child>, Array<Child>] = [[], []]
      for (const child of this.#idle) (child.over || now - child.idleSince > PROCESSOR_IDLE ? ended : kept).push(child)
      this.#idle = kept
      for (const child of ended) {
        this.#children.delete(child)
        void child.kill()
      }
      if (kept.length > 0) return
      clearInterval(watch)
      this.#watch = undefined
    }, PROCESSOR_IDLE / 4)
    this.#watch = watch.unref()
  }
}
