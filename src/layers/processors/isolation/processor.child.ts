/**
 * Entry of a process for processors: works on one file at a time, as the daemon sends them, and ends with the daemon.
 *
 * @since 1.0.0
 */
import { writeFileSync } from "node:fs"
import { Worker } from "node:worker_threads"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type * as Scope from "effect/Scope"
import { ProcessorError, type SourceError } from "../../../domain/Errors.ts"
import { PROCESSOR_OOM_SCORE } from "../../../domain/Limits.ts"
import type { ProcessorUse } from "../../../domain/Rule.ts"
import { decoderOf } from "../../../domain/Settings.ts"
import { canonicalJson } from "../../config/fingerprint.ts"
import { workerEntry } from "../../workerEntry.ts"
import { processorDefinition } from "../registry.ts"
import { endGroup } from "./endGroup.ts"
import { type Ask, madeOf, makeJob } from "./job.ts"
import { type Answer, type FromChild, type ToChild, told, untold, type Work } from "./messages.ts"
import type { WatchdogData } from "./watchdog.worker.ts"

const [configFile = "", daemon = "", memory = ""] = process.argv.slice(2)
const title = "file-conveyor processor"
process.title = title

const watchdog: WatchdogData = { daemon: Number(daemon), memory: Number(memory) }
new Worker(workerEntry("layers/processors/isolation/watchdog.worker"), {
  name: "watchdog",
  workerData: watchdog,
  execArgv: [],
  resourceLimits: { maxOldGenerationSizeMb: 8, maxYoungGenerationSizeMb: 1 },
}).unref()

try {
  writeFileSync("/proc/self/oom_score_adj", String(PROCESSOR_OOM_SCORE))
} catch {
  // Another operating system has no such preference.
}

const tell = (message: FromChild): void => void process.send?.(message)

const answers = new Map<number, (answer: Answer) => void>()
let questions = 0

const ask: Ask = (name, argument) =>
  Effect.callback<unknown, ProcessorError | SourceError>((resume) => {
    const question = questions++
    answers.set(question, (answer) =>
      resume(answer.ok ? Effect.succeed(answer.value) : Effect.fail(untold(answer.error))),
    )
    tell({ _tag: "Question", question, name, argument })
    return Effect.sync(() => answers.delete(question))
  })

/** Definitions with decoded settings, by use. */
const loaded = new Map<string, ReturnType<typeof load>>()

const load = (use: ProcessorUse) =>
  Effect.cached(
    Effect.flatMap(processorDefinition(use.name, configFile), (definition) => {
      const decoded = decoderOf(definition)(use.settings)
      return decoded._tag === "Mistakes"
        ? Effect.fail(new Error("its settings are not valid"))
        : Effect.succeed({ definition, settings: decoded.settings })
    }),
  )

const definitionFor = Effect.fnUntraced(function* (use: ProcessorUse) {
  const key = canonicalJson(use)
  const known = loaded.get(key) ?? load(use)
  loaded.set(key, known)
  return yield* yield* known
})

const perform = Effect.fnUntraced(function* (work: Work) {
  const { use } = work
  const { definition, settings } = yield* definitionFor(use)
  if (work._tag === "Available") {
    yield* definition.available ?? Effect.void
    yield* definition.availableWith?.(settings) ?? Effect.void
    return undefined
  }
  const context = makeJob(work, ask)
  const running: unknown = definition.process(context.job, settings)
  if (!Effect.isEffect(running)) {
    const detail = "its process function returned no Effect"
    return yield* new ProcessorError({ processor: use.name, path: work.path, detail })
  }
  const returned = yield* running as Effect.Effect<unknown, unknown, Scope.Scope>
  return yield* madeOf(returned, context, work)
}, Effect.scoped)

const firstLine = (error: unknown): string =>
  (error instanceof Error ? error.message : String(error)).split("\n")[0] ?? ""

const hasTag = (error: unknown, tag: string): boolean =>
  typeof error === "object" && error !== null && "_tag" in error && error._tag === tag

/** Whatever went wrong, as a failure of the contract. */
const failureOf = (cause: Cause.Cause<unknown>, work: Work): ProcessorError | SourceError => {
  const error = Cause.squash(cause)
  const isFailure = Cause.findErrorOption(cause)._tag === "Some"
  if (isFailure && (hasTag(error, "ProcessorError") || hasTag(error, "SourceError"))) {
    return error as ProcessorError | SourceError
  }
  const path = work._tag === "File" ? work.path : ""
  const detail = isFailure ? firstLine(error) : `threw ${firstLine(error)}`
  return new ProcessorError({ processor: work.use.name, path, detail })
}

/** The daemon gives the next work as soon as it hears the end of this one: that is told once, whoever comes first. */
let untoldEnd: Work | undefined
let running: Fiber.Fiber<FromChild> | undefined

const end = (work: Work, message: FromChild): void => {
  if (untoldEnd !== work) return
  untoldEnd = undefined
  process.title = title
  answers.clear()
  tell(message)
}

const begin = (work: Work): void => {
  untoldEnd = work
  tell({ _tag: "Begun" })
  process.title = `${title}: ${work.use.name}`
  const outcome = Effect.matchCause(perform(work), {
    onSuccess: (made): FromChild => ({ _tag: "Done", made, memory: process.memoryUsage.rss() }),
    onFailure: (cause): FromChild => ({
      _tag: "Failed",
      error: told(failureOf(cause, work)),
      memory: process.memoryUsage.rss(),
    }),
  })
  running = Effect.runFork(Effect.tap(outcome, (message) => Effect.sync(() => end(work, message))))
}

/** Interrupts the work, so that what it holds and what it started ends in good order; then says so. */
const cancel = (): void => {
  const [fiber, work] = [running, untoldEnd]
  if (fiber === undefined || work === undefined) return
  const error = told(new ProcessorError({ processor: title, path: "", detail: "was cancelled" }))
  const ended = Effect.andThen(
    Fiber.interrupt(fiber),
    Effect.sync(() => end(work, { _tag: "Failed", error, memory: process.memoryUsage.rss() })),
  )
  Effect.runFork(ended)
}

process.on("message", (message: ToChild) => {
  if (message._tag === "Work") begin(message.work)
  else if (message._tag === "Cancel") cancel()
  else {
    answers.get(message.question)?.(message.answer)
    answers.delete(message.question)
  }
})

process.on("disconnect", () => {
  // Last, after whatever else has to be done at the end.
  process.once("exit", () => endGroup(process.pid))
  process.exit()
})
