/**
 * Character references in XML: the five predefined ones and the numeric ones. There are no others, so there is nothing
 * to expand.
 *
 * @since 1.0.0
 */

const predefined: Readonly<Record<string, string>> = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'" }

const isXmlCharacter = (code: number): boolean =>
  code === 9 ||
  code === 10 ||
  code === 13 ||
  (code >= 0x20 && code <= 0xd7ff) ||
  (code >= 0xe000 && code <= 0xfffd) ||
  (code >= 0x10000 && code <= 0x10ffff)

/** The text that is meant; `problem` hears of every reference that means nothing. */
export const decodeEntities = (text: string, problem: (problem: string, cure: string) => void): string =>
  text.replace(/&(?:#x([0-9a-fA-F]{1,8});|#([0-9]{1,8});|([A-Za-z][\w.-]{0,63});)?/g, (all, hex, decimal, name) => {
    if (name !== undefined) {
      const character = Object.hasOwn(predefined, name) ? predefined[name] : undefined
      if (character !== undefined) return character
      problem(
        "uses an entity that does not exist",
        "XML here knows &amp; &lt; &gt; &quot; &apos; and numbers such as &#233;.",
      )
      return ""
    }
    if (hex === undefined && decimal === undefined) {
      problem(`holds a bare ${all}`, "Write &amp; for an ampersand.")
      return ""
    }
    const code = hex === undefined ? Number.parseInt(decimal, 10) : Number.parseInt(hex, 16)
    if (isXmlCharacter(code)) return String.fromCodePoint(code)
    problem("uses the number of a character that XML does not allow", "Remove it.")
    return ""
  })

/** `text` as it must be written as text or as an attribute value, so that it comes back unchanged. */
export const encodeEntities = (text: string): string =>
  text
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;")
    .replace(/[\t\n\r]|^\s|\s$/g, (character) => `&#${character.charCodeAt(0)};`)
