import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import sharp from "sharp"
import { smallestAlike } from "../../../../src/layers/processors/imageOptimizer/pixels.ts"
import { animatedGif, deepPicture, drawing, picture } from "./pictures.ts"

const still = { strict: true }

/** A PNG of 16 bits a sample whose last sample is one more. */
const nearly = async (bytes: Buffer): Promise<Buffer> => {
  const { data, info } = await sharp(bytes).raw({ depth: "ushort" }).toBuffer({ resolveWithObject: true })
  const samples = new Uint16Array(data.buffer.slice(data.byteOffset, data.byteOffset + data.length))
  samples[samples.length - 1]! ^= 1
  const { channels, height, width } = info
  return sharp(samples, { raw: { width, height, channels } }).toColourspace("rgb16").png().toBuffer()
}

const chosen = (source: Uint8Array, candidates: ReadonlyArray<Uint8Array>, reading = still) =>
  Effect.result(smallestAlike(source, candidates, reading))

describe("smallestAlike", () => {
  it.live("takes the smallest that shows the same", () =>
    Effect.gen(function* () {
      const [source, better, best] = yield* Effect.promise(() =>
        Promise.all([0, 4, 9].map((compressionLevel) => drawing().png({ compressionLevel }).toBuffer())),
      )
      const made = yield* chosen(source!, [better!, best!, source!])
      assert.deepStrictEqual(made._tag === "Success" ? made.success : made, best)
    }),
  )

  it.live("takes none that is as large, or larger", () =>
    Effect.gen(function* () {
      const source = yield* Effect.promise(() => drawing().png().toBuffer())
      const larger = yield* Effect.promise(() => drawing().png({ compressionLevel: 0 }).toBuffer())
      assert.strictEqual((yield* chosen(source, [Uint8Array.from(source), larger]))._tag, "Failure")
    }),
  )

  it.live("takes none that differs: in one bit of 16, in lossy coding, in hidden colours, in size", () =>
    Effect.gen(function* () {
      const deep = yield* Effect.promise(() => deepPicture().png({ compressionLevel: 0 }).toBuffer())
      const other = yield* Effect.promise(() => nearly(deep))
      assert.strictEqual((yield* chosen(deep, [other]))._tag, "Failure")

      const photo = yield* Effect.promise(() => picture().png({ compressionLevel: 0 }).toBuffer())
      const lossy = yield* Effect.promise(() => picture().jpeg({ quality: 95 }).toBuffer())
      const cut = yield* Effect.promise(() => picture({ width: 100 }).png().toBuffer())
      assert.strictEqual((yield* chosen(photo, [lossy, cut, Buffer.alloc(9)]))._tag, "Failure")

      const hidden = yield* Effect.promise(() =>
        picture({ channels: 4 }).webp({ lossless: true, exact: true }).toBuffer(),
      )
      const blank = yield* Effect.promise(() => picture({ channels: 4 }).webp({ lossless: true, effort: 6 }).toBuffer())
      assert.isBelow(blank.length, hidden.length)
      assert.strictEqual((yield* chosen(hidden, [blank]))._tag, "Failure")
    }),
  )

  it.live("takes 8 bits for 16 where they say the same", () =>
    Effect.gen(function* () {
      const eight = yield* Effect.promise(() => drawing().png().toBuffer())
      const raw = yield* Effect.promise(() => sharp(eight).raw().toBuffer({ resolveWithObject: true }))
      const { channels, height, width } = raw.info
      const wide = Uint16Array.from(raw.data, (sample) => sample * 257)
      const sixteen = yield* Effect.promise(() =>
        sharp(wide, { raw: { width, height, channels } })
          .toColourspace("rgb16")
          .png({ compressionLevel: 1 })
          .toBuffer(),
      )
      assert.strictEqual((yield* Effect.promise(() => sharp(sixteen).metadata())).depth, "ushort")
      assert.strictEqual((yield* chosen(sixteen, [eight]))._tag, "Success")
    }),
  )

  it.live("looks at every frame of an animation, and at its timing", () =>
    Effect.gen(function* () {
      const source = Buffer.concat([yield* Effect.promise(() => animatedGif()), Buffer.alloc(2_000)])
      const same = yield* Effect.promise(() => animatedGif())
      const animated = { strict: true, animated: true }
      assert.strictEqual((yield* chosen(source, [same], animated))._tag, "Success")
      const slower = Buffer.from(same)
      slower[slower.indexOf(Buffer.of(0x21, 0xf9, 4)) + 4]! += 1
      assert.strictEqual((yield* chosen(source, [slower], animated))._tag, "Failure")
      const lastFrame = yield* Effect.promise(() => animatedGif(4))
      assert.strictEqual((yield* chosen(source, [lastFrame], animated))._tag, "Failure")
    }),
  )
})
