import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { inflateSync } from "node:zlib"
import sharp from "sharp"
import {
  keepFilename,
  keepMetadata,
  keepMetadataAndFilename,
  max,
} from "../../../../src/layers/processors/imageOptimizer.ts"
import { chunksOf, segmentsOf } from "./look.ts"
import { chunk, drawing, picture, segment, specimens, withChunks, withSegments } from "./pictures.ts"
import { optimized } from "./run.ts"

const good = await specimens()
const named = (pattern: RegExp) => Object.entries(good).filter(([name]) => pattern.test(name))
const secrets = /nobody at all|a name that is private|xmpmeta|Photoshop|a comment|a private one/

describe("image_optimizer and metadata", () => {
  for (const variant of [max, keepFilename]) {
    it.live(`${variant.name} takes it away, whatever the format`, () =>
      Effect.gen(function* () {
        let described = 0
        for (const [name, source] of Object.entries(good)) {
          const made = yield* optimized(variant, name, source)
          if (secrets.test(source.toString("latin1"))) described += 1
          assert.notMatch(made.bytes.toString("latin1"), secrets, name)
        }
        assert.isAtLeast(described, 8, "there was something to take away")
      }),
    )
  }

  for (const variant of [keepMetadata, keepMetadataAndFilename]) {
    it.live(`${variant.name} keeps every segment of a JPEG, byte by byte and in order`, () =>
      Effect.gen(function* () {
        for (const [name, source] of named(/^(?!.*really).*\.jpe?g$/)) {
          const made = yield* optimized(variant, name, source)
          assert.isBelow(made.bytes.length, source.length, name)
          assert.deepStrictEqual(segmentsOf(made.bytes), segmentsOf(source), name)
        }
      }),
    )

    it.live(`${variant.name} keeps what a PNG says`, () =>
      Effect.gen(function* () {
        const says = (png: Buffer) =>
          chunksOf(png)
            .filter(({ type }) => /^[a-z]/.test(type) && type !== "tRNS" && type !== "fdAT" && type !== "fcTL")
            .map(({ data, type }) => [
              type,
              (type === "iCCP" ? inflateSync(data.subarray(data.indexOf(0) + 2)) : data).toString("latin1"),
            ])
            .map((entry) => entry.join(" "))
            .sort()
        for (const [name, source] of named(/^(?!.*really).*\.png$/)) {
          const made = yield* optimized(variant, name, source)
          assert.isBelow(made.bytes.length, source.length, name)
          assert.deepStrictEqual(says(made.bytes), says(source), name)
        }
      }),
    )

    it.live(`${variant.name} keeps what a WebP says`, () =>
      Effect.gen(function* () {
        const made = yield* optimized(variant, "described.webp", good["described.webp"]!)
        assert.isFalse(made.untouched)
        assert.include(made.bytes.toString("latin1"), "a name that is private")
      }),
    )
  }

  it.live("Max takes metadata away even where the pixels can not be coded better", () =>
    Effect.gen(function* () {
      const best = (yield* optimized(max, "x.jpg", good["photo.jpg"]!)).bytes
      assert.isTrue((yield* optimized(max, "x.jpg", best)).untouched, "twice is as good as once")
      const described = withSegments(best, segment(0xfe, "a comment"))
      assert.deepStrictEqual((yield* optimized(max, "x.jpg", described)).bytes, best)
      assert.isTrue((yield* optimized(keepMetadata, "x.jpg", described)).untouched)
    }),
  )
})

describe("image_optimizer and colour", () => {
  for (const variant of [max, keepMetadata]) {
    it.live(`${variant.name} keeps gamma, primaries and what screens are told`, () =>
      Effect.gen(function* () {
        const told = [
          chunk("sRGB", Uint8Array.of(1)),
          chunk("cICP", Uint8Array.of(9, 16, 0, 1)),
          chunk("cLLI", Buffer.alloc(8, 3)),
          chunk("pHYs", Uint8Array.of(0, 0, 0, 1, 0, 0, 0, 2, 0)),
        ]
        const plain = yield* Effect.promise(() => drawing({ seed: 31 }).png({ compressionLevel: 1 }).toBuffer())
        for (const source of [good["gamma.png"]!, withChunks(plain, ...told)]) {
          const made = yield* optimized(variant, "x.png", source)
          assert.isBelow(made.bytes.length, source.length)
          const shown = (png: Buffer) =>
            chunksOf(png).filter(({ type }) => ["gAMA", "cHRM", "sRGB", "cICP", "cLLI", "pHYs"].includes(type))
          assert.isAbove(shown(source).length, 2)
          assert.deepStrictEqual(shown(made.bytes), shown(source))
        }
      }),
    )
  }

  it.live("a profile for colours never ends up on greys", () =>
    Effect.gen(function* () {
      for (const variant of [max, keepMetadata]) {
        const made = yield* optimized(variant, "x.png", good["grey with a colour profile.png"]!)
        const [header] = chunksOf(made.bytes)
        assert.strictEqual(header!.data[9]! & 2, 2, "it is stored in colours")
        assert.isFalse(made.untouched)
      }
    }),
  )

  it.live("a background colour stays true to how pixels are stored, or goes with the metadata", () =>
    Effect.gen(function* () {
      const grey = yield* Effect.promise(() =>
        picture({ seed: 32, channels: 1 }).toColourspace("srgb").png({ compressionLevel: 1 }).toBuffer(),
      )
      const source = withChunks(
        grey,
        chunk("sBIT", Uint8Array.of(5, 6, 5)),
        chunk("bKGD", Uint8Array.of(0, 1, 0, 2, 0, 3)),
      )
      const kept = yield* optimized(keepMetadata, "x.png", source)
      const chunks = chunksOf(kept.bytes)
      assert.isFalse(kept.untouched)
      assert.deepStrictEqual(chunks.find(({ type }) => type === "bKGD")?.data, Buffer.of(0, 1, 0, 2, 0, 3))
      assert.strictEqual(chunks[0]!.data[9], 2)
      const stripped = yield* optimized(max, "x.png", source)
      assert.isFalse(chunksOf(stripped.bytes).some(({ type }) => type === "bKGD" || type === "sBIT"))
    }),
  )

  it.live("data that a program ties to the pixels is not kept with others", () =>
    Effect.gen(function* () {
      const source = withChunks(good["photo.png"]!, chunk("mkBF", "layers"))
      assert.isTrue((yield* optimized(keepMetadata, "x.png", source)).untouched)
      assert.isFalse((yield* optimized(max, "x.png", source)).bytes.includes("mkBF"))
    }),
  )

  it.live("the orientation stays without the rest of EXIF", () =>
    Effect.gen(function* () {
      for (const [name, orientation] of [
        ["turned.jpg", 6],
        ["turned.png", 8],
        ["described.webp", 3],
      ] as const) {
        const made = yield* optimized(max, name, good[name]!)
        const { exif, orientation: kept } = yield* Effect.promise(() => sharp(made.bytes).metadata())
        assert.strictEqual(kept, orientation, name)
        assert.isBelow(exif?.length ?? 0, 120, name)
      }
    }),
  )
})
