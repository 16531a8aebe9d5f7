/**
 * Standard error: where log lines and the progress line meet. A reader that is slow, or gone, never disturbs the daemon.
 *
 * @since 1.0.0
 */
import process from "node:process"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { STDERR_BACKLOG_BYTES } from "../../domain/Limits.ts"
import { counted } from "./words.ts"

/** What is needed of a stream to write lines to it. */
export interface LineStream extends NodeJS.WritableStream {
  readonly isTTY?: boolean
  readonly writableLength?: number
}

/** A line that stays at the bottom while others are written above it. */
export interface Footer {
  readonly redraw: () => void
}

/** Lines on standard error. */
export interface StandardErrorShape {
  readonly stream: LineStream
  readonly isTerminal: boolean
  /** Colours are welcome: a terminal that can show them, and `NO_COLOR` is not set. */
  readonly colored: boolean
  /** Writes a line (without its end). Dropped and counted while too much waits for the reader. */
  readonly writeLine: (line: string) => void
  /** Keeps this footer below all lines from now on; undefined: none. */
  readonly setFooter: (footer: Footer | undefined) => void
}

const clearLine = "\r\u001b[2K"

/** Lines on `stream`. Errors of the stream (nobody reads it any more) are swallowed while the Scope is open. */
export const makeStandardError = Effect.fnUntraced(function* (
  stream: LineStream,
  environment: Readonly<Record<string, string | undefined>>,
) {
  let gone = false
  let dropped = 0
  let footer: Footer | undefined
  yield* Effect.acquireRelease(
    Effect.sync(() => {
      const onError = (): void => {
        gone = true
      }
      stream.on("error", onError)
      return onError
    }),
    // An error that is already on its way must find the listener, so it stays once there was one.
    (onError) => Effect.sync(() => (gone ? stream : stream.removeListener("error", onError))),
  )
  const isTerminal = stream.isTTY === true
  const wantsColors = (environment["NO_COLOR"] ?? "") === "" && environment["TERM"] !== "dumb"
  const writeLine = (line: string): void => {
    if (gone) return
    if ((stream.writableLength ?? 0) > STDERR_BACKLOG_BYTES) {
      dropped += 1
      return
    }
    const lost = dropped === 0 ? "" : `(${counted(dropped, "log line")} dropped: standard error was not read)\n`
    dropped = 0
    if (footer === undefined) {
      stream.write(`${lost}${line}\n`)
      return
    }
    stream.write(`${clearLine}${lost}${line}\n`)
    footer.redraw()
  }
  const shape: StandardErrorShape = {
    stream,
    isTerminal,
    colored: isTerminal && wantsColors,
    writeLine,
    setFooter: (next) => {
      footer = next
    },
  }
  return shape
})

/** The service. */
export class StandardError extends Context.Service<StandardError, StandardErrorShape>()(
  "file-conveyor/layers/StandardError",
) {}

/** This process's standard error. */
export const layerStandardError: Layer.Layer<StandardError> = Layer.effect(
  StandardError,
  Effect.suspend(() => makeStandardError(process.stderr, process.env)),
)
