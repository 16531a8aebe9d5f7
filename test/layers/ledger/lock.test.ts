import { existsSync, statSync, writeFileSync } from "node:fs"
import { hostname } from "node:os"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { holdStateDirectory, readHolder } from "../../../src/layers/ledger/lock.ts"
import { childProgram } from "../../support/childProgram.ts"
import { temporaryDirectory } from "../../support/temporaryDirectory.ts"

const hold = (directory: string) => Effect.scoped(holdStateDirectory(directory))

describe("holding a state directory", () => {
  it.live("makes it private, says who holds it, and lets go with the scope", () =>
    Effect.gen(function* () {
      const directory = join(yield* temporaryDirectory, "a", "state")
      yield* Effect.scoped(
        Effect.gen(function* () {
          yield* holdStateDirectory(directory)
          assert.strictEqual(statSync(directory).mode & 0o777, 0o700)
          assert.strictEqual(readHolder(directory)?.pid, process.pid)
          const error = yield* Effect.flip(hold(directory))
          assert.strictEqual(error._tag, "StateDirectoryHeld")
          assert.include(error.message, `process ${process.pid} on ${hostname()}, since 20`)
          assert.strictEqual(readHolder(directory)?.pid, process.pid)
        }),
      )
      assert.isFalse(existsSync(join(directory, "holder.json")))
      yield* hold(directory)
    }),
  )

  it.live("keeps other processes out until the one that holds it dies", () =>
    Effect.gen(function* () {
      const directory = yield* temporaryDirectory
      const program = yield* childProgram("layers/ledger/crashWriter.mjs", [directory, "lock"])
      yield* program.said(1)
      const error = yield* Effect.flip(hold(directory))
      assert.strictEqual(error._tag, "StateDirectoryHeld")
      assert.include(error.message, `process ${program.process.pid} `)
      yield* program.kill
      yield* Effect.scoped(
        Effect.gen(function* () {
          yield* holdStateDirectory(directory)
          assert.strictEqual(readHolder(directory)?.pid, process.pid)
          // An attempt in this process takes nothing from the lock that keeps others out.
          assert.strictEqual((yield* Effect.flip(hold(directory)))._tag, "StateDirectoryHeld")
          const second = yield* childProgram("layers/ledger/crashWriter.mjs", [directory, "lock"])
          const refused = yield* Effect.flip(second.said(1))
          assert.include(refused.message, "is in use by another file-conveyor")
        }),
      )
    }),
  )

  it.live("says what is wrong with a directory that can not be used", () =>
    Effect.gen(function* () {
      const file = join(yield* temporaryDirectory, "file")
      writeFileSync(file, "")
      const error = yield* Effect.flip(hold(join(file, "state")))
      assert.strictEqual(error._tag, "LedgerError")
      assert.include(error.message, join(file, "state"))
    }),
  )
})
