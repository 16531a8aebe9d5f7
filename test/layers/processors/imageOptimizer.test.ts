import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Effect, Schema } from "effect"
import { IMAGE_BYTES, IMAGE_PIXELS } from "../../../src/domain/Limits.ts"
import type { RelativePath, SourceName } from "../../../src/domain/Path.ts"
import type { ProcessorDefinition, ProcessorJob } from "../../../src/domain/Processor.ts"
import { contentOf, stateOf } from "../../../src/layers/memory/processors.ts"
import {
  keepFilename,
  keepMetadata,
  keepMetadataAndFilename,
  max,
} from "../../../src/layers/processors/imageOptimizer.ts"
import { processorContract } from "../../contract/processor.ts"
import { chunksOf, framesOf, pixelsOf, presentation } from "./imageOptimizer/look.ts"
import {
  chunk,
  deepPicture,
  drawing,
  hopeless,
  picture,
  randomFrom,
  specimens,
  withExtension,
} from "./imageOptimizer/pictures.ts"
import { optimized } from "./imageOptimizer/run.ts"

const variants: ReadonlyArray<ProcessorDefinition> = [max, keepMetadata, keepFilename, keepMetadataAndFilename]
const [good, bad] = [await specimens(), await hopeless()]

for (const variant of variants) {
  processorContract(variant, {
    settings: undefined,
    live: true,
    examples: [
      { path: "images/photo.jpg", bytes: good["photo.jpg"]! },
      { path: "images/alpha.PNG", bytes: good["alpha.png"]!, baseName: "alpha.PNG" },
      { path: "animated.gif", bytes: good["animated.gif"]!, baseName: "animated.gif" },
      { path: "truncated.jpg", bytes: bad["truncated.jpg"]!, output: bad["truncated.jpg"]!, uniqueName: false },
    ],
  })
}

/** Fails unless both show the same. */
const assertAlike = async (made: Buffer, source: Buffer, name: string) => {
  const [one, other] = await Promise.all([pixelsOf(made), pixelsOf(source)])
  assert.deepStrictEqual(
    [one.width, one.height, one.channels, one.samples.equals(other.samples)],
    [other.width, other.height, other.channels, true],
    name,
  )
}

/** Kinds that every variant makes smaller, whatever the encoder that made them. */
const improvable = new Set(Object.keys(good).filter((name) => !name.startsWith("lossy") && name !== "still.gif"))

describe("image_optimizer", () => {
  it("has the classic names", () => {
    assert.deepStrictEqual(
      variants.map(({ name }) => name),
      ["Max", "KeepMetadata", "KeepFilename", "KeepMetadataAndFilename"].map((name) => `image_optimizer.${name}`),
    )
  })

  for (const variant of variants) {
    describe(variant.name, () => {
      for (const [name, source] of Object.entries(good)) {
        it.live(`${name}: the same pixels, the same colours, the same way up, and never larger`, () =>
          Effect.gen(function* () {
            const made = yield* optimized(variant, name, source)
            assert.isAtMost(made.bytes.length, source.length)
            assert.strictEqual(made.untouched, made.bytes.equals(source))
            if (improvable.has(name)) assert.isBelow(made.bytes.length, source.length)
            yield* Effect.promise(() => assertAlike(made.bytes, source, name))
            if (name !== "still.gif") {
              const [before, after] = yield* Effect.promise(() =>
                Promise.all([presentation(source), presentation(made.bytes)]),
              )
              assert.deepStrictEqual(after, before)
            }
          }),
        )
      }

      for (const [name, source] of Object.entries(bad)) {
        it.live(`${name}: published as it is`, () =>
          Effect.gen(function* () {
            const made = yield* optimized(variant, name, source)
            assert.isTrue(made.untouched)
            assert.strictEqual(made.baseName, name)
            assert.deepStrictEqual(made.bytes, source)
          }),
        )
      }
    })
  }
})

