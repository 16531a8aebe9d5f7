/**
 * Runs a program to its end within limits of time, memory and output.
 *
 * @since 1.0.0
 */
import * as Effect from "effect/Effect"
import { PROGRAM_FILES, PROGRAM_LOOK } from "../../domain/Limits.ts"
import { directorySize } from "./directorySize.ts"
import { canTellMemory, makeGroupMemory } from "./groupMemory.ts"
import { type Ended, type Invocation, startProgram } from "./processGroup.ts"
import { ProgramError } from "./ProgramError.ts"

/** What a program may use. A program that goes past a limit is killed, with all that it started. */
export interface ProgramLimits {
  /** Milliseconds. */
  readonly time: number
  /** Bytes, of the program and all that it started. Looked at on Linux only. */
  readonly memory: number
  /** Bytes of all files in its directory, beyond those that were there. */
  readonly output: number
}

const mebibytes = (bytes: number): string =>
  bytes >= 1_048_576 ? `${Math.round(bytes / 1_048_576)} MiB` : `${bytes} bytes`

const seconds = (millis: number): string => (millis >= 1_000 ? `${Math.round(millis / 1_000)} s` : `${millis} ms`)

const past = (detail: string): ProgramError => new ProgramError({ detail: `the program was stopped: ${detail}` })

const exceeded = (size: { readonly bytes: number; readonly files: number }, limits: ProgramLimits) => {
  if (size.files > PROGRAM_FILES) return past(`it had written more than ${PROGRAM_FILES} files`)
  return size.bytes > limits.output
    ? past(`it had written more than ${mebibytes(limits.output)}. Raise maxOutput if that is right`)
    : undefined
}

/** Fails as soon as a limit is passed. */
const watch = Effect.fnUntraced(function* (pid: number, directory: string, before: number, limits: ProgramLimits) {
  const memory = canTellMemory ? makeGroupMemory(pid) : () => 0
  for (;;) {
    if (memory() > limits.memory) {
      return yield* past(`it used more than ${mebibytes(limits.memory)} of memory. Raise memory if that is right`)
    }
    const size = yield* directorySize(directory)
    const failure = exceeded({ bytes: size.bytes - before, files: size.files }, limits)
    if (failure !== undefined) return yield* failure
    yield* Effect.sleep(PROGRAM_LOOK)
  }
})

/**
 * How the program ended. Fails where it could not be started or went past a limit. Interruption kills it; in any case
 * nothing of it runs any more when this returns.
 */
export const runProgram = (invocation: Invocation, limits: ProgramLimits): Effect.Effect<Ended, ProgramError> =>
  Effect.scoped(
    Effect.gen(function* () {
      const { bytes: before } = yield* directorySize(invocation.directory)
      const running = yield* startProgram(invocation)
      const ended = yield* Effect.raceFirst(
        running.ended,
        watch(running.pid, invocation.directory, before, limits),
      ).pipe(
        Effect.timeoutOrElse({
          duration: limits.time,
          orElse: () =>
            Effect.fail(past(`it had not ended after ${seconds(limits.time)}. Raise timeout if it needs longer`)),
        }),
      )
      const size = yield* directorySize(invocation.directory)
      const failure = exceeded({ bytes: size.bytes - before, files: size.files }, limits)
      return failure === undefined ? ended : yield* failure
    }),
  )

/** How it ended, in words: the code and the last lines it said. */
export const inWords = ({ code, said, signal }: Ended): string => {
  const how = signal === undefined ? `exit code ${code ?? "unknown"}` : `signal ${signal}`
  return said === "" ? `${how}, without a word` : `${how}: ${said}`
}
