/**
 * A pool of disk workers: which thread gets which request, when threads start and end.
 *
 * The first thread starts with the first request, another when those there are busy. Requests made in the same tick go
 * to a thread in one message. A thread that crashes fails what it was given and is replaced by the next request. One that
 * hangs on a disk which does not answer is left alone, and another takes the new requests.
 *
 * @since 1.0.0
 */
import {
  DISK_BUSY,
  DISK_CHUNK,
  DISK_IDLE,
  DISK_IN_FLIGHT,
  DISK_QUEUE,
  DISK_RUN,
  DISK_STOP_WAIT,
  DISK_STUCK,
  DISK_WORKERS_MAX,
} from "../../domain/Limits.ts"
import type { Input, Operation } from "./protocol.ts"
import { makeThread, type Outcome, type Thread, type Ticket } from "./thread.ts"

export interface PoolOptions {
  readonly entry: URL
  readonly size: number
  readonly started: number
  /** After how many milliseconds without progress a thread counts as hanging. */
  readonly stuck?: number
}

/** Disk workers without Effect: callbacks, so that a request costs little. */
export class Pool {
  readonly #options: PoolOptions
  readonly #threads = new Set<Thread>()
  readonly #readings = new Map<number, Thread>()
  #queue: Array<Ticket> = []
  #head = 0
  #scheduled = false
  #closed = false
  #last: Thread | undefined
  #watch: NodeJS.Timeout | undefined

  constructor(options: PoolOptions) {
    this.#options = options
  }

  /** How many threads run. */
  get threads(): number {
    return this.#threads.size
  }

  /** `bytes` is about how much has to be moved; small requests need not say. */
  submit(operation: Operation, input: unknown, bytes: number, done: (outcome: Outcome) => void): Ticket {
    const weight = 1 + Math.floor(bytes / DISK_CHUNK)
    const reading = operation === "read" || operation === "digest" ? (input as Input<"read">).reading : undefined
    const ticket: Ticket = { operation, input, weight, done, reading, state: "waiting", thread: undefined, slot: -1 }
    if (this.#closed) this.#settle(ticket, "Closed", "file system work has been stopped")
    else if (this.#queue.length - this.#head >= DISK_QUEUE) {
      this.#settle(ticket, "Busy", `${DISK_QUEUE} requests wait for the disk already`)
    } else {
      this.#queue.push(ticket)
      this.#schedule()
    }
    return ticket
  }

  /** Gives a request up. True where that is all; false where its thread has to notice first, and `done` will be called. */
  cancel(ticket: Ticket): boolean {
    if (ticket.state === "waiting") ticket.state = "over"
    if (ticket.state === "sent") ticket.thread?.cancel(ticket.slot)
    return ticket.state === "over"
  }

  /** Gives everything up and ends all threads; those that do not answer in time are ended the hard way. */
  async close(): Promise<void> {
    this.#closed = true
    if (this.#watch !== undefined) clearInterval(this.#watch)
    for (const ticket of this.#queue.slice(this.#head)) {
      if (ticket.state === "waiting") this.#settle(ticket, "Closed", "file system work has been stopped")
    }
    this.#queue = []
    this.#head = 0
    await Promise.all(Array.from(this.#threads, (thread) => thread.stop(DISK_STOP_WAIT)))
  }

  #settle(ticket: Ticket, code: string, detail: string): void {
    ticket.state = "over"
    ticket.done({ ok: false, why: { code, detail } })
  }

  #schedule(): void {
    if (this.#scheduled) return
    this.#scheduled = true
    const dispatch = () => {
      this.#scheduled = false
      this.#dispatch()
    }
    // While threads have work anyway, requests gather for a turn of the event loop: a message costs more than a request.
    let busy = false
    for (const thread of this.#threads) busy ||= thread.inFlight > 0
    if (busy) setImmediate(dispatch)
    else queueMicrotask(dispatch)
  }

  #dispatch(): void {
    while (this.#head < this.#queue.length) {
      const ticket = this.#queue[this.#head]
      if (ticket === undefined || ticket.state === "over") {
        this.#head += 1
        continue
      }
      let thread: Thread | undefined
      try {
        thread = this.#chosen(ticket)
      } catch (error) {
        const detail = error instanceof Error ? error.message : String(error)
        this.#head += 1
        this.#settle(ticket, "Crashed", `a thread for file system work can not be started (${detail})`)
        continue
      }
      if (thread === undefined) break
      if (ticket.operation === "digest" && ticket.reading !== undefined) this.#readings.delete(ticket.reading)
      this.#head += 1
      ticket.state = "sent"
      ticket.thread = thread
      thread.add(ticket)
    }
    if (this.#head === this.#queue.length) {
      this.#queue = []
      this.#head = 0
    } else if (this.#head > DISK_QUEUE) {
      this.#queue = this.#queue.slice(this.#head)
      this.#head = 0
    }
    for (const thread of this.#threads) thread.flush()
    if (this.#threads.size > 0) this.#startWatch()
  }

  /** The thread for a request; undefined where all that may have it have enough to do. */
  #chosen({ reading }: Ticket): Thread | undefined {
    const before = reading === undefined ? undefined : this.#readings.get(reading)
    // Where the thread that read before is gone, another says that it knows nothing of it.
    if (before !== undefined && this.#threads.has(before)) {
      return before.inFlight < DISK_IN_FLIGHT ? before : undefined
    }
    const thread = this.#choose()
    if (thread !== undefined && reading !== undefined) this.#readings.set(reading, thread)
    return thread
  }

  /**
   * The least loaded thread that gets on; a new one where all are busy and one more is allowed. Requests that follow each
   * other are often about one directory: they go to one thread, up to a point, so that two do not contend for it.
   */
  #choose(): Thread | undefined {
    let best: Thread | undefined
    let hanging = 0
    for (const thread of this.#threads) {
      if (thread.hangs) hanging += 1
      else if (best === undefined || thread.load < best.load) best = thread
    }
    const allowed = Math.min(this.#options.size + hanging, DISK_WORKERS_MAX)
    if ((best === undefined || best.load >= DISK_BUSY) && this.#threads.size < allowed) {
      try {
        return this.#start()
      } catch (error) {
        // The machine has no more threads to give: those there are do it.
        if (best === undefined) throw error
      }
    }
    if (best === undefined) return undefined
    const last = this.#last
    if (last === undefined || last.hangs || !this.#threads.has(last) || last.load >= best.load + DISK_RUN)
      this.#last = best
    const chosen = this.#last ?? best
    return chosen.inFlight < DISK_IN_FLIGHT ? chosen : best.inFlight < DISK_IN_FLIGHT ? best : undefined
  }

  #start(): Thread {
    const thread = makeThread({
      entry: this.#options.entry,
      started: this.#options.started,
      freed: () => this.#schedule(),
      ended: () => {
        this.#threads.delete(thread)
        if (this.#head < this.#queue.length) this.#schedule()
      },
    })
    this.#threads.add(thread)
    return thread
  }

  /** Looks after threads while there are any: which of them hang, which are of no more use. */
  #startWatch(): void {
    if (this.#watch !== undefined || this.#closed) return
    const stuck = this.#options.stuck ?? DISK_STUCK
    const watch = setInterval(() => {
      const now = performance.now()
      let kept = 0
      for (const thread of this.#threads) {
        thread.look(now, stuck)
        if (thread.idleSince === undefined || now - thread.idleSince < DISK_IDLE || kept === 0) kept += 1
        else void thread.stop(0)
      }
      if (this.#head < this.#queue.length) this.#schedule()
    }, stuck / 5)
    this.#watch = watch.unref()
  }
}
