import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Cause, Data, Effect, Layer, Redacted } from "effect"
import { TestClock } from "effect/testing"
import { fromBytes } from "../../../src/domain/Path.ts"
import type { LogFormat } from "../../../src/layers/observability/logFormats.ts"
import { loggingLayer, type LoggingOptions } from "../../../src/layers/observability/loggers.ts"
import { makeStandardError, StandardError } from "../../../src/layers/observability/standardError.ts"
import { FakeStream } from "./fakeStream.ts"

class Refused extends Data.TaggedError("Refused")<{ readonly detail: string }> {
  override get message(): string {
    return this.detail
  }
}

const options: LoggingOptions = {
  format: undefined,
  consoleLogLevel: "DEBUG",
  fileLogLevel: "INFO",
  logFile: undefined,
}

const logged = Effect.fnUntraced(function* (
  effect: Effect.Effect<void>,
  more: Partial<LoggingOptions> & { readonly tty?: boolean; readonly env?: Record<string, string> } = {},
) {
  const { tty = false, env = {}, ...rest } = more
  const stream = new FakeStream(tty)
  const standardError = Layer.effect(StandardError, makeStandardError(stream.stream, env))
  yield* TestClock.setTime(Date.UTC(2025, 0, 2, 3, 4, 5, 678))
  yield* effect.pipe(Effect.provide(Layer.provide(loggingLayer({ ...options, ...rest }), standardError)))
  return stream
})

const formats: ReadonlyArray<LogFormat> = ["pretty", "json", "logfmt"]

// What a hostile file name would like to do: end the line, start another, colour, erase, reorder.
const hostile = [
  "a\n03:04:05 CRITICAL forged",
  "a\r03:04:05 CRITICAL forged",
  "a\u001b[2K\u001b[31mred",
  "a\u2028forged\u2029forged\u0085forged\u000bforged",
  "a\u202Egnp.exe",
  'a" level=CRITICAL message="forged',
  '","level":"CRITICAL","message":"forged',
  fromBytes(Uint8Array.from([0x61, 0xff, 0x0a, 0x80])),
  "a\ud83d",
]
// oxlint-disable-next-line no-control-regex -- control characters are what is looked for
const dangerous = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u2028\u2029\u202A-\u202E\p{Cs}]/u

