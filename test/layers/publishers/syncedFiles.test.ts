import { spawnSync } from "node:child_process"
import { chmodSync, existsSync, mkdirSync, readFileSync, statSync, truncateSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Fiber, Stream } from "effect"
import { Publisher, type PublishedRow } from "../../../src/domain/Publisher.ts"
import { type Database, open, type SqlValue } from "../../../src/layers/ledger/driver.ts"
import { layerSyncedFiles } from "../../../src/layers/publishers/syncedFiles.ts"
import { type PublisherSubject, publish, publisherContract, row, withdraw } from "../../contract/publisher.ts"
import { childProgram } from "../../support/childProgram.ts"
import { temporaryDirectory } from "../../support/temporaryDirectory.ts"

const reader = (file: string): Database => open(file, { timeout: 1_000, readOnly: true })

const ask = (file: string, sql: string, ...parameters: ReadonlyArray<SqlValue>) => {
  const database = reader(file)
  try {
    return database.prepare(sql).all(...parameters)
  } finally {
    database.close()
  }
}

const rowsOf = (file: string): ReadonlyArray<PublishedRow> =>
  ask(file, "SELECT input_file, server, transported_file_basename, url FROM synced_files ORDER BY rowid").map(
    ([inputFile, server, transportedFileBasename, url]) => ({
      inputFile: String(inputFile),
      server: String(server),
      transportedFileBasename: String(transportedFileBasename),
      url: String(url),
    }),
  )

const countsOf = (file: string) => {
  const [counts] = ask(file, "SELECT (SELECT COUNT(*) FROM pipeline_queue), (SELECT COUNT(*) FROM pipeline_list)")
  return { waiting: Number(counts?.[0]), inFlight: Number(counts?.[1]) }
}

const use = <A, E>(syncedFilesDb: string, body: (publisher: Publisher["Service"]) => Effect.Effect<A, E>) =>
  Effect.provide(Effect.flatMap(Publisher, body), layerSyncedFiles({ syncedFilesDb }), { local: true })

const files = Effect.map(temporaryDirectory, (directory) => ({
  directory,
  map: join(directory, "synced_files.db"),
  data: join(directory, "persistent_data.db"),
}))

publisherContract(
  "synced_files.db",
  Effect.gen(function* () {
    const { data, map } = yield* files
    // The layer lives as long as the test's scope.
    const ready = yield* Deferred.make<Publisher["Service"]>()
    const fiber = yield* Effect.forkScoped(
      use(map, (publisher) => Effect.andThen(Deferred.succeed(ready, publisher), Effect.never)),
    )
    const publisher = yield* Effect.raceFirst(Deferred.await(ready), Fiber.join(fiber))
    const subject: PublisherSubject = { publisher, rows: () => rowsOf(map), pipeline: () => countsOf(data) }
    return subject
  }),
  Effect.scoped,
)

