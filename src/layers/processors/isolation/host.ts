/**
 * Runs processors in processes of their own: several at once, each with one file at a time and within limits.
 *
 * @since 1.0.0
 */
import { totalmem } from "node:os"
import * as Cause from "effect/Cause"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as FiberSet from "effect/FiberSet"
import type * as Scope from "effect/Scope"
import * as Semaphore from "effect/Semaphore"
import { ProcessorError, type SourceError } from "../../../domain/Errors.ts"
import {
  PROCESSOR_CHILDREN,
  PROCESSOR_MEMORY_MAX,
  PROCESSOR_MEMORY_MIN,
  PROCESSOR_MEMORY_SHARE,
  PROCESSOR_QUESTIONS,
} from "../../../domain/Limits.ts"
import { askedOfDaemon, type ProcessedFile, type ProcessorJob } from "../../../domain/Processor.ts"
import type { ProcessorUse } from "../../../domain/Rule.ts"
import { DiskContent } from "../../disk/DiskContent.ts"
import { workerEntry } from "../../workerEntry.ts"
import type { Ending, Reply } from "./child.ts"
import { told, untold, type Work } from "./messages.ts"
import { Pool } from "./pool.ts"

export interface HostOptions {
  /** Absolute: third-party modules are looked for from there. */
  readonly configFile: string
  /** Processes at once. */
  readonly size: number
  /** Bytes of memory for each; undefined: by the memory of the machine. */
  readonly memory?: number | undefined
}

/** A processed file, and whether the processor looked at the state of the original. */
export interface Isolated {
  readonly processed: ProcessedFile
  readonly usedState: boolean
}

/** Processors in processes of their own. */
export interface ProcessorHost {
  /** Runs a processor on a file of this machine's disk. `timeLimit` is in milliseconds. */
  readonly run: (
    use: ProcessorUse,
    job: ProcessorJob,
    content: DiskContent,
    timeLimit: number,
  ) => Effect.Effect<Isolated, ProcessorError | SourceError>
  /** Asks whether a processor can do its work here. */
  readonly available: (use: ProcessorUse, timeLimit: number) => Effect.Effect<void, ProcessorError | SourceError>
  /** How many processes there are now. */
  readonly processes: Effect.Effect<number>
}

/** The process that was given work could not begin with it. */
class NotBegun extends Data.TaggedError("NotBegun")<{ readonly why: string; readonly fresh: boolean }> {}

type Question = (name: string, argument: unknown) => Effect.Effect<unknown, ProcessorError | SourceError>

/** Memory of one process where the config does not say: the machine's, or the container's, shared by all. */
const memoryFor = (size: number): number => {
  const limited = process.constrainedMemory()
  const total = limited > 0 && limited < totalmem() ? limited : totalmem()
  const share = (total * PROCESSOR_MEMORY_SHARE) / size
  return Math.round(Math.min(PROCESSOR_MEMORY_MAX, Math.max(PROCESSOR_MEMORY_MIN, share)))
}

const failed = (work: Work, detail: string): ProcessorError =>
  new ProcessorError({ processor: work.use.name, path: work._tag === "File" ? work.path : "", detail })

const answerTo = (job: ProcessorJob): Question => {
  const members = new Map<string, unknown>(askedOfDaemon.map((name) => [name, job[name]]))
  return (name, argument) => {
    const member = members.get(name)
    return typeof member === "function"
      ? (member(argument) as Effect.Effect<unknown, ProcessorError | SourceError>)
      : Effect.die(`a job has no ${name}`)
  }
}

