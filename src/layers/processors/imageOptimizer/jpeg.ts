/**
 * JPEG: the same coefficients, coded better, with the descriptions of the source that are to stay.
 *
 * @since 1.0.0
 */
import * as Effect from "effect/Effect"
import type { ProcessorError } from "../../../domain/Errors.ts"
import { IMAGE_PIXELS } from "../../../domain/Limits.ts"
import { isPadding } from "./bytes.ts"
import { essentialExif } from "./exif.ts"
import { EXIF_HEADER, exifSegment, type Jpeg, parseJpeg, type Segment, writeJpeg } from "./jpegSegments.ts"
import { KeepOriginal } from "./KeepOriginal.ts"
import { napiImage } from "./libraries.ts"
import { smallestAlike } from "./pixels.ts"
import type { Optimized, Promises } from "./Promises.ts"

/** Why this one is better not touched. */
const objection = (bytes: Uint8Array, jpeg: Jpeg): string | undefined => {
  if (jpeg.frame > 0xc2) return "its coding (arithmetic, lossless or hierarchical) is one that few programs read"
  if (jpeg.precision !== 8) return `it has ${jpeg.precision} bits per sample`
  if (jpeg.width === 0 || jpeg.height === 0) return "its size is not in its header"
  if (jpeg.width * jpeg.height > IMAGE_PIXELS) return `it has more than ${IMAGE_PIXELS} pixels`
  if (jpeg.segments.some(({ kind }) => kind === "several")) return "it holds several pictures (MPF)"
  if (jpeg.segments.some(({ kind }) => kind === "signed")) return "it is signed, or made of boxes (JUMBF)"
  if (jpeg.segments.filter(({ kind }) => kind === "exif").length > 1) return "it has EXIF data twice"
  if (!isPadding(bytes, jpeg.end)) return "more than the picture is in the file (e.g. a motion photo)"
  return undefined
}

/** What stays of the source's descriptions, in their order. The segments that coding needs are not among them. */
const descriptions = (jpeg: Jpeg, promises: Promises): ReadonlyArray<Uint8Array> =>
  jpeg.segments.flatMap(({ bytes, kind }): ReadonlyArray<Uint8Array> => {
    if (kind === "coding") return []
    if (promises.metadata || kind === "jfif" || kind === "icc" || kind === "adobe") return [bytes]
    if (kind !== "exif") return []
    const tiff = essentialExif(bytes.subarray(EXIF_HEADER), jpeg)
    return tiff === undefined ? [] : [exifSegment(tiff)]
  })

const coding = (segments: ReadonlyArray<Segment>): ReadonlyArray<Uint8Array> =>
  segments.filter(({ kind }) => kind === "coding").map(({ bytes }) => bytes)

/** A smaller JPEG of the same coefficients. */
export const optimizeJpeg = Effect.fnUntraced(function* (
  bytes: Uint8Array,
  promises: Promises,
): Effect.fn.Return<Optimized, KeepOriginal | ProcessorError> {
  const source = parseJpeg(bytes)
  if (source === undefined) return yield* new KeepOriginal({ reason: "it is damaged or not finished" })
  const reason = objection(bytes, source)
  if (reason !== undefined) return yield* new KeepOriginal({ reason })

  const { compressJpeg } = yield* napiImage
  const recoded = yield* Effect.orElseSucceed(
    Effect.map(
      Effect.tryPromise((signal) => compressJpeg(bytes, undefined, signal)),
      parseJpeg,
    ),
    () => undefined,
  )
  const kept = descriptions(source, promises)
  const candidates = [source, ...(recoded === undefined ? [] : [recoded])].map(({ scans, segments }) =>
    writeJpeg([...kept, ...coding(segments)], scans),
  )
  return { bytes: yield* smallestAlike(bytes, candidates, { strict: true }) }
})
