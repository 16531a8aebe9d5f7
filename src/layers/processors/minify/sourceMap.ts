/**
 * The source map that a text refers to.
 *
 * @since 1.0.0
 */

const reference =
  /(?:\/\/[#@][ \t]*sourceMappingURL=[ \t]*([^\s'"]+)|\/\*[#@]\s*sourceMappingURL=\s*([^\s*'"]+)\s*\*\/)\s*$/
const data = /^data:application\/json(?:;charset=[\w-]+)?(;base64)?,(.*)$/is

/** The address in the comment that a text ends with; undefined where there is none. */
export const mapAddress = (text: string): string | undefined => {
  // Only the end can match, and a map in the text itself is one long line.
  const start = Math.max(text.lastIndexOf("sourceMappingURL") - 8, 0)
  const found = reference.exec(text.slice(start))
  return found?.[1] ?? found?.[2]
}

/** True where a text carries its source map in itself, and that can be read. */
export const hasInlineMap = (text: string): boolean => {
  const [, base64, body] = data.exec(mapAddress(text) ?? "") ?? []
  if (body === undefined) return false
  try {
    const json = base64 === undefined ? decodeURIComponent(body) : Buffer.from(body, "base64").toString("utf8")
    const map: unknown = JSON.parse(json)
    return typeof map === "object" && map !== null && "version" in map && map.version === 3 && "mappings" in map
  } catch {
    return false
  }
}

/** The text without the comment it ends with, where that refers to a source map. */
export const withoutMapReference = (text: string): string => {
  if (mapAddress(text) === undefined) return text
  const at = text.lastIndexOf("sourceMappingURL")
  return text.slice(0, Math.max(text.lastIndexOf("//", at), text.lastIndexOf("/*", at))).trimEnd()
}