/** Processors in processes that end with the Scope. */
export const makeHost = (options: HostOptions): Effect.Effect<ProcessorHost, never, Scope.Scope> =>
  Effect.gen(function* () {
    const size = Math.min(options.size, PROCESSOR_CHILDREN)
    const permits = yield* Semaphore.make(size)
    const pool = yield* Effect.acquireRelease(
      Effect.sync(
        () =>
          new Pool({
            entry: workerEntry("layers/processors/isolation/processor.child"),
            configFile: options.configFile,
            memory: options.memory ?? memoryFor(size),
          }),
      ),
      (pool) => Effect.promise(() => pool.close()),
    )

    /** One try. Interruption ends the work, if need be with its process, and waits until it is over. */
    const attempt = Effect.fnUntraced(function* (work: Work, timeLimit: number, answer: Question, fresh: boolean) {
      const fork = yield* FiberSet.makeRuntime<never, void, never>()
      let open = 0
      const question = (name: string, argument: unknown, reply: Reply): void => {
        if (open >= PROCESSOR_QUESTIONS) {
          return reply({ ok: false, error: told(failed(work, "asks the daemon too much at once")) })
        }
        open++
        fork(
          Effect.matchCause(answer(name, argument), {
            onSuccess: (value) => reply({ ok: true, value }),
            onFailure: (cause) => {
              const error = Cause.findErrorOption(cause)
              reply({ ok: false, error: told(error._tag === "Some" ? error.value : failed(work, Cause.pretty(cause))) })
            },
          }).pipe(Effect.ensuring(Effect.sync(() => open--))),
        )
      }
      const child = yield* Effect.acquireRelease(
        Effect.sync(() => pool.take(fresh)),
        (taken) => Effect.sync(() => pool.give(taken)),
      )
      const wasFresh = child.isFresh
      const ending = yield* Effect.callback<Ending>((resume) => {
        child.start(work, { timeLimit, question, done: (ending) => resume(Effect.succeed(ending)) })
        return Effect.promise(() => child.cancel())
      })
      const output = child.takeOutput().trim()
      if (output !== "") yield* Effect.logDebug(`${work.use.name} printed: ${output}`)
      switch (ending._tag) {
        case "Done":
          return ending.made
        case "Failed":
          return yield* untold(ending.error)
        case "Ended":
          return yield* failed(work, ending.why)
        case "NotBegun":
          return yield* new NotBegun({ why: ending.why, fresh: wasFresh })
      }
    }, Effect.scoped)

    /** What a process does after its work must not fail the next: that gets a new process then. */
    const perform = (work: Work, timeLimit: number, answer: Question) =>
      attempt(work, timeLimit, answer, false).pipe(
        Effect.catchTag("NotBegun", (error) =>
          error.fresh ? Effect.fail(error) : attempt(work, timeLimit, answer, true),
        ),
        Effect.catchTag("NotBegun", ({ why }) => {
          const path = work._tag === "File" ? work.path : ""
          return Effect.fail(new ProcessorError({ processor: "a process for processors", path, detail: why }))
        }),
        Semaphore.withPermit(permits),
      )

    return {
      run: Effect.fnUntraced(function* (use, job, content, timeLimit) {
        const directory = yield* job.directory
        const { baseName, path, server, serverHas, source, state } = job
        const { original } = content
        const work: Work = { _tag: "File", use, source, path, state, baseName, server, serverHas, original, directory }
        const made = yield* perform(work, timeLimit, answerTo(job))
        if (made === undefined) return yield* failed(work, "its process gave no result")
        const { headers, location, uniqueName, usedState } = made
        const contentAt = (at: string | undefined) => (at === undefined ? Effect.succeed(content) : job.adopt(at))
        const companions = yield* Effect.forEach(made.companions, ({ location, suffix }) =>
          Effect.map(contentAt(location), (content) => ({ suffix, content })),
        )
        const processed = {
          content: yield* contentAt(location),
          baseName: made.baseName,
          ...(companions.length === 0 ? {} : { companions }),
          ...(headers === undefined ? {} : { headers }),
          ...(uniqueName === undefined ? {} : { uniqueName }),
        } as ProcessedFile
        return { processed, usedState }
      }),
      available: (use, timeLimit) =>
        Effect.asVoid(perform({ _tag: "Available", use }, timeLimit, () => Effect.die("no file, no questions"))),
      processes: Effect.sync(() => pool.size),
    } satisfies ProcessorHost
  })
