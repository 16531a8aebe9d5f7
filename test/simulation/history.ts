/** One seed, one history: the world, what happens in it, and the verdict. */
import { firstConfig } from "./config.ts"
import { Restless } from "./engine.ts"
import { describe, healDisk, healEvents, makeOperations, mount, perform, type Step } from "./operations.ts"
import { makeOracle, type Oracle } from "./oracle.ts"
import { type Process, startProcess } from "./process.ts"
import { makeChance } from "./random.ts"
import { count, makeWorld, type World } from "./world.ts"

export interface Verdict {
  readonly seed: number
  readonly steps: number
  readonly trace: number
  /** What was wrong; undefined where nothing was. */
  readonly failure: string | undefined
  readonly log: ReadonlyArray<string>
  readonly counts: ReadonlyMap<string, number>
  /** Milliseconds that passed in the world. */
  readonly elapsed: number
}

/** After this time, in milliseconds, all that waited for a server, a retry or a reconcile has had its turn. */
const CALM = 1_800_000
const CALM_STEP = 30_000

/** The operations of a seed; `kept` are those that happen, all by default. */
export const stepsOf = (seed: number): ReadonlyArray<Step> => makeOperations(makeChance(seed, "operations"))

class Run {
  private readonly world: World
  private readonly oracle: Oracle
  private readonly slowReads: boolean
  private process: Process | undefined

  constructor(world: World, slowReads: boolean) {
    this.world = world
    this.oracle = makeOracle(world)
    this.slowReads = slowReads
  }

  get failure(): string | undefined {
    return this.oracle.violation()
  }

  get log(): ReadonlyArray<string> {
    return this.oracle.log()
  }

  violated(sentence: string): void {
    this.oracle.violated(sentence)
  }

  start(): void {
    this.process ??= startProcess(this.world, this.oracle, this.slowReads)
  }

  private end(how: "crash" | "stop"): void {
    this.process?.[how]()
    this.process = undefined
  }

  take(step: Step): void {
    const { engine } = this.world
    for (let done = 0; done < step.after && this.failure === undefined; done++) if (!engine.step()) break
    const { operation } = step
    engine.note(operation.do)
    switch (operation.do) {
      case "crash":
        return this.end("crash")
      case "start":
        return this.start()
      case "reload":
        count(this.world, "reloads")
        this.end("stop")
        return this.start()
      case "retry all":
        return this.process?.conveyor()?.retryAll()
      case "confirm":
        this.world.confirmed.add(operation.source)
        return this.process?.conveyor()?.confirmDeletes(operation.source as never)
      default:
        return perform(this.world, operation)
    }
  }

  /** Lets time pass until everything is as it should be, and a while longer; else says what is not. */
  private settle(servers: ReadonlyArray<string>): ReadonlyArray<string> {
    const { engine } = this.world
    let differences: ReadonlyArray<string> = []
    let right = 0
    for (let waited = 0; waited < CALM && this.failure === undefined; waited += CALM_STEP) {
      engine.advance(CALM_STEP)
      differences = this.oracle.differences(servers)
      right = differences.length === 0 ? right + 1 : 0
      // Once more after the next reconcile: right it must stay.
      if (right * CALM_STEP > this.world.config.settings.reconcileInterval + CALM_STEP) break
    }
    return differences
  }

  /** Heals what can be healed, and asks whether all is as it should be. `sick`: a server that stays ill until the end. */
  conclude(sick: string | undefined): void {
    const { world } = this
    healDisk(world)
    healEvents(world)
    for (const server of world.servers.all) if (server.name !== sick) world.run(server.heal)
    this.end("stop")
    for (const source of [...world.away.keys()]) mount(world, source)
    this.start()
    if (sick !== undefined) this.judge(world.config.servers.filter((server) => server !== sick))
    for (const server of world.servers.all) world.run(server.heal)
    this.judge(world.config.servers)
    if (world.ledger.holds.size > 0) {
      for (const source of world.ledger.holds.keys()) {
        world.confirmed.add(source)
        this.process?.conveyor()?.confirmDeletes(source)
      }
      this.judge(world.config.servers)
    }
    this.end("crash")
  }

  private judge(servers: ReadonlyArray<string>): void {
    if (this.failure !== undefined) return
    const differences = this.settle(servers)
    if (this.failure === undefined && differences.length > 0 && this.world.ledger.holds.size === 0) {
      this.violated(differences.slice(0, 3).join("; "))
    }
  }
}

/** Lives through the history of a seed. `steps`: what happens instead of what the seed says. */
export const live = (seed: number, steps: ReadonlyArray<Step> = stepsOf(seed)): Verdict => {
  const chance = makeChance(seed, "world")
  const world = makeWorld(makeChance(seed, "engine"), chance, firstConfig(chance))
  const run = new Run(world, chance.happens(0.3))
  const sick = chance.happens(0.3) ? chance.pick(world.config.servers) : undefined
  try {
    run.start()
    for (const step of steps) {
      if (run.failure !== undefined) break
      run.take(step)
    }
    if (run.failure === undefined) run.conclude(sick)
  } catch (error) {
    if (!(error instanceof Restless)) throw error
    run.violated(error.message)
  }
  return {
    seed,
    steps: world.engine.steps,
    trace: world.engine.trace,
    failure: run.failure,
    log: run.log,
    counts: world.counts,
    elapsed: world.engine.now,
  }
}

/** A history in words. */
export const tell = (steps: ReadonlyArray<Step>): string =>
  steps.map(({ after, operation }, at) => `${String(at + 1).padStart(3)}. after ${after} steps: ${describe(operation)}`).join("\n")
