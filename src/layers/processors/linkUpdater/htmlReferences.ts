/**
 * References in HTML to files that a page is made of. Where a reader is sent to (`<a href>`, `<form>`, `<iframe>`), what
 * scripts say, and comments stay as they are.
 *
 * @since 1.0.0
 */
import { withBase } from "../../../domain/Reference.ts"
import { cssReferences } from "./cssReferences.ts"
import { type AttributeValue, readMarkup, type StartTag } from "./htmlMarkup.ts"
import type { Occurrence } from "./occurrence.ts"
import { srcsetAddresses } from "./srcset.ts"

/** Attributes that hold one address, by element. */
const addresses: Readonly<Record<string, ReadonlyArray<string>>> = {
  audio: ["src"],
  embed: ["src"],
  feimage: ["href", "xlink:href"],
  image: ["href", "xlink:href"],
  img: ["src"],
  input: ["src"],
  object: ["data"],
  script: ["src"],
  source: ["src"],
  track: ["src"],
  use: ["href", "xlink:href"],
  video: ["src", "poster"],
}

/** Attributes that hold several. */
const addressLists: Readonly<Record<string, string>> = { img: "srcset", source: "srcset", link: "imagesrcset" }

/** What a `<link>` may be so that its address is a part of the page. */
const partOfPage = new Set([
  "stylesheet",
  "icon",
  "apple-touch-icon",
  "apple-touch-icon-precomposed",
  "mask-icon",
  "image_src",
  "manifest",
  "preload",
  "modulepreload",
  "prefetch",
])

/** What a `<meta>` may be so that its content is the address of a file. */
const fileMeta = new Set([
  "og:image",
  "og:image:url",
  "og:image:secure_url",
  "og:audio",
  "og:audio:url",
  "og:video",
  "og:video:url",
  "twitter:image",
  "twitter:image:src",
  "msapplication-tileimage",
])

const entities: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
  "`": "&#96;",
}

/** Text for an attribute's value that stands in these quotes, or in none. */
const encodeFor = (quote: string) => (text: string) =>
  text.replaceAll(quote === "" ? /[&<>"'`\s]/g : /[&"']/g, (char) =>
    quote === "" || char === "&" || char === quote ? (entities[char] ?? `&#${char.charCodeAt(0)};`) : char,
  )

const words = (tag: StartTag, attribute: string): ReadonlyArray<string> =>
  (tag.attributes.get(attribute)?.value ?? "").toLowerCase().split(/[ \t\r\n\f]+/)

/** Names of the attributes of an element that hold one address. */
const addressesOf = (tag: StartTag): ReadonlyArray<string> => {
  if (tag.name === "link") return words(tag, "rel").some((word) => partOfPage.has(word)) ? ["href"] : []
  if (tag.name === "meta") {
    return [...words(tag, "property"), ...words(tag, "name")].some((word) => fileMeta.has(word)) ? ["content"] : []
  }
  return addresses[tag.name] ?? []
}

const isCss = (tag: StartTag): boolean => {
  const type = tag.attributes.get("type")?.value.trim().toLowerCase() ?? ""
  return type === "" || type === "text/css"
}

/** All references, in their order, as they read from where the file is: a `<base href>` is taken into account. */
export const htmlReferences = (html: string): ReadonlyArray<Occurrence> => {
  const found: Array<Occurrence> = []
  let base: string | undefined

  /** A part of an attribute's value. What is kept behind the address, query and fragment, keeps its bytes too. */
  const addPart = (
    { places, quote, value }: AttributeValue,
    from: number,
    to: number,
    reference = value.slice(from, to),
    write: (address: string) => string = (address) => address,
  ) => {
    let first = from
    let last = to
    while (places[first] === -1) first--
    while (places[last] === -1) last++
    const start = places[first]
    const end = places[last]
    if (start === undefined || end === undefined) return
    const encode = encodeFor(quote)
    const before = encode(value.slice(first, from))
    const after = encode(value.slice(to, last))
    found.push({ start, end, reference, write: (address) => before + encode(write(address)) + after })
  }

  const addAddress = (attribute: AttributeValue | undefined) => {
    if (attribute === undefined) return
    const { places, quote, value } = attribute
    const encode = encodeFor(quote)
    const cut = value.search(/[?#]/)
    const start = places[0]
    const end = places.at(-1)
    const suffixStart = cut === -1 ? end : places[cut]
    if (start === undefined || end === undefined) return
    found.push({
      start,
      end,
      reference: value,
      write: (address) => {
        const suffix = cut === -1 ? "" : value.slice(cut).trimEnd()
        return suffixStart === undefined || suffixStart === -1 || !address.endsWith(suffix)
          ? encode(address)
          : encode(address.slice(0, address.length - suffix.length)) + html.slice(suffixStart, end)
      },
    })
  }

  readMarkup(html, {
    tag: (tag) => {
      if (tag.name === "base") base ??= tag.attributes.get("href")?.value
      for (const name of addressesOf(tag)) addAddress(tag.attributes.get(name))
      const list = tag.attributes.get(addressLists[tag.name] ?? "")
      if (list !== undefined) {
        for (const { end, start } of srcsetAddresses(list.value)) addPart(list, start, end)
      }
      const style = tag.attributes.get("style")
      if (style !== undefined) {
        for (const { end, reference, start, write } of cssReferences(style.value)) {
          addPart(style, start, end, reference, write)
        }
      }
    },
    style: (tag, start, end) => {
      if (!isCss(tag)) return
      for (const one of cssReferences(html.slice(start, end))) {
        found.push({ ...one, start: one.start + start, end: one.end + start })
      }
    },
  })
  const inOrder = found.toSorted((a, b) => a.start - b.start)
  return base === undefined ? inOrder : inOrder.flatMap((occurrence) => rebased(occurrence, base ?? ""))
}

const rebased = (occurrence: Occurrence, base: string): ReadonlyArray<Occurrence> => {
  const reference = withBase(base, occurrence.reference)
  return reference === undefined ? [] : [{ ...occurrence, reference }]
}
