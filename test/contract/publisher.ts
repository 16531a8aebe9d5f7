/** What every published map must do. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Stream } from "effect"
import { LedgerError } from "../../src/domain/Errors.ts"
import type { PublishedChange, PublishedRow, Publisher } from "../../src/domain/Publisher.ts"

/** A map under test: the service, and what a reader sees. */
export interface PublisherSubject {
  readonly publisher: Publisher["Service"]
  /** The rows in the order of their positions. */
  readonly rows: () => ReadonlyArray<PublishedRow>
  readonly pipeline: () => { readonly waiting: number; readonly inFlight: number }
}

export const row = (file: string, more: Partial<PublishedRow> = {}): PublishedRow => ({
  inputFile: `/htdocs/drupal/${file}`,
  server: "cdn",
  transportedFileBasename: file,
  url: `http://cdn.example.com/${file}`,
  ...more,
})

export const publish = (file: string, more: Partial<PublishedRow> = {}): PublishedChange => ({
  _tag: "Publish",
  row: row(file, more),
})

export const withdraw = (file: string, server = "cdn"): PublishedChange => ({
  _tag: "Withdraw",
  key: { inputFile: row(file).inputFile, server },
})

/** `subject` gives an empty map each time. */
export const publisherContract = <E, R>(
  name: string,
  subject: Effect.Effect<PublisherSubject, E, R>,
  provide: <A, E2>(effect: Effect.Effect<A, E2, R>) => Effect.Effect<A, E2>,
): void => {
  const test = <E2>(title: string, body: (subject: PublisherSubject) => Effect.Effect<void, E2>) =>
    it.live(title, () => provide(Effect.flatMap(subject, body)))

  describe(`publisher contract: ${name}`, () => {
    test("shows what was published, and replaces it where it stands", ({ publisher, rows }) =>
      Effect.gen(function* () {
        yield* publisher.apply([publish("a"), publish("a", { server: "ftp" }), publish("b")])
        yield* publisher.apply([publish("c"), publish("a", { url: "http://new/a_2", transportedFileBasename: "a_2" })])
        assert.deepStrictEqual(rows(), [
          row("a", { url: "http://new/a_2", transportedFileBasename: "a_2" }),
          row("a", { server: "ftp" }),
          row("b"),
          row("c"),
        ])
      }))

    test("withdraws one server's row, applies in order, and may be repeated", ({ publisher, rows }) =>
      Effect.gen(function* () {
        const changes = [
          publish("a"),
          publish("a", { server: "ftp" }),
          withdraw("a"),
          publish("b"),
          withdraw("nothing"),
        ]
        yield* publisher.apply(changes)
        assert.deepStrictEqual(rows(), [row("a", { server: "ftp" }), row("b")])
        yield* publisher.apply([withdraw("a", "ftp"), publish("a", { server: "ftp" })])
        yield* publisher.apply([withdraw("a", "ftp"), publish("a", { server: "ftp" })])
        assert.deepStrictEqual(rows(), [row("b"), row("a", { server: "ftp" })])
        yield* publisher.apply([])
      }))

    test("replaces all rows, keeping the position of those that stay", ({ publisher, rows }) =>
      Effect.gen(function* () {
        yield* publisher.apply(["stale", "b", "a", "c"].map((file) => publish(file)))
        yield* publisher.replaceAll(Stream.make(row("a"), row("new"), row("b", { url: "http://new/b" }), row("c")))
        assert.deepStrictEqual(rows(), [row("b", { url: "http://new/b" }), row("a"), row("c"), row("new")])
        yield* publisher.replaceAll(Stream.empty)
        assert.deepStrictEqual(rows(), [])
      }))

    test("replaces more rows than one transaction takes", ({ publisher, rows }) =>
      Effect.gen(function* () {
        const many = Array.from({ length: 1_700 }, (_, i) => row(`f${i}`))
        yield* publisher.replaceAll(Stream.fromIterable(many))
        assert.deepStrictEqual(rows(), many)
        yield* publisher.replaceAll(Stream.fromIterable(many.slice(1_600)))
        assert.deepStrictEqual(rows(), many.slice(1_600))
      }))

    test("keeps every row when the ledger fails while all are replaced", ({ publisher, rows }) =>
      Effect.gen(function* () {
        yield* publisher.apply([publish("a"), publish("b")])
        const broken = new LedgerError({ reason: "Failed", detail: "gone" })
        const failing = Stream.concat(Stream.make(row("b")), Stream.fail(broken))
        assert.strictEqual(yield* Effect.flip(publisher.replaceAll(failing)), broken)
        assert.deepStrictEqual(rows(), [row("a"), row("b")])
      }))

    test("a change that comes while all rows are replaced is not lost", ({ publisher, rows }) =>
      Effect.gen(function* () {
        const slow = Stream.concat(Stream.make(row("a")), Stream.fromEffect(Effect.as(Effect.yieldNow, row("b"))))
        yield* Effect.all([publisher.replaceAll(slow), publisher.apply([publish("late")])], { concurrency: 2 })
        assert.deepStrictEqual(
          rows().map((found) => found.transportedFileBasename),
          ["a", "b", "late"],
        )
      }))

    test("counts the pipeline up and down", ({ pipeline, publisher }) =>
      Effect.gen(function* () {
        for (const counts of [
          { waiting: 3, inFlight: 1 },
          { waiting: 5_001, inFlight: 0 },
          { waiting: 2, inFlight: 7 },
          { waiting: 0, inFlight: 0 },
        ]) {
          yield* publisher.pipeline(counts)
          assert.deepStrictEqual(pipeline(), counts)
        }
      }))
  })
}
