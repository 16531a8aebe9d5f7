/**
 * References in CSS: `url()`, `src()`, `@import`, the images of `image-set()`, and the comment that names a source map.
 *
 * @since 1.0.0
 */
import { tokenize, TokenType } from "@csstools/css-tokenizer"
import type { Occurrence } from "./occurrence.ts"

const addressFunctions = new Set(["url", "src"])
const imageFunctions = new Set(["image-set", "-webkit-image-set", "image", "-webkit-image"])
const sourceMap = /^(\/\*[#@]\s*sourceMappingURL=\s*)([^\s*]+)\s*\*\/$/
const insideUrl = /^((?:[^(\\]|\\[^])*\([ \t\r\n\f]*)([^]*?)([ \t\r\n\f]*\)?)$/
const mark = "\uFEFF"

const quoted = (address: string, quote: string): string => {
  const inner = address.replaceAll(/[\\\n\r\f"']/g, (char) => {
    if (char === "\\" || char === quote) return `\\${char}`
    return char === '"' || char === "'" ? char : `\\${char.charCodeAt(0).toString(16)} `
  })
  return quote + inner + quote
}

const needsQuotes = /[\s"'()\\\p{Cc}]/u
const bare = (address: string): string => (needsQuotes.test(address) ? quoted(address, '"') : address)

/** The part of an at-rule before its block or semicolon. */
interface Prelude {
  readonly name: string
  /** Its address, if it takes one, was seen: what follows are conditions. */
  begun: boolean
}

/** All references, in their order. Broken CSS is read as browsers do: nothing is refused. */
export const cssReferences = (css: string): ReadonlyArray<Occurrence> => {
  const offset = css.startsWith(mark) ? 1 : 0
  const found: Array<Occurrence> = []
  const open: Array<string> = []
  let prelude: Prelude | undefined
  for (const token of tokenize({ css: css.slice(offset) })) {
    const [type, raw, from, last] = token
    const start = from + offset
    const end = last + 1 + offset
    const isNamespace = prelude?.name === "namespace"
    switch (type) {
      case TokenType.Whitespace:
        break
      case TokenType.Comment: {
        const map = sourceMap.exec(raw)
        const [, before = "", reference = ""] = map ?? []
        const at = start + before.length
        if (map !== null) found.push({ start: at, end: at + reference.length, reference, write: (address) => address })
        break
      }
      case TokenType.AtKeyword:
        prelude = { name: token[4].value.toLowerCase(), begun: false }
        break
      case TokenType.OpenCurly:
      case TokenType.CloseCurly:
      case TokenType.Semicolon:
        // Where a bracket was never closed, the next block is read as if it had been.
        open.length = 0
        prelude = undefined
        break
      case TokenType.Function:
        open.push(token[4].value.toLowerCase())
        break
      case TokenType.OpenParen:
        open.push("(")
        break
      case TokenType.CloseParen:
        open.pop()
        break
      case TokenType.URL: {
        const [, before = "", inner = ""] = insideUrl.exec(raw) ?? []
        const at = start + before.length
        const reference = token[4].value
        if (!isNamespace) found.push({ start: at, end: at + inner.length, reference, write: bare })
        if (prelude !== undefined) prelude.begun = true
        break
      }
      case TokenType.String: {
        const inside = open.at(-1)
        const isAddress =
          inside === undefined
            ? prelude?.name === "import" && !prelude.begun
            : (addressFunctions.has(inside) && !isNamespace) || imageFunctions.has(inside)
        if (isAddress) {
          const quote = raw.charAt(0)
          found.push({ start, end, reference: token[4].value, write: (address) => quoted(address, quote) })
        }
        if (prelude !== undefined) prelude.begun = true
        break
      }
      default:
        if (prelude !== undefined) prelude.begun = true
    }
  }
  return found
}
