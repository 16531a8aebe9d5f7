/**
 * Schemas of the values that elements and attributes hold: text on one side, what is meant on the other.
 *
 * A message is "problem" or "problem\ncure". It never repeats the value; {@link VALUE} in it stands for the value as it
 * is written in the file, for places where that may be shown.
 *
 * @since 1.0.0
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as SchemaIssue from "effect/SchemaIssue"
import * as SchemaTransformation from "effect/SchemaTransformation"
import { DURATION_MAX } from "../../domain/Limits.ts"
import { isSafe } from "../../domain/Path.ts"
import { didYouMean } from "./nearest.ts"

/** Stands for the value as written. */
export const VALUE = "{value}"

/** What is wrong with a text. */
export class Wrong {
  readonly problem: string
  readonly cure: string
  constructor(problem: string, cure: string) {
    this.problem = problem
    this.cure = cure
  }
  get message(): string {
    return `${this.problem}\n${this.cure}`
  }
}

/** A schema from text to `A`. `decode` says what the text means or what is wrong with it. */
export const value = <A>(decode: (text: string) => A | Wrong, encode: (value: A) => string): Schema.Codec<A, string> =>
  Schema.String.pipe(
    Schema.decodeTo(
      Schema.declare<A>((_input): _input is A => true),
      SchemaTransformation.transformEffect<A, string>({
        decode: (text) => {
          const decoded = decode(text)
          return decoded instanceof Wrong
            ? Effect.fail(new SchemaIssue.InvalidValue({ message: decoded.message }))
            : Effect.succeed(decoded)
        },
        encode: (decoded) => Effect.succeed(encode(decoded)),
      }),
    ),
  )

/** Text that is not empty and stays as it is. */
export const text: Schema.Codec<string, string> = value(
  (input) => (input === "" ? new Wrong("is empty", "Give it a value, or leave it out where it is optional.") : input),
  (input) => input,
)

/** A secret: wrapped, so that it can not be printed. */
export const secret = Schema.RedactedFromValue(text)

/** One of a few words. */
export const choice = <const W extends string>(...words: ReadonlyArray<W>): Schema.Codec<W, string> =>
  value<W>(
    (input) =>
      words.find((word) => word === input) ??
      new Wrong(`is ${VALUE}, which is no choice here`, didYouMean(input, words, "values")),
    (word) => word,
  )

/** `true` or `false`; also `yes`, `no`, `1`, `0`. */
export const flag: Schema.Codec<boolean, string> = value(
  (input) => {
    const word = input.toLowerCase()
    if (word === "true" || word === "yes" || word === "1") return true
    if (word === "false" || word === "no" || word === "0") return false
    return new Wrong(`is ${VALUE}, which is neither true nor false`, "Write true or false.")
  },
  (input) => String(input),
)

/** A whole number between `minimum` and `maximum`. */
export const count = (minimum: number, maximum: number = Number.MAX_SAFE_INTEGER): Schema.Codec<number, string> =>
  value(
    (input) => {
      const number = /^\d{1,16}$/.test(input) ? Number(input) : Number.NaN
      return number >= minimum && number <= maximum
        ? number
        : new Wrong(
            `is ${VALUE}, which is not a whole number ${maximum === Number.MAX_SAFE_INTEGER ? `of at least ${minimum}` : `from ${minimum} to ${maximum}`}`,
            `Write digits only, e.g. ${Math.max(minimum, Math.min(maximum, 10))}.`,
          )
    },
    (input) => String(input),
  )

/** A TCP port. */
export const port = count(1, 65_535)

const unitMillis: Readonly<Record<string, number>> = { ms: 1, s: 1_000, min: 60_000, h: 3_600_000, d: 86_400_000 }

