/** The files of a simulated world: what they are called, and what people write into them. */
import { posix } from "node:path"
import { poison } from "./config.ts"
import type { Chance } from "./random.ts"

const directories = ["", "a/", "b/", "a/c/", "b/d e/", "x/", ".git/"]
const names = [
  "f.css",
  "g h.css",
  "i.txt",
  "j",
  "k.drop",
  "x",
  "c",
  "g-h.css",
  "m.txt",
  "l.css",
  "p.png",
  "q r.png",
  "i.txt.br",
]

export interface Files {
  /** Few names, so that operations meet. */
  readonly pool: ReadonlyArray<string>
  /** So many beside one another that they do not all go at once; empty in most worlds. */
  readonly crowd: ReadonlyArray<string>
  readonly file: () => string
  readonly directory: () => string
  readonly any: () => string
  /** One for which this holds, if there is one. */
  readonly which: (holds: (path: string) => boolean) => string | undefined
  /** What is written to a file next: in nearly all cases something else than before. */
  readonly text: (path: string) => string
  /** The same, of a few bytes. */
  readonly short: (path: string) => string
  /** How much was written so far. */
  readonly written: () => number
}

/** A reference from one file to another, in one of the ways that people write it. */
const reference = (chance: Chance, from: string, to: string): string => {
  const relative = posix.relative(posix.dirname(from), to)
  const path = (chance.happens(0.3) ? to : relative).split("/").map(encodeURIComponent).join("/")
  const written =
    path +
    chance.weighted([
      [8, ""],
      [1, "?v=1"],
      [1, "#x"],
    ])
  return chance.weighted<() => string>([
    [3, () => `url(${written})`],
    [1, () => `url( "${written}" )`],
    [1, () => `url('${written.replaceAll("%20", " ")}')`],
    [2, () => `@import "${written}";`],
  ])()
}

const styleSheet = (chance: Chance, path: string, other: () => string, version: number): string => {
  const references = Array.from({ length: 1 + chance.below(3) }, () =>
    reference(chance, path, chance.happens(0.1) ? "/site/missing.png" : other()),
  )
  return `${version}{}${references.join(" ")}${chance.happens(0.3) ? `/*${"-".repeat(chance.below(60))}*/` : ""}`
}

const makeCrowd = (chance: Chance): ReadonlyArray<string> => {
  const areTwins = chance.happens(0.4)
  const directory = `/${chance.happens(areTwins ? 0.3 : 0.75) ? "site" : "media"}/${chance.pick(directories)}`
  const extension = chance.pick(["png", "txt", "css"])
  const all = Array.from({ length: 7 + chance.below(14) }, (_, i) => `${directory}${i}.${extension}`)
  if (!areTwins) return all
  // Names that chains make the same, two by two.
  return all.map((_, i) => `${directory}${i >> 1}${i % 2 === 0 ? " " : "-"}v.${extension}`)
}

export const makeFiles = (chance: Chance): Files => {
  const isCrowded = chance.happens(0.3)
  const pool = Array.from(
    { length: 2 + chance.below(8) },
    () => `/${chance.happens(0.75) ? "site" : "media"}/${chance.pick(directories)}${chance.pick(names)}`,
  )
  const crowd = isCrowded ? makeCrowd(chance) : []
  pool.push(...crowd.slice(0, 4))
  // Two names that chains make the same.
  if (chance.happens(0.25)) {
    const directory = `/${chance.pick(["site", "media", "media"])}/${chance.pick(directories)}`
    pool.push(`${directory}g h.css`, `${directory}g-h.css`)
  }
  // A file, and one that is called like what is published beside it.
  if (chance.happens(0.25)) {
    const name = `/${chance.pick(["site", "media"])}/${chance.pick(directories)}${chance.pick(["m.txt", "f.css"])}`
    pool.push(name, `${name}.br`)
  }
  // Pages that show images.
  if (chance.happens(0.2)) {
    pool.push(`/${chance.pick(["site", "media"])}/${chance.pick(directories)}l.css`)
    pool.push(`/site/${chance.pick(directories)}p.png`)
  }
  let written = 0
  const file = () => chance.pick(pool)
  const directory = () => {
    const path = file()
    return path.slice(0, path.lastIndexOf("/"))
  }
  const text = (path: string) => {
    written++
    if (chance.happens(0.04)) return `${poison} ${written}`
    if (path.endsWith(".css") && chance.happens(0.75)) return styleSheet(chance, path, file, written)
    if (chance.happens(0.25)) return chance.pick(["same", "twin", ""])
    return `${written}:${"-".repeat(chance.below(90))}`
  }
  return {
    pool,
    crowd,
    file,
    directory,
    any: () => (chance.happens(0.3) ? directory() : file()),
    which: (holds) => {
      const found = pool.filter(holds)
      return found.length === 0 ? undefined : chance.pick(found)
    },
    text,
    short: (path) => (chance.happens(0.1) ? text(path) : `${++written}`),
    written: () => written,
  }
}
