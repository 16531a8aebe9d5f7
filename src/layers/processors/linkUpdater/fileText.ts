/**
 * The text of a file whose bytes must survive: what is read and written back unchanged is the same bytes, whatever they are.
 *
 * @since 1.0.0
 */

/** A file's text, and the way back. */
export interface FileText {
  readonly text: string
  readonly toBytes: (text: string) => Uint8Array
  /** A piece of the text as its author meant it. */
  readonly read: (piece: string) => string
  /** A piece for the text, from what is meant. */
  readonly write: (piece: string) => string
}

const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })

const utf8 = (bytes: Uint8Array): string | undefined => {
  try {
    return strict.decode(bytes)
  } catch {
    return undefined
  }
}

const itself = (piece: string): string => piece

/** In a file that is not UTF-8 as a whole each byte is a character of Latin-1; a piece of it may be UTF-8 all the same. */
const latin1 = (bytes: Uint8Array): FileText => ({
  text: Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("latin1"),
  toBytes: (text) => Buffer.from(text, "latin1"),
  // oxlint-disable-next-line no-control-regex -- the range of Latin-1 begins with them
  read: (piece) => (/^[\u0000-\u00ff]*$/.test(piece) ? (utf8(Buffer.from(piece, "latin1")) ?? piece) : piece),
  write: (piece) => Buffer.from(piece, "utf8").toString("latin1"),
})

/** Undefined for UTF-16, in which references are not looked for. */
export const fileText = (bytes: Uint8Array): FileText | undefined => {
  const mark = ((bytes[0] ?? 0) << 8) | (bytes[1] ?? 0)
  if (mark === 0xfeff || mark === 0xfffe) return undefined
  const text = utf8(bytes)
  if (text === undefined) return latin1(bytes)
  return { text, toBytes: (changed) => Buffer.from(changed, "utf8"), read: itself, write: itself }
}