describe("loggers", () => {
  it.effect("writes pretty lines on a terminal and logfmt elsewhere, unless asked otherwise", () =>
    Effect.gen(function* () {
      const log = Effect.logInfo("scanned it").pipe(Effect.annotateLogs({ files: 3, place: "over there" }))
      const terminal = yield* logged(log, { tty: true, env: { NO_COLOR: "1" } })
      assert.match(terminal.text, /^\d\d:04:05 INFO {5}scanned it files=3 place="over there"\n$/)
      const pipe = yield* logged(log)
      assert.strictEqual(
        pipe.text,
        'time=2025-01-02T03:04:05.678Z level=INFO message="scanned it" files=3 place="over there"\n',
      )
      const json = yield* logged(log, { format: "json", tty: true })
      assert.deepStrictEqual(JSON.parse(json.text), {
        time: "2025-01-02T03:04:05.678Z",
        level: "INFO",
        message: "scanned it",
        files: "3",
        place: "over there",
      })
    }),
  )

  it.effect("does not say in pretty what the message says already, but does for programs", () =>
    Effect.gen(function* () {
      const log = Effect.logInfo('delivered a to "cdn"').pipe(Effect.annotateLogs({ server: "cdn", source: "live" }))
      const pretty = yield* logged(log, { format: "pretty" })
      assert.match(pretty.text, /delivered a to "cdn" source=live\n$/)
      const json = yield* logged(log, { format: "json" })
      assert.strictEqual(JSON.parse(json.text).server, "cdn")
    }),
  )

  it.effect("colours only on a terminal that wants them", () =>
    Effect.gen(function* () {
      const colored = (more: Parameters<typeof logged>[1]) =>
        Effect.map(logged(Effect.logError("broken"), more), (stream) => stream.text.includes("\u001b["))
      assert.isTrue(yield* colored({ format: "pretty", tty: true }))
      assert.isTrue(yield* colored({ format: "pretty", tty: true, env: { NO_COLOR: "" } }))
      assert.isFalse(yield* colored({ format: "pretty", tty: true, env: { NO_COLOR: "1" } }))
      assert.isFalse(yield* colored({ format: "pretty", tty: true, env: { TERM: "dumb" } }))
      assert.isFalse(yield* colored({ format: "pretty", tty: false }))
      assert.isFalse(yield* colored({ format: "logfmt", tty: true }))
      assert.isFalse(yield* colored({ format: "json", tty: true }))
    }),
  )

  it.effect("hides redacted values in every format and every place", () =>
    Effect.gen(function* () {
      const secret = Redacted.make("hunter2")
      const log = Effect.gen(function* () {
        yield* Effect.logWarning("password", secret, { nested: { secret } }).pipe(
          Effect.annotateLogs({ secret, deep: [secret] }),
        )
        yield* Effect.logError("failed", Cause.fail(secret))
        yield* Effect.logError("died", Cause.die(secret))
        yield* Effect.logError("died", Cause.die({ secret }))
      })
      for (const format of formats) {
        const { text } = yield* logged(log, { format })
        assert.notInclude(text, "hunter2", format)
        assert.isAtLeast(text.split("<redacted").length, 7, text)
      }
    }),
  )

  it.effect("tells a typed error by its message, a defect with its stack and causes", () =>
    Effect.gen(function* () {
      const foreign = new Error("outer", { cause: new Error("inner") })
      const log = Effect.gen(function* () {
        yield* Effect.logError("could not", Cause.fail(new Refused({ detail: "no room" })))
        yield* Effect.logError("broke", Cause.die(foreign))
        yield* Effect.logError(new Refused({ detail: "" }))
      })
      const { lines } = yield* logged(log, { format: "pretty" })
      const broke = lines.findIndex((line) => line.includes("broke"))
      assert.deepStrictEqual(
        lines.slice(0, broke).map((line) => line.slice(9)),
        ["ERROR    could not", "room"],
      )
      const told = lines.slice(broke).join("\n")
      assert.include(told, "outer")
      assert.include(told, "inner")
      assert.match(told, /\n {4}\| +at /)
      assert.match(lines.at(-1) ?? "", /ERROR {4}Refused$/)
    }),
  )

  it.effect("shows people a text of many lines as such, and programs one entry", () =>
    Effect.gen(function* () {
      const log = Effect.logError("the config can not be used\nline 3: no such server").pipe(
        Effect.andThen(Effect.logError(new Refused({ detail: "first\nsecond" }))),
      )
      const pretty = yield* logged(log, { format: "pretty" })
      assert.deepStrictEqual(
        pretty.lines.map((line) => line.replace(/^\d\d:04:05 /, "")),
        ["ERROR    the config can not be used", "    | line 3: no such server", "ERROR    first", "    | second"],
      )
      assert.strictEqual((yield* logged(log, { format: "logfmt" })).lines.length, 2)
      assert.strictEqual((yield* logged(log, { format: "json" })).lines.length, 2)
    }),
  )

  for (const format of formats) {
    it.effect(`can not be made to forge a line (${format})`, () =>
      Effect.gen(function* () {
        for (const name of hostile) {
          const calm = yield* logged(
            Effect.logError(name, Cause.fail(new Refused({ detail: "x" }))).pipe(Effect.annotateLogs({ [name]: name })),
            { format },
          )
          assert.notMatch(calm.text, dangerous)
          const entries = calm.lines.filter((line) => !line.startsWith("    | "))
          assert.strictEqual(entries.length, 1, calm.text)
          const inCause = yield* logged(Effect.logError("x", Cause.die(new Error(name))), { format })
          assert.notMatch(inCause.text, dangerous)
          assert.strictEqual(inCause.lines.filter((line) => !line.startsWith("    | ")).length, 1, inCause.text)
          if (format === "json") {
            const entry = JSON.parse(calm.text)
            assert.strictEqual(entry.level, "ERROR")
            assert.strictEqual(entry.message, name)
          }
          if (format === "logfmt") {
            // Outside of quotes there is one level and one message.
            const outside = calm.text.replace(/"(?:[^"\\]|\\.)*"/g, '""')
            assert.strictEqual(outside.match(/(^| )level=/g)?.length, 1, calm.text)
            assert.strictEqual(outside.match(/(^| )message=/g)?.length, 1, calm.text)
          }
        }
      }),
    )
  }

  it.effect("keeps to the levels of console and file, each its own", () =>
    Effect.gen(function* () {
      const directory = fs.mkdtempSync(path.join(os.tmpdir(), "conveyor-log-"))
      yield* Effect.addFinalizer(() => Effect.sync(() => fs.rmSync(directory, { recursive: true })))
      const logFile = path.join(directory, "new", "conveyor.log")
      const all = Effect.all([
        Effect.logDebug("one"),
        Effect.logInfo("two"),
        Effect.logWarning("three"),
        Effect.logError("four"),
        Effect.logFatal("five"),
      ]).pipe(Effect.asVoid)
      const console = yield* logged(all, { logFile, consoleLogLevel: "CRITICAL", fileLogLevel: "WARNING" })
      assert.deepStrictEqual(
        console.lines.map((line) => line.split(" ").slice(1).join(" ")),
        ["level=CRITICAL message=five"],
      )
      assert.deepStrictEqual(fs.readFileSync(logFile, "utf8").split("\n"), [
        "2025-01-02T03:04:05.678Z WARNING  three",
        "2025-01-02T03:04:05.678Z ERROR    four",
        "2025-01-02T03:04:05.678Z CRITICAL five",
        "",
      ])
      const lower = yield* logged(all, { consoleLogLevel: "DEBUG", logFile, fileLogLevel: "CRITICAL" })
      assert.strictEqual(lower.lines.length, 5)
      const inFile = fs.readFileSync(logFile, "utf8").split("\n").slice(3, -1)
      assert.deepStrictEqual(inFile, ["2025-01-02T03:04:05.678Z CRITICAL five"])
    }),
  )

  it.effect("drops and counts lines while nobody reads, and survives a reader that is gone", () =>
    Effect.gen(function* () {
      const stream = new FakeStream(false)
      const standardError = yield* makeStandardError(stream.stream, {})
      stream.writableLength = 10_000_000
      standardError.writeLine("lost")
      standardError.writeLine("lost too")
      stream.writableLength = 0
      standardError.writeLine("kept")
      assert.deepStrictEqual(stream.lines, ["(2 log lines dropped: standard error was not read)", "kept"])
      stream.emit("error", new Error("EPIPE"))
      standardError.writeLine("to nobody")
      assert.strictEqual(stream.lines.length, 2)
    }),
  )
})
