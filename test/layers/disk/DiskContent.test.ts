/** Large files in lent memory: what comes, what its SHA-256 is, and what happens when the file is another meanwhile. */
import { createHash } from "node:crypto"
import { appendFileSync, rmSync, statSync, truncateSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Fiber, Layer, Stream } from "effect"
import { DISK_READ, DISK_READ_AHEAD, DISK_READ_AHEAD_LEAST } from "../../../src/domain/Limits.ts"
import { DiskContent, lend } from "../../../src/layers/disk/DiskContent.ts"
import { DiskWorkers, layerDiskWorkers } from "../../../src/layers/disk/DiskWorkers.ts"
import { specimen } from "../../contract/transporter.ts"
import { temporaryDirectory } from "../../support/temporaryDirectory.ts"

const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex")

const disk = Effect.map(Layer.build(layerDiskWorkers()), (context) => Context.get(context, DiskWorkers))

const contentAt = (workers: DiskWorkers["Service"], location: string): DiskContent => {
  const { ino: inode, mtimeNs, size } = statSync(location, { bigint: true })
  return new DiskContent(workers, { location, guard: undefined, version: { size: Number(size), mtimeNs, inode } })
}

const file = (bytes: Uint8Array) =>
  Effect.map(temporaryDirectory, (directory) => {
    const location = join(directory, "file")
    writeFileSync(location, bytes)
    return location
  })

describe("a file that is lent", () => {
  it.live.each([0, 10, DISK_READ, DISK_READ + 1, 7 * DISK_READ + 123])(
    "of %d bytes comes as it is, though its memory is used again, and so does its SHA-256",
    (size) =>
      Effect.gen(function* () {
        const bytes = specimen(size)
        const content = contentAt(yield* disk, yield* file(bytes))
        const { pieces, sha256: told } = yield* lend(content)
        const came: Array<Buffer> = []
        yield* Stream.runForEach(pieces, ({ bytes: piece, giveBack }) =>
          Effect.sync(() => {
            came.push(Buffer.from(piece))
            piece.fill(255)
            giveBack()
          }),
        )
        assert.isTrue(Buffer.concat(came).equals(bytes))
        assert.strictEqual(yield* told, sha256(bytes))
      }),
  )

  it.live("is let go of by its thread when nobody waits for the SHA-256 any more", () =>
    Effect.gen(function* () {
      const workers = yield* disk
      const content = contentAt(workers, yield* file(specimen(2 * DISK_READ)))
      let asked = 0
      const answersLate = DiskWorkers.of({
        ...workers,
        run: (operation, input) => {
          if (operation !== "digest" || asked++ > 0) return workers.run(operation, input)
          return Effect.never
        },
      })
      yield* Effect.scoped(
        Effect.gen(function* () {
          const { sha256: told } = yield* lend(new DiskContent(answersLate, content.original))
          const waiting = yield* Effect.forkChild(told, { startImmediately: true })
          yield* Fiber.interrupt(waiting)
          assert.strictEqual(asked, 1)
        }),
      )
      assert.strictEqual(asked, 2)
    }),
  )

  it.live("needs a few pieces of memory, however large it is", () =>
    Effect.gen(function* () {
      const workers = yield* disk
      const content = contentAt(workers, yield* file(specimen(20 * DISK_READ)))
      let fresh = 0
      // Memory that was used before comes back with what was in it.
      const counting = DiskWorkers.of({
        ...workers,
        run: (operation, input) => {
          const { into } = input as { readonly into?: ArrayBuffer }
          if (into !== undefined && new Uint8Array(into).every((byte) => byte === 0)) fresh += 1
          return workers.run(operation, input)
        },
      })
      const { pieces } = yield* lend(new DiskContent(counting, content.original))
      yield* Stream.runForEach(pieces, ({ giveBack }) => Effect.sync(giveBack))
      assert.isAtLeast(fresh, 1)
      assert.isAtMost(fresh, 8)
    }),
  )

  it.live("is read ahead by a few pieces, which files that are lent at once share", () =>
    Effect.gen(function* () {
      const workers = yield* disk
      const location = yield* file(specimen(20 * DISK_READ))
      /** Begins to read; how many pieces are asked for while none comes. */
      const asked = Effect.gen(function* () {
        let count = 0
        const silent = DiskWorkers.of({
          ...workers,
          run: (operation, input) => {
            if (operation !== "read") return workers.run(operation, input)
            count += 1
            return Effect.never
          },
        })
        const { pieces } = yield* lend(contentAt(silent, location))
        yield* Effect.forkScoped(Stream.runDrain(pieces))
        yield* Effect.repeat(Effect.yieldNow, { until: () => count >= DISK_READ_AHEAD_LEAST })
        yield* Effect.repeat(Effect.yieldNow, { times: 100 })
        return count
      })
      const counts = Effect.scoped(Effect.all([asked, asked, asked, asked, asked]))
      const expected = [1, 2, 3, 4, 5].map((n) => Math.max(DISK_READ_AHEAD_LEAST, Math.floor(DISK_READ_AHEAD / n)))
      assert.deepStrictEqual(yield* counts, expected)
      // What was shared is free again.
      assert.deepStrictEqual(yield* counts, expected)
    }),
  )

  it.live("two readings of one file at once do not get into each other's SHA-256", () =>
    Effect.gen(function* () {
      const bytes = specimen(5 * DISK_READ + 1)
      const content = contentAt(yield* disk, yield* file(bytes))
      const reading = Effect.gen(function* () {
        const { pieces, sha256: told } = yield* lend(content)
        yield* Stream.runForEach(pieces, ({ giveBack }) => Effect.sync(giveBack))
        return yield* told
      }).pipe(Effect.scoped)
      const fibers = yield* Effect.forEach([1, 2, 3], () => Effect.forkChild(reading))
      for (const fiber of fibers) assert.strictEqual(yield* Fiber.join(fiber), sha256(bytes))
    }),
  )

  for (const [what, change, reason] of [
    ["written to", (location: string) => appendFileSync(location, "more"), "Changed"],
    ["cut short", (location: string) => truncateSync(location, DISK_READ), "Changed"],
    ["deleted", (location: string) => rmSync(location), "Vanished"],
  ] as const) {
    it.live(`fails as ${reason} when it is ${what} after its first piece`, () =>
      Effect.gen(function* () {
        const location = yield* file(specimen(9 * DISK_READ))
        const { pieces } = yield* lend(contentAt(yield* disk, location))
        let came = 0
        const failure = yield* Effect.flip(
          Stream.runForEach(pieces, ({ giveBack }) =>
            Effect.sync(() => {
              if (came++ === 0) change(location)
              giveBack()
            }),
          ),
        )
        assert.strictEqual(failure.reason, reason)
        assert.isBelow(came, 9)
      }),
    )
  }
})
