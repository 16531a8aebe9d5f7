/**
 * What makes a text no XML, with place and cure. Messages name no part of the text: it may be a piece of a secret.
 *
 * @since 1.0.0
 */

/** The first thing that is wrong with a text. */
export interface BrokenXml {
  readonly offset: number
  readonly problem: string
  readonly cure: string
}

/** What the validator says: true, or what is wrong and where. */
export type Verdict = true | { readonly err: { readonly msg: string; readonly line: number; readonly col?: number } }

const blank = (text: string): string => text.replace(/[^\n\r]/g, " ")

/** The text with comments and CDATA blanked out, every other character staying in its place. */
const withoutComments = (text: string): string =>
  text.replace(/<!--[\s\S]*?-->|<!\[CDATA\[[\s\S]*?\]\]>/g, (all) => blank(all))

const offsetAt = (text: string, line: number, column: number): number => {
  let at = 0
  for (let current = 1; current < line; current++) {
    const next = text.indexOf("\n", at)
    if (next === -1) break
    at = next + 1
  }
  return Math.min(at + column - 1, text.length)
}

const opened = /opened in line (\d+), col (\d+)/

/** The validator's verdicts in our words. */
const words = (message: string): { readonly problem: string; readonly cure: string } => {
  const opening = opened.exec(message)
  if (opening !== null) {
    const where = `line ${opening[1]}, column ${opening[2]}`
    return {
      problem: `is not well-formed: this closing tag does not close the element opened in ${where}`,
      cure: `Close the element of ${where} first, or correct the spelling of one of the two tags.`,
    }
  }
  if (message.startsWith("Unclosed tag") || message.startsWith("Invalid '[")) {
    return {
      problem: "is not well-formed: an element is never closed",
      cure: "Write </name> for every <name>, or <name ... />.",
    }
  }
  if (message.includes("has not been opened")) {
    return {
      problem: "is not well-formed: this closing tag closes nothing",
      cure: "Remove it, or open the element before.",
    }
  }
  if (message.includes("'&'")) return { problem: "is not well-formed: a bare &", cure: "Write &amp; for an ampersand." }
  if (message.startsWith("Attribute") && message.includes("repeated")) {
    return { problem: "is not well-formed: an attribute is given twice", cure: "Keep one of the two." }
  }
  if (message.toLowerCase().includes("attribute")) {
    return {
      problem: "is not well-formed: an attribute is wrong here",
      cure: 'Write attributes as name="value", with a space between them.',
    }
  }
  if (message.startsWith("Start tag expected"))
    return { problem: "is missing: the file holds no element", cure: "A config file is <config>...</config>." }
  if (message.includes("Multiple possible root") || message.includes("Extra text")) {
    return {
      problem: "is not well-formed: there is something behind its end",
      cure: "Put everything into one <config>.",
    }
  }
  if (message.includes("XML declaration")) {
    return {
      problem: "is not well-formed: <?xml ...?> is not at the start of the file",
      cure: "Make it the very first characters, or remove it.",
    }
  }
  return {
    problem: "is not well-formed XML here",
    cure: "Every < opens or closes an element; write &lt; for the character itself.",
  }
}

/** The first thing wrong with `text`, or undefined where it is well-formed. */
export const brokenXml = (text: string, validate: (text: string) => Verdict): BrokenXml | undefined => {
  // oxlint-disable-next-line no-control-regex -- control characters are what is looked for
  const control = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/.exec(text)
  if (control !== null) {
    return {
      offset: control.index,
      problem: "holds a character that XML does not allow",
      cure: "Save the file as UTF-8 text.",
    }
  }
  const bare = withoutComments(text)
  const declaration = bare.indexOf("<!")
  if (declaration !== -1) {
    if (/^<!DOCTYPE/i.test(bare.slice(declaration, declaration + 9))) {
      return {
        offset: declaration,
        problem: "has a DOCTYPE, which is refused",
        cure: "Remove it; for values kept elsewhere use ${env:NAME} or ${file:/path}.",
      }
    }
    const unclosed = bare.startsWith("<!--", declaration) || bare.startsWith("<![CDATA[", declaration)
    return unclosed
      ? {
          offset: declaration,
          problem: "is not well-formed: a comment or CDATA section is never closed",
          cure: "Close it with --> or ]]>.",
        }
      : { offset: declaration, problem: "has a markup declaration, which is refused", cure: "Remove it." }
  }
  const verdict = (() => {
    try {
      return validate(text)
    } catch {
      return { err: { msg: "", line: 1, col: 1 } }
    }
  })()
  if (verdict === true) return undefined
  return { offset: offsetAt(text, verdict.err.line, verdict.err.col ?? 1), ...words(verdict.err.msg) }
}
