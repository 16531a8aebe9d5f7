/** What every ledger must do with references between delivered files. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, type Layer } from "effect"
import type { Delivery } from "../../src/domain/Delivery.ts"
import { Ledger, type LedgerChange, type LedgerShape } from "../../src/domain/Ledger.ts"
import type { Link } from "../../src/domain/Link.ts"
import type { RuleId, SourceName } from "../../src/domain/Path.ts"
import { all, cdn, delivery, forgotten, ftp, key, path, place, site, target } from "./ledgerSpecimens.ts"

const link = (file: string, at?: string): Link => ({
  source: site,
  path: path(file),
  place: at === undefined ? undefined : place(at),
})

/** A delivery with what it refers to; `retireAt`: its old place goes then. */
const linking = (
  file: string,
  links: ReadonlyArray<Link>,
  more: Partial<Delivery> = {},
  retire?: readonly [place: string, dueAt: number],
): LedgerChange => ({
  _tag: "Delivered",
  delivery: delivery(file, more),
  links,
  ...(retire === undefined ? {} : { retire: { destination: place(retire[0]), dueAt: retire[1] } }),
})

const at = (file: string, destination: string, more: Partial<Delivery> = {}): LedgerChange => ({
  _tag: "Delivered",
  delivery: delivery(file, { destination: place(destination), ...more }),
})

