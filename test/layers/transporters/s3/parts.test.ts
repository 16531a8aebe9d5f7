import { assert, describe, it } from "@effect/vitest"
import { partBytesOf } from "../../../../src/layers/transporters/s3/parts.ts"

const MEBI = 1_048_576
const TEBI = MEBI * MEBI

describe("parts of a file in an S3 store", () => {
  for (const size of [8 * MEBI + 1, 512 * MEBI, TEBI, 5 * TEBI, 5 * TEBI - 1]) {
    it(`of ${size} bytes are as many and as large as every store takes`, () => {
      const bytes = partBytesOf(size)
      assert.isAtMost(Math.ceil(size / bytes), 10_000)
      assert.isAtLeast(bytes, 5 * MEBI)
      assert.isAtMost(bytes, 5 * 1024 * MEBI)
    })
  }
})
