/**
 * The addresses in a `srcset`.
 *
 * @since 1.0.0
 */

/** An address: from `start` to before `end`. */
export interface SourceSetAddress {
  readonly start: number
  readonly end: number
}

/** The addresses of a `srcset`, as browsers find them: each ends at white space, or at a comma behind it. */
export const srcsetAddresses = (value: string): ReadonlyArray<SourceSetAddress> => {
  const found: Array<SourceSetAddress> = []
  const candidate = /[ \t\r\n\f,]*([^ \t\r\n\f]+)/y
  for (;;) {
    const match = candidate.exec(value)
    const [all = "", address = ""] = match ?? []
    if (match === null) return found
    const start = match.index + all.length - address.length
    const end = start + address.replace(/,+$/, "").length
    if (end > start) found.push({ start, end })
    if (!address.endsWith(",")) candidate.lastIndex = endOfDescriptors(value, candidate.lastIndex)
  }
}

/** Behind the comma that ends the descriptors which begin at `from`; commas in brackets belong to them. */
const endOfDescriptors = (value: string, from: number): number => {
  let inBrackets = false
  for (let at = from; at < value.length; at++) {
    const char = value[at]
    if (char === "(") inBrackets = true
    else if (char === ")") inBrackets = false
    else if (char === "," && !inBrackets) return at + 1
  }
  return value.length
}
