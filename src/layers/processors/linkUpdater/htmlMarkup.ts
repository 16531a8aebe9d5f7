/**
 * Attributes and style sheets of an HTML text, with their places.
 *
 * @since 1.0.0
 */
import { QuoteType, Tokenizer } from "htmlparser2"

/** An attribute's value: as it reads, and where each of its UTF-16 units stands. */
export interface AttributeValue {
  /** Entities decoded. */
  readonly value: string
  /** Place of each unit; -1 within a run of entities. One longer than the value: the last is its end. */
  readonly places: ReadonlyArray<number>
  /** What it stands in: `"`, `'`, or nothing. */
  readonly quote: string
}

/** A start tag. Names are in lower case; of a repeated attribute the first counts. */
export interface StartTag {
  readonly name: string
  readonly attributes: ReadonlyMap<string, AttributeValue>
}

/** What happens in a text, in its order. */
export interface MarkupHandler {
  readonly tag: (tag: StartTag) => void
  /** The text of a `<style>` element. */
  readonly style: (tag: StartTag, start: number, end: number) => void
}

const nothing = () => {}
const beforeValue = /[ \t\r\n\f]*=[ \t\r\n\f]*["']?/y

/** Where the value of an attribute begins whose name ends at `end`. */
const valueStart = (html: string, end: number): number => {
  beforeValue.lastIndex = end
  return end + (beforeValue.exec(html)?.[0].length ?? 0)
}

/** Reads a whole text. Comments, scripts and everything that is not a complete tag are passed over. */
export const readMarkup = (html: string, handler: MarkupHandler): void => {
  let name = ""
  let attributes = new Map<string, AttributeValue>()
  let attribute = ""
  let value = ""
  let places: Array<number> = []
  /** Place of the next unit; -1 where the length of the entity before it is not known. */
  let next = 0
  let style: { readonly tag: StartTag; readonly start: number } | undefined

  const opened = (end: number) => {
    const tag: StartTag = { name, attributes }
    handler.tag(tag)
    if (name === "style") style = { tag, start: end + 1 }
  }
  const closeStyle = (end: number) => {
    if (style !== undefined && end > style.start) handler.style(style.tag, style.start, end)
    style = undefined
  }

  const tokenizer = new Tokenizer(
    {},
    {
      onopentagname: (start, end) => {
        name = html.slice(start, end).toLowerCase()
        attributes = new Map()
      },
      onattribname: (start, end) => {
        attribute = html.slice(start, end).toLowerCase()
        value = ""
        places = []
        next = valueStart(html, end)
      },
      onattribdata: (start, end) => {
        for (let at = start; at < end; at++) places.push(at)
        value += html.slice(start, end)
        next = end
      },
      onattribentity: (code) => {
        const text = String.fromCodePoint(code)
        for (let unit = 0; unit < text.length; unit++) places.push(unit === 0 ? next : -1)
        value += text
        next = -1
      },
      onattribend: (quote, end) => {
        if (quote === QuoteType.NoValue || attributes.has(attribute)) return
        const isQuoted = quote !== QuoteType.Unquoted
        places.push(isQuoted ? end - 1 : end)
        attributes.set(attribute, { value, places, quote: isQuoted ? html.charAt(end - 1) : "" })
      },
      onopentagend: opened,
      onselfclosingtag: opened,
      onclosetag: (start, end) => {
        if (html.slice(start, end).toLowerCase() === "style") closeStyle(start - 2)
      },
      onend: () => closeStyle(html.length),
      oncdata: nothing,
      oncomment: nothing,
      ondeclaration: nothing,
      onprocessinginstruction: nothing,
      ontext: nothing,
      ontextentity: nothing,
    },
  )
  tokenizer.write(html)
  tokenizer.end()
}