describe("the classic files", () => {
  it.live("are there with all their tables, for everyone to read, as soon as the layer is", () =>
    Effect.gen(function* () {
      const { data, map } = yield* files
      const mask = process.umask(0o077)
      yield* Effect.ensuring(
        use(map, (publisher) =>
          Effect.sync(() => {
            assert.isTrue(publisher.isNew)
            for (const file of [map, data]) {
              assert.strictEqual(statSync(file).mode & 0o777, 0o644)
              assert.isAbove(statSync(file).size, 0)
              assert.deepStrictEqual(ask(file, "PRAGMA journal_mode"), [["delete"]])
            }
            const schema = (file: string) =>
              ask(file, "SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite%'").flat()
            assert.deepStrictEqual(schema(map), [
              "CREATE TABLE synced_files(input_file text, transported_file_basename text, url text, server text)",
              "CREATE UNIQUE INDEX file_unique_per_server ON synced_files (input_file, server)",
            ])
            assert.includeMembers(
              [...schema(data)],
              [
                "CREATE TABLE pipeline_queue(id INTEGER PRIMARY KEY AUTOINCREMENT, item pickle, key CHAR(32))",
                "CREATE TABLE pipeline_list(id INTEGER PRIMARY KEY AUTOINCREMENT, item pickle)",
              ],
            )
          }),
        ),
        Effect.sync(() => process.umask(mask)),
      )
    }),
  )

  it.live("stay as they are when opened again, and counts of the past are gone", () =>
    Effect.gen(function* () {
      const { data, map } = yield* files
      yield* use(map, (publisher) =>
        Effect.andThen(publisher.apply([publish("a"), publish("b")]), publisher.pipeline({ waiting: 9, inFlight: 3 })),
      )
      assert.deepStrictEqual(countsOf(data), { waiting: 0, inFlight: 0 })
      yield* use(map, (publisher) => Effect.sync(() => assert.isFalse(publisher.isNew)))
      assert.deepStrictEqual(rowsOf(map), [row("a"), row("b")])
    }),
  )

  it.live("hold the bytes of names that are not UTF-8, so that lookups by bytes match", () =>
    Effect.gen(function* () {
      const { map } = yield* files
      const inputFile = "/htdocs/caf\udce9 \u{1f600}.css"
      yield* use(map, (publisher) =>
        Effect.gen(function* () {
          yield* publisher.apply([publish("x", { inputFile, transportedFileBasename: "caf\udce9" })])
          yield* publisher.apply([publish("x", { inputFile, transportedFileBasename: "caf\udce9", url: "second" })])
          const found = ask(
            map,
            "SELECT typeof(input_file), hex(input_file), hex(transported_file_basename), url FROM synced_files",
          )
          const bytes = Buffer.concat([Buffer.from("/htdocs/caf"), Buffer.of(0xe9), Buffer.from(" \u{1f600}.css")])
          assert.deepStrictEqual(found, [["text", bytes.toString("hex").toUpperCase(), "636166E9", "second"]])
          const lookup = "SELECT url, server FROM synced_files WHERE input_file = CAST(? AS TEXT)"
          assert.deepStrictEqual(ask(map, lookup, bytes), [["second", "cdn"]])
          yield* publisher.apply([{ _tag: "Withdraw", key: { inputFile, server: "cdn" } }])
          assert.deepStrictEqual(rowsOf(map), [])
        }),
      )
    }),
  )

  it.live("answer the queries of the CMS", () =>
    Effect.gen(function* () {
      const { map } = yield* files
      yield* use(map, (publisher) => publisher.apply([publish("a"), publish("a", { server: "ftp" }), publish("b")]))
      const like = "SELECT COUNT(*) AS count, server FROM synced_files WHERE input_file LIKE ? GROUP BY server"
      assert.deepStrictEqual(ask(map, like, "/htdocs/drupal%"), [
        [2n, "cdn"],
        [1n, "ftp"],
      ])
      assert.strictEqual(ask(map, "SELECT url FROM synced_files GROUP BY server").length, 2)
      const servers = ask(map, "SELECT server FROM synced_files WHERE input_file = ?", row("a").inputFile).flat()
      assert.deepStrictEqual(servers, ["cdn", "ftp"])
    }),
  )

  it.live("are made anew where they are damaged, empty or something else, which is kept aside", () =>
    Effect.gen(function* () {
      const { data, map } = yield* files
      const rebuilt = use(map, (publisher) =>
        Effect.andThen(
          publisher.apply([publish("a")]),
          Effect.sync(() => publisher.isNew),
        ),
      )
      assert.isTrue(yield* rebuilt)
      truncateSync(map, 5_000)
      assert.isTrue(yield* rebuilt)
      assert.deepStrictEqual(rowsOf(map), [row("a")])
      truncateSync(map, 0)
      assert.isTrue(yield* rebuilt)
      const text = "these are notes that somebody put here ".repeat(200)
      writeFileSync(map, text)
      writeFileSync(data, text)
      assert.isTrue(yield* rebuilt)
      assert.strictEqual(readFileSync(`${map}.damaged`, "utf8"), text)
      assert.deepStrictEqual(rowsOf(map), [row("a")])
      assert.deepStrictEqual(countsOf(data), { waiting: 0, inFlight: 0 })
      assert.isFalse(yield* rebuilt)
    }),
  )

  it.live("need a directory, and say so", () =>
    Effect.gen(function* () {
      const { directory } = yield* files
      const missing = join(directory, "missing", "synced_files.db")
      const error = yield* Effect.flip(use(missing, () => Effect.void))
      assert.include(error.message, `${join(directory, "missing")} is not a directory`)
    }),
  )

  it.live("can be read while they are written, never half", () =>
    Effect.gen(function* () {
      const { map } = yield* files
      yield* use(map, (publisher) =>
        Effect.gen(function* () {
          const version = (i: number) => [publish("a", { url: `v${i}` }), publish("a", { server: "ftp", url: `v${i}` })]
          yield* publisher.apply(version(0))
          const database = reader(map)
          const select = database.prepare("SELECT url FROM synced_files ORDER BY rowid")
          for (let i = 1; i <= 200; i++) {
            yield* publisher.apply(version(i))
            assert.deepStrictEqual(select.all().flat(), [`v${i}`, `v${i}`])
          }
          database.close()
        }),
      )
    }),
  )

  it.live("wait for a reader without holding up the rest, and get through when it is done", () =>
    Effect.gen(function* () {
      const { map } = yield* files
      yield* use(map, (publisher) =>
        Effect.gen(function* () {
          yield* publisher.apply([publish("a"), publish("b")])
          const database = reader(map)
          const reading = database.prepare("SELECT url FROM synced_files").iterate()
          reading.next()
          let released = false
          const release = Effect.sync(() => {
            released = true
            reading.return?.()
            database.close()
          })
          const write = Effect.andThen(
            publisher.apply([withdraw("a")]),
            Effect.sync(() => assert.isTrue(released)),
          )
          yield* Effect.all([write, Effect.delay(release, 150)], { concurrency: 2 })
          assert.deepStrictEqual(rowsOf(map), [row("b")])
        }),
      )
    }),
  )

  it.live("can be read by a user who may not write anything there", (context) =>
    Effect.gen(function* () {
      if (process.getuid?.() !== 0) {
        console.warn("SKIPPED: becoming another user needs root")
        return context.skip()
      }
      const { directory, map } = yield* files
      chmodSync(directory, 0o755)
      yield* use(map, (publisher) =>
        Effect.gen(function* () {
          yield* publisher.apply([publish("a")])
          const program = `
            import { open } from ${JSON.stringify(new URL("../../../dist/layers/ledger/driver.js", import.meta.url).href)}
            process.setgid(65534); process.setuid(65534)
            const database = open(${JSON.stringify(map)}, { timeout: 1000, readOnly: true })
            console.log(database.prepare("SELECT url FROM synced_files").get()[0])`
          const run = spawnSync(process.execPath, ["--input-type=module", "--eval", program], { encoding: "utf8" })
          assert.strictEqual(run.stdout.trim(), row("a").url, run.stderr)
        }),
      )
    }),
  )
})

