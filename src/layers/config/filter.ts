/**
 * `<filter>`: the conditions of a rule.
 *
 * @since 1.0.0
 */
import * as Schema from "effect/Schema"
import type { Filter } from "../../domain/Filter.ts"
import { type Element, childrenNamed } from "./Element.ts"
import { decodeAttributes, decodeFields, onlyText, textField, noAttributes } from "./fields.ts"
import { directories, directoryNames, extensions } from "./lists.ts"
import type { Mistakes } from "./mistakes.ts"
import { compilePattern, writtenPattern } from "./pattern.ts"
import { choice, count, value, Wrong } from "./values.ts"

const pattern = value<RegExp>(
  (input) => (input === "" ? new Wrong("is empty", "Give it an expression, or leave it out.") : compilePattern(input)),
  writtenPattern,
)

const conditions = Schema.Struct({
  paths: Schema.optionalKey(directories),
  extensions: Schema.optionalKey(extensions),
  ignoredDirs: Schema.optionalKey(directoryNames),
  pattern: Schema.optionalKey(pattern),
  size: Schema.optionalKey(count(0)),
})

const sizeAttributes = Schema.Struct({ conditionType: choice("minimum", "maximum") })

/** The conditions, or undefined where there is a mistake among them, which is noted. */
export const decodeFilter = (element: Element, mistakes: Mistakes): Filter | undefined => {
  decodeAttributes(noAttributes, element, mistakes)
  const words = { owner: element, kind: "condition", subject: "", separator: "/" } as const
  const given = decodeFields(conditions, element.children.map(textField), words, mistakes)
  const [size] = childrenNamed(element, "size")
  for (const child of element.children) onlyText(child, mistakes, child === size ? ["conditionType"] : [])
  const sizeGiven =
    size === undefined
      ? undefined
      : decodeAttributes(
          sizeAttributes,
          { ...size, attributes: size.attributes.filter((attribute) => attribute.name === "conditionType") },
          mistakes,
        )
  if (element.text.written !== "")
    mistakes.add(element, "<filter> holds text where only conditions belong", "Remove the text.")
  if (element.children.length === 0) {
    mistakes.add(
      element,
      "<filter> has no condition",
      "Give it at least one of paths, extensions, ignoredDirs, pattern, size, or remove it.",
    )
  }
  if (given === undefined) return undefined
  const { size: bytes, ...rest } = given
  return bytes === undefined || sizeGiven === undefined ? rest : { ...rest, size: { ...sizeGiven, bytes } }
}
