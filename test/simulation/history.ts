/** One seed, one history: the world, what happens in it, and the verdict. */
import type { RelativePath, SourceName } from "../../src/domain/Path.ts"
import { fileOf } from "../../src/layers/ledger/memoryState.ts"
import { firstConfig, sourceNames } from "./config.ts"
import { Restless } from "./engine.ts"
import { eachLink } from "./expected.ts"
import { describe, makeOperations, needsReconcile, type Operation, type Step } from "./operations.ts"
import { makeOracle, type Oracle } from "./oracle.ts"
import { healDisk, healEvents, mount, perform } from "./perform.ts"
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
  /** What happened step by step, if it was asked for. */
  readonly events: ReadonlyArray<string>
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
  /** All that happens is hinted at, so that nothing may depend on the reconcile. */
  private reliable: boolean
  private linked = false
  /** Links that the running program knows. */
  private readonly links = new Set<string>()
  private process: Process | undefined

  constructor(world: World, slowReads: boolean, reliable: boolean) {
    this.world = world
    this.oracle = makeOracle(world)
    this.slowReads = slowReads
    this.reliable = reliable
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
    this.links.clear()
    this.process?.[how]()
    this.process = undefined
  }

  take(step: Step): void {
    const { engine } = this.world
    for (let done = 0; done < step.after && this.failure === undefined; done++) if (!engine.step()) break
    this.checkBacklog()
    const { operation } = step
    engine.note(operation.do)
    switch (operation.do) {
      case "crash":
        return this.end("crash")
      case "start":
        this.start()
        break
      case "reload":
        count(this.world, "reloads")
        this.end("stop")
        this.start()
        break
      case "retry all":
        return this.process?.conveyor()?.retryAll()
      case "confirm":
        this.world.confirmed.add(operation.source)
        return this.process?.conveyor()?.confirmDeletes(operation.source as never)
      default:
        perform(this.world, operation)
    }
    this.linked ||= operation.do === "link"
    if (this.linked && this.reliable) this.checkLinks(operation)
  }

  /**
   * A link that led nowhere when the program looked is not remembered: what appears behind it later is found by the
   * reconcile only. One that was delivered is.
   */
  private checkLinks(operation: Operation): void {
    const { ledger } = this.world
    for (const source of sourceNames) {
      eachLink(this.world, `/${source}`, (path, leads) => {
        const inSource = path.slice(source.length + 2)
        const isDelivered = fileOf(ledger, source as SourceName, inSource as RelativePath).length > 0
        if (!leads && !this.links.has(path)) this.reliable = false
        else if (leads && isDelivered && operation.do === "wait" && operation.millis >= 1_500) this.links.add(path)
      })
    }
  }

  /** I3: what waits is bounded by what there is to look at, however many events there were. */
  private checkBacklog(): void {
    const progress = this.process?.conveyor()?.progress()
    if (progress === undefined) return
    const { paths, servers } = this.world
    const waiting = progress.total - progress.done
    const most = servers.all.length * (paths.size + 2) * 3
    if (waiting > most) this.violated(`I3: ${waiting} pieces of work wait, where there are ${paths.size} paths`)
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
      const interval = this.reliable ? 2 * CALM_STEP : this.world.config.settings.reconcileInterval
      if (right * CALM_STEP > interval + CALM_STEP) break
    }
    return differences
  }

  /** Heals what can be healed, and asks whether all is as it should be. `sick`: a server that stays ill until the end. */
  conclude(sick: string | undefined): void {
    const { world } = this
    healDisk(world)
    healEvents(world)
    for (const server of world.servers.all) if (server.name !== sick) world.run(server.heal)
    for (const source of sourceNames) mount(world, source)
    // Where the config is the running one and no hint was lost for good, all must come right without a restart.
    if (!this.reliable || this.process?.config !== world.config) this.end("stop")
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

/** Lives through the history of a seed. `steps`: what happens instead of what the seed says; `told`: with its events. */
export const live = (seed: number, steps: ReadonlyArray<Step> = stepsOf(seed), told = false): Verdict => {
  const chance = makeChance(seed, "world")
  const reliable = !steps.some(needsReconcile)
  const world = makeWorld(makeChance(seed, "engine"), chance, firstConfig(chance, reliable))
  if (told) world.engine.events = []
  const run = new Run(world, chance.happens(0.3), reliable)
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
    events: world.engine.events ?? [],
    elapsed: world.engine.now,
  }
}

/** A history in words. */
export const tell = (steps: ReadonlyArray<Step>): string =>
  steps
    .map(({ after, operation }, at) => `${String(at + 1).padStart(3)}. after ${after} steps: ${describe(operation)}`)
    .join("\n")
