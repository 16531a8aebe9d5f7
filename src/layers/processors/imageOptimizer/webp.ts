/**
 * WebP: a lossless one is coded better; of a lossy one only descriptions can be taken away.
 *
 * @since 1.0.0
 */
import * as Effect from "effect/Effect"
import type { ProcessorError } from "../../../domain/Errors.ts"
import { IMAGE_PIXELS } from "../../../domain/Limits.ts"
import { isPadding, textAt } from "./bytes.ts"
import { essentialExif } from "./exif.ts"
import { firstLine, KeepOriginal } from "./KeepOriginal.ts"
import { sharp } from "./libraries.ts"
import { smallestAlike } from "./pixels.ts"
import type { Optimized, Promises } from "./Promises.ts"
import { parseWebp, type Webp, type WebpChunk, writeWebp } from "./webpChunks.ts"

/** Bits of the first byte of VP8X. */
const EXIF = 0x08
const XMP = 0x04

/** The part that is in front of EXIF data in JPEG, and where some programs copied it from. */
const JPEG_PREFIX = "Exif\0\0"

/** The chunks without what only describes the picture; in the short form of the format where nothing needs the long one. */
const withoutDescriptions = (webp: Webp): ReadonlyArray<WebpChunk> => {
  const kept = webp.chunks.flatMap((chunk): ReadonlyArray<WebpChunk> => {
    if (["ICCP", "ALPH", "VP8 ", "VP8L", "VP8X"].includes(chunk.type)) return [chunk]
    if (chunk.type !== "EXIF") return []
    const data = essentialExif(textAt(chunk.data, 0, JPEG_PREFIX) ? chunk.data.subarray(6) : chunk.data, webp)
    return data === undefined ? [] : [{ type: "EXIF", data }]
  })
  const long = kept.some(({ type }) => type === "ICCP" || type === "ALPH" || type === "EXIF")
  if (!long) return kept.filter(({ type }) => type !== "VP8X")
  const exif = kept.some(({ type }) => type === "EXIF")
  return kept.map(({ data, type }) => {
    if (type !== "VP8X") return { data, type }
    const flags = Uint8Array.from(data)
    flags[0] = ((flags[0] ?? 0) & ~(XMP | EXIF)) | (exif ? EXIF : 0)
    return { data: flags, type }
  })
}

const recoded = Effect.fnUntraced(function* (bytes: Uint8Array, kept: ReadonlyArray<WebpChunk>) {
  const load = yield* sharp
  const made = yield* Effect.tryPromise({
    try: () =>
      load(bytes, { failOn: "error", ignoreIcc: true, limitInputPixels: IMAGE_PIXELS })
        .webp({ lossless: true, exact: true, effort: 5, quality: 100 })
        .toBuffer(),
    catch: (cause) => new KeepOriginal({ reason: `it can not be read without errors (${firstLine(cause)})` }),
  })
  const picture = parseWebp(made)?.chunks.find(({ type }) => type === "VP8L")
  return picture === undefined ? [] : [writeWebp(kept.map((chunk) => (chunk.type === "VP8L" ? picture : chunk)))]
})

/** A smaller WebP of the same pixels. */
export const optimizeWebp = Effect.fnUntraced(function* (
  bytes: Uint8Array,
  promises: Promises,
): Effect.fn.Return<Optimized, KeepOriginal | ProcessorError> {
  const webp = parseWebp(bytes)
  if (webp === undefined) return yield* new KeepOriginal({ reason: "it is animated, damaged or not finished" })
  if (!isPadding(bytes, webp.end)) return yield* new KeepOriginal({ reason: "more than the picture is in the file" })
  if (webp.width * webp.height > IMAGE_PIXELS) {
    return yield* new KeepOriginal({ reason: `it has more than ${IMAGE_PIXELS} pixels` })
  }
  const kept = promises.metadata ? webp.chunks : withoutDescriptions(webp)
  const lossless = webp.chunks.some(({ type }) => type === "VP8L")
  const candidates = [writeWebp(kept), ...(lossless ? yield* recoded(bytes, kept) : [])]
  return { bytes: yield* smallestAlike(bytes, candidates, { strict: true }) }
})
