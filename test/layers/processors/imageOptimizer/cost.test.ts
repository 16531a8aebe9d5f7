import { assert, describe, it } from "@effect/vitest"
import { IMAGE_BYTES, IMAGE_PIXELS } from "../../../../src/domain/Limits.ts"
import { tooLarge } from "../../../../src/layers/processors/imageOptimizer/cost.ts"

const megapixel = 1_000_000
const mebibytes = (count: number) => count * 1_048_576
const file = new Uint8Array(mebibytes(4))

describe("tooLarge", () => {
  it("has a limit of pixels, whatever the memory", () => {
    assert.isUndefined(tooLarge(file, IMAGE_PIXELS, { memory: mebibytes(4_096) }))
    assert.match(tooLarge(file, IMAGE_PIXELS + 1, { memory: mebibytes(4_096) }) ?? "", /more than 30000000 pixels/)
  })

  it("takes what the memory of the process allows", () => {
    const small = { memory: mebibytes(192) }
    assert.isUndefined(tooLarge(file, 7 * megapixel, small))
    assert.match(tooLarge(file, 8 * megapixel, small) ?? "", /needs 203 MiB/)
    assert.isUndefined(tooLarge(file, 3 * megapixel, { ...small, deep: true }))
    assert.isDefined(tooLarge(file, 4 * megapixel, { ...small, deep: true }), "16 bits a sample take twice as much")
    assert.isDefined(tooLarge(new Uint8Array(IMAGE_BYTES), 7 * megapixel, small), "the file itself takes some")
  })
})
