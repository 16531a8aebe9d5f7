/**
 * The text of a config file as a tree of elements.
 *
 * XML is read without document types: there are no entities but the predefined ones, and nothing outside the text is
 * looked at.
 *
 * @since 1.0.0
 */
import { XMLParser, XMLValidator } from "fast-xml-parser"
import type { Attribute, Element, Text } from "./Element.ts"
import { decodeEntities } from "./entities.ts"
import type { Mistakes, Place } from "./mistakes.ts"
import { brokenXml } from "./xmlSyntax.ts"

/** Replaces references in a value; mistakes go to `problem`. */
export type Replace = (text: string, problem: (problem: string, cure: string) => void) => string

/** A node as the parser gives it with `preserveOrder`: one key, the name, beside `:@` with the attributes. */
type Node = Readonly<Record<string | symbol, unknown>>

const textName = "#text"
const cdataName = "#cdata"
const commentName = "#comment"

const parser = new XMLParser({
  preserveOrder: true,
  ignoreAttributes: false,
  attributeNamePrefix: "",
  textNodeName: textName,
  cdataPropName: cdataName,
  commentPropName: commentName,
  parseTagValue: false,
  trimValues: false,
  processEntities: false,
  captureMetaData: true,
  onDangerousProperty: (name) => name,
})
const metaData = XMLParser.getMetaDataSymbol() as unknown as symbol

const nodes = (value: unknown): ReadonlyArray<Node> => (Array.isArray(value) ? (value as ReadonlyArray<Node>) : [])
const nameOf = (node: Node): string => Object.keys(node).find((key) => key !== ":@") ?? ""
const offsetOf = (node: Node): number =>
  (node[metaData] as { readonly startIndex?: number } | undefined)?.startIndex ?? 0
const isElement = (node: Node): boolean => {
  const name = nameOf(node)
  return name !== textName && name !== cdataName && name !== commentName && !name.startsWith("?")
}

/** The text of a run of nodes: white space around plain text goes, what CDATA holds stays. */
const plainText = (
  content: ReadonlyArray<Node>,
): ReadonlyArray<{ readonly text: string; readonly verbatim: boolean }> => {
  const parts: Array<{ text: string; verbatim: boolean }> = []
  for (const node of content) {
    const verbatim = nameOf(node) === cdataName
    const text = verbatim
      ? nodes(node[cdataName])
          .map((part) => String(part[textName] ?? ""))
          .join("")
      : node[textName]
    if (typeof text !== "string") continue
    const last = parts.at(-1)
    if (last !== undefined && last.verbatim === verbatim) last.text += text
    else parts.push({ text, verbatim })
  }
  const first = parts.at(0)
  if (first !== undefined && !first.verbatim) first.text = first.text.trimStart()
  const last = parts.at(-1)
  if (last !== undefined && !last.verbatim) last.text = last.text.trimEnd()
  return parts
}

/** Where each attribute of the tag at `start` is written. */
const attributeOffsets = (source: string, start: number): ReadonlyMap<string, number> => {
  const offsets = new Map<string, number>()
  const pattern = /([^\s=<>/]+)\s*=\s*(?:"[^"]*"|'[^']*')|[<>]/y
  const behindName = /[\s/>]/g
  behindName.lastIndex = start + 1
  let at = behindName.exec(source)?.index ?? source.length
  while (at < source.length) {
    pattern.lastIndex = at
    const match = pattern.exec(source)
    if (match === null) at++
    else if (match[1] === undefined) break
    else {
      offsets.set(match[1], at)
      at = pattern.lastIndex
    }
  }
  return offsets
}

class Builder {
  readonly #source: string
  readonly #mistakes: Mistakes
  readonly #replace: Replace

  constructor(source: string, mistakes: Mistakes, replace: Replace) {
    this.#source = source
    this.#mistakes = mistakes
    this.#replace = replace
  }

  #text(place: Place, parts: ReadonlyArray<{ readonly text: string; readonly verbatim: boolean }>): Text {
    let broken = false
    const problem = (what: string, cure: string) => {
      broken = true
      this.#mistakes.add(place, what, cure)
    }
    const written = parts.map((part) => (part.verbatim ? part.text : decodeEntities(part.text, problem))).join("")
    const value = broken ? "" : this.#replace(written, problem)
    return { ...place, written, value, broken }
  }

  element(node: Node, path: string): Element {
    const name = nameOf(node)
    const offset = offsetOf(node)
    const content = nodes(node[name])
    const offsets = attributeOffsets(this.#source, offset)
    const attributes: Array<Attribute> = []
    for (const [attributeName, value] of Object.entries((node[":@"] ?? {}) as Record<string, unknown>)) {
      const place = { offset: offsets.get(attributeName) ?? offset, element: `${path}/@${attributeName}` }
      if (String(value).includes("<")) {
        this.#mistakes.add(
          place,
          "has a bare < in its value",
          "Write &lt; for it, and look for a missing quote before it.",
        )
      }
      // XML turns line ends and tabs in attributes into spaces.
      const text = String(value).replace(/[\t\n\r]/g, " ")
      attributes.push({ name: attributeName, ...this.#text(place, [{ text, verbatim: false }]) })
    }
    const elements = content.filter(isElement)
    const counts = new Map<string, number>()
    for (const child of elements) counts.set(nameOf(child), (counts.get(nameOf(child)) ?? 0) + 1)
    const seen = new Map<string, number>()
    const prefix = path === "config" ? "" : `${path}/`
    const children = elements.map((child) => {
      const childName = nameOf(child)
      const index = (seen.get(childName) ?? 0) + 1
      seen.set(childName, index)
      return this.element(child, `${prefix}${childName}${(counts.get(childName) ?? 0) > 1 ? `[${index}]` : ""}`)
    })
    const text = this.#text({ offset, element: path }, plainText(content.filter((child) => !isElement(child))))
    return { name, offset, element: path, attributes, children, text }
  }
}

/** The root element of a config, or undefined where the text is not XML; mistakes say why. */
export const parseXml = (source: string, mistakes: Mistakes, replace: Replace): Element | undefined => {
  const broken = brokenXml(source, (text) => XMLValidator.validate(text))
  if (broken !== undefined) {
    mistakes.add({ offset: broken.offset, element: "config" }, broken.problem, broken.cure)
    return undefined
  }
  const parsed = (() => {
    try {
      return nodes(parser.parse(source))
    } catch {
      return undefined
    }
  })()
  if (parsed === undefined) {
    mistakes.add(
      { offset: 0, element: "config" },
      "is nested too deep or uses a name that is refused",
      "Keep to the documented elements.",
    )
    return undefined
  }
  const [first, second] = parsed.filter(isElement)
  if (first === undefined || nameOf(first) !== "config") {
    const offset = first === undefined ? 0 : offsetOf(first)
    mistakes.add(
      { offset, element: "config" },
      "is not the outermost element",
      "A config file is <config>...</config>.",
    )
    return undefined
  }
  if (second !== undefined) {
    mistakes.add(
      { offset: offsetOf(second), element: "config" },
      "is followed by another element",
      "Put everything into one <config>.",
    )
    return undefined
  }
  return new Builder(source, mistakes, replace).element(first, "config")
}
