import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { TestClock } from "effect/testing"
import type { RelativePath, RemotePath, ServerName, SourceName } from "../../../src/domain/Path.ts"
import type { ConveyorEvent } from "../../../src/domain/Telemetry.ts"
import { TOLD_ALIKE, TOLD_FAILURES } from "../../../src/domain/Limits.ts"
import { loggingLayer } from "../../../src/layers/observability/loggers.ts"
import { confirmCommand, describe as tell } from "../../../src/layers/observability/messages.ts"
import { makeNarrator, narrate } from "../../../src/layers/observability/narrator.ts"
import { makeStandardError, StandardError } from "../../../src/layers/observability/standardError.ts"
import { ahead, bytes, count, duration } from "../../../src/layers/observability/words.ts"
import { FakeStream } from "./fakeStream.ts"

const now = 1_700_000_000_000
const telling = { configFile: "/etc/my conveyor.xml", now }
const source = "drupal" as SourceName
const server = "origin pull cdn" as ServerName
const file = (name: string) => name as RelativePath

const delivered = (path = "css/app.css"): ConveyorEvent => ({
  _tag: "Delivered",
  source,
  path: file(path),
  server,
  destination: "static/css/app_1700000000.css" as RemotePath,
  url: "http://cdn.example.com/static/css/app_1700000000.css",
  bytes: 1536,
})
const failed = (path: string, reason = "550 denied", attempts = 1): ConveyorEvent => ({
  _tag: "Failed",
  failure: { source, path: file(path), server, reason, attempts, since: now - 1_000, nextTry: now + 30_000 },
})
const down = (reason = "connection refused"): ConveyorEvent => ({
  _tag: "ServerDown",
  server,
  reason,
  nextTry: now + 2_000,
})
const scanned = (first: boolean, due: number): ConveyorEvent => ({
  _tag: "Scanned",
  source,
  files: 12_345,
  directories: 1,
  due,
  millis: 950,
  first,
})
const hold: ConveyorEvent = {
  _tag: "Held",
  hold: { source, since: now, missing: 120, total: 130, reason: "120 of 130 files went missing at once" },
}

const untold = (reason: string): ConveyorEvent => ({
  _tag: "InvalidationFailed",
  server,
  reason,
  waiting: 1,
  nextTry: now + 60_000,
})

const lines: ReadonlyArray<readonly [ConveyorEvent, string]> = [
  [delivered(), 'DEBUG delivered css/app.css to "origin pull cdn" as static/css/app_1700000000.css (1.5 KiB)'],
  [
    { _tag: "Removed", source, path: file("a"), server, destination: "static/a" as RemotePath },
    'DEBUG removed static/a from "origin pull cdn" (it was a)',
  ],
  [failed("a.css"), 'WARNING a.css could not be brought to "origin pull cdn": 550 denied; next try in 30 s'],
  [
    failed("a\nb", "550", 3),
    'WARNING a\\nb could not be brought to "origin pull cdn": 550; next try in 30 s (3 attempts so far)',
  ],
  [down(), 'WARNING server "origin pull cdn" is down: connection refused; next try in 2 s, its files wait'],
  [{ _tag: "ServerUp", server }, 'INFO server "origin pull cdn" is up again'],
  [scanned(true, 12), 'INFO scanned "drupal" in 1 s: 12,345 files in 1 directory, 12 files to bring up to date'],
  [scanned(true, 0), 'INFO scanned "drupal" in 1 s: 12,345 files in 1 directory, nothing to bring up to date'],
  [scanned(false, 1), 'INFO scanned "drupal" in 1 s: 12,345 files in 1 directory, 1 file to bring up to date'],
  [scanned(false, 0), 'DEBUG scanned "drupal" in 1 s: 12,345 files in 1 directory, nothing to bring up to date'],
  [
    hold,
    'WARNING deletions of "drupal" are held back: 120 of 130 files went missing at once. ' +
      "If they are meant: file-conveyor confirm-deletes '/etc/my conveyor.xml' drupal",
  ],
  [
    { _tag: "SourceAway", source, reason: "its directory is missing" },
    'WARNING source "drupal" is away: its directory is missing; nothing is deleted',
  ],
  [{ _tag: "SourceBack", source }, 'INFO source "drupal" is back'],
  [{ _tag: "SourceDeleted", source, path: file("a") }, "DEBUG deleted the source file a: every server has it"],
  [{ _tag: "Invalidated", server, places: 12 }, 'DEBUG told the CDN of "origin pull cdn" of 12 changed addresses'],
  [
    untold("it is busy"),
    'WARNING the CDN of "origin pull cdn" could not be told of 1 changed address: it is busy; next try in 1 min',
  ],
  [{ _tag: "InSync" }, "INFO in sync: every server has everything"],
]

describe("messages", () => {
  for (const [event, line] of lines) {
    it(`tells ${event._tag}: ${line.slice(0, 60)}`, () => {
      const told = tell(event, telling)
      assert.strictEqual(`${told.level} ${told.message}`, line)
    })
  }

  it("gives commands that a shell takes as they are meant", () => {
    assert.strictEqual(confirmCommand("/etc/c.xml", "drupal"), "file-conveyor confirm-deletes /etc/c.xml drupal")
    assert.strictEqual(confirmCommand("it's.xml", "a b"), "file-conveyor confirm-deletes 'it'\\''s.xml' 'a b'")
  })
})

