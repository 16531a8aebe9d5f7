/** What is left of the ledger after its process, or its disk, gave up. The programs come from dist/, which `npm test` builds. */
import { spawnSync } from "node:child_process"
import { mkdirSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { Ledger } from "../../../src/domain/Ledger.ts"
import { open } from "../../../src/layers/ledger/driver.ts"
import { layerSqlite, ledgerFile } from "../../../src/layers/ledger/sqlite.ts"
import { cdn, delivered, path, site } from "../../contract/ledgerSpecimens.ts"
import { childProgram } from "../../support/childProgram.ts"
import { temporaryDirectory } from "../../support/temporaryDirectory.ts"

const PROGRAM = "layers/ledger/crashWriter.mjs"

const use = <A, E>(directory: string, body: (ledger: Ledger["Service"]) => Effect.Effect<A, E>) =>
  Effect.provide(Effect.flatMap(Ledger, body), layerSqlite({ directory }), { local: true })

describe("a ledger whose process is killed", () => {
  it.live("has everything that was acknowledged, whole, however often that happens", () =>
    Effect.gen(function* () {
      const directory = yield* temporaryDirectory
      for (const lines of [500, 3_000]) {
        const program = yield* childProgram(PROGRAM, [directory])
        yield* program.said(lines)
        yield* program.kill
        const [held, ...acknowledged] = program.lines()
        assert.strictEqual(held, "held")
        assert.isAtLeast(acknowledged.length, lines - 1)
        yield* use(directory, (ledger) =>
          Effect.gen(function* () {
            for (const text of acknowledged) {
              const i = Number(text)
              const [delivery] = yield* ledger.deliveriesOf(site, path(`d${i % 97}/${i}`))
              assert.strictEqual(delivery?.deliveredAt, i)
              assert.strictEqual(delivery?.sourceDeleted, i % 100 === 0)
              const retirements = yield* ledger.retirementsOf({
                source: site,
                path: path(`d${i % 97}/${i}`),
                server: cdn,
              })
              assert.strictEqual(retirements.length, i % 10 === 0 ? 1 : 0)
            }
            // What was not acknowledged is there whole or not at all.
            for (const delivery of yield* ledger.page(undefined, 1_000_000)) {
              assert.strictEqual(delivery.sourceDeleted, delivery.deliveredAt % 100 === 0)
            }
          }),
        )
        const database = open(ledgerFile(directory))
        assert.strictEqual(database.prepare("PRAGMA integrity_check").get()?.[0], "ok")
        database.close()
      }
    }),
  )
})

const mountSmallDisk = (directory: string) =>
  Effect.acquireRelease(
    Effect.sync(() => spawnSync("mount", ["-t", "tmpfs", "-o", "size=1m", "tmpfs", directory]).status === 0),
    (mounted) => Effect.sync(() => mounted && spawnSync("umount", ["--lazy", directory])),
  )

describe("a ledger on a full disk", () => {
  it.live("says so, keeps what it acknowledged, and goes on when there is room", (context) =>
    Effect.gen(function* () {
      const disk = join(yield* temporaryDirectory, "disk")
      mkdirSync(disk)
      if (!(yield* mountSmallDisk(disk))) {
        console.warn("SKIPPED: a full disk needs a mount, and this user may not make one")
        return context.skip()
      }
      const ballast = join(disk, "ballast")
      writeFileSync(ballast, Buffer.alloc(300_000))
      const directory = join(disk, "state")
      yield* use(directory, (ledger) =>
        Effect.gen(function* () {
          const acknowledged: Array<string> = []
          const write = (file: string) =>
            Effect.tap(ledger.commit([delivered(file), delivered(`${file}-twin`)]), () =>
              Effect.sync(() => acknowledged.push(file, `${file}-twin`)),
            )
          const error = yield* Effect.flip(
            Effect.forEach(
              Array.from({ length: 20_000 }, (_, i) => `d/${i}`),
              write,
              { discard: true },
            ),
          )
          assert.strictEqual(error.reason, "OutOfSpace")
          const stored = Effect.map(ledger.deliveriesIn(site, path("d")), (found) =>
            found.map((d) => String(d.path)).sort(),
          )
          assert.isAbove(acknowledged.length, 10)
          assert.deepStrictEqual(yield* stored, acknowledged.toSorted())
          assert.strictEqual((yield* Effect.flip(write("d/late"))).reason, "OutOfSpace")
          rmSync(ballast)
          yield* write("d/late")
          assert.deepStrictEqual(yield* stored, acknowledged.toSorted())
        }),
      )
    }),
  )
})
