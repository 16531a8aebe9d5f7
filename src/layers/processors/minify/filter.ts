/**
 * A program that reads a file on its standard input and prints what it makes of it.
 *
 * @since 1.0.0
 */
import { type ChildProcess, spawn } from "node:child_process"
import * as Effect from "effect/Effect"
import { COMPRESSOR_MESSAGE_BYTES, COMPRESSOR_OUTPUT_BYTES, COMPRESSOR_TIME } from "../../../domain/Limits.ts"

/** What is started: no shell is involved, so no word of it is more than a word. */
export interface Invocation {
  readonly program: string
  readonly words: ReadonlyArray<string>
}

/** How it ended. `problem` says why it was ended or could not be started. */
export interface Filtered {
  readonly output: Uint8Array
  readonly messages: string
  readonly code: number | undefined
  readonly problem: string | undefined
}

/** Keeps what a stream says, up to a limit. */
const collect = (limit: number) => {
  const pieces: Array<Buffer> = []
  let size = 0
  return {
    add: (piece: Buffer): boolean => {
      const room = limit - size
      size += piece.length
      if (room > 0) pieces.push(piece.subarray(0, room))
      return size <= limit
    },
    bytes: () => Buffer.concat(pieces),
  }
}

const end = (child: ChildProcess): void => {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return
  try {
    // With whatever it started: it leads a group of its own.
    process.kill(-child.pid, "SIGKILL")
  } catch {
    child.kill("SIGKILL")
  }
}

/**
 * Runs it over these bytes. It is ended when it takes longer than `time` milliseconds, prints more than
 * {@link COMPRESSOR_OUTPUT_BYTES}, or when nobody waits for it any more.
 */
export const filter = (
  { program, words }: Invocation,
  bytes: Uint8Array,
  time: number = COMPRESSOR_TIME,
): Effect.Effect<Filtered> =>
  Effect.callback<Filtered>((resume) => {
    const output = collect(COMPRESSOR_OUTPUT_BYTES)
    const messages = collect(COMPRESSOR_MESSAGE_BYTES)
    let problem: string | undefined
    const child = spawn(program, words, { stdio: ["pipe", "pipe", "pipe"], shell: false, detached: true })
    const give = (why: string) => {
      problem ??= why
      end(child)
    }
    const timer = setTimeout(() => give(`it took longer than ${Math.round(time / 1000)} seconds`), time)
    child.stdout.on("data", (piece: Buffer) => {
      if (!output.add(piece)) give(`it printed more than ${COMPRESSOR_OUTPUT_BYTES} bytes`)
    })
    child.stderr.on("data", (piece: Buffer) => void messages.add(piece))
    // A program that does not want to read on says why itself.
    child.stdin.on("error", () => undefined)
    child.on("error", (cause) => {
      problem ??= `it can not be started: ${cause.message}`
    })
    child.on("close", (code) => {
      clearTimeout(timer)
      resume(
        Effect.succeed({
          output: output.bytes(),
          messages: messages.bytes().toString("utf8"),
          code: code ?? undefined,
          problem,
        }),
      )
    })
    child.stdin.end(bytes)
    return Effect.sync(() => {
      clearTimeout(timer)
      end(child)
    })
  })
