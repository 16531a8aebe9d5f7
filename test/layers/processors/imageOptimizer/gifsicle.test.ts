import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { vi } from "vitest"
import { max } from "../../../../src/layers/processors/imageOptimizer.ts"
import { gifsicle } from "../../../../src/layers/processors/imageOptimizer/gifsicle.ts"
import { gifsicleProgram } from "../../../../src/layers/processors/imageOptimizer/libraries.ts"
import { animatedGif } from "./pictures.ts"
import { optimized } from "./run.ts"

const node = (script: string, input: Uint8Array = new Uint8Array(0)) =>
  gifsicle(process.execPath, ["-e", script], input)

const reason = <A>(effect: Effect.Effect<A, { readonly reason: string }>) =>
  Effect.map(Effect.flip(effect), (failure) => failure.reason)

const isAlive = (pid: number): boolean => {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

/** Returns when the condition holds; fails after ten seconds. */
const until = (condition: () => boolean) =>
  Effect.gen(function* () {
    while (!condition()) yield* Effect.sleep(5)
  }).pipe(Effect.timeout("10 seconds"))

describe("gifsicle", () => {
  it.live("hands bytes through a program", () =>
    Effect.gen(function* () {
      const input = Buffer.alloc(1_000_000, 7)
      assert.deepStrictEqual(yield* node("process.stdin.pipe(process.stdout)", input), input)
    }),
  )

  it.live("says why there is no result", () =>
    Effect.gen(function* () {
      assert.match(yield* reason(gifsicle("/there/is/no/such/program", [], Buffer.alloc(9))), /does not run/)
      assert.match(yield* reason(node("console.error('no GIF'); process.exit(3)")), /ended with 3 \(no GIF\)/)
      assert.match(yield* reason(node("process.exit(4)", Buffer.alloc(5_000_000))), /ended with 4/)
      assert.match(yield* reason(node("process.kill(process.pid, 'SIGKILL')")), /ended by SIGKILL/)
    }),
  )

  it.live("ends the program when the work is given up", () =>
    Effect.gen(function* () {
      const directory = mkdtempSync(join(tmpdir(), "fc-gifsicle-"))
      const file = join(directory, "pid")
      const script = `require("fs").writeFileSync(${JSON.stringify(file)}, String(process.pid)); setInterval(() => {}, 1000)`
      const fiber = yield* Effect.forkChild(node(script))
      yield* until(() => existsSync(file) && readFileSync(file, "utf8") !== "")
      const pid = Number(readFileSync(file, "utf8"))
      assert.isTrue(isAlive(pid))
      yield* Fiber.interrupt(fiber)
      yield* until(() => !isAlive(pid))
      rmSync(directory, { recursive: true })
    }),
  )

  it.live("is found where its package is installed", () =>
    Effect.gen(function* () {
      assert.include(yield* gifsicleProgram, "gifsicle")
    }),
  )

  it.live("animations are published as they are where it is not installed", () =>
    Effect.gen(function* () {
      const source = yield* Effect.promise(() => animatedGif())
      assert.isFalse((yield* optimized(max, "a.gif", source)).untouched)
      vi.doMock("@343dev/gifsicle", () => {
        throw new Error("Cannot find package '@343dev/gifsicle'")
      })
      assert.isUndefined(yield* gifsicleProgram)
      assert.isTrue((yield* optimized(max, "a.gif", source)).untouched)
      vi.doUnmock("@343dev/gifsicle")
    }),
  )
})
