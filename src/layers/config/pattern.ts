/**
 * A rule's pattern: a regular expression as Python's `re.match` takes it, made one of JavaScript's.
 *
 * `\w`, `\d` and `\b` mean letters, digits and words of every script, as they do in Python. What JavaScript has no means for
 * is refused, never guessed.
 *
 * @since 1.0.0
 */
import * as Result from "effect/Result"
import { Wrong } from "./values.ts"

const WORD = String.raw`\p{L}\p{N}_`
const DIGIT = String.raw`\p{Nd}`

const outside: Readonly<Record<string, string>> = {
  A: "(?<![^])",
  Z: "(?![^])",
  w: `[${WORD}]`,
  W: `[^${WORD}]`,
  d: DIGIT,
  D: String.raw`\P{Nd}`,
  b: `(?:(?<=[${WORD}])(?![${WORD}])|(?<![${WORD}])(?=[${WORD}]))`,
  B: `(?:(?<=[${WORD}])(?=[${WORD}])|(?<![${WORD}])(?![${WORD}]))`,
  s: String.raw`\s`,
  S: String.raw`\S`,
  a: String.raw`\x07`,
}

const inside: Readonly<Record<string, string>> = {
  w: WORD,
  W: `[^${WORD}]`,
  d: DIGIT,
  D: String.raw`\P{Nd}`,
  s: String.raw`\s`,
  S: String.raw`\S`,
  a: String.raw`\x07`,
  b: String.raw`\x08`,
}

const literal = (code: number): string => `\\u{${code.toString(16)}}`

class Refused extends Error {}

const refuse = (what: string): never => {
  throw new Refused(what)
}

class Translation {
  readonly #source: string
  #at = 0
  #out = ""
  flags = ""
  /** A class holds the complement of another: that takes the `v` flag, with stricter escaping in classes. */
  sets: boolean
  #ascii = false

  constructor(source: string, sets: boolean) {
    this.#source = source
    this.sets = sets
  }

