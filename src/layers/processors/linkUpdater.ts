/**
 * Processors that make files refer to other files by the URLs those have on the same server.
 *
 * @since 1.0.0
 */
import * as Effect from "effect/Effect"
import { ProcessorError } from "../../domain/Errors.ts"
import { defineProcessor, type ProcessorDefinition } from "../../domain/Processor.ts"
import type { FileText } from "./linkUpdater/fileText.ts"
import type { Occurrence } from "./linkUpdater/occurrence.ts"

/** Finds the references in a text. Throws where the text can not be understood. */
type Find = (text: string) => ReadonlyArray<Occurrence>

/** What is loaded when the first file comes. */
const helpers = Effect.promise(() =>
  Promise.all([import("./linkUpdater/fileText.ts"), import("./linkUpdater/occurrence.ts")]),
)

const updater = (
  name: string,
  extensions: ReadonlySet<string>,
  load: () => Promise<Find>,
  language: string,
): ProcessorDefinition => {
  const search = (find: Find, file: FileText, path: string) =>
    Effect.try({
      try: () =>
        find(file.text).map((found): Occurrence => ({
          ...found,
          reference: file.read(found.reference),
          write: (address) => found.write(file.write(address)),
        })),
      catch: (cause) =>
        new ProcessorError({
          processor: name,
          path,
          detail: `it can not be read as ${language} (${cause instanceof Error ? cause.message : String(cause)}): correct the file, or take it out of the rule`,
          cause,
        }),
    })

  return defineProcessor({
    name,
    extensions,
    perServer: true,
    process: Effect.fnUntraced(function* ({ addressesOf, baseName, content, path, read, write }) {
      if (addressesOf === undefined) {
        const detail = "nobody can tell where the references of the file lead"
        return yield* new ProcessorError({ processor: name, path, detail })
      }
      const untouched = { content, baseName }
      const [{ fileText }, { referencesIn, replaceIn }] = yield* helpers
      const file = fileText(yield* read)
      if (file === undefined) return untouched
      const occurrences = yield* search(yield* Effect.promise(load), file, path)
      const references = referencesIn(occurrences)
      if (references.length === 0) return untouched
      const text = replaceIn(file.text, occurrences, yield* addressesOf(references))
      return text === undefined ? untouched : { content: yield* write(file.toBytes(text)), baseName }
    }),
  })
}

/** `link_updater.CSSURLUpdater`: `url()`, `src()`, `@import`, `image-set()` and the source map of a style sheet. */
export const css: ProcessorDefinition = updater(
  "link_updater.CSSURLUpdater",
  new Set(["css"]),
  async () => (await import("./linkUpdater/cssReferences.ts")).cssReferences,
  "CSS",
)

/** `link_updater.HTMLURLUpdater`: what a page is made of, in its elements, style attributes and style sheets. */
export const html: ProcessorDefinition = updater(
  "link_updater.HTMLURLUpdater",
  new Set(["html", "htm"]),
  async () => (await import("./linkUpdater/htmlReferences.ts")).htmlReferences,
  "HTML",
)

/** `link_updater.JSURLUpdater`: texts that are exactly the path of a file from the site's root, and what modules import. */
export const js: ProcessorDefinition = updater(
  "link_updater.JSURLUpdater",
  new Set(["js", "mjs"]),
  async () => (await import("./linkUpdater/jsReferences.ts")).jsReferences,
  "JavaScript",
)
