import { type ChildProcess, spawn } from "node:child_process"
import { fileURLToPath } from "node:url"
import { Effect } from "effect"

/** A program that runs for the length of a scope, and what it has said so far. */
export interface ChildProgram {
  readonly process: ChildProcess
  readonly lines: () => ReadonlyArray<string>
  /** Returns when it has said this many lines; fails when it ends before. */
  readonly said: (count: number) => Effect.Effect<void, Error>
  /** kill -9, and returns when it is dead. */
  readonly kill: Effect.Effect<void>
}

/** Starts a program with this Node; `file` is relative to the directory of tests. Fails what waits for it after 90 s. */
export const childProgram = (file: string, parameters: ReadonlyArray<string>) =>
  Effect.acquireRelease(
    Effect.sync((): ChildProgram => {
      const program = fileURLToPath(new URL(`../${file}`, import.meta.url))
      const child = spawn(process.execPath, [program, ...parameters], { stdio: ["ignore", "pipe", "pipe"] })
      let output = ""
      let lines = 0
      let errors = ""
      let ended = false
      const listeners = new Set<() => void>()
      const wake = () => listeners.forEach((listener) => listener())
      child.stdout.setEncoding("utf8").on("data", (text: string) => {
        output += text
        for (const char of text) if (char === "\n") lines++
        wake()
      })
      child.stderr.setEncoding("utf8").on("data", (text: string) => (errors += text))
      child.on("close", () => {
        ended = true
        wake()
      })
      const until = (condition: () => boolean) =>
        Effect.callback<void>((resume) => {
          const listener = () => {
            if (condition()) resume(Effect.void)
          }
          listeners.add(listener)
          listener()
          return Effect.sync(() => listeners.delete(listener))
        })
      return {
        process: child,
        // What comes after the last newline was cut off by the end of the program.
        lines: () => output.split("\n").slice(0, -1),
        said: (count) =>
          until(() => lines >= count || ended).pipe(
            Effect.andThen(
              Effect.suspend(() =>
                lines >= count ? Effect.void : Effect.fail(new Error(`${file} ended early: ${errors}`)),
              ),
            ),
            Effect.timeoutOrElse({
              duration: 90_000,
              orElse: () => Effect.fail(new Error(`${file} said ${lines} lines: ${errors}`)),
            }),
          ),
        kill: Effect.suspend(() => {
          child.kill("SIGKILL")
          return until(() => ended)
        }),
      }
    }),
    (program) => program.kill,
  )