describe("image_optimizer and names", () => {
  const keepsNames = new Set([keepFilename, keepMetadataAndFilename])
  for (const variant of variants) {
    it.live(`${variant.name}: a still GIF ${keepsNames.has(variant) ? "is left alone" : "becomes a PNG"}`, () =>
      Effect.gen(function* () {
        const made = yield* optimized(variant, "a.b/the logo.v2.GIF", good["still.gif"]!)
        if (keepsNames.has(variant)) {
          assert.isTrue(made.untouched)
          assert.strictEqual(made.baseName, "the logo.v2.GIF")
        } else {
          assert.strictEqual(made.baseName, "the logo.v2.png")
          assert.strictEqual(made.bytes.toString("latin1", 1, 4), "PNG")
          assert.isBelow(made.bytes.length, good["still.gif"]!.length)
        }
      }),
    )
  }

  it.live("no other kind of picture gets another name", () =>
    Effect.gen(function* () {
      for (const [name, source] of Object.entries(good)) {
        if (name !== "still.gif") assert.strictEqual((yield* optimized(max, name, source)).baseName, name)
      }
    }),
  )

  it.live("a still GIF under another name: a PNG where it is called one, else untouched", () =>
    Effect.gen(function* () {
      const png = yield* optimized(max, "x.png", good["still.gif"]!)
      assert.strictEqual(png.baseName, "x.png")
      assert.strictEqual(png.bytes.toString("latin1", 1, 4), "PNG")
      assert.isTrue((yield* optimized(max, "x.jpg", good["still.gif"]!)).untouched)
      assert.isTrue((yield* optimized(keepFilename, "x.png", good["still.gif"]!)).untouched)
    }),
  )

  it.live("a still GIF that a PNG would not do justice stays a GIF", () =>
    Effect.gen(function* () {
      const still = good["still.gif"]!
      const smallFrame = Buffer.from(still)
      smallFrame.writeUInt16LE(smallFrame.readUInt16LE(6) + 9, 6)
      const oblong = Buffer.from(still)
      oblong[12] = 100
      const profiled = withExtension(still, 0xff, "ICCRGBG1012", "a profile")
      const described = withExtension(still, 0xfe, "by somebody")
      for (const bytes of [smallFrame, oblong, profiled]) {
        assert.isTrue((yield* optimized(max, "x.gif", bytes)).untouched)
      }
      assert.isTrue((yield* optimized(keepMetadata, "x.gif", described)).untouched)
      assert.strictEqual((yield* optimized(max, "x.gif", described)).baseName, "x.png")
    }),
  )
})

describe("image_optimizer and animations", () => {
  for (const variant of variants) {
    it.live(`${variant.name}: APNG keeps every frame, its place and its time`, () =>
      Effect.gen(function* () {
        const source = good["animated.png"]!
        const made = yield* optimized(variant, "a.png", source)
        assert.isBelow(made.bytes.length, source.length)
        const [before, after] = yield* Effect.promise(() => Promise.all([framesOf(source), framesOf(made.bytes)]))
        assert.strictEqual(before.length, 3)
        assert.deepStrictEqual(after, before)
        const repetitions = (png: Buffer) => chunksOf(png).find(({ type }) => type === "acTL")?.data
        assert.deepStrictEqual(repetitions(made.bytes), repetitions(source))
      }),
    )
  }

  it.live("comments of an animated GIF stay or go as promised", () =>
    Effect.gen(function* () {
      const source = good["described.gif"]!
      assert.isTrue((yield* optimized(keepMetadata, "a.gif", source)).bytes.includes("a comment"))
      assert.isFalse((yield* optimized(max, "a.gif", source)).bytes.includes("a comment"))
    }),
  )
})

describe("image_optimizer has limits", () => {
  const job = (size: number): ProcessorJob => {
    const specimen = { path: "large.jpg", bytes: new Uint8Array(0) }
    return {
      source: "specimens" as SourceName,
      path: "large.jpg" as RelativePath,
      state: stateOf(specimen),
      baseName: "large.jpg",
      content: { ...contentOf(specimen), size },
      server: undefined,
      read: Effect.die("it was read"),
      hash: () => Effect.die("it was hashed"),
      write: () => Effect.die("something was written"),
      directory: Effect.die("a directory was made"),
      adopt: () => Effect.die("something was adopted"),
      warn: () => Effect.void,
    }
  }

  it.effect("a file that is too large is not even read", () =>
    Effect.gen(function* () {
      const large = job(IMAGE_BYTES + 1)
      const made = yield* Effect.scoped(max.process(large, undefined))
      assert.strictEqual(made.content, large.content)
      assert.strictEqual(made.baseName, "large.jpg")
      const exit = yield* Effect.exit(Effect.scoped(max.process(job(IMAGE_BYTES), undefined)))
      assert.strictEqual(exit._tag, "Failure", "one of just that size is")
    }),
  )

  it.live("a picture of too many pixels is not decoded", () =>
    Effect.gen(function* () {
      const side = Math.ceil(Math.sqrt(IMAGE_PIXELS)) + 1
      const png = Buffer.from(good["grey.png"]!)
      png.writeUInt32BE(side, 16)
      png.writeUInt32BE(side, 20)
      const header = chunk("IHDR", png.subarray(16, 29))
      header.copy(png, 8)
      const jpeg = Buffer.from(good["grey.jpg"]!)
      const frame = jpeg.indexOf(Buffer.from([0xff, 0xc0]))
      jpeg.writeUInt16BE(side, frame + 5)
      jpeg.writeUInt16BE(side, frame + 7)
      const gif = Buffer.from(good["animated.gif"]!)
      gif.writeUInt16LE(side, 6)
      gif.writeUInt16LE(side, 8)
      for (const [name, bytes] of Object.entries({ "a.png": png, "a.jpg": jpeg, "a.gif": gif })) {
        const start = performance.now()
        assert.isTrue((yield* optimized(max, name, bytes)).untouched)
        assert.isBelow(performance.now() - start, 1_000, name)
      }
    }),
  )
})

