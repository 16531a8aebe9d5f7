/**
 * Paths as this project means them.
 *
 * A path is bytes on disk; its text form is a view of them. Bytes that are not valid UTF-8 are carried as lone
 * surrogates U+DC80..U+DCFF (one per byte, as Python's `surrogateescape` does), so every name survives the way through
 * the system and becomes the same bytes again at the edge of the file system. Text that came from valid UTF-8 never
 * holds a lone surrogate, so the two never collide.
 *
 * @since 1.0.0
 */
import type * as Brand from "effect/Brand"

/** A path below a source's root: "/" separators, no empty, "." or ".." segment. The root itself is the empty string. */
export type RelativePath = string & Brand.Brand<"RelativePath">

/** A path on a server, below whatever the server's own settings call its root. Same form as {@link RelativePath}, never empty. */
export type RemotePath = string & Brand.Brand<"RemotePath">

/** The name of a source, as configured. */
export type SourceName = string & Brand.Brand<"SourceName">

/** The name of a server, as configured. */
export type ServerName = string & Brand.Brand<"ServerName">

/** Identifies a rule across restarts: the source's name and the label. */
export type RuleId = string & Brand.Brand<"RuleId">

/** The root of a source. */
export const root = "" as RelativePath

/** A segment that is empty, "." or "..", and NUL anywhere. */
// oxlint-disable-next-line no-control-regex -- no path holds NUL
const unsafe = /(?:^|\/)\.{0,2}(?:\/|$)|\0/

/** True where `path` may be used below a root: this is what keeps everything inside it (invariant I5). */
export const isSafe = (path: string): boolean => !unsafe.test(path)

/** `path` as a {@link RelativePath}, or undefined where it would not stay below its root. */
export const relativePath = (path: string): RelativePath | undefined =>
  path === "" || isSafe(path) ? (path as RelativePath) : undefined

/** `path` as a {@link RemotePath}, or undefined where it would not stay below the server's root. */
export const remotePath = (path: string): RemotePath | undefined => (isSafe(path) ? (path as RemotePath) : undefined)

/** A child of a directory. `name` is one segment, as a directory listing gives it. */
export const child = (directory: RelativePath, name: string): RelativePath =>
  (directory === "" ? name : `${directory}/${name}`) as RelativePath

/** The directory that holds `path`; the root for a path of one segment. */
export const directoryOf = (path: RelativePath): RelativePath => {
  const at = path.lastIndexOf("/")
  return (at === -1 ? "" : path.slice(0, at)) as RelativePath
}

/** True where both paths are in the same directory. */
export const isBeside = (path: RelativePath, other: RelativePath): boolean => {
  const at = path.lastIndexOf("/")
  return other.lastIndexOf("/") === at && other.startsWith(path.slice(0, at + 1))
}

/** The last segment. */
export const baseNameOf = (path: string): string => path.slice(path.lastIndexOf("/") + 1)

/** The extension without its dot, in lower case; empty where there is none. A leading dot starts a name, not an extension. */
export const extensionOf = (name: string): string => {
  const base = baseNameOf(name)
  const dot = base.lastIndexOf(".")
  return dot <= 0 ? "" : base.slice(dot + 1).toLowerCase()
}

/** `name` with `suffix` in front of its extension: `logo.gif` and `_2` give `logo_2.gif`. */
export const withSuffix = (name: string, suffix: string): string => {
  const dot = name.lastIndexOf(".")
  return dot <= 0 ? name + suffix : name.slice(0, dot) + suffix + name.slice(dot)
}

/** True where `path` is `directory` itself or lies below it. */
export const isWithin = (directory: string, path: string): boolean =>
  directory === "" ||
  path === directory ||
  (path.length > directory.length && path.startsWith(directory) && path.charCodeAt(directory.length) === 47)

/** True where any directory on the way to `path` has one of these names. `path` names a file. */
export const hasDirectoryNamed = (path: RelativePath, names: ReadonlySet<string>): boolean => {
  if (names.size === 0) return false
  let start = 0
  for (let at = path.indexOf("/"); at !== -1; at = path.indexOf("/", start)) {
    if (names.has(path.slice(start, at))) return true
    start = at + 1
  }
  return false
}

const loneSurrogate = /[\uDC80-\uDCFF]/
const highSurrogate = (code: number): boolean => code >= 0xd800 && code <= 0xdbff

