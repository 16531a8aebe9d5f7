import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Schema } from "effect"
import { essentialExif } from "../../../../src/layers/processors/imageOptimizer/exif.ts"

type Value = readonly [tag: number, type: number, values: ReadonlyArray<number> | string]

const EXIF = 0x8769
const INTEROPERABILITY = 0xa005
const size = { width: 400, height: 300 }

/** A TIFF structure: the main directory, EXIF and interoperability, values that do not fit behind all of them. */
const tiff = (
  little: boolean,
  main: ReadonlyArray<Value>,
  exif: ReadonlyArray<Value> = [],
  other: ReadonlyArray<Value> = [],
) => {
  const bytes = Buffer.alloc(2_000)
  const short = (value: number, at: number) =>
    little ? bytes.writeUInt16LE(value, at) : bytes.writeUInt16BE(value, at)
  const long = (value: number, at: number) => (little ? bytes.writeUInt32LE(value, at) : bytes.writeUInt32BE(value, at))
  bytes.write(little ? "II" : "MM", 0, "latin1")
  short(42, 2)
  long(8, 4)
  let data = 1_000
  const directory = (start: number, entries: ReadonlyArray<Value>) => {
    short(entries.length, start)
    entries.forEach(([tag, type, values], index) => {
      const at = start + 2 + index * 12
      const width = typeof values === "string" ? 1 : ([0, 1, 1, 2, 4, 8][type] ?? 1)
      const fits = values.length * width <= 4
      short(tag, at)
      short(type, at + 2)
      long(values.length, at + 4)
      if (!fits) long(data, at + 8)
      let to = fits ? at + 8 : data
      for (const value of typeof values === "string" ? Buffer.from(values, "latin1") : values) {
        if (width === 1) bytes[to] = value
        else if (width === 2) short(value, to)
        else {
          long(value, to)
          if (width === 8) long(1, to + 4)
        }
        to += width
      }
      if (!fits) data = to
    })
  }
  directory(8, [...main, ...(exif.length + other.length > 0 ? [[EXIF, 4, [300]] as const] : [])])
  directory(300, [...exif, ...(other.length > 0 ? [[INTEROPERABILITY, 4, [600]] as const] : [])])
  directory(600, other)
  return bytes
}

/** Tags and values of a TIFF structure, read again. */
const read = (bytes: Uint8Array | undefined): Readonly<Record<string, unknown>> => {
  if (bytes === undefined) return {}
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const little = bytes[0] === 0x49
  const found: Record<string, unknown> = {}
  const directory = (start: number) => {
    const tags: Array<number> = []
    for (let at = start + 2; at < start + 2 + 12 * view.getUint16(start, little); at += 12) {
      const [tag, type] = [view.getUint16(at, little), view.getUint16(at + 2, little)]
      const value =
        type === 3
          ? view.getUint16(at + 8, little)
          : type === 2
            ? String.fromCharCode(...bytes.subarray(at + 8, at + 11))
            : view.getUint32(at + 8, little)
      tags.push(tag)
      if (tag === EXIF || tag === INTEROPERABILITY) directory(value as number)
      else found[`0x${tag.toString(16)}`] = type === 5 ? view.getUint32(value as number, little) : value
    }
    assert.deepStrictEqual(
      tags,
      tags.toSorted((one, other) => one - other),
      "tags are in order",
    )
  }
  directory(view.getUint32(4, little))
  return found
}

const text: Value = [0x10e, 2, "a description that is private\0"]

describe("essentialExif", () => {
  for (const little of [true, false]) {
    describe(little ? "little-endian" : "big-endian", () => {
      it("has nothing to keep of a picture that is upright and sRGB", () => {
        const exif = tiff(
          little,
          [text, [0x112, 3, [1]], [0x11a, 5, [72]]],
          [
            [0xa001, 3, [1]],
            [0xa002, 3, [400]],
            [0xa003, 3, [300]],
          ],
        )
        assert.isUndefined(essentialExif(exif, size))
      })

      it("keeps the orientation, and not a word", () => {
        const kept = essentialExif(tiff(little, [text, [0x112, 3, [6]]]), size)!
        assert.deepStrictEqual(read(kept), { "0x112": 6 })
        assert.strictEqual(kept.length, 26)
      })

      it("keeps what says that the colours are not sRGB", () => {
        const exif = tiff(little, [text], [text, [0xa001, 3, [65535]], [0xa500, 5, [2]]], [[1, 2, "R03\0"]])
        assert.deepStrictEqual(read(essentialExif(exif, size)), { "0xa001": 65535, "0xa500": 2, "0x1": "R03" })
        assert.isUndefined(essentialExif(tiff(little, [text], [[0xa001, 3, [1]]], [[1, 2, "R98\0"]]), size))
      })

      it("keeps the resolution where browsers show another size because of it", () => {
        const resolution: ReadonlyArray<Value> = [
          [0x11a, 5, [144]],
          [0x11b, 5, [144]],
          [0x128, 3, [2]],
        ]
        const exif = tiff(
          little,
          [text, ...resolution],
          [
            [0xa002, 4, [200]],
            [0xa003, 4, [150]],
          ],
        )
        assert.deepStrictEqual(read(essentialExif(exif, size)), {
          "0x11a": 144,
          "0x11b": 144,
          "0x128": 2,
          "0xa002": 200,
          "0xa003": 150,
        })
      })
    })
  }

  it("leaves alone what it can not read", () => {
    for (const strange of [
      Buffer.from("no TIFF at all"),
      Buffer.alloc(0),
      Buffer.from("II*\0\u00ff\u00ff\0\0", "latin1"),
    ]) {
      assert.strictEqual(essentialExif(strange, size), strange)
    }
  })

  const byte = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 255 }))
  const place = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 700 }))
  it.prop(
    "never throws on damaged data, and what it keeps can be read again",
    [Arbitrary.array(Arbitrary.schema(Schema.Tuple([place, byte])), { maxLength: 20 })],
    ([edits]) => {
      const exif = tiff(true, [text, [0x112, 3, [6]]], [text, [0xa001, 3, [65535]]], [[1, 2, "R03\0"]])
      for (const [at, value] of edits) exif[at] = value
      const kept = essentialExif(exif, size)
      if (kept !== exif) read(kept)
    },
    { arbitrary: { runs: 1_000 } },
  )
})
