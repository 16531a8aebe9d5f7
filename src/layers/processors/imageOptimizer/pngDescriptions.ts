/**
 * What a PNG says about itself besides its pixels, and which of it has to survive.
 *
 * @since 1.0.0
 */
import { inflateSync } from "node:zlib"
import { essentialExif } from "./exif.ts"
import { type Chunk, isCritical, type Png } from "./pngChunks.ts"

/** Colour, shape on screen, and animation: stays in any case. */
const shown = ["tRNS", "gAMA", "cHRM", "sRGB", "iCCP", "cICP", "mDCV", "cLLI", "mDCv", "cLLi", "pHYs"]
/** What they say is said in terms of how samples are stored. Browsers do not look at them. */
const storage = ["sBIT", "bKGD", "hIST"]
const animation = ["acTL", "fcTL", "fdAT"]

const descriptive = [
  "tEXt",
  "zTXt",
  "iTXt",
  "tIME",
  "eXIf",
  "hIST",
  "sPLT",
  "oFFs",
  "pCAL",
  "sCAL",
  "sTER",
  "dSIG",
  "iDOT",
  "caBX",
]

/** Ancillary chunks whose meaning is known here. */
export const known: ReadonlySet<string> = new Set([...shown, ...storage, ...animation, ...descriptive])

/** The chunks without what only describes the picture. */
export const withoutDescriptions = (png: Png): ReadonlyArray<Chunk> =>
  png.chunks.flatMap((chunk): ReadonlyArray<Chunk> => {
    if (isCritical(chunk) || shown.includes(chunk.type) || animation.includes(chunk.type)) return [chunk]
    if (chunk.type !== "eXIf") return []
    const data = essentialExif(chunk.data, png)
    return data === undefined ? [] : [{ type: "eXIf", data }]
  })

/** True where samples have to stay stored as they are, for something refers to that. */
export const isTiedToStorage = (png: Png): boolean => png.chunks.some(({ type }) => storage.includes(type))

/** Not descriptions: transparency is part of the pixels, and a hint to decoders is void when the data is another. */
const notDescriptive = new Set([...animation, "tRNS", "iDOT"])

/** A colour profile without the compression it is stored in. */
const profileOf = (data: Uint8Array): string => {
  const name = data.indexOf(0)
  try {
    return inflateSync(data.subarray(name + 2)).toString("latin1")
  } catch {
    return `not readable: ${Buffer.from(data).toString("latin1")}`
  }
}

/** Everything besides the samples, as a text that is equal where it means the same. */
export const describe = (png: Png): string =>
  JSON.stringify(
    png.chunks
      .filter((chunk) => !isCritical(chunk) && !notDescriptive.has(chunk.type))
      .map(({ data, type }) => [type, type === "iCCP" ? profileOf(data) : Buffer.from(data).toString("latin1")])
      .map((entry) => entry.join(" "))
      .sort(),
  )
