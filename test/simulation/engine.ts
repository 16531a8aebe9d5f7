/**
 * What runs a simulated process: Effect's scheduler, its clock, and the gates at which a call to the outside waits. All
 * of it is single-threaded and synchronous; which call is answered next is chance's choice, so one seed is one history.
 */
import { Effect } from "effect"
import type { Clock } from "effect/Clock"
import * as Duration from "effect/Duration"
import type { Scheduler, SchedulerDispatcher } from "effect/Scheduler"
import type { Chance } from "./random.ts"

/** The graph does not come to rest: more happened than any history of this size can need. */
export class Restless extends Error {}

interface Timer {
  readonly at: number
  readonly wake: () => void
}

interface Gate {
  readonly label: string
  readonly open: () => void
}

const START = 1_700_000_000_000

/** Operations of a fiber before others get a turn, as Effect has it. */
const OPERATIONS = 2048

/** What may happen in one history, and between two answers from outside. */
const STEPS_MAX = 200_000
const TASKS_MAX = 100_000

export class Engine implements Scheduler {
  readonly executionMode = "async"
  readonly clock: Clock
  /** Answers from outside and timers so far. */
  steps = 0
  /** What happened, as a number: two runs of a seed are the same when theirs are. */
  trace = 0
  /** What happened, in words, where somebody wants to know. */
  events: Array<string> | undefined
  private readonly chance: Chance
  private tasks: Array<() => void> = []
  private gates: Array<Gate> = []
  private timers: Array<Timer> = []
  /** Milliseconds that timers count. */
  private elapsed = 0
  /** What the wall clock is off by since it was set. */
  private offset = 0
  private readonly dispatcher: SchedulerDispatcher = {
    scheduleTask: (task) => void this.tasks.push(task),
    flush: () => this.drain(),
  }

  constructor(chance: Chance) {
    this.chance = chance
    const millis = () => START + this.elapsed + this.offset
    const nanos = () => BigInt(millis()) * 1_000_000n
    this.clock = {
      currentTimeMillisUnsafe: millis,
      currentTimeMillis: Effect.sync(millis),
      currentTimeNanosUnsafe: nanos,
      currentTimeNanos: Effect.sync(nanos),
      monotonicTimeNanosUnsafe: () => BigInt(this.elapsed) * 1_000_000n,
      monotonicTimeNanos: Effect.sync(() => BigInt(this.elapsed) * 1_000_000n),
      sleep: (duration) => this.sleep(Math.ceil(Duration.toMillis(duration))),
    }
  }

  get now(): number {
    return this.elapsed
  }

  get wallTime(): number {
    return START + this.elapsed + this.offset
  }

  /** Somebody sets the wall clock; timers go on as they were. */
  jump(millis: number): void {
    this.offset += millis
  }

  shouldYield(fiber: { readonly currentOpCount: number }): boolean {
    return fiber.currentOpCount >= OPERATIONS
  }

  makeDispatcher(): SchedulerDispatcher {
    return this.dispatcher
  }

  note(label: string): void {
    this.events?.push(`${this.elapsed} ${label}`)
    let hash = this.trace
    for (let i = 0; i < label.length; i++) hash = Math.imul(hash ^ label.charCodeAt(i), 0x01000193)
    this.trace = (hash ^ this.elapsed) | 0
  }

  /** Waits until chance lets the world answer. */
  readonly gate = (label: string): Effect.Effect<void> =>
    Effect.callback<void>((resume) => {
      const gate: Gate = { label, open: () => resume(Effect.void) }
      this.gates.push(gate)
      return Effect.sync(() => {
        const at = this.gates.indexOf(gate)
        if (at !== -1) this.gates.splice(at, 1)
      })
    })

  private sleep(millis: number): Effect.Effect<void> {
    if (!(millis > 0)) return Effect.yieldNow
    return Effect.callback<void>((resume) => {
      const timer: Timer = { at: this.elapsed + millis, wake: () => resume(Effect.void) }
      let low = 0
      let high = this.timers.length
      // The earliest is last; of equal ones the first that was set.
      while (low < high) {
        const middle = (low + high) >>> 1
        if (this.timers[middle]!.at > timer.at) low = middle + 1
        else high = middle
      }
      this.timers.splice(low, 0, timer)
      return Effect.sync(() => {
        const at = this.timers.indexOf(timer)
        if (at !== -1) this.timers.splice(at, 1)
      })
    })
  }

  /** Runs everything that is runnable now. */
  drain(): void {
    let done = 0
    while (this.tasks.length > 0) {
      const tasks = this.tasks
      this.tasks = []
      for (const task of tasks) {
        if (++done > TASKS_MAX) throw new Restless("the graph spins without asking the world for anything")
        task()
      }
    }
  }

  /** Lets one thing happen: an answer from outside, seldom a timer before it. Returns false when all wait for the clock. */
  step(): boolean {
    this.drain()
    if (this.gates.length === 0) return false
    if (++this.steps > STEPS_MAX) throw new Restless("the graph does not come to rest")
    if (this.timers.length > 0 && this.chance.happens(0.02) && this.nextIn() <= 3_000) {
      this.fire()
    } else {
      const [gate] = this.gates.splice(this.chance.below(this.gates.length), 1)
      this.note(gate!.label)
      gate!.open()
    }
    this.drain()
    return true
  }

  private nextIn(): number {
    return this.timers[this.timers.length - 1]!.at - this.elapsed
  }

  private fire(): void {
    const timer = this.timers.pop()!
    this.elapsed = Math.max(this.elapsed, timer.at)
    this.note("timer")
    timer.wake()
  }

  /** Lets time pass, and all that happens in it. */
  advance(millis: number): void {
    const end = this.elapsed + millis
    for (;;) {
      while (this.step());
      if (this.timers.length === 0 || this.timers[this.timers.length - 1]!.at > end) break
      if (++this.steps > STEPS_MAX) throw new Restless("the graph does not come to rest")
      this.fire()
    }
    this.elapsed = Math.max(this.elapsed, end)
  }

  /** Forgets all that waits: the process is no more. */
  clear(): void {
    this.tasks = []
    this.gates = []
    this.timers = []
  }
}
