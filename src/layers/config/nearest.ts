/**
 * The valid name that was probably meant.
 *
 * @since 1.0.0
 */
import { display } from "../../domain/Path.ts"

/** Names longer than this are nobody's typing mistake, and comparing them would cost time. */
const NAME_MAX = 64

/** Insertions, deletions, replacements and swaps of neighbours between two words. */
export const editDistance = (left: string, right: string): number => {
  let beforePrevious: Array<number> = []
  let previous = Array.from({ length: right.length + 1 }, (_, index) => index)
  for (let i = 1; i <= left.length; i++) {
    const current = [i]
    for (let j = 1; j <= right.length; j++) {
      const same = left[i - 1] === right[j - 1] ? 0 : 1
      let cost = Math.min((previous[j] ?? 0) + 1, (current[j - 1] ?? 0) + 1, (previous[j - 1] ?? 0) + same)
      if (i > 1 && j > 1 && left[i - 1] === right[j - 2] && left[i - 2] === right[j - 1]) {
        cost = Math.min(cost, (beforePrevious[j - 2] ?? 0) + 1)
      }
      current.push(cost)
    }
    beforePrevious = previous
    previous = current
  }
  return previous[right.length] ?? 0
}

/** The valid name nearest to `name`, regardless of case, or undefined where none is near. */
export const nearest = (name: string, valid: ReadonlyArray<string>): string | undefined => {
  if (name.length > NAME_MAX) return undefined
  const wanted = name.toLowerCase()
  let best: string | undefined
  let bestDistance = Math.max(2, Math.floor(name.length / 3)) + 1
  for (const candidate of valid) {
    if (candidate.length > NAME_MAX) continue
    const other = candidate.toLowerCase()
    const shorter = Math.min(other.length, wanted.length)
    const begins = shorter >= 4 && (other.startsWith(wanted) || wanted.startsWith(other))
    const distance = begins ? 1 : editDistance(wanted, other)
    if (distance < bestDistance && distance < Math.max(candidate.length, 2)) {
      best = candidate
      bestDistance = distance
    }
  }
  return best
}

/** A name as it may be shown in a message. */
export const shown = (name: string): string =>
  name.length > NAME_MAX ? `"${display(name.slice(0, NAME_MAX))}..."` : `"${display(name)}"`

/** "Did you mean ...?" and the list of what is valid. `what` is the plural, e.g. "attributes". */
export const didYouMean = (name: string, valid: ReadonlyArray<string>, what: string): string => {
  if (valid.length === 0) return `There are no ${what} here.`
  const near = nearest(name, valid)
  const list = `Valid ${what}: ${[...new Set(valid)].map(display).join(", ")}.`
  return near === undefined ? list : `Did you mean ${shown(near)}? ${list}`
}
