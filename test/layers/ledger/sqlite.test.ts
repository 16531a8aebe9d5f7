import {
  chmodSync,
  existsSync,
  readFileSync,
  statSync,
  truncateSync,
  writeFileSync,
  openSync,
  writeSync,
  closeSync,
} from "node:fs"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { Ledger } from "../../../src/domain/Ledger.ts"
import { open } from "../../../src/layers/ledger/driver.ts"
import { layerSqlite, ledgerFile } from "../../../src/layers/ledger/sqlite.ts"
import { ledgerContract } from "../../contract/ledger.ts"
import { ledgerCompanionsContract } from "../../contract/ledgerCompanions.ts"
import { ledgerLinksContract } from "../../contract/ledgerLinks.ts"
import { delivered, delivery, path, site } from "../../contract/ledgerSpecimens.ts"
import { temporaryDirectory } from "../../support/temporaryDirectory.ts"

ledgerContract("sqlite", () => Layer.unwrap(Effect.map(temporaryDirectory, (directory) => layerSqlite({ directory }))))
ledgerLinksContract("sqlite", () =>
  Layer.unwrap(Effect.map(temporaryDirectory, (directory) => layerSqlite({ directory }))),
)
ledgerCompanionsContract("sqlite", () =>
  Layer.unwrap(Effect.map(temporaryDirectory, (directory) => layerSqlite({ directory }))),
)

const use = <A, E>(directory: string, body: (ledger: Ledger["Service"]) => Effect.Effect<A, E>) =>
  Effect.provide(Effect.flatMap(Ledger, body), layerSqlite({ directory }), { local: true })

const openingFails = (directory: string) => Effect.flip(use(directory, () => Effect.void))

describe("ledger in a file", () => {
  it.live("is there again after it was closed, private, and leaves one file", () =>
    Effect.gen(function* () {
      const directory = join(yield* temporaryDirectory, "state")
      yield* use(directory, (ledger) => ledger.commit([delivered("a/b"), delivered("caf\udce9/x")]))
      assert.strictEqual(statSync(directory).mode & 0o777, 0o700)
      assert.strictEqual(statSync(ledgerFile(directory)).mode & 0o777, 0o600)
      assert.isFalse(existsSync(`${ledgerFile(directory)}-wal`))
      chmodSync(ledgerFile(directory), 0o644)
      yield* use(directory, (ledger) =>
        Effect.gen(function* () {
          assert.deepStrictEqual(yield* ledger.deliveriesOf(site, path("a/b")), [delivery("a/b")])
          assert.deepStrictEqual(yield* ledger.deliveriesIn(site, path("caf\udce9")), [delivery("caf\udce9/x")])
          const { through } = yield* ledger.outbox(1)
          yield* ledger.commit([delivered("c")])
          assert.isAbove((yield* ledger.outbox(10)).through, through)
          assert.strictEqual(statSync(`${ledgerFile(directory)}-wal`).mode & 0o777, 0o600)
        }),
      )
      assert.strictEqual(statSync(ledgerFile(directory)).mode & 0o777, 0o600)
    }),
  )

  it.live("says so when its file is damaged, and names the way back", () =>
    Effect.gen(function* () {
      const directory = yield* temporaryDirectory
      yield* use(directory, (ledger) =>
        ledger.commit(Array.from({ length: 500 }, (_, i) => delivered(`d${i % 9}/f${i}`))),
      )
      const file = openSync(ledgerFile(directory), "r+")
      const size = statSync(ledgerFile(directory)).size
      for (let at = 4096; at < size; at += 8192) writeSync(file, Buffer.alloc(2048, 0x5a), 0, 2048, at)
      closeSync(file)
      const error = yield* openingFails(directory)
      assert.strictEqual(error.reason, "Corrupt")
      assert.include(error.message, "--adopt")
      assert.include(error.message, ledgerFile(directory))
      truncateSync(ledgerFile(directory), 100)
      assert.strictEqual((yield* openingFails(directory)).reason, "Corrupt")
      const kept = readFileSync(ledgerFile(directory))
      const count = Effect.flatMap(Ledger, (ledger) => ledger.count(site))
      const renewed = Effect.scoped(Effect.provide(count, layerSqlite({ directory, renew: true })))
      assert.strictEqual(yield* renewed, 0)
      assert.deepStrictEqual(readFileSync(`${ledgerFile(directory)}.damaged`), kept)
    }),
  )

  it.live("refuses a file of a newer version, and another program's", () =>
    Effect.gen(function* () {
      const directory = yield* temporaryDirectory
      yield* use(directory, () => Effect.void)
      const database = open(ledgerFile(directory))
      database.exec("PRAGMA user_version = 99")
      database.close()
      const newer = yield* openingFails(directory)
      assert.strictEqual(newer.reason, "Failed")
      assert.include(newer.message, "newer file-conveyor (format 99")

      const other = yield* temporaryDirectory
      const foreign = open(ledgerFile(other))
      foreign.exec("CREATE TABLE theirs (x)")
      foreign.close()
      assert.include((yield* openingFails(other)).message, "another program's")

      const text = yield* temporaryDirectory
      writeFileSync(ledgerFile(text), "not a database, but a long enough text to be taken for one".repeat(50))
      assert.strictEqual((yield* openingFails(text)).reason, "Corrupt")
    }),
  )

  it.live("a call that fails takes none of those down that share its transaction, and leaves nothing", () =>
    Effect.gen(function* () {
      const directory = yield* temporaryDirectory
      yield* use(directory, (ledger) =>
        Effect.gen(function* () {
          const calls = [
            ledger.commit([delivered("one/a")]),
            ledger.commit([delivered("bad/b"), delivered("bad/c", { deliveredAt: Number.NaN })]),
            ledger.commit([delivered("bad/d")]),
          ]
          const results = yield* Effect.all(calls.map(Effect.result), { concurrency: "unbounded" })
          assert.deepStrictEqual(
            results.map((result) => result._tag),
            ["Success", "Failure", "Success"],
          )
          const bad = results[1]!
          if (bad._tag === "Failure") assert.strictEqual(bad.failure.reason, "Failed")
          assert.deepStrictEqual(
            (yield* ledger.page(undefined, 10)).map((d) => d.path),
            [path("bad/d"), path("one/a")],
          )
          assert.deepStrictEqual(yield* ledger.directories(site, path(""), undefined, 9), [path("bad"), path("one")])
        }),
      )
    }),
  )

  it.live("writes what was queued when it is closed, and refuses what comes after", () =>
    Effect.gen(function* () {
      const directory = yield* temporaryDirectory
      const ledger = yield* use(directory, Effect.succeed)
      const error = yield* Effect.flip(ledger.commit([delivered("late")]))
      assert.strictEqual(error.reason, "Failed")
      assert.strictEqual(yield* use(directory, (again) => again.count(site)), 0)
    }),
  )
})
