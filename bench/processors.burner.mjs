// A processor that costs processor time in proportion to the size of the file, as minifying or optimising does.
import { createHash } from "node:crypto"
import * as Effect from "effect/Effect"

const MILLIS_PER_MEGABYTE = 200

export const Burner = {
  name: "bench.Burner",
  cached: true,
  process: (job) =>
    Effect.gen(function* () {
      const bytes = yield* job.read
      const end = performance.now() + 1 + (bytes.length / 1e6) * MILLIS_PER_MEGABYTE
      let digest = ""
      while (performance.now() < end) digest = createHash("sha256").update(bytes.subarray(0, 65_536)).digest("hex")
      return {
        content: yield* job.write(Buffer.concat([bytes, Buffer.from(`\n/* ${digest} */`)])),
        baseName: job.baseName,
      }
    }),
}
