/** Generators of the domain's values, biased towards what goes wrong. */
import { Arbitrary, Schema } from "effect"
import type { RelativePath } from "../../src/domain/Path.ts"

export const integer = (minimum: number, maximum: number): Arbitrary.Arbitrary<number> =>
  Arbitrary.schema(Schema.Int.check(Schema.isBetween({ minimum, maximum })))

/** One of these values. */
export const oneOf = <const A>(values: ReadonlyArray<A>): Arbitrary.Arbitrary<A> =>
  Arbitrary.map(integer(0, values.length - 1), (index) => values[index] as A)

export const boolean: Arbitrary.Arbitrary<boolean> = oneOf([false, true])
export const byte: Arbitrary.Arbitrary<number> = integer(0, 255)
export const text: Arbitrary.Arbitrary<string> = Arbitrary.schema(Schema.String)

/** Byte sequences around every edge of UTF-8: whole, cut short, overlong, surrogates, beyond the last code point. */
const sequences: ReadonlyArray<ReadonlyArray<number>> = [
  [0x61],
  [0x2f],
  [0xc3, 0xa9],
  [0xe2, 0x82, 0xac],
  [0xf0, 0x9f, 0x98, 0x80],
  [0xef, 0xbb, 0xbf],
  [0xef, 0xbf, 0xbd],
  [0xc3],
  [0xe2, 0x82],
  [0xf0, 0x9f, 0x98],
  [0xc0, 0x80],
  [0xc1, 0xbf],
  [0xe0, 0x80, 0xaf],
  [0xe0, 0x9f, 0xbf],
  [0xed, 0x9f, 0xbf],
  [0xed, 0xa0, 0x80],
  [0xed, 0xb2, 0x80],
  [0xed, 0xbf, 0xbf],
  [0xf0, 0x8f, 0xbf, 0xbf],
  [0xf4, 0x8f, 0xbf, 0xbf],
  [0xf4, 0x90, 0x80, 0x80],
  [0xf5],
  [0x80],
  [0xbf],
  [0xff],
]

/** Bytes: at random, and as sequences around the edges of UTF-8. */
export const bytes: Arbitrary.Arbitrary<Uint8Array> = Arbitrary.map(
  Arbitrary.all([
    Arbitrary.array(oneOf(sequences), { maxLength: 8 }),
    Arbitrary.array(byte, { maxLength: 12 }),
    boolean,
  ]),
  ([known, random, first]) => Uint8Array.from(first ? [...known.flat(), ...random] : [...random, ...known.flat()]),
)

/** A segment of a path, some of them hostile. */
export const segment: Arbitrary.Arbitrary<string> = Arbitrary.map(
  Arbitrary.all([
    oneOf([
      "a",
      "b",
      "misc",
      "sites",
      "all",
      ".git",
      "..",
      ".",
      "",
      "a b",
      "...",
      "a\0b",
      "\\..\\",
      "~",
      "é",
      "\uDCFF",
      "C:",
    ]),
    oneOf(["", "", ".css", ".GIF", ".", "\n"]),
  ]),
  ([name, extension]) => name + extension,
)

/** Text that may or may not be a safe path. */
export const anyPath: Arbitrary.Arbitrary<string> = Arbitrary.map(Arbitrary.array(segment, { maxLength: 5 }), (parts) =>
  parts.join("/"),
)

/** A path of a file below a root, from few names, so that paths often have directories in common. */
export const path: Arbitrary.Arbitrary<RelativePath> = Arbitrary.map(
  Arbitrary.all([
    Arbitrary.array(oneOf(["a", "ab", "misc", "sites", "all", ".git"]), { maxLength: 3 }),
    oneOf(["a", "x.css", "x.CSS", "y.Gif", ".htaccess", "a.tar.gz", "misc", "no extension", "trailing."]),
  ]),
  ([directories, name]) => [...directories, name].join("/") as RelativePath,
)
