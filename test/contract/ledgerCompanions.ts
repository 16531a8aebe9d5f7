/** What every ledger must do with files that are published beside others. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, type Layer } from "effect"
import type { Delivery } from "../../src/domain/Delivery.ts"
import { Ledger, type LedgerChange, type LedgerShape } from "../../src/domain/Ledger.ts"
import { cdn, delivery, forgotten, ftp, key, path, place, site, target } from "./ledgerSpecimens.ts"

const both = [".br", ".gz"]

/** A delivery at `at` with these companions; `retire`: its old place goes then. */
const beside = (
  file: string,
  at: string,
  companions: ReadonlyArray<string>,
  more: Partial<Delivery> = {},
  retire?: readonly [place: string, dueAt: number],
): LedgerChange => ({
  _tag: "Delivered",
  delivery: delivery(file, { destination: place(at), ...(companions.length === 0 ? {} : { companions }), ...more }),
  ...(retire === undefined ? {} : { retire: { destination: place(retire[0]), dueAt: retire[1] } }),
})

/** `layer` gives an empty ledger each time it is built. */
export const ledgerCompanionsContract = <E>(name: string, layer: () => Layer.Layer<Ledger, E>): void => {
  const test = <E2>(title: string, body: (ledger: LedgerShape) => Effect.Effect<void, E2>) =>
    it.live(title, () => Effect.provide(Effect.flatMap(Ledger, body), layer()))

  const occupants = (ledger: LedgerShape, at: string, server = cdn) =>
    Effect.map(ledger.occupants(server, place(at)), (found) => found.map((one) => String(one.path)))
  const retirements = (ledger: LedgerShape, file: string) =>
    Effect.map(ledger.retirementsOf(target(file)), (found) =>
      Object.fromEntries(found.map(({ destination, dueAt }) => [String(destination), dueAt])),
    )
  const of = (ledger: LedgerShape, file: string) =>
    Effect.map(ledger.deliveriesOf(site, path(file)), ([found]) => found)

  describe(`ledger companions contract: ${name}`, () => {
    test("gives them back with their delivery, which occupies their places on its server", (ledger) =>
      Effect.gen(function* () {
        const odd = "caf\udce9/\u{1f600}.js"
        yield* ledger.commit([beside("a.js", "s/a.js", both), beside(odd, odd, [".br"]), beside("b", "b", [])])
        assert.deepStrictEqual((yield* of(ledger, "a.js"))?.companions, both)
        assert.isUndefined((yield* of(ledger, "b"))?.companions)
        for (const at of ["s/a.js", "s/a.js.br", "s/a.js.gz"]) {
          assert.deepStrictEqual(yield* occupants(ledger, at), ["a.js"])
          assert.deepStrictEqual(yield* occupants(ledger, at, ftp), [])
        }
        assert.deepStrictEqual(yield* occupants(ledger, `${odd}.br`), [odd])
        const free = ["s/a.js.b", "s/a.js.brr", "s/a.js.br.br", "a.js.br", "b.br", `${odd}.gz`]
        for (const at of free) assert.deepStrictEqual(yield* occupants(ledger, at), [])
        const places = ["s/a.js.br", `${odd}.br`, ...free].map(place)
        assert.deepStrictEqual(yield* ledger.areOccupied(cdn, places), [true, true, ...free.map(() => false)])
        const page = yield* ledger.page(undefined, 10)
        assert.deepStrictEqual(page.map((one) => one.companions).filter((one) => one !== undefined).length, 2)
      }))

    test("the map does not show them", (ledger) =>
      Effect.gen(function* () {
        yield* ledger.commit([beside("a.js", "a.js", both)])
        const { targets } = yield* ledger.outbox(10)
        assert.deepStrictEqual(
          targets.map(({ latest }) => latest?.destination),
          [place("a.js")],
        )
        assert.strictEqual((yield* ledger.latestOf(target("a.js")))?.destination, "a.js")
      }))

    test("are retired with their delivery, and at its time", (ledger) =>
      Effect.gen(function* () {
        yield* ledger.commit([beside("a", "a.1", both)])
        yield* ledger.commit([beside("a", "a.2", [".br"], {}, ["a.1", 9_000])])
        assert.deepStrictEqual(yield* retirements(ledger, "a"), { "a.1": 9_000, "a.1.br": 9_000, "a.1.gz": 9_000 })
        assert.deepStrictEqual(yield* occupants(ledger, "a.1.gz"), [])
        yield* ledger.commit([forgotten("a", 20)])
        const after = yield* retirements(ledger, "a")
        assert.deepStrictEqual([after["a.2"], after["a.2.br"], after["a.1.br"]], [20, 20, 9_000])
        assert.deepStrictEqual(yield* occupants(ledger, "a.2.br"), [])
      }))

    test("go at once where the delivery stays and has them no more, and are kept where it gets them again", (ledger) =>
      Effect.gen(function* () {
        yield* ledger.commit([beside("a", "a", both)])
        yield* ledger.commit([beside("a", "a", [".gz"], { deliveredAt: 7 })])
        assert.deepStrictEqual(yield* retirements(ledger, "a"), { "a.br": 7 })
        yield* ledger.commit([beside("a", "a", both)])
        assert.deepStrictEqual(yield* retirements(ledger, "a"), {})
        assert.deepStrictEqual(yield* occupants(ledger, "a.br"), ["a"])
      }))

    test("another file that takes the place of one: its owner loses it and is stale, and nothing is removed", (ledger) =>
      Effect.gen(function* () {
        yield* ledger.commit([beside("a.js", "a.js", both)])
        const taking = beside("a.js.br", "a.js.br", [])
        yield* ledger.commit([{ ...taking, takenFrom: key("a.js") } as LedgerChange])
        const owner = yield* of(ledger, "a.js")
        assert.deepStrictEqual([owner?.companions, owner?.fingerprint], [[".gz"], ""])
        assert.deepStrictEqual(yield* occupants(ledger, "a.js.br"), ["a.js.br"])
        assert.deepStrictEqual(yield* occupants(ledger, "a.js.gz"), ["a.js"])
        assert.deepStrictEqual(yield* retirements(ledger, "a.js"), {})
        assert.deepStrictEqual(yield* retirements(ledger, "a.js.br"), {})
      }))

    test("a delivery that is taken over leaves those that its successor has not", (ledger) =>
      Effect.gen(function* () {
        yield* ledger.commit([beside("old", "a", both)])
        const taking = beside("new", "a", [".br"], { deliveredAt: 5 })
        yield* ledger.commit([{ ...taking, takenFrom: key("old") } as LedgerChange])
        assert.isUndefined(yield* of(ledger, "old"))
        assert.deepStrictEqual(yield* retirements(ledger, "old"), { "a.gz": 5 })
        assert.deepStrictEqual(yield* occupants(ledger, "a.br"), ["new"])
      }))

    test("an upload to one that nobody confirmed makes its delivery stale; without one the place is cleared", (ledger) =>
      Effect.gen(function* () {
        yield* ledger.commit([beside("a", "a", [".br"])])
        const at = ["a.br", "a.gz"].map((destination) => ({
          source: site,
          path: path("a"),
          destination: place(destination),
        }))
        yield* ledger.commit([{ _tag: "Placing", uploads: { id: 1, server: cdn, removeAt: 3, places: at } }])
        assert.strictEqual((yield* of(ledger, "a"))?.fingerprint, "f1")
        yield* ledger.commit([{ _tag: "Placed", id: 1, unknown: at.map(({ destination }) => destination) }])
        assert.strictEqual((yield* of(ledger, "a"))?.fingerprint, "")
        assert.deepStrictEqual(yield* retirements(ledger, "a"), { "a.gz": 3 })
      }))

    test("a CDN is told of them where they were there before", (ledger) =>
      Effect.gen(function* () {
        yield* ledger.commit([beside("a", "a", [".br"])])
        for (const destination of ["a.br", "a.gz"].map(place)) {
          yield* ledger.commit([{ _tag: "Outdated", server: cdn, destination, by: "replaced", since: 1 }])
        }
        assert.deepStrictEqual((yield* ledger.outdated(cdn, 10)).places, [place("a.br")])
      }))
  })
}
