/**
 * A program with all the programs it starts: they are a process group of their own, and end together.
 *
 * @since 1.0.0
 */
import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import { closeSync, existsSync, openSync, realpathSync, writeFileSync } from "node:fs"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { PROGRAM_KILLED, PROGRAM_LAST_WORDS } from "../../domain/Limits.ts"
import { giveWay } from "../giveWay.ts"
import { ProgramError } from "./ProgramError.ts"
import { lastLines, makeTail } from "./said.ts"

/** What is started. */
export interface Invocation {
  /** Absolute. */
  readonly program: string
  readonly parameters: ReadonlyArray<string>
  /** Absolute; where it works, and where it is told to put its temporary files. */
  readonly directory: string
  /** A file that it reads as its standard input; absent: it has none. */
  readonly stdin?: string
  /** A file that its standard output is written to; absent: only the end of it is kept. */
  readonly stdout?: string
  /** How much it gives way to others: 0 not at all, 19 to everything. */
  readonly nice: number
}

/** How a program ended by itself, and the last lines it said: those on its standard error, if there are any. */
export interface Ended {
  readonly code: number | undefined
  readonly signal: string | undefined
  readonly said: string
}

/** A running program. */
export interface Running {
  readonly pid: number
  readonly ended: Effect.Effect<Ended>
}

const environment = (directory: string): NodeJS.ProcessEnv => {
  const kept = ["PATH", "HOME", "LANG"].flatMap((name) => {
    const value = process.env[name]
    return value === undefined ? [] : [[name, value] as const]
  })
  return { ...Object.fromEntries(kept), TMPDIR: directory }
}

const signalGroup = (pid: number, signal: NodeJS.Signals | 0): boolean => {
  try {
    return process.kill(-pid, signal)
  } catch {
    return false
  }
}

/**
 * With this in front a program is killed by the kernel when this process is, even by a signal that leaves it no time to do
 * so itself. It replaces itself by the program. Elsewhere than on Linux, and without util-linux, there is no such thing.
 */
const keeper: ReadonlyArray<string> = ["/usr/bin/setpriv", "/bin/setpriv"]
  .filter((file) => process.platform === "linux" && existsSync(file) && !/busybox/.test(realpathSync(file)))
  .slice(0, 1)
  .flatMap((file) => [file, "--pdeathsig", "KILL", "--"])

/** Programs that run now. Nothing of them is to outlive this process, even when it ends in the middle of its work. */
const alive = new Set<number>()

const endAll = (): void => {
  for (const pid of alive) signalGroup(pid, "SIGKILL")
}

const enlist = (pid: number): void => {
  if (alive.size === 0) process.on("exit", endAll)
  alive.add(pid)
}

const dismiss = (pid: number): void => {
  alive.delete(pid)
  if (alive.size === 0) process.off("exit", endAll)
}

const pause = (millis: number) => new Promise<void>((resume) => setTimeout(resume, millis).unref())

/** Should memory run out, the kernel is to end this program and not the daemon. */
const offerFirst = (pid: number): void => {
  try {
    writeFileSync(`/proc/${pid}/oom_score_adj`, "500")
  } catch {
    // Another operating system, or it ended already.
  }
}

const failureToStart = (cause: unknown): ProgramError => {
  const code = (cause as NodeJS.ErrnoException).code ?? String(cause)
  const cure =
    code === "EAGAIN" || code === "ENOMEM" || code === "EMFILE"
      ? ": this machine or user is at the limit of its processes, memory or open files"
      : ""
  return new ProgramError({ detail: `the program can not be started (${code})${cure}`, cause })
}

interface Started {
  readonly child: ChildProcess
  readonly pid: number
  readonly exited: Promise<unknown>
  readonly closed: Promise<unknown>
  readonly said: () => string
}

const begin = async (invocation: Invocation): Promise<Started> => {
  const opened: Array<number> = []
  const open = (file: string, flags: string): number => {
    const descriptor = openSync(file, flags, 0o600)
    opened.push(descriptor)
    return descriptor
  }
  try {
    const [program = "", ...parameters] = [...keeper, invocation.program, ...invocation.parameters]
    const child = spawn(program, parameters, {
      cwd: invocation.directory,
      env: environment(invocation.directory),
      detached: true,
      shell: false,
      stdio: [
        invocation.stdin === undefined ? "ignore" : open(invocation.stdin, "r"),
        invocation.stdout === undefined ? "pipe" : open(invocation.stdout, "w"),
        "pipe",
      ],
    })
    const exited = once(child, "exit")
    const closed = once(child, "close")
    // A program that can not be started has neither; that it failed is told by the wait for its start.
    for (const end of [exited, closed]) end.catch(() => undefined)
    child.on("error", () => undefined)
    const { pid } = child
    if (pid !== undefined) {
      enlist(pid)
      giveWay(child, invocation.nice)
      offerFirst(pid)
    }
    const output = makeTail()
    const errors = makeTail()
    child.stdout?.on("data", output.add)
    child.stderr?.on("data", errors.add)
    await once(child, "spawn")
    return {
      child,
      pid: pid ?? 0,
      exited,
      closed,
      said: () => lastLines((errors.bytes().length > 0 ? errors : output).bytes(), invocation.directory),
    }
  } finally {
    for (const descriptor of opened) closeSync(descriptor)
  }
}

/** Ends what is left of a group, and returns when it is gone. */
const endGroup = async ({ child, exited, pid }: Started): Promise<void> => {
  signalGroup(pid, "SIGKILL")
  await Promise.race([exited, pause(PROGRAM_KILLED)])
  // Its children die with it, not quite at the same moment; what they write to must not be removed before.
  for (let look = 0; look < 50 && signalGroup(pid, 0); look++) await pause(5)
  dismiss(pid)
  child.stdout?.destroy()
  child.stderr?.destroy()
}

const ending = async (started: Started): Promise<Ended> => {
  const { child, closed, exited, pid, said } = started
  await exited
  // What it left running in the background ends with it, and lets go of its output.
  signalGroup(pid, "SIGKILL")
  await Promise.race([closed, pause(PROGRAM_LAST_WORDS)])
  return { code: child.exitCode ?? undefined, signal: child.signalCode ?? undefined, said: said() }
}

/** Starts a program. When the Scope closes nothing of it runs any more. */
export const startProgram = (invocation: Invocation): Effect.Effect<Running, ProgramError, Scope.Scope> =>
  Effect.map(
    Effect.acquireRelease(Effect.tryPromise({ try: () => begin(invocation), catch: failureToStart }), (started) =>
      Effect.promise(() => endGroup(started)),
    ),
    (started) => ({ pid: started.pid, ended: Effect.promise(() => ending(started)) }),
  )
