/**
 * Processors that make pictures smaller without changing a single pixel, their orientation or their colours.
 *
 * JPEG, PNG, APNG, GIF and WebP are told by their first bytes, whatever their name. Each result is decoded and compared
 * with the source, sample by sample, before it is used; where anything is in doubt, or nothing is gained, the file is
 * published as it is.
 *
 * @since 1.0.0
 */
import * as Effect from "effect/Effect"
import type { ProcessorError } from "../../domain/Errors.ts"
import { IMAGE_BYTES } from "../../domain/Limits.ts"
import { extensionOf } from "../../domain/Path.ts"
import type { ProcessorDefinition } from "../../domain/Processor.ts"
import { type Format, formatOf } from "./imageOptimizer/format.ts"
import { optimizeGif } from "./imageOptimizer/gif.ts"
import { optimizeJpeg } from "./imageOptimizer/jpeg.ts"
import { KeepOriginal } from "./imageOptimizer/KeepOriginal.ts"
import { napiImage, sharp } from "./imageOptimizer/libraries.ts"
import { optimizePng } from "./imageOptimizer/png.ts"
import type { Optimized, Promises } from "./imageOptimizer/Promises.ts"
import { optimizeWebp } from "./imageOptimizer/webp.ts"

const extensions: ReadonlySet<string> = new Set(["jpg", "jpeg", "jpe", "jfif", "png", "apng", "gif", "webp"])

const optimizers: Readonly<
  Record<Format, (bytes: Uint8Array, promises: Promises) => Effect.Effect<Optimized, KeepOriginal | ProcessorError>>
> = { jpeg: optimizeJpeg, png: optimizePng, gif: optimizeGif, webp: optimizeWebp }

const renamed = (baseName: string, extension: string): string =>
  `${baseName.slice(0, baseName.lastIndexOf("."))}.${extension}`

const optimizer = (name: string, promises: Promises): ProcessorDefinition => ({
  name,
  extensions,
  available: Effect.asVoid(Effect.all([sharp, napiImage])),
  process: (job) =>
    Effect.gen(function* () {
      if (job.content.size > IMAGE_BYTES) {
        return yield* new KeepOriginal({ reason: `it is larger than ${IMAGE_BYTES} bytes` })
      }
      const bytes = yield* job.read
      const format = formatOf(bytes)
      if (format === undefined) return yield* new KeepOriginal({ reason: "it is no JPEG, PNG, GIF or WebP" })
      // A still GIF becomes a PNG under the name of a PNG only.
      const named = ["gif", "png"].includes(extensionOf(job.baseName))
      const { bytes: optimized, extension } = yield* optimizers[format](bytes, {
        ...promises,
        filename: promises.filename || !named,
      })
      return {
        content: yield* job.write(optimized),
        baseName: extension === undefined ? job.baseName : renamed(job.baseName, extension),
      }
    }).pipe(
      Effect.catchTag("KeepOriginal", ({ reason }) =>
        Effect.as(Effect.logDebug(`${name}: ${job.path} stays as it is: ${reason}`), {
          content: job.content,
          baseName: job.baseName,
        }),
      ),
    ),
})

/** `image_optimizer.Max`: no metadata but orientation and colour; a still GIF becomes a PNG where that is smaller. */
export const max = optimizer("image_optimizer.Max", { metadata: false, filename: false })

/** `image_optimizer.KeepMetadata`: as Max, with all metadata. */
export const keepMetadata = optimizer("image_optimizer.KeepMetadata", { metadata: true, filename: false })

/** `image_optimizer.KeepFilename`: as Max, and still GIFs stay what they are. */
export const keepFilename = optimizer("image_optimizer.KeepFilename", { metadata: false, filename: true })

/** `image_optimizer.KeepMetadataAndFilename`: all metadata, and still GIFs stay what they are. */
export const keepMetadataAndFilename = optimizer("image_optimizer.KeepMetadataAndFilename", {
  metadata: true,
  filename: true,
})
