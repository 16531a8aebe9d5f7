import {
  existsSync,
  lstatSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  watch,
  writeFileSync,
} from "node:fs"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { pidFiles } from "../../../src/layers/publishers/pidFile.ts"
import { temporaryDirectory } from "../../support/temporaryDirectory.ts"

describe("PID files", () => {
  it.live("hold the number of this process, for everyone to read, until the scope closes", () =>
    Effect.gen(function* () {
      const directory = yield* temporaryDirectory
      const [fresh, stale, link] = ["daemon.pid", "stale.pid", "link.pid"].map((name) => join(directory, name))
      const victim = join(directory, "victim")
      writeFileSync(stale!, "99999\n", { mode: 0o600 })
      writeFileSync(victim, "mine")
      symlinkSync(victim, link!)
      const paths = [fresh!, stale!, link!]
      yield* Effect.scoped(
        Effect.gen(function* () {
          yield* pidFiles(paths)
          for (const path of paths) {
            assert.strictEqual(readFileSync(path, "utf8"), `${process.pid}\n`)
            assert.strictEqual(statSync(path).mode & 0o777, 0o644)
            assert.isFalse(lstatSync(path).isSymbolicLink())
          }
        }),
      )
      assert.deepStrictEqual(readdirSync(directory), ["victim"])
      assert.strictEqual(readFileSync(victim, "utf8"), "mine")
    }),
  )

  it.live("are written again when they vanish, however often, and are gone at the end", () =>
    Effect.gen(function* () {
      const directory = yield* temporaryDirectory
      const path = join(directory, "daemon.pid")
      yield* Effect.scoped(
        Effect.gen(function* () {
          yield* pidFiles([path])
          for (let time = 0; time < 3; time++) {
            const back = new Promise<void>((resolve) => {
              const watcher = watch(directory, () => {
                if (!existsSync(path)) return
                watcher.close()
                resolve()
              })
            })
            rmSync(path)
            yield* Effect.promise(() => back)
            assert.strictEqual(readFileSync(path, "utf8"), `${process.pid}\n`)
          }
        }),
      )
      assert.deepStrictEqual(readdirSync(directory), [])
    }),
  )

  it.live("leave alone what another process wrote meanwhile", () =>
    Effect.gen(function* () {
      const path = join(yield* temporaryDirectory, "daemon.pid")
      yield* Effect.scoped(
        Effect.andThen(
          pidFiles([path]),
          Effect.sync(() => writeFileSync(path, "1\n")),
        ),
      )
      assert.isTrue(existsSync(path))
    }),
  )

  it.live("fail where their directory is missing, and take back those already written", () =>
    Effect.gen(function* () {
      const directory = yield* temporaryDirectory
      const missing = join(directory, "missing", "daemon.pid")
      const error = yield* Effect.flip(Effect.scoped(pidFiles([join(directory, "a.pid"), missing])))
      assert.strictEqual(error._tag, "PidFileError")
      assert.include(error.message, missing)
      assert.deepStrictEqual(readdirSync(directory), [])
    }),
  )
})
