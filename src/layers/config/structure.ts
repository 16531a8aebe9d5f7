/**
 * Which elements an element may hold.
 *
 * @since 1.0.0
 */
import type { Attribute, Element } from "./Element.ts"
import type { Mistakes } from "./mistakes.ts"
import { didYouMean, shown } from "./nearest.ts"

/** How often a child may or must occur. */
export type Occurrence = "optional" | "once" | "any" | "some"

/** Notes unknown, missing and repeated children of an element, and text where only elements belong. */
export const checkChildren = (
  element: Element,
  children: Readonly<Record<string, Occurrence>>,
  mistakes: Mistakes,
): void => {
  const names = Object.keys(children)
  for (const child of element.children) {
    if (names.includes(child.name)) continue
    mistakes.add(
      child,
      `there is no element ${shown(child.name)} in <${element.name}>`,
      didYouMean(child.name, names, "elements"),
    )
  }
  for (const [name, occurrence] of Object.entries(children)) {
    const found = element.children.filter((child) => child.name === name)
    if (found.length === 0 && (occurrence === "once" || occurrence === "some")) {
      const prefix = element.element === "config" ? "" : `${element.element}/`
      mistakes.add(
        { offset: element.offset, element: `${prefix}${name}` },
        `<${element.name}> needs ${occurrence === "once" ? "a" : "at least one"} <${name}>`,
        `Add <${name}> to it.`,
      )
    }
    if (occurrence === "once" || occurrence === "optional") {
      for (const again of found.slice(1)) {
        mistakes.add(again, `<${name}> is given twice`, `Put everything into one <${name}>.`)
      }
    }
  }
  if (element.text.written !== "") {
    mistakes.add(
      element,
      `<${element.name}> holds text where only elements belong`,
      `Remove the text. ${didYouMean("", names, "elements")}`,
    )
  }
}

/** Notes a name that is taken already; true where it was free. */
export const uniqueName = (
  names: Set<string>,
  given: Attribute | undefined,
  kind: string,
  mistakes: Mistakes,
): boolean => {
  if (given === undefined || given.broken) return true
  if (!names.has(given.value)) {
    names.add(given.value)
    return true
  }
  mistakes.add(given, `another ${kind} has this name`, `Give every ${kind} a name of its own.`)
  return false
}
