/**
 * References in JavaScript: text literals that are exactly a path from the site's root, and what modules import.
 *
 * @since 1.0.0
 */
import { type Comment, type Node, type Options, parse } from "acorn"
import type { Occurrence } from "./occurrence.ts"

const sourceMap = /^([#@]\s*sourceMappingURL=\s*)(\S+)\s*$/

/** Parts of a node by name, as the parser leaves them. */
type Parts = Readonly<Record<string, unknown>>

const isNode = (value: unknown): value is Node =>
  typeof value === "object" && value !== null && typeof (value as Parts)["type"] === "string"

const partsOf = (value: unknown): Parts => (isNode(value) ? (value as unknown as Parts) : {})

/** `import.meta.url` */
const isModuleAddress = (value: unknown): boolean => {
  const { object, property, type } = partsOf(value)
  return (
    type === "MemberExpression" && partsOf(object)["type"] === "MetaProperty" && partsOf(property)["name"] === "url"
  )
}

/** How a text is read as a reference: as the path of a file from the site's root, as an address, or as a module's name. */
type Meaning = "path" | "address" | "module"

/** The part of a node that is a reference relative to the file. */
const relativeIn = (node: Parts): readonly [part: unknown, meaning: Meaning] | undefined => {
  switch (node["type"]) {
    case "ImportDeclaration":
    case "ExportNamedDeclaration":
    case "ExportAllDeclaration":
    case "ImportExpression":
      return [node["source"], "module"]
    case "NewExpression": {
      const [address, base] = node["arguments"] as ReadonlyArray<unknown>
      return partsOf(node["callee"])["name"] === "URL" && isModuleAddress(base) ? [address, "address"] : undefined
    }
    default:
      return undefined
  }
}

/** Parts in which a text is a name, is compared, or is only a piece of another. */
const leftOut = (node: Parts): ReadonlyArray<unknown> => {
  switch (node["type"]) {
    case "Property":
    case "PropertyDefinition":
    case "MethodDefinition":
      return [node["key"]]
    case "MemberExpression":
      return [node["property"]]
    case "BinaryExpression":
      return [node["left"], node["right"]]
    case "SwitchCase":
      return [node["test"]]
    case "TemplateLiteral":
      return node["expressions"] as ReadonlyArray<unknown>
    case "TaggedTemplateExpression":
      return [node["quasi"]]
    case "ExpressionStatement":
      return typeof node["directive"] === "string" ? [node["expression"]] : []
    case "ExportAllDeclaration":
      return [node["exported"]]
    case "ImportSpecifier":
    case "ExportSpecifier":
      return [node["imported"], node["local"], node["exported"]]
    default:
      return []
  }
}

const inQuotes = (quote: string) => {
  const special = quote === "`" ? /[\\`]|\$(?=\{)/g : /[\\'"\n\r\u2028\u2029]/g
  const escape = (char: string) => {
    if (char === "\\" || char === "$" || char === quote) return `\\${char}`
    return /['"]/.test(char) ? char : `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`
  }
  return (address: string) => quote + address.replaceAll(special, escape) + quote
}

/** The text of a literal, or of a template without substitutions. */
const textOf = (node: Parts): string | undefined => {
  if (node["type"] === "Literal") return typeof node["value"] === "string" ? node["value"] : undefined
  if (node["type"] !== "TemplateLiteral") return undefined
  const [only, ...others] = node["quasis"] as ReadonlyArray<Parts>
  if (only === undefined || others.length > 0) return undefined
  return (only["value"] as { readonly cooked?: string | null }).cooked ?? undefined
}

const isReference: Readonly<Record<Meaning, (text: string) => boolean>> = {
  path: (text) => text.startsWith("/"),
  address: () => true,
  // Without a dot or a slash in front it is the name of a package.
  module: (text) => /^\.{0,2}\//.test(text),
}

const parseAs = (code: string, sourceType: "module" | "script") => {
  const comments: Array<Comment> = []
  const options: Options = { ecmaVersion: "latest", allowHashBang: true, onComment: comments, sourceType }
  return { program: parse(code, options), comments }
}

const positionOf = (error: unknown): number => {
  const { pos } = error as { readonly pos?: unknown }
  return typeof pos === "number" ? pos : -1
}

/** A file does not say which of the two it is. Where it is neither, the reading that came further says why. */
const parsed = (code: string) => {
  try {
    return parseAs(code, "module")
  } catch (asModule) {
    try {
      return parseAs(code, "script")
    } catch (asScript) {
      throw positionOf(asScript) > positionOf(asModule) ? asScript : asModule
    }
  }
}

/** All references, in their order. Throws a SyntaxError for what is not JavaScript. */
export const jsReferences = (code: string): ReadonlyArray<Occurrence> => {
  const { comments, program } = parsed(code)
  const found: Array<Occurrence> = []
  const open: Array<readonly [node: unknown, meaning: Meaning]> = [[program, "path"]]
  for (let entry = open.pop(); entry !== undefined; entry = open.pop()) {
    const [value, meaning] = entry
    if (!isNode(value)) continue
    const node = partsOf(value)
    const text = textOf(node)
    if (text !== undefined) {
      const { end, start } = value
      if (isReference[meaning](text)) {
        found.push({ start, end, reference: text, write: inQuotes(code.charAt(start)) })
      }
      continue
    }
    const out = new Set(leftOut(node).filter((part) => textOf(partsOf(part)) !== undefined))
    const [relative, read] = relativeIn(node) ?? []
    for (const part of Object.values(node).flat()) {
      if (isNode(part) && !out.has(part)) open.push([part, part === relative ? (read ?? "path") : "path"])
    }
  }
  for (const { end, start, value } of comments) {
    const [, before = "", reference] = sourceMap.exec(value) ?? []
    if (reference === undefined) continue
    const at = start + 2 + before.length
    if (at + reference.length <= end) {
      found.push({ start: at, end: at + reference.length, reference, write: (address) => address })
    }
  }
  return found.toSorted((a, b) => a.start - b.start)
}
