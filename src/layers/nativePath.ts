/**
 * Paths at the edge of the file system: text that came from bytes becomes those bytes again.
 *
 * @since 1.0.0
 */
import { Buffer } from "node:buffer"
import { fromBytes, hasRawBytes, toBytes } from "../domain/Path.ts"

/** What `node:fs` takes for this path: the text itself, or its bytes where it is not UTF-8. */
export const native = (path: string): string | Buffer => (hasRawBytes(path) ? Buffer.from(toBytes(path)) : path)

/** Always bytes, e.g. for system calls. */
export const nativeBytes = (path: string): Buffer => Buffer.from(toBytes(path))

/** The text form of a name or path that the file system gave as bytes. */
export const fromNative = (path: string | Uint8Array): string => (typeof path === "string" ? path : fromBytes(path))

/** True where a name that was read as UTF-8 text may hide bytes that are not: read it again as bytes. */
export const mayHideBytes = (name: string): boolean => name.includes("\uFFFD")
