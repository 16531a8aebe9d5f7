/**
 * Processors that compress files for browsers that take them compressed, which is all of them.
 *
 * On a server with headers the file itself is published compressed, and its Content-Encoding says so. On the others it is
 * published as it is, with the compressed form beside it, for web servers that look for one (`app.js.br`).
 *
 * @since 1.0.0
 */
import { promisify } from "node:util"
import { brotliCompress, constants, gzip as zlibGzip } from "node:zlib"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { ProcessorError } from "../../domain/Errors.ts"
import { BROTLI_HARDEST_BYTES, COMPRESS_BYTES } from "../../domain/Limits.ts"
import { defineProcessor, type ProcessedFile, type ProcessorDefinition } from "../../domain/Processor.ts"
import { count } from "../config/values.ts"

/** What is text, or otherwise not compressed by itself. */
const extensions: ReadonlySet<string> = new Set(
  (
    "css js mjs cjs json map webmanifest html htm xhtml xml rss atom svg txt md csv tsv ics vcf vtt srt " +
    "ttf otf eot ico bmp wasm glb gltf geojson topojson kml wsdl xsl xslt yaml yml toml sql log"
  ).split(" "),
)

/** How to compress. */
interface Compression<S> {
  readonly name: string
  readonly encoding: string
  /** Of the compressed form beside the file. */
  readonly suffix: string
  readonly settings: Schema.Decoder<S>
  readonly compress: (bytes: Uint8Array, settings: S) => Promise<Uint8Array>
}

/** The beginnings of what is compressed already: gzip and zstd. Brotli has none, but never gets smaller. */
const isCompressed = (bytes: Uint8Array): boolean =>
  (bytes[0] === 0x1f && bytes[1] === 0x8b) ||
  (bytes[0] === 0x28 && bytes[1] === 0xb5 && bytes[2] === 0x2f && bytes[3] === 0xfd)

const compressor = <S>({ compress, encoding, name, settings, suffix }: Compression<S>): ProcessorDefinition<S> =>
  defineProcessor<S>({
    name,
    extensions,
    perServer: true,
    cached: true,
    settings,
    process: Effect.fnUntraced(function* (job, decoded) {
      const unchanged: ProcessedFile = { content: job.content, baseName: job.baseName }
      if (job.content.size > COMPRESS_BYTES) return unchanged
      const bytes = yield* job.read
      if (isCompressed(bytes)) return unchanged
      const made = yield* Effect.tryPromise({
        try: () => compress(bytes, decoded),
        catch: (cause) =>
          new ProcessorError({
            processor: name,
            path: job.path,
            detail: `it could not be compressed: ${String(cause)}`,
            cause,
          }),
      })
      if (made.length >= bytes.length) return unchanged
      const content = yield* job.write(made)
      if (job.serverHas?.headers !== true) return { ...unchanged, companions: [{ suffix, content }] }
      return { content, baseName: job.baseName, headers: { "content-encoding": encoding } }
    }),
  })

const gzipped = promisify<Uint8Array, { readonly level: number }, Uint8Array>(zlibGzip)

/** `compress.Gzip`: what every browser takes. `level` 1 to 9 (smallest, and what is used where it is absent). */
export const gzip: ProcessorDefinition<{ readonly level: number }> = compressor({
  name: "compress.Gzip",
  encoding: "gzip",
  suffix: ".gz",
  settings: Schema.Struct({ level: count(1, 9).pipe(Schema.withDecodingDefaultKey(Effect.succeed("9"))) }),
  compress: (bytes, { level }) => gzipped(bytes, { level }),
})

const brotlied = promisify<Uint8Array, { readonly params: Record<number, number> }, Uint8Array>(brotliCompress)

/**
 * `compress.Brotli`: a fifth smaller than gzip, for connections over TLS. `quality` 0 to 11; where it is absent 11
 * (smallest), and 9 for files of more than {@link BROTLI_HARDEST_BYTES}.
 */
export const brotli: ProcessorDefinition<{ readonly quality?: number }> = compressor({
  name: "compress.Brotli",
  encoding: "br",
  suffix: ".br",
  settings: Schema.Struct({ quality: Schema.optionalKey(count(0, 11)) }),
  compress: (bytes, { quality = bytes.length > BROTLI_HARDEST_BYTES ? 9 : 11 }) =>
    brotlied(bytes, {
      params: { [constants.BROTLI_PARAM_QUALITY]: quality, [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length },
    }),
})
