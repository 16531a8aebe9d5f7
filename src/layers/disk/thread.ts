/**
 * One disk worker, as the main thread sees it: what it was given and whether it gets on.
 *
 * @since 1.0.0
 */
import { Worker } from "node:worker_threads"
import { DISK_HEAP, DISK_IN_FLIGHT } from "../../domain/Limits.ts"
import type { Answer, Input, Operation, Refused, WorkerData } from "./protocol.ts"

/** How a request ended. */
export type Outcome = { readonly ok: true; readonly value: unknown } | { readonly ok: false; readonly why: Refused }

/** A request on its way. */
export interface Ticket {
  readonly operation: Operation
  readonly input: unknown
  /** How much work it is, in chunks; small requests count as one. */
  readonly weight: number
  readonly done: (outcome: Outcome) => void
  /** All that belongs to one reading goes to one thread, which knows what was read before. */
  readonly reading: number | undefined
  state: "waiting" | "sent" | "over"
  thread: Thread | undefined
  slot: number
}

export interface Thread {
  /** Requests that were not answered yet, and how much work they are. */
  readonly inFlight: number
  readonly load: number
  /** It has work and did not get on with it for long. */
  readonly hangs: boolean
  /** Since when it has nothing to do; undefined while it has. */
  readonly idleSince: number | undefined
  /** Takes a request; it is sent with the next `flush`. */
  readonly add: (ticket: Ticket) => void
  readonly flush: () => void
  /** Tells it that nobody waits for the request in this slot. */
  readonly cancel: (slot: number) => void
  /** Finds out whether it hangs. */
  readonly look: (now: number, after: number) => void
  /** Gives up what it has, waits at most so many milliseconds for that, and ends it. */
  readonly stop: (wait: number) => Promise<void>
}

export interface ThreadOptions {
  readonly entry: URL
  readonly started: number
  /** Something was answered: there is room for more. */
  readonly freed: () => void
  readonly ended: () => void
}

/** The memory that requests bring along. */
const memoryOf = (requests: ReadonlyArray<readonly [number, string, unknown]>): ReadonlyArray<ArrayBuffer> => {
  const memory: Array<ArrayBuffer> = []
  for (const [, operation, input] of requests) {
    const into = operation === "read" ? (input as Input<"read">).into : undefined
    if (into !== undefined) memory.push(into)
  }
  return memory
}

class DiskThread implements Thread {
  readonly #options: ThreadOptions
  readonly #worker: Worker
  readonly #flags = new Int32Array(new SharedArrayBuffer(4 * (DISK_IN_FLIGHT + 1)))
  readonly #slots: Array<Ticket | undefined> = Array.from({ length: DISK_IN_FLIGHT }, () => undefined)
  readonly #free: Array<number> = Array.from({ length: DISK_IN_FLIGHT }, (_, index) => index)
  #outbox: Array<readonly [number, string, unknown]> = []
  #progress = 0
  #progressAt = performance.now()
  #drained: (() => void) | undefined
  #over = false
  load = 0
  hangs = false
  idleSince: number | undefined = performance.now()

  constructor(options: ThreadOptions) {
    this.#options = options
    const workerData: WorkerData = { flags: this.#flags.buffer, started: options.started }
    const worker = new Worker(options.entry, {
      name: "disk",
      workerData,
      execArgv: [],
      resourceLimits: { maxOldGenerationSizeMb: DISK_HEAP, maxYoungGenerationSizeMb: 8 },
    })
    worker.on("message", (answers: ReadonlyArray<Answer>) => this.#take(answers))
    worker.on("error", (error) => this.#end(error instanceof Error ? error.message : String(error)))
    worker.on("exit", () => this.#end("it ended"))
    worker.unref()
    this.#worker = worker
  }

  get inFlight(): number {
    return DISK_IN_FLIGHT - this.#free.length
  }

  add(ticket: Ticket): void {
    const slot = this.#free.pop()
    if (slot === undefined) throw new Error("a disk worker was given more than it takes")
    if (this.inFlight === 1) {
      this.#progressAt = performance.now()
      this.idleSince = undefined
    }
    Atomics.store(this.#flags, slot, 0)
    ticket.slot = slot
    this.#slots[slot] = ticket
    this.load += ticket.weight
    this.#outbox.push([slot, ticket.operation, ticket.input])
  }

  flush(): void {
    if (this.#outbox.length === 0) return
    const requests = this.#outbox
    this.#outbox = []
    try {
      this.#worker.postMessage(requests, memoryOf(requests))
    } catch (error) {
      const detail = error instanceof Error ? error.message : String(error)
      for (const [slot] of requests) this.#finish([slot, false, { code: "Crashed", detail }])
    }
  }

  cancel(slot: number): void {
    Atomics.store(this.#flags, slot, 1)
  }

  look(now: number, after: number): void {
    const progress = Atomics.load(this.#flags, DISK_IN_FLIGHT)
    if (progress !== this.#progress || this.inFlight === 0) {
      this.#progress = progress
      this.#progressAt = now
    }
    this.hangs = now - this.#progressAt > after
  }

  async stop(wait: number): Promise<void> {
    for (const [slot, ticket] of this.#slots.entries()) if (ticket !== undefined) this.cancel(slot)
    this.flush()
    if (this.inFlight > 0 && wait > 0) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, wait)
        this.#drained = () => {
          clearTimeout(timer)
          resolve()
        }
      })
    }
    this.#end("it was stopped")
    await this.#worker.terminate()
  }

  #take(answers: ReadonlyArray<Answer>): void {
    this.#progressAt = performance.now()
    this.hangs = false
    for (const answer of answers) this.#finish(answer)
    if (this.inFlight === 0) this.#drained?.()
    this.#options.freed()
  }

  #finish(answer: Answer): void {
    const [slot, ok, result] = answer
    const ticket = this.#slots[slot]
    if (ticket === undefined) return
    this.#slots[slot] = undefined
    this.#free.push(slot)
    this.load -= ticket.weight
    if (this.inFlight === 0) this.idleSince = performance.now()
    ticket.state = "over"
    ticket.thread = undefined
    ticket.done(ok ? { ok, value: result } : { ok, why: result })
  }

  #end(detail: string): void {
    if (this.#over) return
    this.#over = true
    const why = { code: "Crashed", detail: `the thread for file system work ended (${detail})` }
    this.#options.ended()
    for (const slot of this.#slots.keys()) this.#finish([slot, false, why])
    this.#drained?.()
  }
}

/** Starts a disk worker. It never keeps the process alive. */
export const makeThread = (options: ThreadOptions): Thread => new DiskThread(options)
