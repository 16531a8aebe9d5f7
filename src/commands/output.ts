/**
 * What commands print for a person or a script: standard output, nothing else goes there.
 *
 * @since 1.0.0
 */
import * as Effect from "effect/Effect"

/** Prints lines to standard output. */
export const print = (text: string): Effect.Effect<void> =>
  Effect.callback<void>((resume) => {
    process.stdout.write(`${text}\n`, () => resume(Effect.void))
  })

/** A count with its noun: "1 file", "2 files". */
export const counted = (count: number, noun: string): string =>
  `${count.toLocaleString("en")} ${noun}${count === 1 ? "" : "s"}`