describe("a map whose process is killed", () => {
  it.live("is whole, shows everything that was published, and asks for a rebuild", () =>
    Effect.gen(function* () {
      const { map } = yield* files
      const program = yield* childProgram("layers/publishers/crashWriter.mjs", [map])
      yield* program.said(300)
      yield* program.kill
      const last = Number(program.lines().at(-1))
      const isNew = yield* use(map, (publisher) =>
        Effect.gen(function* () {
          const urls = rowsOf(map).map((found) => found.url)
          assert.strictEqual(new Set(urls).size, 1, "both rows of the file change together")
          assert.isAtLeast(Number(urls[0]), last)
          yield* publisher.replaceAll(Stream.make(row("a")))
          return publisher.isNew
        }),
      )
      assert.isTrue(isNew)
      assert.deepStrictEqual(rowsOf(map), [row("a")])
      assert.isFalse(yield* use(map, (publisher) => Effect.sync(() => publisher.isNew)))
    }),
  )
})

describe("synced_files.db beside other things", () => {
  it.live("goes where the config says, with its companion beside it", () =>
    Effect.gen(function* () {
      const { directory } = yield* files
      mkdirSync(join(directory, "map"))
      yield* use(join(directory, "map", "my_synced_files.db"), () => Effect.void)
      assert.isTrue(existsSync(join(directory, "map", "persistent_data.db")))
    }),
  )
})
