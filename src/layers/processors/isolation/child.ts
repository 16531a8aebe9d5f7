/**
 * One process for processors, as the daemon sees it: what it works on, and how that ended.
 *
 * @since 1.0.0
 */
import { type ChildProcess, fork } from "node:child_process"
import { fileURLToPath } from "node:url"
import {
  PROCESSOR_BEGIN,
  PROCESSOR_CANCEL,
  PROCESSOR_HEAP_SHARE,
  PROCESSOR_NICE,
  PROCESSOR_OUTPUT_BYTES,
  PROCESSOR_SESSION_NICE,
  PROCESSOR_START,
} from "../../../domain/Limits.ts"
import { giveWay } from "../../giveWay.ts"
import { endGroup } from "./endGroup.ts"
import { reducedEnvironment } from "./environment.ts"
import { type Answer, type FromChild, type Made, MEMORY_MARK, type ToChild, type Told, type Work } from "./messages.ts"

/** How a piece of work ended. */
export type Ending =
  | { readonly _tag: "Done"; readonly made: Made | undefined }
  | { readonly _tag: "Failed"; readonly error: Told }
  /** The process ended, or was ended, while it worked; `why` is the rest of a sentence about the processor. */
  | { readonly _tag: "Ended"; readonly why: string }
  /** It did not even begin: another process may do the work. */
  | { readonly _tag: "NotBegun"; readonly why: string }

/** Answers a question of the work. */
export type Reply = (answer: Answer) => void

export interface ChildOptions {
  readonly entry: URL
  readonly configFile: string
  /** Bytes of memory it may take. */
  readonly memory: number
}

interface Task {
  readonly timeLimit: number
  readonly question: (name: string, argument: unknown, reply: Reply) => void
  readonly done: (ending: Ending) => void
  begun: boolean
  timer: NodeJS.Timeout
  /** Why the daemon ended it, where it did. */
  verdict: string | undefined
  /** Told when it is over. */
  over: (() => void) | undefined
}

const mebibytes = (bytes: number): string => `${Math.round(bytes / 1_048_576)} MiB`
const seconds = (millis: number): string => `${Number((millis / 1000).toFixed(1))} s`

/** A process for processors. It is started at once and never keeps the daemon alive. */
export class Child {
  readonly #options: ChildOptions
  readonly #process: ChildProcess
  readonly #exited: Promise<void>
  #task: Task | undefined
  #output = ""
  /** It has worked on something before. */
  #used = false
  #over = false
  #spawnProblem: string | undefined
  /** Bytes of memory that it held after its last work. */
  memory = 0
  idleSince = performance.now()

