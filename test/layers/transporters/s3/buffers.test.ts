import { Buffer } from "node:buffer"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Stream } from "effect"
import { SourceError } from "../../../../src/domain/Errors.ts"
import type { RemotePath, ServerName } from "../../../../src/domain/Path.ts"
import type { Content } from "../../../../src/domain/SourceFiles.ts"
import { makeMemory, pieces, wholeOf } from "../../../../src/layers/transporters/s3/buffers.ts"
import { contentOf, sha256, specimen } from "../../../contract/transporter.ts"

const at = { server: "s" as ServerName, path: "p" as RemotePath }
const free = (bytes: number) => Effect.succeed(Buffer.alloc(bytes))

describe("a file in pieces", () => {
  it.effect.each([1, 999, 1000, 1001, 65_536, 200_000])(
    "%d bytes come out as they are, all but the last equally long",
    (size) =>
      Effect.gen(function* () {
        const bytes = specimen(size)
        let hashed = ""
        const taken: Array<number> = []
        const take = (count: number) =>
          Effect.sync(() => {
            taken.push(count)
            return Buffer.alloc(count)
          })
        const all = yield* Stream.runCollect(pieces(contentOf(bytes), 1000, at, take, (hex) => (hashed = hex)))
        assert.deepStrictEqual(
          all.map((piece) => piece.number),
          all.map((_, index) => index + 1),
        )
        assert.isTrue(all.slice(0, -1).every((piece) => piece.bytes.length === 1000))
        assert.isTrue(Buffer.concat(all.map((piece) => piece.bytes)).equals(bytes))
        assert.deepStrictEqual(
          taken,
          all.map((piece) => piece.bytes.length),
        )
        assert.strictEqual(hashed, sha256(bytes))
      }),
  )

  it.effect("a source that turns out changed at its end gives no last piece", () =>
    Effect.gen(function* () {
      const changed = new SourceError({ path: "p", reason: "Changed", detail: "changed" })
      const content: Content = {
        ...contentOf(specimen(2000)),
        bytes: Stream.concat(Stream.make(specimen(2000)), Stream.fail(changed)),
      }
      const numbers: Array<number> = []
      const exit = yield* Effect.exit(
        Stream.runForEach(
          pieces(content, 1000, at, free, () => {}),
          (piece) => Effect.sync(() => numbers.push(piece.number)),
        ),
      )
      assert.isTrue(Exit.isFailure(exit))
      assert.deepStrictEqual(numbers, [1])
    }),
  )

  it.effect("more or fewer bytes than the file has are a changed source, whole and in pieces", () =>
    Effect.gen(function* () {
      for (const size of [1500, 2500]) {
        const content: Content = { ...contentOf(specimen(2000)), bytes: Stream.make(specimen(size)) }
        const inPieces = yield* Effect.flip(Stream.runDrain(pieces(content, 1000, at, free, () => {})))
        assert.strictEqual(inPieces.reason._tag, "SourceChanged")
        const whole = yield* Effect.flip(wholeOf(content, at))
        assert.strictEqual(whole.reason._tag, "SourceChanged")
      }
    }),
  )

  it.effect("an unreadable source is no changed one, and says what it is", () =>
    Effect.gen(function* () {
      const unreadable = new SourceError({ path: "p", reason: "Unreadable", detail: "EACCES: no" })
      const content: Content = { ...contentOf(specimen(10)), bytes: Stream.fail(unreadable) }
      const error = yield* Effect.flip(wholeOf(content, at))
      assert.strictEqual(error.reason._tag, "Rejected")
      assert.include(error.detail, "EACCES")
    }),
  )

  it.effect("memory is shared: who finds none waits, and who wants more than there is gets all", () =>
    Effect.gen(function* () {
      const memory = makeMemory(131_072)
      yield* memory.take(1_000_000)
      const second = yield* Effect.forkChild(memory.take(1), { startImmediately: true })
      yield* Effect.yieldNow
      assert.isUndefined(second.pollUnsafe())
      yield* memory.giveBack(1_000_000)
      yield* Fiber.join(second)
    }),
  )
})
