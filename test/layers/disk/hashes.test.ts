/** Hashes that are asked for together: each is that of its own file. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { createHash } from "node:crypto"
import fs from "node:fs"
import path from "node:path"
import { BATCH_FILE_BYTES, HASHES_TOGETHER } from "../../../src/domain/Limits.ts"
import { DiskWorkers, layerDiskWorkers } from "../../../src/layers/disk/DiskWorkers.ts"
import { makeHashes } from "../../../src/layers/disk/hashes.ts"
import type { Original, Tree } from "../../../src/layers/disk/protocol.ts"
import { temporaryDirectory } from "../../support/temporaryDirectory.ts"

const original = (root: string, name: string, guard: Tree | undefined, content: Buffer): Original => {
  const location = path.join(root, name)
  fs.writeFileSync(location, content)
  const { ino, mtimeNs, size } = fs.statSync(location, { bigint: true })
  return { location, guard, version: { size: Number(size), mtimeNs, inode: ino } }
}
const digest = (algorithm: string, content: Buffer) => createHash(algorithm).update(content).digest("hex")

describe("hashes", () => {
  it.live("of many files in few requests; one that is gone or changed does not keep the others from theirs", () =>
    Effect.gen(function* () {
      const root = fs.realpathSync(yield* temporaryDirectory)
      const disk = yield* DiskWorkers
      const asked: Array<string> = []
      const hash = yield* makeHashes({
        ...disk,
        run: (operation, input) => {
          asked.push(operation)
          return disk.run(operation, input)
        },
      })
      const guard: Tree = { root, symlinks: "inside", ignoredDirs: new Set() }
      const contents = Array.from({ length: HASHES_TOGETHER + 3 }, (_, index) => Buffer.from(`content ${index}`))
      contents[1] = Buffer.alloc(0)
      contents[2] = Buffer.alloc(BATCH_FILE_BYTES, "x")
      const files = contents.map((content, index) => original(root, `caf\u00e9 ${index}`, guard, content))
      const large = Buffer.alloc(BATCH_FILE_BYTES + 1, "y")
      fs.rmSync(files[3]!.location)
      fs.writeFileSync(files[4]!.location, "another")
      const [md5, own, sha256, alone] = yield* Effect.all(
        [
          Effect.forEach(files, (file) => Effect.result(hash(file, "md5")), { concurrency: "unbounded" }),
          hash(original(root, "temporary", undefined, Buffer.from("t")), "md5"),
          hash(files[0]!, "sha256"),
          hash(original(root, "large", guard, large), "md5"),
        ],
        { concurrency: "unbounded" },
      )
      md5.forEach((answer, index) => {
        if (index === 3 || index === 4) {
          assert.strictEqual(answer._tag, "Failure")
          assert.strictEqual(answer._tag === "Failure" && answer.failure.code, index === 3 ? "Vanished" : "Changed")
        } else assert.strictEqual(answer._tag === "Success" && answer.success, digest("md5", contents[index]!))
      })
      assert.strictEqual(own, digest("md5", Buffer.from("t")))
      assert.strictEqual(sha256, digest("sha256", contents[0]!))
      assert.strictEqual(alone, digest("md5", large))
      assert.deepStrictEqual(asked.sort(), ["hash", "hashMany", "hashMany", "hashMany", "hashMany"])
    }).pipe(Effect.scoped, Effect.provide(layerDiskWorkers({ size: 2 }))),
  )

  it.live("one who gives up does not keep the others from theirs", () =>
    Effect.gen(function* () {
      const root = fs.realpathSync(yield* temporaryDirectory)
      const hash = yield* makeHashes(yield* DiskWorkers)
      const files = ["a", "b", "c"].map((name) => original(root, name, undefined, Buffer.from(name)))
      const [a, b, c] = yield* Effect.forEach(files, (file) =>
        Effect.forkChild(hash(file, "md5"), { startImmediately: true }),
      )
      yield* Fiber.interrupt(b!)
      assert.strictEqual(yield* Fiber.join(a!), digest("md5", Buffer.from("a")))
      assert.strictEqual(yield* Fiber.join(c!), digest("md5", Buffer.from("c")))
    }).pipe(Effect.scoped, Effect.provide(layerDiskWorkers({ size: 1 }))),
  )
})
