/** What a commit waits for: docs/guarantees.md says it, this holds the ledger to it. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import type { LedgerChange } from "../../../src/domain/Ledger.ts"
import { open } from "../../../src/layers/ledger/driver.ts"
import { Ledger } from "../../../src/domain/Ledger.ts"
import { layerOf } from "../../../src/layers/ledger/sqlite.ts"
import { delivered, path, site } from "../../contract/ledgerSpecimens.ts"
import { temporaryDirectory } from "../../support/temporaryDirectory.ts"

const modes = ["OFF", "NORMAL", "FULL", "EXTRA"]

const sourceDeleted: LedgerChange = {
  _tag: "SourceDeleted",
  source: site,
  path: path("a"),
  state: { size: 1, mtimeNs: 1n, inode: 1n },
}

describe("a commit of the ledger", () => {
  it.live("waits for the disk when a source file is to be deleted, alone or among others, and only then", () =>
    Effect.gen(function* () {
      const directory = yield* temporaryDirectory
      const commits: Array<string> = []
      const spied: typeof open = (file, options) => {
        const database = open(file, options)
        return {
          ...database,
          transaction: (body) =>
            database.transaction(() => {
              const result = body()
              // What holds at the end of the transaction is what its COMMIT does.
              commits.push(modes[Number(database.prepare("PRAGMA synchronous").get()?.[0])] ?? "?")
              return result
            }),
        }
      }
      yield* Effect.gen(function* () {
        const ledger = yield* Ledger
        commits.length = 0
        yield* ledger.commit([delivered("a")])
        yield* ledger.commit([sourceDeleted])
        yield* ledger.commit([delivered("b")])
        yield* Effect.all([ledger.commit([delivered("c")]), ledger.commit([sourceDeleted])], {
          concurrency: "unbounded",
        })
        yield* ledger.commit([delivered("d")])
      }).pipe(Effect.provide(layerOf(spied, { directory })), Effect.scoped)
      assert.deepStrictEqual(commits, ["NORMAL", "FULL", "NORMAL", "FULL", "NORMAL"])
    }),
  )
})
