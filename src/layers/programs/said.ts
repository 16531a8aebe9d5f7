/**
 * The end of what a program says, fit for a message.
 *
 * @since 1.0.0
 */
import { PROGRAM_SAID_BYTES, PROGRAM_SAID_LINE, PROGRAM_SAID_LINES } from "../../domain/Limits.ts"
import { display, fromBytes } from "../../domain/Path.ts"

/** Keeps the last bytes of what is added. */
export interface Tail {
  readonly add: (bytes: Uint8Array) => void
  readonly bytes: () => Uint8Array
}

/** A tail of at most {@link PROGRAM_SAID_BYTES}. */
export const makeTail = (): Tail => {
  let kept = Buffer.alloc(0)
  return {
    add: (bytes) => {
      const whole = Buffer.concat([kept, bytes])
      // A copy, so that a large piece is not kept alive by its end.
      kept = Buffer.from(whole.subarray(Math.max(0, whole.length - PROGRAM_SAID_BYTES)))
    },
    bytes: () => kept,
  }
}

const cut = (line: string): string =>
  line.length > PROGRAM_SAID_LINE ? `${line.slice(0, PROGRAM_SAID_LINE).replace(/[\uD800-\uDBFF]$/, "")}...` : line

/**
 * The last lines of some output, in one line; what would act on a terminal is shown as escapes, and paths in `directory`
 * by what is behind it.
 */
export const lastLines = (bytes: Uint8Array, directory: string): string =>
  fromBytes(bytes)
    .replaceAll(`${directory}/`, "")
    .split(/[\r\n]+/)
    .map((line) => cut(display(line.trim())))
    .filter((line) => line !== "")
    .slice(-PROGRAM_SAID_LINES)
    .join(" | ")