describe("words", () => {
  it("writes numbers, times and sizes as people do", () => {
    assert.deepStrictEqual([0, 999, 1_000, 1_234_567].map(count), ["0", "999", "1,000", "1,234,567"])
    assert.deepStrictEqual(
      [0, 40, 950, 9_940, 12_400, 59_700, 65_000, 3_599_600, 7_200_000, 90_000_000, -5, Infinity].map(duration),
      ["0 s", "0 s", "1 s", "9.9 s", "12 s", "1 min", "1 min 5 s", "1 h", "2 h", "1 d 1 h", "0 s", "0 s"],
    )
    assert.deepStrictEqual([0, 1023, 1024, 1536, 200 * 1024, 5 * 1024 ** 3].map(bytes), [
      "0 B",
      "1023 B",
      "1 KiB",
      "1.5 KiB",
      "200 KiB",
      "5 GiB",
    ])
    assert.deepStrictEqual([ahead(5, 10), ahead(30_010, 10)], ["now", "in 30 s"])
  })
})

describe("narrator", () => {
  const levels = (events: ReadonlyArray<ConveyorEvent>): ReadonlyArray<string> => {
    const narrator = makeNarrator()
    return events.map((event) => narrator.tell(event, telling).level)
  }

  it("tells the same failure of the same file once, another reason again", () => {
    assert.deepStrictEqual(
      levels([failed("a", "x"), failed("a", "x", 2), failed("a", "y", 3), failed("a", "y", 4), failed("b", "x")]),
      ["WARNING", "DEBUG", "WARNING", "DEBUG", "WARNING"],
    )
  })

  it("tells when a file that failed was delivered after all", () => {
    const narrator = makeNarrator()
    for (const attempts of [1, 2, 3]) narrator.tell(failed("css/app.css", "x", attempts), telling)
    const line = narrator.tell(delivered(), telling)
    assert.strictEqual(line.level, "INFO")
    assert.match(line.message, /, after 3 failed attempts$/)
    assert.strictEqual(narrator.tell(delivered(), telling).level, "DEBUG")
  })

  it("tells of the first few files that fail alike, until the server is in order", () => {
    const narrator = makeNarrator()
    const told = Array.from({ length: TOLD_ALIKE + 3 }, (_, n) =>
      narrator.tell(failed(`f${n}.css`, `put f${n}.css: no room`), telling),
    )
    assert.strictEqual(told.filter((line) => line.level === "WARNING").length, TOLD_ALIKE)
    assert.include(told[TOLD_ALIKE - 1]?.message, "file-conveyor status")
    assert.strictEqual(narrator.tell(failed("g", "another"), telling).level, "WARNING")
    narrator.tell(down(), telling)
    narrator.tell({ _tag: "ServerUp", server }, telling)
    assert.strictEqual(narrator.tell(failed("h.css", "put h.css: no room"), telling).level, "WARNING")
  })

  it("remembers within a bound", () => {
    const narrator = makeNarrator()
    narrator.tell(failed("first", "x first"), telling)
    for (let n = 0; n < TOLD_FAILURES; n++) narrator.tell(failed(`f${n}`, `reason ${n}`), telling)
    assert.strictEqual(narrator.tell(failed("first", "x first"), telling).level, "WARNING")
    assert.strictEqual(
      narrator.tell(failed(`f${TOLD_FAILURES - 1}`, `reason ${TOLD_FAILURES - 1}`), telling).level,
      "DEBUG",
    )
  })

  it("tells of a server that is down once for each reason, of one that is up only when it was down", () => {
    const up: ConveyorEvent = { _tag: "ServerUp", server }
    assert.deepStrictEqual(levels([up, down(), down(), down("refused us"), up, up, down()]), [
      "DEBUG",
      "WARNING",
      "DEBUG",
      "WARNING",
      "INFO",
      "DEBUG",
      "WARNING",
    ])
  })

  it("tells of a CDN that could not be told once for each reason, and when it was told after all", () => {
    const told: ConveyorEvent = { _tag: "Invalidated", server, places: 1 }
    assert.deepStrictEqual(levels([told, untold("x"), untold("x"), untold("y"), told, told]), [
      "DEBUG",
      "WARNING",
      "DEBUG",
      "WARNING",
      "INFO",
      "DEBUG",
    ])
  })

  it("tells of holds and sources that are away once", () => {
    const away: ConveyorEvent = { _tag: "SourceAway", source, reason: "x" }
    const back: ConveyorEvent = { _tag: "SourceBack", source }
    assert.deepStrictEqual(levels([hold, hold, away, away, back, back, away]), [
      "WARNING",
      "DEBUG",
      "WARNING",
      "DEBUG",
      "INFO",
      "DEBUG",
      "WARNING",
    ])
  })

  it("is silent when healthy: in sync is news at first and after trouble", () => {
    const inSync: ConveyorEvent = { _tag: "InSync" }
    assert.deepStrictEqual(levels([inSync, delivered(), inSync, failed("a"), inSync, inSync]), [
      "INFO",
      "DEBUG",
      "DEBUG",
      "WARNING",
      "INFO",
      "DEBUG",
    ])
  })

  it.effect("logs with the fields for programs", () =>
    Effect.gen(function* () {
      yield* TestClock.setTime(now)
      const stream = new FakeStream(false)
      const logging = loggingLayer({
        format: "json",
        consoleLogLevel: "INFO",
        fileLogLevel: "INFO",
        logFile: undefined,
      }).pipe(Layer.provide(Layer.effect(StandardError, makeStandardError(stream.stream, {}))))
      const log = narrate(makeNarrator(), "c.xml")
      yield* log([delivered(), failed("a.css")]).pipe(Effect.provide(logging))
      assert.strictEqual(stream.lines.length, 1)
      const entry = JSON.parse(stream.lines[0] ?? "")
      assert.strictEqual(entry.level, "WARNING")
      assert.include(entry.message, "next try in 30 s")
      assert.deepInclude(entry, { source: "drupal", path: "a.css", server: "origin pull cdn", attempts: "1" })
    }),
  )
})
