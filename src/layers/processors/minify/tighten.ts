/**
 * What can still be left out of a minified style sheet.
 *
 * @since 1.0.0
 */
import { type CSSToken, tokenize, TokenType } from "@csstools/css-tokenizer"

/** A piece of the text, by offsets, and what comes in its place. */
type Edit = readonly [from: number, to: number, text: string]

/** A block that is open. */
interface Block {
  /** Where its prelude starts, and the prelude itself; of an at-rule with its name. */
  readonly start: number
  readonly prelude: string
  readonly atRule: string | undefined
  /** The rule before this place in it, if only a prelude follows: where its block ends, and what it is for. */
  before: { readonly end: number; readonly prelude: string } | undefined
  /** No blocks are in it. */
  plain: boolean
}

/** At-rules that hold rules whose order is all that matters. */
const holdsRules = new Set(["media", "supports", "layer", "container"])

const isOpening = (type: TokenType) =>
  type === TokenType.Function || type === TokenType.OpenParen || type === TokenType.OpenSquare
const isClosing = (type: TokenType) => type === TokenType.CloseParen || type === TokenType.CloseSquare

/** Offset of the first character behind a token. */
const endOf = (token: CSSToken): number => token[3] + 1

const apply = (text: string, edits: ReadonlyArray<Edit>): string => {
  let made = ""
  let at = 0
  for (const [from, to, replacement] of edits) {
    made += text.slice(at, from) + replacement
    at = to
  }
  return made + text.slice(at)
}

/**
 * The text without the space in front of a custom property's value and of a fallback in `var()`, which browsers trim, and
 * with rules that follow each other and are for the same selector made one. A text that is not well-formed stays as it is.
 */
export const tighten = (text: string): { readonly text: string; readonly joined: boolean } => {
  const unchanged = { text, joined: false }
  const tokens = tokenize({ css: text })
  const edits: Array<Edit> = []
  const blocks: Array<Block> = [{ start: 0, prelude: "", atRule: undefined, before: undefined, plain: false }]
  let start: number | undefined
  let atRule: string | undefined
  let depth = 0
  /** Depth of blocks at which the value of a custom property began: nothing in it is a rule. */
  let custom: number | undefined
  let braces = 0
  /** Depths at which a `var(` waits for its first comma. */
  const waiting: Array<number> = []

  for (let index = 0; index < tokens.length; index++) {
    const token = tokens[index]
    const block = blocks.at(-1)
    if (token === undefined || block === undefined) return unchanged
    const [type, , from] = token
    const next = tokens[index + 1]
    if (type === TokenType.BadString || type === TokenType.BadURL) return unchanged
    if (type === TokenType.Whitespace) continue
    if (type === TokenType.Comment) {
      block.before = undefined
      continue
    }
    if (isOpening(type)) {
      depth += 1
      if (type === TokenType.Function && token[4].value.toLowerCase() === "var") waiting.push(depth)
    } else if (isClosing(type)) {
      if (waiting.at(-1) === depth) waiting.pop()
      depth -= 1
      if (depth < 0) return unchanged
    } else if (type === TokenType.Comma && waiting.at(-1) === depth && depth > 0) {
      waiting.pop()
      if (next?.[0] === TokenType.Whitespace && tokens[index + 2]?.[0] !== TokenType.Comment) {
        edits.push([next[2], endOf(next), ""])
      }
    }
    if (custom !== undefined) {
      if (type === TokenType.OpenCurly) braces += 1
      else if (type === TokenType.CloseCurly && braces > 0) braces -= 1
      else if ((type === TokenType.Semicolon || type === TokenType.CloseCurly) && depth === 0 && braces === 0) {
        custom = undefined
      } else continue
      if (custom !== undefined) continue
    }
    if (type === TokenType.OpenCurly && depth === 0) {
      const prelude = text.slice(start ?? from, from)
      const { before } = block
      const rulesInIt = block.atRule === undefined ? blocks.length === 1 : holdsRules.has(block.atRule)
      if (before !== undefined && atRule === undefined && rulesInIt && before.prelude === prelude) {
        edits.push([before.end, endOf(token), ";"])
      }
      block.before = undefined
      block.plain = false
      blocks.push({ start: start ?? from, prelude, atRule, before: undefined, plain: true })
      start = undefined
      atRule = undefined
    } else if (type === TokenType.CloseCurly && depth === 0) {
      if (blocks.length === 1) return unchanged
      blocks.pop()
      const parent = blocks.at(-1)
      if (parent !== undefined && block.plain && block.atRule === undefined) {
        parent.before = { end: from, prelude: block.prelude }
      }
      start = undefined
      atRule = undefined
    } else if (type === TokenType.Semicolon && depth === 0) {
      block.before = undefined
      start = undefined
      atRule = undefined
    } else if (start === undefined && type !== TokenType.EOF) {
      start = from
      if (type === TokenType.AtKeyword) atRule = token[4].value.toLowerCase()
      else if (type === TokenType.Ident && token[4].value.startsWith("--") && next?.[0] === TokenType.Colon) {
        const space = tokens[index + 2]
        const value = tokens[index + 3]?.[0]
        const isValue =
          value !== undefined &&
          value !== TokenType.Semicolon &&
          value !== TokenType.CloseCurly &&
          value !== TokenType.Comment &&
          value !== TokenType.EOF
        if (space?.[0] === TokenType.Whitespace && isValue) edits.push([space[2], endOf(space), ""])
        custom = blocks.length
      }
    }
  }
  if (blocks.length !== 1 || depth !== 0) return unchanged
  return {
    text: apply(
      text,
      edits.toSorted(([a], [b]) => a - b),
    ),
    joined: edits.some(([, , joint]) => joint !== ""),
  }
}