/** A time in milliseconds, written as a number of `unit`s or with a unit of its own: 250ms, 5s, 10min, 1h, 2d. */
export const duration = (unit: "ms" | "s", maximum: number = DURATION_MAX): Schema.Codec<number, string> =>
  value(
    (input) => {
      const match = /^(\d{1,12}(?:\.\d{1,6})?)\s*(ms|s|min|h|d)?$/.exec(input)
      if (match === null) {
        return new Wrong(
          `is ${VALUE}, which is not a time`,
          `Write a number of ${unit === "s" ? "seconds" : "milliseconds"}, or one with its unit: 250ms, 5s, 10min, 1h, 2d.`,
        )
      }
      const millis = Math.round(Number(match[1]) * (unitMillis[match[2] ?? unit] ?? 1))
      return millis <= maximum
        ? millis
        : new Wrong(`is ${VALUE}, which is too long`, `At most ${Math.floor(maximum / 86_400_000)}d.`)
    },
    (millis) => `${millis}ms`,
  )

/** A path on this machine; relative ones were made absolute before. */
export const localPath: Schema.Codec<string, string> = value(
  (input) => {
    if (input === "") return new Wrong("is empty", "Give it a path.")
    if (input.includes("\0")) return new Wrong("holds a character that no path can have", "Remove it.")
    if (/^~(?:\/|$)/.test(input)) {
      return new Wrong("begins with ~, which only a shell understands", "Write the whole path, or ${env:HOME}/... .")
    }
    return input
  },
  (input) => input,
)

/** A directory on a server: "/" separated, no "." or "..", slashes at either end are dropped; may be empty. */
export const remoteDirectory: Schema.Codec<string, string> = value(
  (input) => {
    const path = input.replace(/\/{2,}/g, "/").replace(/^\/|\/$/g, "")
    return path === "" || isSafe(path)
      ? path
      : new Wrong(`is ${VALUE}, which leads outside`, 'Leave out "." and ".." segments.')
  },
  (input) => input,
)

/** A path on a server, absolute or relative to where a login ends up; may be empty. */
export const serverPath: Schema.Codec<string, string> = value(
  (input) => {
    const path = input.replace(/\/{2,}/g, "/").replace(/(.)\/$/, "$1")
    return path === "" || path === "/" || isSafe(path.replace(/^\//, ""))
      ? path
      : new Wrong(`is ${VALUE}, which leads outside`, 'Leave out "." and ".." segments.')
  },
  (input) => input,
)

/** A host name or address, without scheme, port or path. */
export const host: Schema.Codec<string, string> = value(
  (input) =>
    /^[^\s/@:[\]]+$/.test(input) || /^\[?[0-9a-fA-F:.]*:[0-9a-fA-F:.]+(%\w+)?\]?$/.test(input)
      ? input.replace(/^\[|\]$/g, "")
      : new Wrong(
          "is not a host name",
          "Write the name or address alone, e.g. ftp.example.com; the port has a setting of its own.",
        ),
  (input) => input,
)

const isHttpUrl = (input: string): boolean => {
  if (/[\s?#]/.test(input)) return false
  const absolute = input.startsWith("//") ? `http:${input}` : input
  if (!/^https?:\/\//i.test(absolute) || !URL.canParse(absolute)) return false
  const parsed = new URL(absolute)
  return parsed.username === "" && parsed.password === ""
}

/** A public address that paths are put behind: http, https, or "//" for whichever the page has. */
export const publicUrl: Schema.Codec<string, string> = value(
  (input) =>
    isHttpUrl(input)
      ? input
      : new Wrong(
          "is not an address that paths can be put behind",
          "Write e.g. https://cdn.example.com/ without ?, # or a password.",
        ),
  (input) => input,
)

/** The address of a service: http or https. */
export const serviceUrl: Schema.Codec<string, string> = value(
  (input) =>
    isHttpUrl(input) && !input.startsWith("//")
      ? input
      : new Wrong(
          "is not the address of a service",
          "Write e.g. https://storage.example.com without ?, # or a password.",
        ),
  (input) => input,
)

/** Text that matches a pattern. */
export const matching = (pattern: RegExp, problem: string, cure: string): Schema.Codec<string, string> =>
  value(
    (input) => (pattern.test(input) ? input : new Wrong(problem, cure)),
    (input) => input,
  )
