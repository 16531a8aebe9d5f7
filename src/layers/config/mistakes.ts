/**
 * The mistakes of one config file, collected until all are known.
 *
 * @since 1.0.0
 */
import { ConfigError, type ConfigMistake } from "../../domain/Errors.ts"
import { CONFIG_MISTAKES } from "../../domain/Limits.ts"

/** Where something is written: the offset into the text, and the element or attribute in words. */
export interface Place {
  readonly offset: number
  readonly element: string
}

/** Line and column, counted from 1, of an offset into a text with any kind of line end. */
export const lineAndColumn = (text: string, offset: number): { readonly line: number; readonly column: number } => {
  let line = 1
  let lineStart = 0
  const end = Math.min(offset, text.length)
  for (let at = 0; at < end; at++) {
    const code = text.charCodeAt(at)
    if (code === 10 || (code === 13 && text.charCodeAt(at + 1) !== 10)) {
      line++
      lineStart = at + 1
    }
  }
  return { line, column: end - lineStart + 1 }
}

/** Collects mistakes; they come out in the order of the file. */
export class Mistakes {
  readonly #text: string
  readonly #found: Array<ConfigMistake & { readonly offset: number }> = []
  #more = 0

  constructor(text: string) {
    this.#text = text
  }

  /** Notes a mistake. Past {@link CONFIG_MISTAKES} they are only counted. */
  add(place: Place, problem: string, cure?: string): void {
    if (this.#found.length >= CONFIG_MISTAKES) {
      this.#more++
      return
    }
    this.#found.push({
      offset: place.offset,
      ...lineAndColumn(this.#text, place.offset),
      element: place.element,
      problem,
      ...(cure === undefined ? {} : { cure }),
    })
  }

  get none(): boolean {
    return this.#found.length === 0
  }

  /** All of them as the error of `file`. */
  error(file: string): ConfigError {
    const mistakes: Array<ConfigMistake> = this.#found
      .toSorted((left, right) => left.offset - right.offset)
      .map(({ offset: _offset, ...mistake }) => mistake)
    if (this.#more > 0) {
      mistakes.push({
        element: "config",
        problem: `and ${this.#more} more mistakes`,
        cure: "Mend the ones above first.",
      })
    }
    return new ConfigError({ file, mistakes })
  }
}
