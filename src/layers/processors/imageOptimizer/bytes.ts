/**
 * Small questions to bytes that every picture format asks.
 *
 * @since 1.0.0
 */

/** True where `text` (Latin-1) stands at `at`. */
export const textAt = (bytes: Uint8Array, at: number, text: string): boolean => {
  if (at + text.length > bytes.length) return false
  for (let index = 0; index < text.length; index++) if (bytes[at + index] !== text.charCodeAt(index)) return false
  return true
}

/** `length` bytes as Latin-1. */
export const latin1 = (bytes: Uint8Array, at: number, length: number): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("latin1", at, at + length)

export const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)

/** True where nothing but zeros and white space follows: what some programs leave behind the end of a picture. */
export const isPadding = (bytes: Uint8Array, from: number): boolean => {
  for (let at = from; at < bytes.length; at++) {
    const byte = bytes[at]
    if (byte !== 0 && byte !== 10 && byte !== 13 && byte !== 32) return false
  }
  return true
}
