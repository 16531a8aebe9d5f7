import { execFileSync } from "node:child_process"
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import process from "node:process"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { LOG_FILE_BYTES, LOG_FILES, LOG_RETRY } from "../../../src/domain/Limits.ts"
import type { LogEntry } from "../../../src/layers/observability/logEntry.ts"
import { rotatingFile } from "../../../src/layers/observability/rotatingFile.ts"

const entry = (message: string, at = 0): LogEntry => ({
  at: new Date(at),
  level: "INFO",
  message,
  causes: [],
  fields: [],
})

const temporary = Effect.acquireRelease(
  Effect.sync(() => fs.mkdtempSync(path.join(os.tmpdir(), "conveyor-log-"))),
  (directory) => Effect.sync(() => fs.rmSync(directory, { recursive: true, force: true })),
)

const open = Effect.fnUntraced(function* (
  file: string,
  more: { readonly maxBytes?: number; readonly backups?: number } = {},
) {
  const troubles: Array<string> = []
  const log = yield* rotatingFile({
    path: file,
    format: (told) => told.message,
    trouble: (told) => troubles.push(told.message),
    ...more,
  })
  return { log, troubles }
})

const read = (file: string): string => fs.readFileSync(file, "utf8")

describe("rotatingFile", () => {
  it.effect("fills a file to exactly its limit, and not a byte more", () =>
    Effect.gen(function* () {
      const file = path.join(yield* temporary, "log")
      const { log } = yield* open(file, { maxBytes: 10 })
      log.append(entry("1234"))
      log.append(entry("5678"))
      assert.strictEqual(read(file), "1234\n5678\n")
      assert.isFalse(fs.existsSync(`${file}.1`))
      log.append(entry(""))
      assert.strictEqual(read(file), "\n")
      assert.strictEqual(read(`${file}.1`), "1234\n5678\n")
      log.append(entry("longer than the limit"))
      assert.strictEqual(read(file), "longer than the limit\n")
    }),
  )

  it.effect("counts bytes, and what an earlier run left", () =>
    Effect.gen(function* () {
      const file = path.join(yield* temporary, "log")
      fs.writeFileSync(file, "12345\n")
      const { log } = yield* open(file, { maxBytes: 10 })
      log.append(entry("éé"))
      assert.strictEqual(read(file), "éé\n")
      assert.strictEqual(read(`${file}.1`), "12345\n")
    }),
  )

  it.effect("keeps 5 MiB and five older files by default, the youngest as .1", () =>
    Effect.gen(function* () {
      assert.strictEqual(LOG_FILE_BYTES, 5 * 1024 * 1024)
      assert.strictEqual(LOG_FILES, 5)
      const file = path.join(yield* temporary, "log")
      const { log } = yield* open(file, { maxBytes: 2 })
      for (let number = 0; number <= 8; number++) log.append(entry(String(number)))
      const names = fs.readdirSync(path.dirname(file)).sort()
      assert.deepStrictEqual(names, ["log", "log.1", "log.2", "log.3", "log.4", "log.5"])
      assert.deepStrictEqual(
        names.map((name) => read(path.join(path.dirname(file), name))),
        ["8\n", "7\n", "6\n", "5\n", "4\n", "3\n"],
      )
    }),
  )

  it.effect("is not for others to read", () =>
    Effect.gen(function* () {
      const file = path.join(yield* temporary, "log")
      const { log } = yield* open(file)
      log.append(entry("x"))
      assert.strictEqual(fs.statSync(file).mode & 0o777 & ~0o640, 0)
      assert.strictEqual(fs.statSync(file).mode & 0o600, 0o600)
    }),
  )

  it.effect("goes on in a new file when somebody moved the old one away", () =>
    Effect.gen(function* () {
      const file = path.join(yield* temporary, "log")
      const { log } = yield* open(file)
      log.append(entry("old", 0))
      fs.renameSync(file, `${file}.moved`)
      log.append(entry("new", 5_000))
      assert.strictEqual(read(`${file}.moved`), "old\n")
      assert.strictEqual(read(file), "new\n")
    }),
  )

  it.effect("says once that it can not write, counts what it dropped, and recovers", () =>
    Effect.gen(function* () {
      const file = path.join(yield* temporary, "log")
      fs.mkdirSync(file)
      const { log, troubles } = yield* open(file)
      log.append(entry("lost", 0))
      log.append(entry("lost", 1))
      log.append(entry("lost", LOG_RETRY + 1))
      assert.strictEqual(troubles.length, 1)
      assert.include(troubles[0], "can not be written")
      fs.rmdirSync(file)
      log.append(entry("too early", LOG_RETRY + 2))
      assert.isFalse(fs.existsSync(file))
      log.append(entry("back", 2 * LOG_RETRY + 2))
      assert.deepStrictEqual(read(file).split("\n"), [
        "4 log lines missing here: the log file could not be written",
        "back",
        "",
      ])
      assert.strictEqual(troubles.length, 2)
      assert.include(troubles[1], "dropped until then: 4 lines")
    }),
  )

  it.effect("tries again although the clock was set back", () =>
    Effect.gen(function* () {
      const file = path.join(yield* temporary, "log")
      fs.mkdirSync(file)
      const { log } = yield* open(file)
      log.append(entry("lost", 1_000_000_000))
      fs.rmdirSync(file)
      log.append(entry("back", 0))
      assert.match(read(file), /back\n$/)
    }),
  )

  it.effect("gets over a device without room", (context) =>
    Effect.gen(function* () {
      if (!fs.existsSync("/dev/full")) return context.skip("no /dev/full")
      const file = path.join(yield* temporary, "log")
      fs.symlinkSync("/dev/full", file)
      const { log, troubles } = yield* open(file)
      log.append(entry("lost", 0))
      assert.include(troubles[0], "ENOSPC")
      fs.unlinkSync(file)
      log.append(entry("back", LOG_RETRY))
      assert.match(read(file), /back\n$/)
    }),
  )

  it.effect("ends a line that a full disk cut short, and goes on when there is room", (context) =>
    Effect.gen(function* () {
      if (process.getuid?.() !== 0 || process.platform !== "linux") return context.skip("needs root on Linux")
      const directory = yield* temporary
      try {
        execFileSync("mount", ["-t", "tmpfs", "-o", "size=64k", "tmpfs", directory], { stdio: "ignore" })
      } catch {
        return context.skip("may not mount")
      }
      yield* Effect.addFinalizer(() => Effect.sync(() => execFileSync("umount", ["-l", directory])))
      const filler = path.join(directory, "filler")
      const file = path.join(directory, "log")
      fs.writeFileSync(filler, Buffer.alloc(48 * 1024))
      const { log, troubles } = yield* open(file)
      log.append(entry("a".repeat(12 * 1024), 0))
      log.append(entry("b".repeat(12 * 1024), 1))
      assert.strictEqual(troubles.length, 1)
      assert.include(troubles[0], "ENOSPC")
      fs.unlinkSync(filler)
      log.append(entry("back", LOG_RETRY + 1))
      const [first, torn, notice, back, end] = read(file).split("\n")
      assert.strictEqual(first, "a".repeat(12 * 1024))
      assert.match(torn ?? "", /^b+$/)
      assert.isBelow(torn?.length ?? 0, 12 * 1024)
      assert.match(notice ?? "", /^1 log line missing/)
      assert.deepStrictEqual([back, end], ["back", ""])
    }),
  )
})
