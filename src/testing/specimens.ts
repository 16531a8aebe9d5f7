/**
 * Files to try transporters with.
 *
 * @since 1.0.0
 */
import { createHash } from "node:crypto"
import * as Stream from "effect/Stream"
import { SourceError } from "../domain/Errors.ts"
import { isSafe, type RelativePath, type RemotePath, type SourceName } from "../domain/Path.ts"
import type { Content } from "../domain/SourceFiles.ts"
import type { OutputFile } from "../domain/Transporter.ts"

/** A path on a server; throws where it is none. */
export const remote = (path: string): RemotePath => {
  if (!isSafe(path)) throw new Error(`not a safe path: ${path}`)
  return path as RemotePath
}

/** Bytes that look random and are the same at each run. */
export const specimen = (size: number, seed = 1): Uint8Array => {
  const bytes = new Uint8Array(size)
  let state = seed * 2_654_435_761 + 1
  for (let at = 0; at < size; at++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    bytes[at] = state >>> 24
  }
  return bytes
}

/** In hex. */
export const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex")

/** Bytes of one piece of a content. */
export const PIECE = 65_536

/** Bytes in pieces. */
export const chunks = (bytes: Uint8Array): ReadonlyArray<Uint8Array> =>
  Array.from({ length: Math.ceil(bytes.length / PIECE) }, (_, at) => bytes.slice(at * PIECE, (at + 1) * PIECE))

/** A content that is nowhere on disk. */
export const contentOf = (bytes: Uint8Array): Content => ({
  origin: "temporary",
  size: bytes.length,
  location: undefined,
  bytes: Stream.fromArray(chunks(bytes)),
})

/** A content as it is handed to `put`. */
export const outputFile = (content: Content): OutputFile => ({
  content,
  source: "site" as SourceName,
  path: "original.bin" as RelativePath,
  state: { size: content.size, mtimeNs: 1_700_000_000_123_000_000n, inode: 7n, mode: 0o644 },
  sourceStays: false,
  headers: {},
  uniqueName: false,
})

/** A content of `size` bytes whose source is no longer what it was once these were read. */
export const breaking = (sent: Uint8Array, size: number, reason: SourceError["reason"]): Content => ({
  ...contentOf(new Uint8Array(size)),
  bytes: Stream.concat(
    Stream.fromArray(chunks(sent)),
    Stream.fail(new SourceError({ path: "original.bin", reason, detail: `it is ${reason}` })),
  ),
})
