/**
 * `headers.Set`: what servers with headers say of a file besides its bytes. On the others nothing changes.
 *
 * @since 1.0.0
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { defineProcessor, type ProcessorDefinition } from "../../domain/Processor.ts"
import { matching, value, Wrong } from "../config/values.ts"

const header = (example: string) =>
  Schema.optionalKey(matching(/^[\x20-\x7e]+$/, "is not a header value", `Write e.g. ${example}.`))

/** Name and value pairs, in the order they are written in. */
type Metadata = ReadonlyArray<readonly [name: string, value: string]>

const metadata = value<Metadata>(
  (text) => {
    const pairs: Array<readonly [string, string]> = []
    for (const part of text.split(";")) {
      const [, name, held] = /^\s*([A-Za-z0-9-]+)\s*=\s*(\S.*?)\s*$/su.exec(part) ?? []
      if (name === undefined || held === undefined || /\p{Cc}/u.test(held)) {
        return new Wrong("holds no pairs of a name and a value", "Write e.g. owner=web team; ticket=7.")
      }
      pairs.push([name.toLowerCase(), held])
    }
    return pairs
  },
  (pairs) => pairs.map(([name, held]) => `${name}=${held}`).join("; "),
)

const fields = {
  cacheControl: header("public, max-age=3600"),
  expires: header("Tue, 20 Jan 2037 03:00:00 GMT"),
  contentType: header("text/html; charset=iso-8859-1"),
  contentEncoding: header("gzip"),
  contentDisposition: header("attachment"),
  contentLanguage: header("de"),
  metadata: Schema.optionalKey(metadata),
}

const Settings = Schema.Struct(fields).check(
  Schema.makeFilter(
    (settings) =>
      Object.keys(settings).length > 0 || {
        path: [],
        issue: `sets nothing\nGive it at least one of: ${Object.keys(fields).join(", ")}.`,
      },
  ),
)
type Settings = typeof Settings.Type

const named = {
  cacheControl: "cache-control",
  expires: "expires",
  contentType: "content-type",
  contentEncoding: "content-encoding",
  contentDisposition: "content-disposition",
  contentLanguage: "content-language",
} as const

/** Each kind of store has a word of its own in front of metadata, and passes over that of the others. */
const metadataPrefixes = ["x-amz-meta-", "x-object-meta-"]

const headersOf = (settings: Settings): Readonly<Record<string, string>> => ({
  ...Object.fromEntries(
    Object.entries(named).flatMap(([setting, name]) => {
      const held = settings[setting as keyof typeof named]
      return held === undefined ? [] : [[name, held]]
    }),
  ),
  ...Object.fromEntries(
    (settings.metadata ?? []).flatMap(([name, held]) => metadataPrefixes.map((prefix) => [prefix + name, held])),
  ),
})

/** `headers.Set` */
export const setHeaders: ProcessorDefinition<Settings> = defineProcessor<Settings>({
  name: "headers.Set",
  inline: true,
  renames: true,
  settings: Settings,
  process: (job, settings) =>
    Effect.succeed({ content: job.content, baseName: job.baseName, headers: headersOf(settings) }),
})
