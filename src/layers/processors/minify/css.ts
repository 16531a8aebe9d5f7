/**
 * Smaller style sheets.
 *
 * @since 1.0.0
 */
import { esbuildMinify } from "./esbuild.ts"
import { hasInlineMap } from "./sourceMap.ts"
import { tighten } from "./tighten.ts"

/**
 * `\9` and `\0` at the end of a value are how style sheets speak to old Internet Explorers only. As escapes they stand
 * for a tab and for nothing; written in that form they say nothing to those browsers. So characters that no style sheet
 * has stand in for them.
 */
const hack = /\\([09])(?=\s*(?:\/\s*)?(?:!\s*\w+\s*)?[;})])/g
const standIn = /\\e9f([09])\\e9f\1 ?|\uE9F0\uE9F0|\uE9F9\uE9F9/g
const standsIn = /[\uE9F0\uE9F9]/

const disguise = (text: string): string =>
  standsIn.test(text)
    ? text
    : text.replace(hack, (_, digit: string) => (digit === "0" ? "\uE9F0\uE9F0" : "\uE9F9\uE9F9"))

const reveal = (text: string): string =>
  text.replace(standIn, (found, digit: string | undefined) => `\\${digit ?? (found.startsWith("\uE9F0") ? "0" : "9")}`)

/** Syntax that a minifier may only write where the text has it already. */
const syntax = (text: string): Record<string, boolean> => ({
  "inset-property": /(?:^|[^-\w])inset\s*:/i.test(text),
  "hex-rgba": /#(?:[\da-f]{8}|[\da-f]{4})(?![\w-])/i.test(text),
  // Two positions of one colour in a gradient.
  "gradient-double-position": /[\d.](?:%|[a-z]*)\s+[-+]?[\d.]+(?:%|[a-z]+)\s*[,)]/i.test(text),
})

/**
 * The same style sheet in fewer characters. Fallbacks, hacks and vendor prefixes stay, and no syntax is used that is later
 * than its own: what an old browser understood of it, it understands of this.
 */
export const minifyCss = async (text: string, baseName: string): Promise<string> => {
  const options = { loader: "css", charset: "ascii", supported: syntax(text) } as const
  let made = await esbuildMinify(disguise(text), baseName, options)
  if (!hasInlineMap(text)) {
    const tight = tighten(made)
    // Rules that became one may be equal to their neighbours now.
    made = tight.joined ? tighten(await esbuildMinify(tight.text, baseName, options)).text : tight.text
  }
  return reveal(made)
}
