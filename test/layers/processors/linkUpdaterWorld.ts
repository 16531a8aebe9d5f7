/** What the tests of the link updaters share: a server that holds some files, and texts made by chance. */
import { readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { parseReference, withBase } from "../../../src/domain/Reference.ts"
import { type Occurrence, referencesIn, replaceIn } from "../../../src/layers/processors/linkUpdater/occurrence.ts"

/** The bytes of a golden file. */
export const golden = (name: string): Uint8Array =>
  readFileSync(fileURLToPath(new URL(`../../fixtures/linkUpdater/${name}`, import.meta.url)))

const held = new Set([
  "base.css",
  "img/a.png",
  "img/sp ace.png",
  "img/grün-東.png",
  "/drupal/misc/b.png",
  "/drupal/app.js",
  "module.js",
  "a.css.map",
  "a.js.map",
])

/** Like a server that holds the files above, each by a name of its own. */
export const address = (reference: string): string | undefined => {
  const parsed = parseReference(reference)
  if (parsed === undefined) return undefined
  const path = (withBase("", parsed.path) ?? "").replace(/^(?:\.\/)+/, "").replace("img/../img//", "img/")
  if (!held.has(path)) return undefined
  return `https://cdn.example/${encodeURI(path.replace(/^\//, "")).replace(/\.(\w+)$/, "_0123.$1")}${parsed.suffix}`
}

/** The addresses of those references of a text that have one. */
export const addressesFor = (
  references: ReadonlyArray<string>,
  of: (reference: string) => string | undefined = address,
): ReadonlyMap<string, string> =>
  new Map(
    references.flatMap((reference): ReadonlyArray<readonly [string, string]> => {
      const found = of(reference)
      return found === undefined ? [] : [[reference, found]]
    }),
  )

/** A text with its references replaced. */
export const rewritten = (
  find: (text: string) => ReadonlyArray<Occurrence>,
  text: string,
  of: (reference: string) => string | undefined = address,
): string => {
  const occurrences = find(text)
  return replaceIn(text, occurrences, addressesFor(referencesIn(occurrences), of)) ?? text
}

/** Numbers by chance that repeat with their seed (mulberry32). */
export const chance = (seed: number) => {
  let state = seed
  return (below: number): number => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return (((mixed ^ (mixed >>> 14)) >>> 0) % below) as number
  }
}

/** A text put together of pieces by chance. */
export const jumble = (pieces: ReadonlyArray<string>, seed: number, length = 40): string => {
  const next = chance(seed)
  return Array.from({ length: 1 + next(length) }, () => pieces[next(pieces.length)] ?? "").join("")
}
