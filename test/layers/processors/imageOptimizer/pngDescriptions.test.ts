import { deflateSync } from "node:zlib"
import { assert, describe, it } from "@effect/vitest"
import { type Chunk, parsePng, writePng } from "../../../../src/layers/processors/imageOptimizer/pngChunks.ts"
import { saysTheSame } from "../../../../src/layers/processors/imageOptimizer/pngDescriptions.ts"

const [rgb, grey, palette] = [2, 0, 3]

const png = (colourType: number, ...chunks: ReadonlyArray<readonly [type: string, data: Uint8Array | string]>) => {
  const header = Uint8Array.of(0, 0, 0, 1, 0, 0, 0, 1, 8, colourType, 0, 0, 0)
  const all: ReadonlyArray<Chunk> = [["IHDR", header] as const, ...chunks, ["IEND", ""] as const].map(
    ([type, data]) => ({
      type,
      data: Buffer.from(data as string, "latin1"),
    }),
  )
  return parsePng(writePng(all))!
}

const profile = (level: number) =>
  ["iCCP", Buffer.concat([Buffer.from("a name\0\0"), deflateSync(Buffer.alloc(500, 7), { level })])] as const

describe("saysTheSame", () => {
  it("sees what is missing, more, or another", () => {
    const gamma = ["gAMA", "\0\u0001\u0086\u00a0"] as const
    const comment = ["tEXt", "Comment\0x"] as const
    assert.isTrue(saysTheSame(png(rgb, gamma, comment), png(rgb, comment, gamma)))
    assert.isFalse(saysTheSame(png(rgb, gamma, comment), png(rgb, gamma)))
    assert.isFalse(saysTheSame(png(rgb), png(rgb, gamma)))
    assert.isFalse(saysTheSame(png(rgb, gamma), png(rgb, ["gAMA", "\0\0\u00b1\u008f"])))
  })

  it("compares colour profiles, not how they are compressed, and wants them on the same kind of colours", () => {
    assert.isTrue(saysTheSame(png(rgb, profile(1)), png(rgb, profile(9))))
    assert.isTrue(saysTheSame(png(rgb, profile(1)), png(palette, profile(1))))
    assert.isFalse(saysTheSame(png(rgb, profile(1)), png(grey, profile(1))))
    assert.isFalse(saysTheSame(png(rgb, profile(1)), png(rgb)))
    assert.isTrue(saysTheSame(png(rgb), png(grey)))
  })

  it("wants samples stored the same where something refers to that", () => {
    const background = ["bKGD", "\u0003"] as const
    const [one, other] = [["PLTE", "abcdef"] as const, ["PLTE", "defabc"] as const]
    assert.isTrue(saysTheSame(png(palette, one, background), png(palette, one, background)))
    assert.isFalse(saysTheSame(png(palette, one, background), png(palette, other, background)))
    assert.isFalse(saysTheSame(png(palette, one, background), png(palette, one)))
    assert.isTrue(saysTheSame(png(palette, one), png(palette, other)))
  })
})
