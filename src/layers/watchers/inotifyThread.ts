/**
 * The watching thread as the daemon sees it: started, asked, listened to, ended.
 *
 * @since 1.0.0
 */
import { Buffer } from "node:buffer"
import { closeSync, writeSync } from "node:fs"
import { SHARE_ENV, Worker } from "node:worker_threads"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { WATCH_HEAP } from "../../domain/Limits.ts"
import { workerEntry } from "../workerEntry.ts"
import type { Batch, Command, Report } from "./inotifyMessages.ts"

/** This machine has no inotify, or it can not be called from here. Another monitor has to do. */
export class InotifyUnavailable extends Data.TaggedError("InotifyUnavailable")<{ readonly detail: string }> {
  override get message(): string {
    return `inotify is not available: ${this.detail}`
  }
}

/** The thread could not do what was asked, or is dead. */
export class ThreadFailed extends Data.TaggedError("ThreadFailed")<{ readonly detail: string }> {}

/** Hears what happens in one session. */
export interface Listener {
  readonly batch: (batch: Batch, watched: number) => void
  readonly died: (detail: string) => void
}

type Done = Report & { readonly _tag: "Done" }

export interface InotifyThread {
  /** Undefined while it lives. */
  readonly death: () => string | undefined
  readonly tell: (command: Command) => void
  /** `command` is given the number under which the answer will come. */
  readonly ask: (command: (request: number) => Command) => Effect.Effect<Done, ThreadFailed>
  /** One listener a session; returns how to stop it. */
  readonly listen: (session: number, listener: Listener) => () => void
}

const one = Buffer.alloc(8)
one.writeBigUInt64LE(1n)

type Answer = (answer: Effect.Effect<Done, ThreadFailed>) => void

interface Running extends InotifyThread {
  readonly stop: Effect.Effect<void>
}

const start = Effect.callback<Running, InotifyUnavailable>((resume) => {
  const worker = new Worker(workerEntry("layers/watchers/inotify.worker"), {
    name: "inotify",
    env: SHARE_ENV,
    execArgv: [],
    trackUnmanagedFds: false,
    resourceLimits: { maxOldGenerationSizeMb: WATCH_HEAP, maxYoungGenerationSizeMb: 4 },
  })
  const listeners = new Map<number, Listener>()
  const answers = new Map<number, Answer>()
  let requests = 0
  let wake: number | undefined
  let death: string | undefined
  let problem = "the watching thread ended"

  const tell = (command: Command): void => {
    if (death !== undefined || wake === undefined) return
    worker.postMessage(command, [])
    writeSync(wake, one)
  }
  // A thread that waits in the kernel would hold up the end of the process.
  const stopAtExit = () => tell({ _tag: "Stop" })

  const die = () => {
    if (death !== undefined) return
    death = problem
    process.off("exit", stopAtExit)
    if (wake !== undefined) closeSync(wake)
    for (const answer of answers.values()) answer(Effect.fail(new ThreadFailed({ detail: problem })))
    answers.clear()
    for (const listener of listeners.values()) listener.died(problem)
    resume(Effect.fail(new InotifyUnavailable({ detail: problem })))
  }

  const ask: InotifyThread["ask"] = (command) =>
    Effect.callback<Done, ThreadFailed>((answer) => {
      if (death !== undefined) return answer(Effect.fail(new ThreadFailed({ detail: death })))
      const request = ++requests
      answers.set(request, answer)
      tell(command(request))
      return Effect.sync(() => void answers.delete(request))
    })

  const running: Running = {
    death: () => death,
    tell,
    ask,
    listen: (session, listener) => {
      listeners.set(session, listener)
      return () => void listeners.delete(session)
    },
    stop: Effect.callback<void>((stopped) => {
      if (death !== undefined) return stopped(Effect.void)
      worker.once("exit", () => stopped(Effect.void))
      tell({ _tag: "Stop" })
    }),
  }

  const answered = (request: number, answer: Effect.Effect<Done, ThreadFailed>) => {
    answers.get(request)?.(answer)
    answers.delete(request)
  }
  worker.on("message", (report: Report) => {
    switch (report._tag) {
      case "Ready":
        wake = report.wake
        process.on("exit", stopAtExit)
        return resume(Effect.succeed(running))
      case "Unavailable":
        problem = report.detail
        return
      case "Done":
        return answered(report.request, Effect.succeed(report))
      case "Failed":
        return answered(report.request, Effect.fail(new ThreadFailed({ detail: report.detail })))
      case "Batch":
        return listeners.get(report.session)?.batch(report.batch, report.watched)
    }
  })
  worker.on("error", (cause: Error) => {
    problem = `the watching thread failed: ${cause.message}`
  })
  worker.on("exit", die)
})

/** A running thread, ended with its Scope. */
export const startInotifyThread: Effect.Effect<InotifyThread, InotifyUnavailable, Scope.Scope> = Effect.acquireRelease(
  start,
  (thread) => thread.stop,
)
