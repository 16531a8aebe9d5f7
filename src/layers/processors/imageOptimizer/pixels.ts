/**
 * The proof that nothing was lost: what two files look like, sample by sample.
 *
 * @since 1.0.0
 */
import { createHash } from "node:crypto"
import * as Effect from "effect/Effect"
import type { ProcessorError } from "../../../domain/Errors.ts"
import { IMAGE_PIXELS } from "../../../domain/Limits.ts"
import { firstLine, KeepOriginal } from "./KeepOriginal.ts"
import { sharp } from "./libraries.ts"

/** How to read a picture. `strict`: a warning of the decoder means that the picture is damaged. */
export interface Reading {
  readonly strict: boolean
  readonly animated?: boolean
}

const widen = (samples: Uint8Array): Uint8Array => {
  const wide = new Uint16Array(samples.length)
  for (let at = 0; at < samples.length; at++) wide[at] = (samples[at] ?? 0) * 257
  return new Uint8Array(wide.buffer)
}

/**
 * A digest of what a picture shows, as 16 bit RGBA (CMYK stays CMYK), hidden colours and the timing of animations
 * included. Colour profiles and orientation are not applied: those have to be the same by themselves.
 */
const digest = Effect.fnUntraced(function* (bytes: Uint8Array, { strict, animated }: Reading) {
  const load = yield* sharp
  return yield* Effect.tryPromise({
    try: async () => {
      const options = {
        failOn: strict ? ("warning" as const) : ("error" as const),
        ignoreIcc: true,
        animated: animated === true,
        limitInputPixels: IMAGE_PIXELS,
      }
      const { delay, depth, loop, pages, space } = await load(bytes, options).metadata()
      const wide = depth === "ushort"
      const cmyk = space === "cmyk"
      const picture = load(bytes, options)
      const comparable = cmyk
        ? // Said twice, or it takes a way through RGB, on which inks get lost.
          picture.pipelineColourspace("cmyk").toColourspace("cmyk")
        : picture.toColourspace(wide ? "rgb16" : "srgb").ensureAlpha()
      const { data, info } = await comparable
        .raw({ depth: wide ? "ushort" : "uchar" })
        .toBuffer({ resolveWithObject: true })
      return createHash("sha256")
        .update(
          JSON.stringify([info.width, info.height, info.channels, cmyk, animated === true && [pages, delay, loop]]),
        )
        .update(wide ? data : widen(data))
        .digest("hex")
    },
    catch: (cause) => new KeepOriginal({ reason: `it can not be read without errors (${firstLine(cause)})` }),
  })
})

/** True where both show exactly the same. Fails where the first one can not be read. */
export const alike = Effect.fnUntraced(function* (
  source: Uint8Array,
  candidate: Uint8Array,
  reading: Reading,
): Effect.fn.Return<boolean, KeepOriginal | ProcessorError> {
  const shown = yield* digest(source, reading)
  const other = digest(candidate, reading).pipe(
    Effect.catchTag("KeepOriginal", () => Effect.succeed("a candidate that can not be read")),
  )
  return (yield* other) === shown
})

/**
 * The smallest of some candidates that shows exactly what the source shows. Keeps the original where none is smaller
 * than the source, or where the source is damaged.
 */
export const smallestAlike = Effect.fnUntraced(function* (
  source: Uint8Array,
  candidates: ReadonlyArray<Uint8Array>,
  reading: Reading,
): Effect.fn.Return<Uint8Array, KeepOriginal | ProcessorError> {
  const smaller = candidates
    .filter((candidate) => candidate.length < source.length)
    .sort((one, other) => one.length - other.length)
  if (smaller.length === 0) return yield* new KeepOriginal({ reason: "it is as small as it can be made" })
  for (const candidate of smaller) if (yield* alike(source, candidate, reading)) return candidate
  return yield* new KeepOriginal({ reason: "no smaller version of it shows exactly the same" })
})
