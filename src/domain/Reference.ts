/**
 * References from one file to another, as they are written in CSS, HTML and JavaScript: which of them lead to a file of a
 * source, and to which.
 *
 * @since 1.0.0
 */
import type { Source } from "./Config.ts"
import { directoryOf, fromBytes, isWithin, type RelativePath, relativePath, type SourceName, toBytes } from "./Path.ts"

/** A file of a source. */
export interface FileReference {
  readonly source: SourceName
  readonly path: RelativePath
}

/** One text for a file of a source. */
export const fileKey = ({ path, source }: FileReference): string => `${source}\0${path}`

/** A reference that may lead to a file: `path` is decoded, `suffix` is its query and fragment as they were written. */
export interface Reference {
  readonly path: string
  readonly suffix: string
}

/** The file that a reference stands in. */
export interface Referrer {
  readonly source: Source
  readonly path: RelativePath
}

/** Where a reference leads: the path on disk, not yet freed of symbolic links, and what it keeps behind its address. */
export interface Resolved {
  readonly absolute: string
  readonly suffix: string
}

// oxlint-disable-next-line no-control-regex -- browsers ignore exactly these around an address
const surroundings = /^[\u0000-\u0020]+|[\u0000-\u0020]+$/g
const lineBreaks = /[\t\n\r]+/g
const scheme = /^[A-Za-z][A-Za-z0-9+.-]*:/
const loneSurrogate = /\p{Surrogate}/u
const escaped = /%[0-9A-Fa-f]{2}/

/** A percent-encoded path as the text of its bytes; undefined where it names something that no path can hold. */
const decode = (path: string): string | undefined => {
  if (!escaped.test(path)) return path
  const bytes: Array<number> = []
  for (let at = 0; at < path.length;) {
    const encoded = path.slice(at, at + 3)
    if (escaped.test(encoded)) {
      const byte = Number.parseInt(encoded.slice(1), 16)
      if (byte === 0x00 || byte === 0x2f) return undefined
      bytes.push(byte)
      at += 3
    } else {
      const next = path.indexOf("%", at + 1)
      const end = next === -1 ? path.length : next
      for (const byte of toBytes(path.slice(at, end))) bytes.push(byte)
      at = end
    }
  }
  return fromBytes(Uint8Array.from(bytes))
}

/** A reference as a browser reads it, before it looks where it leads. */
const cleaned = (text: string): string => text.replace(surroundings, "").replace(lineBreaks, "")

const splitSuffix = (text: string): readonly [path: string, suffix: string] => {
  const at = text.search(/[?#]/)
  return at === -1 ? [text, ""] : [text.slice(0, at), text.slice(at)]
}

/**
 * Undefined for what is not a file beside this one: an address with a scheme (`https:`, `data:`), one of another host
 * (`//cdn.example.com/x`), a fragment or a query alone, a directory, nothing at all, and text that no path can be.
 */
export const parseReference = (text: string): Reference | undefined => {
  const [encoded, suffix] = splitSuffix(cleaned(text))
  const slashes = encoded.replaceAll("\\", "/")
  if (slashes === "" || slashes.startsWith("//") || slashes.endsWith("/") || scheme.test(slashes)) return undefined
  if (loneSurrogate.test(slashes) || slashes.includes("\0")) return undefined
  const path = decode(slashes)
  return path === undefined ? undefined : { path, suffix }
}

/**
 * A reference as it reads without the document's `<base href>`; undefined where the base leads to another site, so that
 * nothing in the document leads to a file beside it.
 */
export const withBase = (base: string, reference: string): string | undefined => {
  const [path] = splitSuffix(cleaned(base))
  const slashes = path.replaceAll("\\", "/")
  if (slashes.startsWith("//") || scheme.test(slashes)) return undefined
  const relative = cleaned(reference)
  const stands = /^[/\\?#]/.test(relative) || relative === "" || scheme.test(relative)
  return stands ? relative : slashes.slice(0, slashes.lastIndexOf("/") + 1) + relative
}

const segmentsOf = (path: string): ReadonlyArray<string> => path.split("/").filter((segment) => segment !== "")

/**
 * `path` from `start` on, with "." and ".." taken away. Above `floor` there is nothing, and browsers stay there;
 * `above` tells that it went beyond.
 */
const walk = (start: ReadonlyArray<string>, path: string, floor: number) => {
  const segments = [...start]
  let above = false
  for (const segment of segmentsOf(path)) {
    if (segment === ".") continue
    if (segment !== "..") segments.push(segment)
    else if (segments.length > floor) segments.pop()
    else above = true
  }
  return { segments, above }
}

const fromSiteRoot = (path: string, source: Source): ReadonlyArray<string> | undefined => {
  if (source.documentRoot === undefined) return undefined
  const documentRoot = segmentsOf(source.documentRoot)
  const inSite = walk([], path, 0).segments
  if (!source.logicalBasePath || source.basePath === undefined) return [...documentRoot, ...inSite]
  const base = segmentsOf(decode(source.basePath) ?? source.basePath)
  return base.every((segment, at) => inSite[at] === segment)
    ? [...documentRoot, ...inSite.slice(base.length)]
    : undefined
}

const fromFile = (path: string, { path: referrer, source }: Referrer): ReadonlyArray<string> | undefined => {
  const start = [...segmentsOf(source.scanPath), ...segmentsOf(directoryOf(referrer))]
  const site = source.documentRoot === undefined ? undefined : segmentsOf(source.documentRoot)
  const inSite = site !== undefined && site.every((segment, at) => start[at] === segment)
  const { above, segments } = walk(start, path, inSite ? site.length : 0)
  // What lies above a base path that is not on disk is somewhere else on the disk, or nowhere.
  return above && source.logicalBasePath ? undefined : segments
}

/**
 * Where a reference in a file leads on disk. From the site's root (`/drupal/misc/a.png`) it needs the source's
 * `documentRoot`; where the base path lives in URLs only, it is taken off, and what does not begin with it belongs to
 * somebody else. Every other reference is relative to the file. Undefined where it is to be left alone.
 */
export const resolveReference = (text: string, referrer: Referrer): Resolved | undefined => {
  const reference = parseReference(text)
  if (reference === undefined) return undefined
  const { path, suffix } = reference
  const segments = path.startsWith("/") ? fromSiteRoot(path, referrer.source) : fromFile(path, referrer)
  return segments === undefined || segments.length === 0 ? undefined : { absolute: `/${segments.join("/")}`, suffix }
}

const below = (directory: string, absolute: string): RelativePath | undefined => {
  if (!isWithin(directory, absolute)) return directory === "/" ? relativePath(absolute.slice(1)) : undefined
  return relativePath(absolute.slice(directory.length + 1))
}

/**
 * The files of sources that an absolute path may mean: those of `own` first, then of the source whose directory is
 * nearest. Empty where it is outside of every source.
 */
export const locate = (
  absolute: string,
  sources: ReadonlyArray<Source>,
  own: SourceName,
): ReadonlyArray<FileReference> => {
  const found: Array<FileReference & { readonly rank: number }> = []
  for (const source of sources) {
    for (const directory of new Set([source.root, source.scanPath.replace(/(?<=.)\/+$/, "")])) {
      const path = below(directory, absolute)
      if (path === undefined || path === "") continue
      if (found.some((other) => other.source === source.name && other.path === path)) continue
      found.push({ source: source.name, path, rank: source.name === own ? Infinity : directory.length })
    }
  }
  return found
    .toSorted((a, b) => (a.rank === b.rank ? 0 : b.rank - a.rank))
    .map(({ path, source }) => ({ source, path }))
}