/** `layer` gives an empty ledger each time it is built. */
export const ledgerLinksContract = <E>(name: string, layer: () => Layer.Layer<Ledger, E>): void => {
  const test = <E2>(title: string, body: (ledger: LedgerShape) => Effect.Effect<void, E2>) =>
    it.live(title, () => Effect.provide(Effect.flatMap(Ledger, body), layer()))

  const isStale = (ledger: LedgerShape, file: string, server = cdn) =>
    Effect.map(
      ledger.deliveriesOf(site, path(file)),
      (found) => found.find((one) => one.server === server && one.rule === all)?.fingerprint === "",
    )
  const publish = (ledger: LedgerShape) =>
    Effect.flatMap(ledger.outbox(1_000), ({ through }) => ledger.commit([{ _tag: "Published", through }]))

  describe(`ledger links contract: ${name}`, () => {
    test("keeps what a delivery refers to with it: replaced, left as it is, forgotten", (ledger) =>
      Effect.gen(function* () {
        const links = [link("img/a", "img/a.1"), link("caf\udce9/x"), { ...link("b"), source: "other" as SourceName }]
        const byPath = (found: ReadonlyArray<Link>) => [...found].sort((a, b) => (a.path < b.path ? -1 : 1))
        yield* ledger.commit([at("img/a", "img/a.1"), linking("css", links), linking("css", [], { server: ftp })])
        assert.deepStrictEqual(byPath(yield* ledger.linksOf(target("css"))), byPath(links))
        assert.deepStrictEqual(yield* ledger.linksOf(target("css", ftp)), [])
        assert.deepStrictEqual(yield* ledger.linksOf(target("img/a")), [])
        yield* ledger.commit([{ _tag: "Delivered", delivery: delivery("css", { hash: "other" }) }])
        assert.deepStrictEqual(byPath(yield* ledger.linksOf(target("css"))), byPath(links))
        yield* ledger.commit([linking("css", [link("c")])])
        assert.deepStrictEqual(yield* ledger.linksOf(target("css")), [link("c")])
        yield* ledger.commit([forgotten("css")])
        assert.deepStrictEqual(yield* ledger.linksOf(target("css")), [])
        yield* ledger.commit([at("c", "c")])
        assert.deepStrictEqual(yield* ledger.staleReferrers([target("c")], 10), [])
      }))

    test("a delivery is stale once a file it refers to is elsewhere, there at last, or gone", (ledger) =>
      Effect.gen(function* () {
        const refers = [linking("css", [link("a", "a.1"), link("b")])]
        yield* ledger.commit([at("a", "a.1"), ...refers, linking("other", [link("z")])])
        assert.isFalse(yield* isStale(ledger, "css"))
        yield* ledger.commit([at("a", "a.1", { hash: "new" })])
        assert.isFalse(yield* isStale(ledger, "css"), "a new version in the same place")
        assert.deepStrictEqual(yield* ledger.staleReferrers([target("a")], 10), [])
        yield* ledger.commit([at("a", "a.2")])
        assert.isTrue(yield* isStale(ledger, "css"), "moved")
        assert.isFalse(yield* isStale(ledger, "other"))
        assert.deepStrictEqual(yield* ledger.staleReferrers([target("a")], 10), [target("css")])
        yield* ledger.commit([linking("css", [link("a", "a.2"), link("b")])])
        assert.isFalse(yield* isStale(ledger, "css"))
        yield* ledger.commit([at("b", "b", { server: ftp })])
        assert.isFalse(yield* isStale(ledger, "css"), "there on another server")
        yield* ledger.commit([at("b", "b")])
        assert.isTrue(yield* isStale(ledger, "css"), "there at last")
        yield* ledger.commit([linking("css", [link("a", "a.2"), link("b", "b")])])
        yield* ledger.commit([forgotten("a", 5)])
        assert.isTrue(yield* isStale(ledger, "css"), "gone")
        yield* ledger.commit([linking("css", [link("a"), link("b", "b")])])
        yield* ledger.commit([
          { _tag: "Delivered", delivery: delivery("new", { destination: place("b") }), takenFrom: key("b") },
        ])
        assert.isTrue(yield* isStale(ledger, "css"), "its place was taken over")
        assert.deepStrictEqual(yield* ledger.staleReferrers([target("b"), target("a")], 10), [target("css")])
      }))

    test("a delivery that was made before the file moved is stale at once", (ledger) =>
      Effect.gen(function* () {
        yield* ledger.commit([at("a", "a.2"), linking("css", [link("a", "a.1")]), linking("late", [link("a")])])
        assert.isTrue(yield* isStale(ledger, "css"))
        assert.isTrue(yield* isStale(ledger, "late"))
        assert.deepStrictEqual(yield* ledger.staleReferrers([target("css")], 10), [target("css")])
        yield* ledger.commit([linking("self", [link("self")])])
        assert.isTrue(yield* isStale(ledger, "self"), "it refers to itself, and is there now")
        yield* ledger.commit([linking("self", [link("self", "static/self")])])
        assert.isFalse(yield* isStale(ledger, "self"))
      }))

    test("a file with several places is where it is said to be while one of them is left", (ledger) =>
      Effect.gen(function* () {
        const other = "site/other" as RuleId
        yield* ledger.commit([at("a", "x/a", { rule: other }), at("a", "a"), linking("css", [link("a", "a")])])
        yield* ledger.commit([forgotten("a", undefined, { rule: other })])
        assert.isFalse(yield* isStale(ledger, "css"))
        yield* ledger.commit([at("a", "x/a", { rule: other }), forgotten("a")])
        assert.isTrue(yield* isStale(ledger, "css"))
      }))

    test("names no more stale referrers than are asked for", (ledger) =>
      Effect.gen(function* () {
        const pages = Array.from({ length: 9 }, (_, index) => `page${index}`)
        yield* ledger.commit([at("a", "a.1"), ...pages.map((page) => linking(page, [link("a", "a.1")]))])
        yield* ledger.commit([at("a", "a.2")])
        assert.lengthOf(yield* ledger.staleReferrers([target("a")], 100), 9)
        assert.lengthOf(yield* ledger.staleReferrers([target("a")], 4), 4)
      }))

    test("the old place of a file is kept while a delivery refers to it", (ledger) =>
      Effect.gen(function* () {
        const due = (now: number) => Effect.map(ledger.retirable(target("a"), now), (found) => found.length)
        yield* ledger.commit([at("a", "a.1"), linking("css", [link("a", "a.1")])])
        yield* ledger.commit([linking("a", [], { destination: place("a.2") }, ["a.1", 1_000])])
        yield* publish(ledger)
        assert.strictEqual(yield* due(9_000), 0)
        assert.deepStrictEqual(yield* ledger.agenda(cdn, 9_000, 10), { due: [], nextAt: undefined })
        yield* ledger.commit([linking("css", [link("a", "a.2")])])
        yield* publish(ledger)
        assert.strictEqual(yield* due(999), 0)
        assert.strictEqual(yield* due(1_000), 1)
        assert.deepStrictEqual((yield* ledger.agenda(cdn, 1_000, 10)).due, [target("a")])
      }))

    test("the place of a file that is gone is kept no longer than is said", (ledger) =>
      Effect.gen(function* () {
        yield* ledger.commit([at("a", "a"), linking("css", [link("a", "a")])])
        yield* ledger.commit([{ _tag: "Forgotten", key: key("a"), retireAt: 1_000, linkedUntil: 5_000 }])
        yield* publish(ledger)
        assert.deepStrictEqual(yield* ledger.agenda(cdn, 2_000, 10), { due: [], nextAt: 5_000 })
        assert.deepStrictEqual(yield* ledger.retirable(target("a"), 4_999), [])
        assert.deepStrictEqual((yield* ledger.agenda(cdn, 5_000, 10)).due, [target("a")])
        assert.lengthOf(yield* ledger.retirable(target("a"), 5_000), 1)
        yield* ledger.commit([linking("css", [link("a")])])
        yield* publish(ledger)
        assert.lengthOf(yield* ledger.retirable(target("a"), 1_000), 1)
      }))

    test("a file that moves keeps what its old version refers to at least as long as that", (ledger) =>
      Effect.gen(function* () {
        const dueAt = (file: string) =>
          Effect.map(ledger.retirementsOf(target(file)), (found) => found.map((one) => one.dueAt))
        yield* ledger.commit([at("a", "a.1"), at("b", "b"), linking("css", [link("a", "a.1"), link("b", "b")])])
        yield* ledger.commit([linking("a", [], { destination: place("a.2") }, ["a.1", 1_000])])
        yield* ledger.commit([{ _tag: "Forgotten", key: key("b"), retireAt: 1_000, linkedUntil: 5_000 }])
        yield* ledger.commit([
          linking("css", [link("a", "a.2"), link("b")], { destination: place("css.2") }, ["static/css", 3_000]),
        ])
        assert.deepStrictEqual(yield* dueAt("a"), [3_000])
        assert.deepStrictEqual(yield* dueAt("b"), [1_000], "what a person deleted goes at once")
        assert.deepStrictEqual(yield* dueAt("css"), [3_000])
      }))

    test("what the config no longer knows is no reason to keep a place", (ledger) =>
      Effect.gen(function* () {
        yield* ledger.commit([at("a", "a.1"), linking("css", [link("a", "a.1")], { source: "other" as SourceName })])
        yield* ledger.commit([linking("a", [], { destination: place("a.2") }, ["a.1", 1_000])])
        yield* ledger.evict({ sources: new Set([site]), servers: new Set([cdn]) }, 2_000)
        yield* publish(ledger)
        assert.lengthOf(yield* ledger.retirable(target("a"), 2_000), 1)
      }))
  })
}
