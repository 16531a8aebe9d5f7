/**
 * What a file is, told from its first bytes: names lie.
 *
 * @since 1.0.0
 */
import { textAt } from "./bytes.ts"

export type Format = "jpeg" | "png" | "gif" | "webp"

/** The first bytes of every PNG. */
export const PNG_SIGNATURE = "\u0089PNG\r\n\u001a\n"

export const formatOf = (bytes: Uint8Array): Format | undefined => {
  if (textAt(bytes, 0, "\u00ff\u00d8\u00ff")) return "jpeg"
  if (textAt(bytes, 0, PNG_SIGNATURE)) return "png"
  if (textAt(bytes, 0, "GIF87a") || textAt(bytes, 0, "GIF89a")) return "gif"
  if (textAt(bytes, 0, "RIFF") && textAt(bytes, 8, "WEBP")) return "webp"
  return undefined
}
