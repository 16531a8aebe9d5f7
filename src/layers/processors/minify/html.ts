/**
 * Smaller pages.
 *
 * @since 1.0.0
 */
import { minify } from "html-minifier-next"
import { minifyCss } from "./css.ts"
import { minifyJavaScript } from "./javascript.ts"
import { samePage } from "./samePage.ts"
import { SyntaxMistake } from "./SyntaxMistake.ts"

/** How pages are minified. */
export interface HtmlOptions {
  /** Whether white space that browsers show as one space becomes one. Off for pages whose style sheets preserve it. */
  readonly whitespace: "collapse" | "keep"
  /** Whether the scripts and style sheets in the page are minified too. Off for pages that are served with hashes of them. */
  readonly inline: "minify" | "keep"
}

/** Attributes of which being there is all that matters, or nearly. */
const booleans =
  "allowfullscreen|async|autofocus|autoplay|checked|compact|contenteditable|controls|crossorigin|declare|default|" +
  "defaultchecked|defaultmuted|defaultselected|defer|disabled|draggable|enabled|formnovalidate|hidden|indeterminate|" +
  "inert|ismap|itemscope|loop|multiple|muted|nohref|noresize|noshade|novalidate|nowrap|open|pauseonexit|readonly|" +
  "required|reversed|scoped|seamless|selected|sortable|truespeed|typemustmatch|visible"

/**
 * Parts that are not touched: those of template languages, and such attributes where they have a value, since style
 * sheets may ask for it. (The minifier writes them all with a value, or all without.)
 */
const untouched = [
  /<%[\s\S]*?%>/,
  /<\?[\s\S]*?\?>/,
  new RegExp(`\\b(?:${booleans})\\s*=\\s*(?:"[^"]*"|'[^']*'|[^\\s"'>]+)`),
]

/**
 * Comments that mean something to somebody: marks of programs (`<!--[-->`, `<!--#include …-->`, `<!--! licence -->`) start
 * with something else than a space, and those of a few that do not are named.
 */
const kept = [/^\S/, /^\s*$/, /^\s*\/?(?:ko|ng|wp|esi|noindex|googleoff|googleon|htmlmin)\b/]

/** A page that names hashes of its scripts would refuse them when they are others. */
const namesHashes = (page: string): boolean =>
  /<meta\b[^>]*Content-Security-Policy/i.test(page) && /['"\s]sha(?:256|384|512)-/.test(page)

/** A script or style sheet in a page: its tag, name, text and end tag. */
const embedded = /(<(script|style)\b(?:"[^"]*"|'[^']*'|[^'">])*>)([\s\S]*?)(<\/\2\s*>)/gi

/** Something that is filled in later. */
const template = /\{\{|\{%|<%|<\?/

const isScript = /^(?:|module|(?:text|application)\/(?:x-)?(?:java|ecma)script)$/i

/** The type of an element, from its tag. */
const typeOf = (tag: string): string => {
  const [, double, single, bare] = /\stype\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+))/i.exec(tag) ?? []
  return (double ?? single ?? bare ?? "").split(";")[0]?.trim() ?? ""
}

/** Smaller, unless it is no complete program or style sheet by itself, or would end the element it stands in. */
const smaller = async (tag: string, name: string, text: string): Promise<string> => {
  const type = typeOf(tag)
  const isStyle = name.toLowerCase() === "style"
  if (template.test(text) || text.trim() === "" || !(isStyle ? /^(?:|text\/css)$/i : isScript).test(type)) return text
  try {
    const made = isStyle ? await minifyCss(text, "style.css") : await minifyJavaScript(text, "script.js")
    return made.length < text.length && !/<!--|<\/?(?:script|style)/i.test(made) ? made : text
  } catch (cause) {
    if (cause instanceof SyntaxMistake) return text
    throw cause
  }
}

/** A word that the text does not hold. */
const unusedWord = (text: string): string => {
  let number = 0
  while (text.includes(`embedded-${number}-`)) number += 1
  return `embedded-${number}-`
}

/**
 * The same page in fewer characters. Tags, attributes and their quotes stay as they are written. Browsers read any text
 * as a page, so none is refused: undefined where the result would not be the same page.
 */
export const minifyHtml = async (text: string, options: HtmlOptions): Promise<string | undefined> => {
  const exact = options.whitespace === "keep"
  const inline = options.inline === "minify" && !namesHashes(text)
  const word = unusedWord(text)
  const texts = await Promise.all(
    Array.from(text.matchAll(embedded), ([, tag = "", name = "", inner = ""]) =>
      inline ? smaller(tag, name, inner) : Promise.resolve(inner),
    ),
  )
  let count = 0
  // In quotes it is a value of JSON, which the minifier would write anew where the tag says that it is JSON.
  const markup = text.replace(
    embedded,
    (_, tag: string, _name, _inner, end: string) => `${tag}"${word}${count++}"${end}`,
  )
  const made = await minify(markup, {
    continueOnParseError: true,
    caseSensitive: true,
    collapseBooleanAttributes: true,
    keepClosingSlash: true,
    collapseWhitespace: !exact,
    conservativeCollapse: true,
    removeComments: true,
    ignoreCustomComments: kept,
    ignoreCustomFragments: untouched,
  })
  const whole = made.replace(new RegExp(`"${word}(\\d+)"`, "g"), (_, index: string) => texts[Number(index)] ?? "")
  const page = exact ? whole : whole.trimEnd()
  return samePage(text, page, exact, inline) ? page : undefined
}
