/**
 * Smaller JavaScript.
 *
 * @since 1.0.0
 */
import { type Token, tokenizer } from "acorn"
import { esbuildMinify } from "./esbuild.ts"
import { SyntaxMistake } from "./SyntaxMistake.ts"

/** A token with its text, for operators that are one kind of token. */
type SomeToken = Token & { readonly value?: unknown }

/** The edition of the language that a token came with; undefined: it was always there. */
const editionOf = ({ type, value }: SomeToken, previous: string | undefined): number | undefined => {
  switch (type.label) {
    case "=>":
    case "`":
    case "...":
    case "class":
    case "const":
    case "import":
    case "export":
      return 2015
    case "**":
      return 2016
    case "{":
      return previous === "catch" ? 2019 : undefined
    case "?.":
    case "??":
      return 2020
    case "_=":
      return value === "??=" || value === "||=" || value === "&&=" ? 2021 : value === "**=" ? 2016 : undefined
    default:
      return undefined
  }
}

/**
 * The latest edition of the language that a text makes use of, in what a minifier may write in a later edition. It is read
 * as words, not understood: where that errs, the result is longer or newer than it need be, and means the same.
 */
export const edition = (text: string): number => {
  let latest = 5
  let previous: string | undefined
  try {
    for (const token of tokenizer(text, { ecmaVersion: "latest", allowHashBang: true })) {
      latest = Math.max(latest, editionOf(token, previous) ?? 0)
      previous = token.type.label
    }
    return latest
  } catch {
    // It is later than what is known here.
    return Number.POSITIVE_INFINITY
  }
}

/** Syntax that a minifier may only write where the text is of that edition. */
const syntax = (latest: number): Record<string, boolean> => ({
  "inline-script": true,
  "object-extensions": latest >= 2015,
  "template-literal": latest >= 2015,
  "unicode-escapes": latest >= 2015,
  arrow: latest >= 2015,
  "exponent-operator": latest >= 2016,
  "optional-catch-binding": latest >= 2019,
  "nullish-coalescing": latest >= 2020,
  "optional-chain": latest >= 2020,
  "logical-assignment": latest >= 2021,
})

/** The same program in fewer characters. It runs wherever the text did: no syntax is used that is later than its own. */
export const minifyJavaScript = async (text: string, baseName: string): Promise<string> => {
  const minify = (latest: number) => esbuildMinify(text, baseName, { loader: "js", supported: syntax(latest) })
  const latest = edition(text)
  try {
    return await minify(latest)
  } catch (cause) {
    // Methods and computed names in objects are of 2015, and have no word of their own.
    if (!(cause instanceof SyntaxMistake) || latest >= 2015) throw cause
    return minify(2015)
  }
}