  constructor(options: ChildOptions) {
    this.#options = options
    const heap = Math.floor((options.memory * PROCESSOR_HEAP_SHARE) / 1_048_576)
    const parameters = [options.configFile, String(process.pid), String(options.memory)]
    const child = fork(fileURLToPath(options.entry), parameters, {
      execArgv: [`--max-old-space-size=${heap}`],
      env: reducedEnvironment(process.env),
      serialization: "advanced",
      // A group of its own, so that it can be ended together with the programs that it starts.
      detached: process.platform !== "win32",
      stdio: ["ignore", "pipe", "pipe", "ipc"],
    })
    this.#process = child
    this.#exited = new Promise((resolve) => {
      child.once("exit", (code, signal) => {
        this.#exit(code, signal)
        resolve()
      })
      child.once("error", (error) => {
        this.#spawnProblem ??= error.message
        if (child.pid !== undefined) return
        this.#exit(null, null)
        resolve()
      })
    })
    child.on("message", (message: FromChild) => this.#take(message))
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding("utf8").on("data", (text: string) => {
        this.#output = (this.#output + text).slice(-PROCESSOR_OUTPUT_BYTES)
      })
    }
    if (child.pid === undefined) return
    giveWay(child, PROCESSOR_NICE, PROCESSOR_SESSION_NICE)
    child.unref()
    child.channel?.unref()
    for (const stream of [child.stdout, child.stderr]) {
      if (stream !== null && "unref" in stream && typeof stream.unref === "function") stream.unref()
    }
  }

  /** It is of no use any more. */
  get over(): boolean {
    return this.#over
  }

  get isFresh(): boolean {
    return !this.#used
  }

  /** What it printed since the last call, e.g. for a debug log. */
  takeOutput(): string {
    const output = this.#output
    this.#output = ""
    return output
  }

  /** Gives it work; it has none now. `done` is called once. */
  start(work: Work, task: Pick<Task, "timeLimit" | "question" | "done">): void {
    const patience = this.#used ? PROCESSOR_BEGIN : PROCESSOR_START
    const timer = setTimeout(() => this.#stop(`did not begin within ${seconds(patience)}`), patience)
    this.#used = true
    this.#output = ""
    this.#task = { ...task, begun: false, timer, verdict: undefined, over: undefined }
    if (this.#over) this.#finish({ _tag: "NotBegun", why: "it had ended" })
    else this.#send({ _tag: "Work", work })
  }

  /** Ends it with everything that it started, and returns when it is gone. */
  kill(): Promise<void> {
    if (!this.#over && this.#process.pid !== undefined) endGroup(this.#process.pid)
    return this.#exited
  }

  #send(message: ToChild): void {
    // An error here means that it is ending, which its exit will tell.
    if (this.#process.connected) this.#process.send(message, () => undefined)
  }

  /** Gives its work up, and returns when that is over. */
  cancel(): Promise<void> {
    return new Promise((resolve) => {
      const task = this.#task
      if (task === undefined) return resolve()
      task.over = resolve
      // A process that has not said yet that it began gets to know it behind the work.
      this.#stop("was not needed any more", this.#process.connected)
    })
  }

  /** Ends the work: in good order where it lets itself be interrupted, else with the process. */
  #stop(verdict: string, asked = false): void {
    const task = this.#task
    if (task === undefined) return
    task.verdict ??= verdict
    clearTimeout(task.timer)
    task.timer = setTimeout(() => void this.kill(), PROCESSOR_CANCEL)
    if (task.begun || asked) this.#send({ _tag: "Cancel" })
    else void this.kill()
  }

  #take(message: FromChild): void {
    const task = this.#task
    if (task === undefined) return
    switch (message._tag) {
      case "Begun": {
        const { timeLimit } = task
        task.begun = true
        // It was given up meanwhile, and its process is ending.
        if (task.verdict !== undefined) return
        clearTimeout(task.timer)
        task.timer = setTimeout(
          () => this.#stop(`took longer than ${seconds(timeLimit)} and was stopped (see <processorTimeout>)`),
          timeLimit,
        )
        return
      }
      case "Question": {
        const { argument, name, question } = message
        return task.question(name, argument, (answer) => {
          if (this.#task === task) this.#send({ _tag: "Answer", question, answer })
        })
      }
      case "Done":
        this.memory = message.memory
        return this.#finish({ _tag: "Done", made: message.made })
      case "Failed":
        this.memory = message.memory
        return this.#finish({ _tag: "Failed", error: message.error })
    }
  }

  #finish(ending: Ending): void {
    const task = this.#task
    if (task === undefined) return
    clearTimeout(task.timer)
    this.#task = undefined
    this.idleSince = performance.now()
    const stopped = task.verdict !== undefined && task.begun
    task.done(stopped ? { _tag: "Ended", why: task.verdict ?? "" } : ending)
    task.over?.()
  }

  #exit(code: number | null, signal: NodeJS.Signals | null): void {
    if (this.#over) return
    this.#over = true
    const task = this.#task
    // Programs that it started are of no use to anyone.
    if (task !== undefined && this.#process.pid !== undefined) endGroup(this.#process.pid)
    if (task === undefined) return
    // What it printed last may still be in the pipe: it tells why.
    const tell = () => {
      const why = task.verdict ?? this.#why(code, signal)
      this.#finish(task.begun ? { _tag: "Ended", why } : { _tag: "NotBegun", why })
    }
    if (this.#process.stderr?.readableEnded === false) this.#process.stderr.once("close", tell)
    else tell()
  }

  #why(code: number | null, signal: NodeJS.Signals | null): string {
    const { memory } = this.#options
    const output = this.#output
    if (output.includes(MEMORY_MARK) || /heap out of memory|Reached heap limit/i.test(output)) {
      return `needed more than ${mebibytes(memory)} of memory and was stopped (see <processorMemory>)`
    }
    if (this.#spawnProblem !== undefined) return `could not be started (${this.#spawnProblem})`
    const thrown = /^(?:Uncaught )?(\w*Error\b.*)$/m.exec(output)?.[1]
    const more = thrown === undefined ? "" : `: ${thrown.slice(0, 200)}`
    return signal === null ? `ended its process (exit code ${code ?? "unknown"})${more}` : `crashed (${signal})${more}`
  }
}
