/**
 * PNG, still and animated: the same samples, filtered and deflated better.
 *
 * @since 1.0.0
 */
import * as Effect from "effect/Effect"
import type { ProcessorError } from "../../../domain/Errors.ts"
import { IMAGE_FRAMES, IMAGE_PIXELS } from "../../../domain/Limits.ts"
import { type Frame, framesOf } from "./apngFrames.ts"
import { isPadding, viewOf } from "./bytes.ts"
import { firstLine, KeepOriginal } from "./KeepOriginal.ts"
import { napiImage } from "./libraries.ts"
import { alike, smallestAlike } from "./pixels.ts"
import { chunksOf, isCritical, isUnsafeToCopy, parsePng, type Png, writePng } from "./pngChunks.ts"
import { describe, isTiedToStorage, known, withoutDescriptions } from "./pngDescriptions.ts"
import type { Optimized, Promises } from "./Promises.ts"

const critical = new Set(["IHDR", "PLTE", "IDAT", "IEND"])

/** Pixels to work on, all frames together. */
const pixelsOf = (png: Png): number =>
  chunksOf(png, "fcTL").reduce(
    (sum, { data }) => sum + (data.length < 12 ? 0 : viewOf(data).getUint32(4) * viewOf(data).getUint32(8)),
    png.width * png.height,
  )

/** Why this one is better not touched. */
const objection = (bytes: Uint8Array, png: Png, promises: Promises): string | undefined => {
  const strange = png.chunks.find((chunk) => isCritical(chunk) && !critical.has(chunk.type))
  if (strange !== undefined) return `it is no PNG of the standard (${strange.type})`
  if (chunksOf(png, "caBX").length > 0) return "it is signed (content credentials)"
  if (pixelsOf(png) > IMAGE_PIXELS) return `it has more than ${IMAGE_PIXELS} pixels`
  if (chunksOf(png, "fcTL").length > IMAGE_FRAMES) return `it has more than ${IMAGE_FRAMES} frames`
  if (chunksOf(png, "fcTL").some(({ data }) => data.length !== 26)) return "its animation is damaged"
  if (!isPadding(bytes, png.end)) return "more than the picture is in the file"
  const tied = png.chunks.find(
    (chunk) => !isCritical(chunk) && isUnsafeToCopy(chunk) && !known.has(chunk.type) && promises.metadata,
  )
  return tied === undefined ? undefined : `a program's own data (${tied.type}) would no longer fit it`
}

/** Depth, kind of samples and palette. */
const storedAs = (png: Png): string =>
  chunksOf(png, "IHDR", "PLTE")
    // Of the header all but interlacing.
    .map(({ data, type }) => Buffer.from(type === "IHDR" ? data.subarray(0, 12) : data).toString("hex"))
    .join(" ")

/** True where a recompressed PNG says the same about itself as its source. */
const saysTheSame = (source: Png, made: Png): boolean => {
  if (describe(source) !== describe(made)) return false
  if (isTiedToStorage(source) && storedAs(source) !== storedAs(made)) return false
  // A profile for colours does not fit greys, nor the other way round.
  const grey = ({ colourType }: Png) => (colourType & 2) === 0
  return chunksOf(source, "iCCP").length === 0 || grey(source) === grey(made)
}

const sameFrames = Effect.fnUntraced(function* (source: ReadonlyArray<Frame>, made: ReadonlyArray<Frame>) {
  if (source.length !== made.length) return false
  for (const [index, frame] of source.entries()) {
    const other = made[index]
    if (other === undefined || other.control !== frame.control) return false
    if (!(yield* alike(frame.picture, other.picture, { strict: false }))) return false
  }
  return true
})

/** A smaller PNG of the same samples. */
export const optimizePng = Effect.fnUntraced(function* (
  bytes: Uint8Array,
  promises: Promises,
): Effect.fn.Return<Optimized, KeepOriginal | ProcessorError> {
  const whole = parsePng(bytes)
  if (whole === undefined) return yield* new KeepOriginal({ reason: "it is damaged or not finished" })
  const reason = objection(bytes, whole, promises)
  if (reason !== undefined) return yield* new KeepOriginal({ reason })

  const stripped = promises.metadata ? bytes : writePng(withoutDescriptions(whole))
  const source = parsePng(stripped) ?? whole
  const { losslessCompressPng } = yield* napiImage
  const reduce = !isTiedToStorage(source)
  const options = {
    // Its own stripping would take gamma and orientation away, which change what is seen.
    strip: false,
    bitDepthReduction: reduce,
    colorTypeReduction: reduce,
    paletteReduction: reduce,
    grayscaleReduction: reduce,
  }
  const made = yield* Effect.tryPromise({
    try: (signal) => losslessCompressPng(stripped, options, signal),
    catch: (cause) => new KeepOriginal({ reason: `it can not be read without errors (${firstLine(cause)})` }),
  })
  const png = parsePng(made)
  const faithful = png !== undefined && saysTheSame(source, png) && (yield* sameFrames(framesOf(source), framesOf(png)))
  return { bytes: yield* smallestAlike(bytes, faithful ? [made, stripped] : [stripped], { strict: false }) }
})