const integer = (minimum: number, maximum: number) =>
  Arbitrary.schema(Schema.Int.check(Schema.isBetween({ minimum, maximum })))

/** A small picture of some format, out of four numbers. */
const somePicture = (seed: number, kind: number, width: number, height: number): Promise<Buffer> => {
  const random = randomFrom(seed)
  const channels = [1, 3, 4][seed % 3] as 1 | 3 | 4
  const shape = { width, height, seed, channels, noise: random() < 0.3 ? 0 : random() }
  const image = random() < 0.5 ? picture(shape) : drawing(shape)
  const effort = Math.floor(random() * 9)
  switch (kind) {
    case 0:
      return image
        .flatten()
        .jpeg({
          quality: 5 + Math.floor(random() * 95),
          progressive: random() < 0.5,
          optimiseCoding: random() < 0.5,
          chromaSubsampling: random() < 0.5 ? "4:2:0" : "4:4:4",
        })
        .toBuffer()
    case 1:
      return image.png({ compressionLevel: effort, progressive: random() < 0.3 }).toBuffer()
    case 2:
      return image.png({ palette: true, compressionLevel: effort }).toBuffer()
    case 3:
      return deepPicture(shape).png({ compressionLevel: effort }).toBuffer()
    case 4:
      return image.gif().toBuffer()
    default:
      return image
        .webp({ lossless: random() < 0.7, exact: random() < 0.5, effort: effort % 3, quality: 20 + effort * 10 })
        .toBuffer()
  }
}

const suffix = ["jpg", "png", "png", "png", "gif", "webp"]

describe("image_optimizer, whatever the picture", () => {
  it.live.prop(
    "the pixels are the same and the file is not larger",
    [integer(1, 2 ** 31 - 1), integer(0, 5), integer(1, 40), integer(1, 40)],
    ([seed, kind, width, height]) =>
      Effect.gen(function* () {
        const source = yield* Effect.promise(() => somePicture(seed, kind, width, height))
        const made = yield* optimized(variants[seed % 4]!, `x.${suffix[kind]}`, source)
        assert.isAtMost(made.bytes.length, source.length)
        yield* Effect.promise(() => assertAlike(made.bytes, source, `seed ${seed}`))
      }),
    { arbitrary: { runs: 150 } },
  )

  it.live.prop(
    "a damaged file never fails, and what is made of it looks like it",
    [integer(1, 2 ** 31 - 1), integer(0, 5)],
    ([seed, kind]) =>
      Effect.gen(function* () {
        const random = randomFrom(seed)
        const source = Buffer.from(yield* Effect.promise(() => somePicture(seed, kind, 24, 16)))
        for (let edits = 1 + random() * 4; edits > 0; edits--) {
          // Headers are where most can go wrong.
          const at = Math.floor(random() * (random() < 0.5 ? Math.min(64, source.length) : source.length))
          source[at] = Math.floor(random() * 256)
        }
        const made = yield* optimized(variants[seed % 4]!, `x.${suffix[kind]}`, source)
        assert.isAtMost(made.bytes.length, source.length)
        if (!made.untouched) yield* Effect.promise(() => assertAlike(made.bytes, source, `seed ${seed}`))
      }),
    { arbitrary: { runs: 300 } },
  )
})