  #rest(): string {
    return this.#source.slice(this.#at)
  }

  #take(pattern: RegExp): RegExpExecArray | null {
    const match = pattern.exec(this.#rest())
    if (match !== null) this.#at += match[0].length
    return match
  }

  translate(): string {
    for (const flag of this.#take(/^\(\?([aiLmsux]+)\)/)?.[1] ?? "") {
      if (flag === "a") this.#ascii = true
      else if (flag === "L" || flag === "x") refuse(`the flag (?${flag})`)
      else if (flag !== "u" && !this.flags.includes(flag)) this.flags += flag
    }
    while (this.#at < this.#source.length) this.#step()
    return this.#out
  }

  #step(): void {
    const character = this.#source[this.#at] ?? ""
    if (character === "\\") this.#out += this.#escape()
    else if (character === "[") this.#out += this.#class()
    else if (character === "(") this.#group()
    else if (character === "{") this.#brace()
    else if (character === "}" || character === "]") {
      this.#out += `\\${character}`
      this.#at++
    } else if (/[*+?]/.test(character)) this.#quantifier(character)
    else {
      this.#out += character
      this.#at++
    }
  }

  #quantifier(text: string): void {
    this.#out += text
    this.#at += text.length
    if (this.#source[this.#at] === "+") refuse("a possessive quantifier")
    if (this.#source[this.#at] === "?") {
      this.#out += "?"
      this.#at++
    }
  }

  #brace(): void {
    const match = /^\{(\d*)(,?)(\d*)\}/.exec(this.#rest())
    if (match === null || (match[1] === "" && match[2] === "")) {
      this.#out += "\\{"
      this.#at++
      return
    }
    this.#at += match[0].length
    this.#out += `{${match[1] === "" ? "0" : match[1]}${match[2]}${match[3]}}`
    this.#quantifier("")
  }

  #group(): void {
    const comment = this.#take(/^\(\?#[^)]*\)/)
    if (comment !== null) return
    const named = this.#take(/^\(\?P?<([A-Za-z_]\w*)>/)
    if (named !== null) {
      this.#out += `(?<${named[1]}>`
      return
    }
    const reference = this.#take(/^\(\?P=([A-Za-z_]\w*)\)/)
    if (reference !== null) {
      this.#out += `\\k<${reference[1]}>`
      return
    }
    const plain = this.#take(/^\((?:\?(?:[:=!]|<[=!]))?/)
    const opening = plain?.[0] ?? "("
    if (opening === "(" && this.#source[this.#at] === "?") {
      const kind = this.#source[this.#at + 1] ?? ""
      if (kind === "(") refuse("a conditional group (?(...)...)")
      if (kind === ">") refuse("an atomic group (?>...)")
      if (/[aiLmsux-]/.test(kind)) refuse("flags that are not at the very start")
      refuse("an unknown kind of group (?...)")
    }
    this.#out += opening
  }

  /** Code point of a numeric escape at the cursor, which stands behind the backslash. */
  #number(inClass: boolean): number | undefined {
    const hex = this.#take(/^(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|u\{([0-9a-fA-F]{1,6})\})/)
    if (hex !== null) return Number.parseInt(hex[1] ?? hex[2] ?? hex[3] ?? hex[4] ?? "", 16)
    const octal = this.#take(inClass ? /^[0-7]{1,3}/ : /^(?:0[0-7]{0,2}|[1-3][0-7]{2})/)
    return octal === null ? undefined : Number.parseInt(octal[0], 8)
  }

  #escape(): string {
    this.#at++
    const code = this.#number(false)
    if (code !== undefined) return literal(code > 0x10ffff ? refuse("a character number that does not exist") : code)
    const back = this.#take(/^[1-9]\d?/)
    // A digit behind it is a character of its own.
    if (back !== null) return /^\d/.test(this.#rest()) ? `\\${back[0]}(?:)` : `\\${back[0]}`
    const property = this.#take(/^(?:[pP]\{[^}]*\}|k<[A-Za-z_]\w*>)/)
    if (property !== null) return `\\${property[0]}`
    const character = this.#character()
    if (this.#ascii && /[wWdDbB]/.test(character)) return `\\${character}`
    if (Object.hasOwn(outside, character)) return outside[character] ?? ""
    if (/[fnrtv]/.test(character)) return `\\${character}`
    if (/[A-Za-z0-9]/.test(character)) return refuse(`the escape \\${character}`)
    return /[\^$\\.*+?()[\]{}|/]/.test(character) ? `\\${character}` : character
  }

  #character(): string {
    const code = this.#source.codePointAt(this.#at)
    if (code === undefined) return refuse("a backslash at the end")
    const character = String.fromCodePoint(code)
    this.#at += character.length
    return character
  }

  #class(): string {
    this.#at++
    let out = this.#take(/^\^/) === null ? "[" : "[^"
    for (let first = true; ; first = false) {
      const character = this.#source[this.#at]
      if (character === undefined) return refuse("a [ without its ]")
      if (character === "]" && !first) {
        this.#at++
        return `${out}]`
      }
      const from = this.#member()
      const range = /^-[^\]]/.test(this.#rest()) && from.code !== undefined
      if (!range) {
        out += from.code === undefined ? from.set : this.#plain(from.code)
        continue
      }
      this.#at++
      const to = this.#member()
      if (to.code === undefined) out += `${this.#plain(from.code)}${this.#plain(45)}${to.set}`
      else out += `${this.#plain(from.code)}-${this.#plain(to.code)}`
    }
  }

  /** A character as it may stand in a class. */
  #plain(code: number): string {
    const character = String.fromCodePoint(code)
    if (/[A-Za-z0-9_]/.test(character) || code > 0x7f) return character
    if (code < 0x20 || this.sets) return literal(code)
    return /[\\\]^-]/.test(character) ? `\\${character}` : character
  }

  #member(): { readonly code: number | undefined; readonly set: string } {
    if (this.#source[this.#at] !== "\\") return { code: this.#character().codePointAt(0), set: "" }
    this.#at++
    const code = this.#number(true)
    if (code !== undefined) {
      return { code: code > 0x10ffff ? refuse("a character number that does not exist") : code, set: "" }
    }
    const property = this.#take(/^[pP]\{[^}]*\}/)
    if (property !== null) return { code: undefined, set: `\\${property[0]}` }
    const character = this.#character()
    if (this.#ascii && /[wWdD]/.test(character)) return { code: undefined, set: `\\${character}` }
    const control: Readonly<Record<string, number>> = { f: 12, n: 10, r: 13, t: 9, v: 11, a: 7, b: 8 }
    if (Object.hasOwn(control, character)) return { code: control[character], set: "" }
    if (character === "W") this.sets = true
    if (Object.hasOwn(inside, character)) return { code: undefined, set: inside[character] ?? "" }
    if (/[A-Za-z0-9]/.test(character)) return refuse(`the escape \\${character} in a [...]`)
    return { code: character.codePointAt(0), set: "" }
  }
}

const attempt = (source: string): RegExp => {
  const first = new Translation(source, false)
  const translated = first.translate()
  if (!first.sets) return new RegExp(translated, `${first.flags}uy`)
  const second = new Translation(source, true)
  return new RegExp(second.translate(), `${second.flags}vy`)
}

const written = new WeakMap<RegExp, string>()

/** The compiled pattern, sticky and Unicode-aware, or what is wrong with it. */
export const compilePattern = (source: string): RegExp | Wrong => {
  const compiled = Result.try({ try: () => attempt(source), catch: (cause) => cause })
  if (Result.isSuccess(compiled)) {
    written.set(compiled.success, source)
    return compiled.success
  }
  const cause = compiled.failure
  return cause instanceof Refused
    ? new Wrong(`uses ${cause.message}, which has no counterpart here`, "Write the pattern without it.")
    : new Wrong(
        `is not a regular expression: ${(cause instanceof Error ? cause.message : "").split(": ").at(-1) ?? ""}`,
        "It is matched from the start of the absolute path, e.g. .*/images/[^/]+$ .",
      )
}

/** The pattern as it was written. */
export const writtenPattern = (pattern: RegExp): string => written.get(pattern) ?? pattern.source