/** True where the text holds at least one byte that is not UTF-8. */
export const hasRawBytes = (text: string): boolean => {
  if (!loneSurrogate.test(text)) return false
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (highSurrogate(code) && i + 1 < text.length && (text.charCodeAt(i + 1) & 0xfc00) === 0xdc00) i++
    else if (code >= 0xdc80 && code <= 0xdcff) return true
  }
  return false
}

const encoder = new TextEncoder()
const strictDecoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })

/** The bytes of a path or name. */
export const toBytes = (text: string): Uint8Array => {
  if (!hasRawBytes(text)) return encoder.encode(text)
  const bytes: Array<number> = []
  let plainFrom = 0
  const flush = (end: number) => {
    if (end > plainFrom) for (const byte of encoder.encode(text.slice(plainFrom, end))) bytes.push(byte)
  }
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (highSurrogate(code) && i + 1 < text.length && (text.charCodeAt(i + 1) & 0xfc00) === 0xdc00) {
      i++
    } else if (code >= 0xdc80 && code <= 0xdcff) {
      flush(i)
      bytes.push(code - 0xdc00)
      plainFrom = i + 1
    }
  }
  flush(text.length)
  return Uint8Array.from(bytes)
}

/** Length of the valid UTF-8 sequence that starts at `at`, or 0 where there is none (RFC 3629, table 3-7 of Unicode). */
const sequenceLength = (bytes: Uint8Array, at: number): number => {
  const first = bytes[at] ?? 0
  if (first < 0x80) return 1
  const continuation = (offset: number, low = 0x80, high = 0xbf) => {
    const byte = bytes[at + offset]
    return byte !== undefined && byte >= low && byte <= high
  }
  if (first >= 0xc2 && first <= 0xdf) return continuation(1) ? 2 : 0
  if (first >= 0xe0 && first <= 0xef) {
    const low = first === 0xe0 ? 0xa0 : 0x80
    const high = first === 0xed ? 0x9f : 0xbf
    return continuation(1, low, high) && continuation(2) ? 3 : 0
  }
  if (first >= 0xf0 && first <= 0xf4) {
    const low = first === 0xf0 ? 0x90 : 0x80
    const high = first === 0xf4 ? 0x8f : 0xbf
    return continuation(1, low, high) && continuation(2) && continuation(3) ? 4 : 0
  }
  return 0
}

/** The text view of a path's or name's bytes; the inverse of {@link toBytes}. */
export const fromBytes = (bytes: Uint8Array): string => {
  const parts: Array<string> = []
  let plainFrom = 0
  let at = 0
  const flush = (end: number) => {
    if (end > plainFrom) parts.push(strictDecoder.decode(bytes.subarray(plainFrom, end)))
  }
  while (at < bytes.length) {
    const length = sequenceLength(bytes, at)
    if (length === 0) {
      flush(at)
      parts.push(String.fromCharCode(0xdc00 + (bytes[at] ?? 0)))
      at += 1
      plainFrom = at
    } else {
      at += length
    }
  }
  flush(bytes.length)
  return parts.join("")
}

/** A path as a person may read it on a terminal: control characters and undecodable bytes are shown as escapes. */
export const display = (path: string): string =>
  // oxlint-disable-next-line no-control-regex -- control characters are what is looked for
  path.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029\uDC80-\uDCFF]/gu, (char) => {
    const code = char.charCodeAt(0)
    if (code >= 0xdc80 && code <= 0xdcff) return `\\x${(code - 0xdc00).toString(16)}`
    if (char === "\n") return "\\n"
    if (char === "\t") return "\\t"
    return code > 0xff ? `\\u${code.toString(16)}` : `\\x${code.toString(16).padStart(2, "0")}`
  })

const unreserved = /^[A-Za-z0-9\-._~]$/

const plainPath = /^[A-Za-z0-9\-._~/]*$/

const percentEncodeSegment = (segment: string): string => {
  if (/^[A-Za-z0-9\-._~]*$/.test(segment)) return segment
  let encoded = ""
  for (const byte of toBytes(segment)) {
    const char = String.fromCharCode(byte)
    encoded += unreserved.test(char) ? char : `%${byte.toString(16).toUpperCase().padStart(2, "0")}`
  }
  return encoded
}

/** A path percent-encoded segment by segment, from its bytes (RFC 3986: everything but the unreserved characters). */
export const percentEncode = (path: string): string =>
  plainPath.test(path) ? path : path.split("/").map(percentEncodeSegment).join("/")

/** The URL of a remote path on a server whose public address is `base`. */
export const urlOf = (base: string, path: RemotePath): string =>
  (base.endsWith("/") ? base : `${base}/`) + percentEncode(path)
