/**
 * Whether two texts are the same page.
 *
 * @since 1.0.0
 */
import { Parser } from "htmlparser2"

/** Elements whose white space is shown, or is part of a value. */
const verbatim = new Set(["pre", "textarea", "listing", "plaintext", "xmp"])

const collapsed = (text: string): string => text.replaceAll(/[ \t\n\f\r]+/g, " ")

/** Attributes in whose values white space means no more than that something ends. */
const isLoose = (name: string): boolean =>
  /^(?:class|style|on[a-z]+|href|src|srcset|sizes|media|action|formaction|cite|poster|data|rel|content|coords|points|d|type)$/.test(
    name,
  )

/** A page as a list of its tags and texts, white space aside where it is not shown. */
const outline = (page: string, exact: boolean, embedded: boolean): ReadonlyArray<string> => {
  const parts: Array<string> = []
  const open: Array<string> = []
  let text = ""
  const flush = () => {
    const shown = exact || open.some((name) => verbatim.has(name)) ? text : collapsed(text).trim()
    if (shown !== "") parts.push(`text ${shown}`)
    text = ""
  }
  const isCode = (): boolean => {
    const name = open.at(-1)
    return name === "script" || name === "style"
  }
  let isData = false
  const parser = new Parser({
    onopentag: (name, attributes) => {
      flush()
      const written = Object.entries(attributes).map(
        ([key, value]) => `${key}=${isLoose(key) ? collapsed(value).trim() : value}`,
      )
      parts.push(`<${name} ${written.join(" ")}>`)
      const type = attributes["type"] ?? ""
      isData = name === "script" && type !== "" && type !== "module" && !/(?:java|ecma)script/i.test(type)
      open.push(name)
    },
    ontext: (piece) => {
      text += piece
    },
    onclosetag: (name) => {
      if (isCode() && embedded && !isData) {
        if (text.trim() !== "") parts.push("code")
        text = ""
      } else flush()
      const at = open.lastIndexOf(name)
      if (at !== -1) open.length = at
      parts.push(`</${name}>`)
    },
    onprocessinginstruction: (_, declaration) => {
      flush()
      parts.push(`<${collapsed(declaration)}>`)
    },
  })
  parser.end(page)
  flush()
  return parts
}

/**
 * True where both have the same elements, attributes and texts in the same order. `exact`: white space counts everywhere;
 * `embedded`: what is in scripts and style sheets is not compared.
 */
export const samePage = (one: string, other: string, exact: boolean, embedded: boolean): boolean => {
  const [left, right] = [outline(one, exact, embedded), outline(other, exact, embedded)]
  return left.length === right.length && left.every((part, index) => part === right[index])
}
