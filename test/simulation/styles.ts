/**
 * Style sheets of simulated worlds: the processor that updates their links, and how the oracle reads them. Where a
 * reference stands in a text is the product's to say, its own tests are about that; where it leads is worked out anew.
 */
import { posix } from "node:path"
import { Effect } from "effect"
import { ProcessorError } from "../../src/domain/Errors.ts"
import type { RelativePath, SourceName } from "../../src/domain/Path.ts"
import { defineProcessor, type ProcessorDefinition, type ProcessorJob } from "../../src/domain/Processor.ts"
import { fileOf } from "../../src/layers/ledger/memoryState.ts"
import { cssReferences } from "../../src/layers/processors/linkUpdater/cssReferences.ts"
import { fileText } from "../../src/layers/processors/linkUpdater/fileText.ts"
import { referencesIn, replaceIn } from "../../src/layers/processors/linkUpdater/occurrence.ts"
import type { World } from "./world.ts"

export const linkUpdaterName = "link_updater.CSSURLUpdater"

/** What the product's does, without loading anything when the first file comes. */
export const linkUpdater: ProcessorDefinition = defineProcessor({
  name: linkUpdaterName,
  extensions: new Set(["css"]),
  perServer: true,
  process: Effect.fnUntraced(function* ({ addressesOf, baseName, content, path, read, write }: ProcessorJob) {
    const file = fileText(yield* read)
    if (file === undefined || addressesOf === undefined) {
      return yield* new ProcessorError({ processor: linkUpdaterName, path, detail: "it can not be read" })
    }
    const occurrences = cssReferences(file.text)
    const references = referencesIn(occurrences)
    if (references.length === 0) return { content, baseName }
    const text = replaceIn(file.text, occurrences, yield* addressesOf(references))
    return text === undefined ? { content, baseName } : { content: yield* write(file.toBytes(text)), baseName }
  }),
})

/** What a reference may say once it is published; undefined: itself, or any address of ours. Empty: itself. */
export type Addresses = (reference: string) => ReadonlyArray<string> | undefined

const escaped = (text: string): string => text.replaceAll(/[\\^$.*+?()[\]{}|]/g, "\\$&")

const anyAddress = `["']?https://[a-z]+\\.example/[^\\s"')]*["']?`

/** The source of an expression for a style sheet after its links were updated. */
export const updatedPattern = (text: string, addresses: Addresses): string => {
  let pattern = ""
  let at = 0
  for (const { end, reference, start, write } of cssReferences(text)) {
    if (start < at) continue
    const known = addresses(reference)
    const asItIs = escaped(text.slice(start, end))
    const possible =
      known === undefined
        ? [asItIs, anyAddress]
        : known.length === 0
          ? [asItIs]
          : known.map((address) => escaped(write(address)))
    pattern += `${escaped(text.slice(at, start))}(?:${possible.join("|")})`
    at = end
  }
  return pattern + escaped(text.slice(at))
}

interface Led {
  readonly absolute: string
  readonly suffix: string
}

/** Undefined where a reference leads to no file; "unclear" where nobody would write it so. */
const lead = (reference: string, source: string, path: string): Led | "unclear" | undefined => {
  const cut = reference.search(/[?#]/)
  const written = (cut === -1 ? reference : reference.slice(0, cut)).replaceAll("\\", "/")
  if (written === "" || written.endsWith("/") || written.startsWith("//") || /^[A-Za-z][\w+.-]*:/.test(written)) {
    return undefined
  }
  try {
    const absolute = posix.resolve(`/${source}`, posix.dirname(path), decodeURIComponent(written))
    return { absolute, suffix: cut === -1 ? "" : reference.slice(cut) }
  } catch {
    return "unclear"
  }
}

/** The addresses of the files that a style sheet refers to, as they are delivered to a server now. */
export const addressesNow =
  (world: World, sources: ReadonlyArray<string>, server: string, source: string, path: string): Addresses =>
  (reference) => {
    const led = lead(reference, source, path)
    if (led === undefined) return []
    if (led === "unclear") return undefined
    for (let at = led.absolute; at !== "/"; at = posix.dirname(at)) if (world.everLinked.has(at)) return undefined
    const [, where = "", ...rest] = led.absolute.split("/")
    if (!sources.includes(where)) return []
    return fileOf(world.ledger, where as SourceName, rest.join("/") as RelativePath)
      .filter((row) => row.server === server)
      .map((row) => row.url + led.suffix)
  }

/** What a style sheet refers to, as absolute paths. */
export const referredBy = (text: string, source: string, path: string): ReadonlyArray<string> =>
  referencesIn(cssReferences(text)).flatMap((reference) => {
    const led = lead(reference, source, path)
    return led === undefined || led === "unclear" ? [] : [led.absolute]
  })

/** Whether it refers to this address. */
export const refersTo = (text: string, url: string): boolean =>
  cssReferences(text).some(({ reference }) => reference.replace(/[?#].*$/, "") === url)

/** Whether a style sheet ever led back to itself, over whatever others as they ever were. */
export const wasInCycle = (world: World, absolute: string): boolean => {
  // Through links there are more ways than are kept here.
  if (world.everLinked.size > 0) return true
  const seen = new Set(world.everReferred.get(absolute))
  for (const next of seen) {
    if (next === absolute) return true
    for (const other of world.everReferred.get(next) ?? []) seen.add(other)
  }
  return false
}
