/**
 * GIF: a still one may become a PNG, an animated one is stored better by gifsicle.
 *
 * @since 1.0.0
 */
import * as Effect from "effect/Effect"
import type { ProcessorError } from "../../../domain/Errors.ts"
import { IMAGE_FRAMES, IMAGE_PIXELS } from "../../../domain/Limits.ts"
import { isPadding } from "./bytes.ts"
import { type Gif, parseGif } from "./gifBlocks.ts"
import { gifsicle } from "./gifsicle.ts"
import { firstLine, KeepOriginal } from "./KeepOriginal.ts"
import { gifsicleProgram, napiImage, sharp } from "./libraries.ts"
import { smallestAlike } from "./pixels.ts"
import { parsePng, writePng } from "./pngChunks.ts"
import { withoutDescriptions } from "./pngDescriptions.ts"
import type { Optimized, Promises } from "./Promises.ts"

/** Applications whose data only says how often the animation runs. */
const repetition = new Set(["NETSCAPE2.0", "ANIMEXTS1.0"])

const hasProfile = ({ applications }: Gif): boolean => applications.includes("ICCRGBG1012")

/** Why this one is better not touched. */
const objection = (bytes: Uint8Array, gif: Gif): string | undefined => {
  if (gif.frames === 0) return "there is no picture in it"
  if (gif.width === 0 || gif.height === 0) return "its size is not in its header"
  if (gif.frames > IMAGE_FRAMES) return `it has more than ${IMAGE_FRAMES} frames`
  if (gif.width * gif.height * gif.frames > IMAGE_PIXELS) return `it has more than ${IMAGE_PIXELS} pixels`
  if (gif.drawnText) return "it has text that programs draw in different ways"
  if (!isPadding(bytes, gif.end)) return "more than the picture is in the file"
  return undefined
}

/** Why a still one can not become a PNG that is the same to everybody. */
const bound = (gif: Gif, promises: Promises): string | undefined => {
  if (promises.filename) return "a still GIF keeps its name"
  // Programs do not agree on what is seen where no frame is.
  if (!gif.covered) return "its frame does not cover it"
  if (!gif.square) return "its pixels are not square"
  if (hasProfile(gif)) return "it has a colour profile"
  const described = gif.comments || gif.applications.some((name) => !repetition.has(name))
  return promises.metadata && described ? "what it says about itself would be lost" : undefined
}

const toPng = Effect.fnUntraced(function* (bytes: Uint8Array) {
  const load = yield* sharp
  const { losslessCompressPng } = yield* napiImage
  const made = yield* Effect.tryPromise({
    try: async (signal) => {
      const png = await load(bytes, { failOn: "warning", limitInputPixels: IMAGE_PIXELS })
        .png({ compressionLevel: 9, palette: false })
        .toBuffer()
      const plain = parsePng(png)
      // Resolution and the like come from the encoder, not from the source.
      const bare =
        plain === undefined
          ? png
          : writePng(withoutDescriptions(plain).filter(({ type }) => !/^[a-z]/.test(type) || type === "tRNS"))
      return losslessCompressPng(bare, { strip: false }, signal)
    },
    catch: (cause) => new KeepOriginal({ reason: `it can not be read without errors (${firstLine(cause)})` }),
  })
  return yield* smallestAlike(bytes, [made], { strict: true })
})

const animated = Effect.fnUntraced(function* (bytes: Uint8Array, gif: Gif, promises: Promises) {
  const program = yield* gifsicleProgram
  if (program === undefined) return yield* new KeepOriginal({ reason: "@343dev/gifsicle is not installed" })
  const strip = promises.metadata
    ? []
    : ["--no-comments", "--no-names", ...(hasProfile(gif) ? [] : ["--no-extensions"])]
  // Frames that change nothing stay: they are part of the timing.
  const made = yield* gifsicle(program, ["-O3", "-Okeep-empty", "--no-warnings", ...strip], bytes)
  return yield* smallestAlike(bytes, [made], { strict: true, animated: true })
})

/** A smaller GIF of the same frames, or a smaller PNG of the only one. `isGif`: the file has the name of a GIF. */
export const optimizeGif = Effect.fnUntraced(function* (
  bytes: Uint8Array,
  promises: Promises,
): Effect.fn.Return<Optimized, KeepOriginal | ProcessorError> {
  const gif = parseGif(bytes)
  if (gif === undefined) return yield* new KeepOriginal({ reason: "it is damaged or not finished" })
  const reason = objection(bytes, gif) ?? (gif.frames === 1 ? bound(gif, promises) : undefined)
  if (reason !== undefined) return yield* new KeepOriginal({ reason })
  return gif.frames === 1
    ? { bytes: yield* toPng(bytes), extension: "png" }
    : { bytes: yield* animated(bytes, gif, promises) }
})
