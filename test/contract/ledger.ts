/** What every ledger must do. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, type Layer } from "effect"
import { Ledger, type LedgerChange, type OwedTarget } from "../../src/domain/Ledger.ts"
import type { RuleId, ServerName, SourceName } from "../../src/domain/Path.ts"
import {
  all,
  cdn,
  delivered,
  delivery,
  failed,
  failure,
  forgotten,
  ftp,
  hardNames,
  key,
  path,
  place,
  plain,
  site,
  target,
} from "./ledgerSpecimens.ts"

const byText = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0)

/** `layer` gives an empty ledger each time it is built. */
export const ledgerContract = <E>(name: string, layer: () => Layer.Layer<Ledger, E>): void => {
  const test = <E2>(title: string, body: (ledger: Ledger["Service"]) => Effect.Effect<void, E2>) =>
    it.live(title, () => Effect.provide(Effect.flatMap(Ledger, body), layer()))

  describe(`ledger contract: ${name}`, () => {
    test("gives back exactly what was delivered", (ledger) =>
      Effect.gen(function* () {
        const extreme = delivery("a/b.css", {
          state: { size: 2 ** 53 - 1, mtimeNs: -9_223_372_036_854_775_808n, inode: 2n ** 64n - 1n },
          url: "s3://elsewhere/x?y=1",
          hash: "",
          deliveredAt: 1_800_000_000_000,
          sourceDeleted: true,
        })
        const other = delivery("a/b.css", { server: ftp, state: { size: 0, mtimeNs: 0n, inode: 0n } })
        yield* ledger.commit([
          { _tag: "Delivered", delivery: extreme },
          { _tag: "Delivered", delivery: other },
        ])
        const found = yield* ledger.deliveriesOf(site, path("a/b.css"))
        assert.deepStrictEqual(
          [...found].sort((a, b) => byText(a.server, b.server)),
          [extreme, other],
        )
        assert.deepStrictEqual(yield* ledger.deliveriesOf(site, path("a")), [])
        assert.deepStrictEqual(yield* ledger.deliveriesOf("other" as SourceName, path("a/b.css")), [])
      }))

    test("replaces the delivery of the same key, and keeps those of other rules and servers", (ledger) =>
      Effect.gen(function* () {
        const other = "site/other" as RuleId
        yield* ledger.commit([delivered("a"), delivered("a", { rule: other }), delivered("a", { server: ftp })])
        yield* ledger.commit([delivered("a", { fingerprint: "f2" })])
        const found = yield* ledger.deliveriesOf(site, path("a"))
        assert.deepStrictEqual(found.map((d) => `${d.server} ${d.rule} ${d.fingerprint}`).sort(byText), [
          "cdn site/all f2",
          "cdn site/other f1",
          "ftp push cdn site/all f1",
        ])
      }))

    test("lists a directory's own files in the order of their names, whatever they are called", (ledger) =>
      Effect.gen(function* () {
        yield* ledger.commit(hardNames.map((file) => delivered(`dir/${file}`)))
        yield* ledger.commit([delivered("dir/below/x"), delivered("dir.x"), delivered("top")])
        const found = yield* ledger.deliveriesIn(site, path("dir"))
        const expected = hardNames.map((file) => delivery(`dir/${file}`)).sort((a, b) => byText(a.path, b.path))
        assert.deepStrictEqual(found, expected)
        assert.deepStrictEqual(
          (yield* ledger.deliveriesIn(site, path(""))).map((d) => d.path),
          [path("dir.x"), path("top")],
        )
        for (const file of hardNames) {
          assert.deepStrictEqual(yield* ledger.deliveriesOf(site, path(`dir/${file}`)), [delivery(`dir/${file}`)])
          assert.deepStrictEqual(yield* ledger.occupants(cdn, place(`static/dir/${file}`)), [delivery(`dir/${file}`)])
        }
      }))

    test("pages through directories in the order of their text", (ledger) =>
      Effect.gen(function* () {
        const directories = ["", "a", "a-b", "a/b", "a/b/c", "a0", "b", ...hardNames, ...hardNames.map((n) => `a/${n}`)]
        yield* ledger.commit(directories.map((directory) => delivered(directory === "" ? "file" : `${directory}/file`)))
        yield* ledger.commit([delivered("gone/file"), forgotten("gone/file")])
        const pages = Effect.fnUntraced(function* (below: string, limit: number) {
          const found: Array<string> = []
          for (;;) {
            const after = found.length === 0 ? undefined : path(found[found.length - 1]!)
            const page = yield* ledger.directories(site, path(below), after, limit)
            assert.isAtMost(page.length, limit)
            if (page.length === 0) return found
            found.push(...page)
          }
        })
        const sorted = [...directories].sort(byText)
        assert.deepStrictEqual(yield* pages("", 1000), sorted)
        for (const limit of [1, 3]) assert.deepStrictEqual(yield* pages("", limit), sorted)
        assert.deepStrictEqual(
          yield* pages("a", 2),
          sorted.filter((directory) => directory === "a" || directory.startsWith("a/")),
        )
        assert.deepStrictEqual(yield* pages("a\udc80", 2), ["a\udc80"])
        assert.deepStrictEqual(yield* pages("nothing", 2), [])
      }))

    test("counts files once, without those it deleted itself", (ledger) =>
      Effect.gen(function* () {
        yield* ledger.commit([delivered("a/1"), delivered("a/1", { server: ftp }), delivered("b/1"), delivered("c")])
        yield* ledger.commit([delivered("x", { source: "other" as SourceName })])
        assert.strictEqual(yield* ledger.count(site), 3)
        yield* ledger.commit([{ _tag: "SourceDeleted", source: site, path: path("a/1"), state: delivery("a/1").state }])
        assert.strictEqual(yield* ledger.count(site), 2)
        assert.strictEqual(yield* ledger.count("none" as SourceName), 0)
      }))

    test("retires the place of a forgotten delivery, and nothing where there was none", (ledger) =>
      Effect.gen(function* () {
        yield* ledger.commit([delivered("a"), delivered("b"), failed("a")])
        yield* ledger.commit([forgotten("a", 5_000), forgotten("b"), forgotten("never", 1)])
        assert.deepStrictEqual(yield* ledger.deliveriesOf(site, path("a")), [])
        assert.deepStrictEqual(yield* ledger.retirementsOf(target("a")), [
          { ...target("a"), destination: place("static/a"), dueAt: 5_000 },
        ])
        assert.deepStrictEqual(yield* ledger.retirementsOf(target("b")), [])
        assert.deepStrictEqual(yield* ledger.retirementsOf(target("never")), [])
        assert.isUndefined(yield* ledger.failureOf(target("a")))
        yield* ledger.commit([{ _tag: "Retired", server: cdn, destination: place("static/a") }])
        assert.deepStrictEqual(yield* ledger.retirementsOf(target("a")), [])
      }))

    test("a retirement may be carried out once it is due and the map no longer names its target", (ledger) =>
      Effect.gen(function* () {
        const now = (at: number) =>
          Effect.map(ledger.retirable(target("a"), at), (all) => all.map((r) => r.destination))
        yield* ledger.commit([delivered("a"), forgotten("a", 5_000)])
        assert.deepStrictEqual(yield* now(5_000), [])
        yield* ledger.commit([{ _tag: "Published", through: (yield* ledger.outbox(10)).through }])
        assert.deepStrictEqual(yield* now(4_999), [])
        assert.deepStrictEqual(yield* now(5_000), [place("static/a")])
        yield* ledger.commit([delivered("a", { destination: place("static/a2") })])
        assert.deepStrictEqual(yield* now(5_000), [])
        yield* ledger.commit([{ _tag: "Published", through: (yield* ledger.outbox(10)).through }])
        assert.deepStrictEqual(yield* now(5_000), [place("static/a")])
      }))

    test("a removal waits for the next try of its target", (ledger) =>
      Effect.gen(function* () {
        const due = (now: number) => Effect.map(ledger.agenda(cdn, now, 10), (all) => all.due.map((one) => one.path))
        yield* ledger.commit([delivered("a"), forgotten("a", 5_000)])
        yield* ledger.commit([{ _tag: "Published", through: (yield* ledger.outbox(10)).through }])
        assert.deepStrictEqual(yield* due(6_000), ["a"])
        yield* ledger.commit([failed("a", { nextTry: 8_000 })])
        assert.deepStrictEqual(yield* due(7_999), [])
        assert.strictEqual((yield* ledger.agenda(cdn, 7_999, 10)).nextAt, 8_000)
        assert.deepStrictEqual(yield* due(8_000), ["a"])
      }))

    test("places of uploads that ended unconfirmed, or never, are cleared away in time or delivered again", (ledger) =>
      Effect.gen(function* () {
        const begun = (id: number, files: ReadonlyArray<string>, removeAt: number): LedgerChange => ({
          _tag: "Placing",
          uploads: {
            id,
            server: cdn,
            removeAt,
            places: files.map((file) => ({ source: site, path: path(file), destination: place(`static/${file}`) })),
          },
        })
        const ended = (id: number, ...unknown: ReadonlyArray<string>): LedgerChange => ({
          _tag: "Placed",
          id,
          unknown: unknown.map((file) => place(`static/${file}`)),
        })
        const retired = Effect.fnUntraced(function* (file: string) {
          return (yield* ledger.retirementsOf(target(file))).map((r) => [r.destination, r.dueAt])
        })
        const odd = 'd/\udcff \u{1F600}"\n'
        yield* ledger.commit([begun(1, ["a", "b", odd], 7)])
        assert.deepStrictEqual(yield* retired("a"), [])
        yield* ledger.commit([ended(1, "a", odd), delivered("b")])
        assert.deepStrictEqual(yield* retired("a"), [[place("static/a"), 7]])
        assert.deepStrictEqual(yield* retired(odd), [[place(`static/${odd}`), 7]])
        assert.deepStrictEqual(yield* retired("b"), [])
        yield* ledger.commit([begun(2, ["a"], 9)])
        yield* ledger.commit([ended(2, "a"), ended(2, "a"), ended(77, "a")])
        assert.deepStrictEqual(yield* retired("a"), [[place("static/a"), 7]])
        yield* ledger.commit([begun(2, ["a"], 11)])
        yield* ledger.commit([ended(2), delivered("a")])
        assert.deepStrictEqual(yield* retired("a"), [])
        yield* ledger.commit([{ _tag: "Published", through: (yield* ledger.outbox(10)).through }])
        // The next run finds uploads that never ended: one to a place with a delivery, one to an empty place.
        yield* ledger.commit([begun(3, ["a", "c"], 13)])
        assert.deepStrictEqual(yield* ledger.deliveriesOf(site, path("a")), [delivery("a")])
        const known = { sources: new Set([site]), servers: new Set([cdn]) }
        assert.deepStrictEqual(yield* ledger.evict(known, 12), { retired: 0, forgotten: 0 })
        assert.deepStrictEqual(yield* retired("a"), [])
        assert.deepStrictEqual(yield* retired("c"), [[place("static/c"), 13]])
        assert.deepStrictEqual(yield* ledger.deliveriesOf(site, path("a")), [delivery("a", { fingerprint: "" })])
        assert.deepStrictEqual((yield* ledger.outbox(10)).targets, [])
        yield* ledger.commit([delivered("a")])
        assert.deepStrictEqual(yield* ledger.deliveriesOf(site, path("a")), [delivery("a")])
        assert.deepStrictEqual(yield* ledger.evict(known, 14), { retired: 0, forgotten: 0 })
        assert.deepStrictEqual(yield* ledger.deliveriesOf(site, path("a")), [delivery("a")])
      }))

    test("a delivery ends the failure, retires the old place, and cancels a retirement of its own place", (ledger) =>
      Effect.gen(function* () {
        yield* ledger.commit([failed("a"), delivered("b"), forgotten("b", 9)])
        yield* ledger.commit([
          {
            _tag: "Delivered",
            delivery: delivery("a", { destination: place("static/b") }),
            retire: { destination: place("static/old"), dueAt: 7 },
          },
        ])
        assert.isUndefined(yield* ledger.failureOf(target("a")))
        assert.deepStrictEqual(yield* ledger.retirementsOf(target("b")), [])
        assert.deepStrictEqual(
          (yield* ledger.retirementsOf(target("a"))).map((r) => [r.destination, r.dueAt]),
          [[place("static/old"), 7]],
        )
        assert.deepStrictEqual(
          (yield* ledger.occupants(cdn, place("static/b"))).map((d) => d.path),
          [path("a")],
        )
      }))

    test("a delivery takes a place over from a file that is gone", (ledger) =>
      Effect.gen(function* () {
        yield* ledger.commit([delivered("old", { destination: place("shared") }), failed("old")])
        yield* ledger.commit([
          { _tag: "Delivered", delivery: delivery("new", { destination: place("shared") }), takenFrom: key("old") },
        ])
        assert.deepStrictEqual(
          (yield* ledger.occupants(cdn, place("shared"))).map((d) => d.path),
          [path("new")],
        )
        assert.deepStrictEqual(yield* ledger.deliveriesOf(site, path("old")), [])
        assert.deepStrictEqual(yield* ledger.retirementsOf(target("old")), [])
        assert.isUndefined(yield* ledger.failureOf(target("old")))
        const { targets } = yield* ledger.outbox(10)
        assert.includeDeepMembers(plain(targets), [target("old"), target("new")])
      }))

    test("lists failures, oldest first, of all servers or one", (ledger) =>
      Effect.gen(function* () {
        const changes = [failed("a", { since: 3 }), failed("b", { since: 1 }), failed("c", { since: 2, server: ftp })]
        yield* ledger.commit(changes)
        yield* ledger.commit([failed("a", { since: 3, attempts: 2, reason: "\udcff again" })])
        assert.deepStrictEqual(
          (yield* ledger.failures(10)).map((f) => f.path),
          [path("b"), path("c"), path("a")],
        )
        assert.deepStrictEqual(yield* ledger.failures(1, ftp), [failure("c", { since: 2, server: ftp })])
        assert.deepStrictEqual(
          (yield* ledger.failures(2)).map((f) => f.path),
          [path("b"), path("c")],
        )
        assert.deepStrictEqual(
          yield* ledger.failureOf(target("a")),
          failure("a", { since: 3, attempts: 2, reason: "\udcff again" }),
        )
        yield* ledger.commit([{ _tag: "Cleared", target: target("a") }])
        assert.isUndefined(yield* ledger.failureOf(target("a")))
      }))

    test("the agenda names due targets once, and when more will be due", (ledger) =>
      Effect.gen(function* () {
        yield* ledger.commit([delivered("a"), delivered("b"), delivered("c"), forgotten("a", 100), forgotten("b", 300)])
        yield* ledger.commit([failed("a", { nextTry: 90 }), failed("d", { nextTry: 400 })])
        yield* ledger.commit([failed("e", { nextTry: 1, server: ftp })])
        const { through } = yield* ledger.outbox(100)
        assert.deepStrictEqual(yield* ledger.agenda(cdn, 95, 10), { due: [target("a")], nextAt: 100 })
        yield* ledger.commit([{ _tag: "Published", through }])
        assert.deepStrictEqual(yield* ledger.agenda(cdn, 89, 10), { due: [], nextAt: 90 })
        assert.deepStrictEqual(yield* ledger.agenda(cdn, 100, 10), { due: [target("a")], nextAt: 300 })
        assert.deepStrictEqual(yield* ledger.agenda(cdn, 300, 10), { due: [target("a"), target("b")], nextAt: 400 })
        assert.deepStrictEqual((yield* ledger.agenda(cdn, 300, 1)).due, [target("a")])
        assert.deepStrictEqual(yield* ledger.agenda(cdn, 400, 10), {
          due: [target("a"), target("b"), target("d")],
          nextAt: undefined,
        })
        assert.deepStrictEqual(yield* ledger.agenda("none" as ServerName, 400, 10), { due: [], nextAt: undefined })
      }))

    test("a retirement waits until the map shows what became of its target, and is nobody's next moment", (ledger) =>
      Effect.gen(function* () {
        yield* ledger.commit([delivered("a"), forgotten("a", 100)])
        assert.deepStrictEqual(yield* ledger.agenda(cdn, 100, 10), { due: [], nextAt: undefined })
        assert.deepStrictEqual(yield* ledger.agenda(cdn, 99, 10), { due: [], nextAt: 100 })
        const { through } = yield* ledger.outbox(10)
        // It changes again before what was read is published.
        yield* ledger.commit([delivered("a", { destination: place("static/other") })])
        yield* ledger.commit([{ _tag: "Published", through }])
        assert.deepStrictEqual(yield* ledger.agenda(cdn, 100, 10), { due: [], nextAt: undefined })
        const later = yield* ledger.outbox(10)
        assert.deepStrictEqual(plain(later.targets), [target("a")])
        yield* ledger.commit([{ _tag: "Published", through: later.through }])
        assert.deepStrictEqual(yield* ledger.agenda(cdn, 100, 10), { due: [target("a")], nextAt: undefined })
      }))

    test("latestOf is the latest delivery of a target under any rule, and nothing when there is none", (ledger) =>
      Effect.gen(function* () {
        const older = delivery("a", { deliveredAt: 1_000 })
        const newer = delivery("a", {
          rule: "site/other" as RuleId,
          destination: place("other/a"),
          url: "http://x/other/a",
          deliveredAt: 2_000,
        })
        const elsewhere = delivery("a", { server: ftp, deliveredAt: 3_000 })
        assert.isUndefined(yield* ledger.latestOf(target("a")))
        yield* ledger.commit([older, newer, elsewhere].map((one) => ({ _tag: "Delivered" as const, delivery: one })))
        assert.deepStrictEqual(yield* ledger.latestOf(target("a")), {
          destination: newer.destination,
          url: newer.url,
        })
        assert.isUndefined(yield* ledger.latestOf(target("b")))
      }))

    test("the outbox names each changed target once, oldest first, and forgets what was published", (ledger) =>
      Effect.gen(function* () {
        assert.deepStrictEqual((yield* ledger.outbox(10)).targets, [])
        yield* ledger.commit([delivered("a"), delivered("b"), delivered("a", { fingerprint: "f2" }), delivered("c")])
        const two = yield* ledger.outbox(2)
        assert.deepStrictEqual(plain(two.targets), [target("a"), target("b")])
        yield* ledger.commit([{ _tag: "Published", through: two.through }])
        assert.deepStrictEqual(plain((yield* ledger.outbox(10)).targets), [target("c")])
        yield* ledger.commit([failed("x"), { _tag: "Cleared", target: target("x") }])
        const rest = yield* ledger.outbox(10)
        assert.deepStrictEqual(plain(rest.targets), [target("c")])
        yield* ledger.commit([{ _tag: "Published", through: rest.through }])
        assert.deepStrictEqual((yield* ledger.outbox(10)).targets, [])
        yield* ledger.commit([forgotten("c")])
        const again = yield* ledger.outbox(10)
        assert.deepStrictEqual(plain(again.targets), [target("c")])
        assert.isAbove(again.through, rest.through)
      }))

    test("deliveries that were written down together leave the outbox one by one", (ledger) =>
      Effect.gen(function* () {
        const deliveries = [
          ...hardNames.map((name) => delivery(name)),
          delivery("same place", { destination: place("same place"), url: "http://cdn.example.com/same place" }),
          delivery("\udce9 encoded", { url: "http://cdn.example.com/static/%E9%20encoded" }),
          delivery("elsewhere", { server: ftp }),
        ]
        yield* ledger.commit(deliveries.map((one) => ({ _tag: "Delivered" as const, delivery: one })))
        const found: Array<OwedTarget> = []
        for (;;) {
          const { targets, through } = yield* ledger.outbox(3)
          if (targets.length === 0) break
          found.push(...targets)
          yield* ledger.commit([{ _tag: "Published", through }])
        }
        assert.deepStrictEqual(
          found,
          deliveries.map(({ destination, path, server, source, url }) => ({
            source,
            path,
            server,
            latest: { destination, url },
          })),
        )
      }))

    test("a retirement waits for its own target, not for those that were written down with it", (ledger) =>
      Effect.gen(function* () {
        const moved = (file: string): LedgerChange => ({
          _tag: "Delivered",
          delivery: delivery(file),
          retire: { destination: place(`old/${file}`), dueAt: 1 },
        })
        const due = Effect.map(ledger.agenda(cdn, 100, 10), (agenda) => agenda.due.map(({ path }) => path))
        yield* ledger.commit(["a", "b", "c"].map(moved))
        for (const published of [[], ["a"], ["a", "b"], ["a", "b", "c"]]) {
          assert.deepStrictEqual(yield* due, published.map(path))
          yield* ledger.commit([{ _tag: "Published", through: (yield* ledger.outbox(1)).through }])
        }
      }))

    test("the outbox tells what the map has to show, unless it has to be asked for", (ledger) =>
      Effect.gen(function* () {
        const second = delivery("a", { destination: place("static/a2"), url: "http://cdn.example.com/static/a2" })
        yield* ledger.commit([delivered("a"), delivered("b"), delivered("c")])
        yield* ledger.commit([{ _tag: "Delivered", delivery: second }, forgotten("b")])
        const { destination, url } = delivery("c")
        const shown = { destination: second.destination, url: second.url }
        assert.deepStrictEqual((yield* ledger.outbox(10)).targets, [
          { ...target("a"), latest: shown },
          target("b"),
          { ...target("c"), latest: { destination, url } },
        ])
      }))

    test("answers for many files and places at once as for each", (ledger) =>
      Effect.gen(function* () {
        const names = ["a", "d/b", "d/e/c", "\udcff/x", "d/\udcff", "\u{1F600}/y"]
        const away = ["none", "d", "d/e", "d/e/none", "nowhere/a", "\udcff/none"]
        yield* ledger.commit([...names.map((name) => delivered(name)), delivered("a", { server: ftp })])
        const all = [...names, ...away].map(path)
        const each: Array<unknown> = []
        for (const one of all) each.push(yield* ledger.deliveriesOf(site, one))
        assert.deepStrictEqual(yield* ledger.deliveriesOfEach(site, all), each as never)
        assert.deepStrictEqual(yield* ledger.deliveriesOfEach("other" as SourceName, all.slice(0, 2)), [[], []])
        const places = [...names, ...away].map((name) => place(`static/${name}`))
        const free = places.map((_, index) => index < names.length)
        assert.deepStrictEqual(yield* ledger.areOccupied(cdn, places), free)
        assert.deepStrictEqual(yield* ledger.areOccupied("none" as ServerName, places.slice(0, 1)), [false])
        assert.deepStrictEqual(yield* ledger.areOccupied(cdn, [place("a"), place("static/a")]), [false, true])
        yield* ledger.commit([delivered("top", { destination: place("top") })])
        assert.deepStrictEqual(yield* ledger.areOccupied(cdn, [place("top"), place("tip")]), [true, false])
      }))

    test("names files whose deletion is due, counted from the last delivery under the rule", (ledger) =>
      Effect.gen(function* () {
        const keep = "site/keep" as RuleId
        yield* ledger.commit([
          delivered("a", { deliveredAt: 100 }),
          delivered("a", { deliveredAt: 150, server: ftp }),
          delivered("b", { deliveredAt: 120 }),
          delivered("c", { deliveredAt: 1, rule: keep }),
          delivered("d", { deliveredAt: 2, sourceDeleted: true }),
        ])
        const rules = [{ rule: all, delay: 1_000 }]
        const file = (name: string) => ({ source: site, path: path(name) })
        assert.deepStrictEqual(yield* ledger.deletable(rules, 1_119, 10), { due: [], nextAt: 1_120 })
        assert.deepStrictEqual(yield* ledger.deletable(rules, 1_120, 10), { due: [file("b")], nextAt: 1_150 })
        assert.deepStrictEqual(yield* ledger.deletable(rules, 1_150, 10), {
          due: [file("b"), file("a")],
          nextAt: undefined,
        })
        assert.deepStrictEqual((yield* ledger.deletable(rules, 1_150, 1)).due, [file("b")])
        assert.deepStrictEqual(yield* ledger.deletable([], 1_150, 10), { due: [], nextAt: undefined })
        yield* ledger.commit([{ _tag: "SourceDeleted", source: site, path: path("b"), state: delivery("b").state }])
        assert.deepStrictEqual((yield* ledger.deletable(rules, 1_150, 10)).due, [file("a")])
      }))

    test("a deletion marks only deliveries of the very version that was deleted", (ledger) =>
      Effect.gen(function* () {
        const old = { size: 1, mtimeNs: 1n, inode: 1n }
        yield* ledger.commit([delivered("a"), delivered("a", { server: ftp, state: old })])
        yield* ledger.commit([{ _tag: "SourceDeleted", source: site, path: path("a"), state: delivery("a").state }])
        const found = yield* ledger.deliveriesOf(site, path("a"))
        assert.deepStrictEqual(found.map((d) => [d.server, d.sourceDeleted]).sort(), [
          [cdn, true],
          [ftp, false],
        ])
        yield* ledger.commit([delivered("a", { deliveredAt: 9 })])
        assert.isFalse((yield* ledger.deliveriesOf(site, path("a"))).some((d) => d.sourceDeleted))
      }))

    test("remembers holds and roots", (ledger) =>
      Effect.gen(function* () {
        const hold = { source: site, since: 1, missing: 200, total: 300, reason: "too many" }
        yield* ledger.commit([
          { _tag: "Held", hold: { ...hold, missing: 1 } },
          { _tag: "Held", hold },
          { _tag: "RootSeen", source: site, root: { path: "/srv/caf\udce9", identity: "8:1" } },
        ])
        assert.deepStrictEqual(yield* ledger.holds, [hold])
        assert.deepStrictEqual([...(yield* ledger.roots)], [[site, { path: "/srv/caf\udce9", identity: "8:1" }]])
        yield* ledger.commit([{ _tag: "Released", source: site }])
        assert.deepStrictEqual(yield* ledger.holds, [])
      }))

    test("adds up per server", (ledger) =>
      Effect.gen(function* () {
        yield* ledger.commit([delivered("a"), delivered("b"), delivered("c", { server: ftp }), forgotten("b", 1)])
        yield* ledger.commit([failed("x", { server: ftp }), failed("y", { server: ftp })])
        assert.deepStrictEqual(yield* ledger.totals, [
          { server: cdn, deliveries: 1, failures: 0, retirements: 1 },
          { server: ftp, deliveries: 1, failures: 2, retirements: 0 },
        ])
      }))

    test("pages through all deliveries, each once, and goes on after one that is gone", (ledger) =>
      Effect.gen(function* () {
        const files = [...hardNames, ...hardNames.map((file) => `d/${file}`), "d/e/f"]
        const other = "other" as SourceName
        yield* ledger.commit(files.map((file) => delivered(file)))
        yield* ledger.commit(files.map((file) => delivered(file, { server: ftp })))
        yield* ledger.commit([delivered("z", { source: other }), delivered("d/x", { rule: "site/z" as RuleId })])
        const pages = Effect.fnUntraced(function* (limit: number, between: Effect.Effect<void, unknown>) {
          const found: Array<string> = []
          let last: ReturnType<typeof key> | undefined
          for (;;) {
            const page = yield* ledger.page(last, limit)
            if (page.length === 0) return found
            assert.isAtMost(page.length, limit)
            found.push(...page.map((d) => `${d.source}|${d.path}|${d.server}|${d.rule}`))
            last = page[page.length - 1]
            yield* between
          }
        })
        const whole = yield* pages(1_000, Effect.void)
        assert.strictEqual(whole.length, files.length * 2 + 2)
        assert.strictEqual(new Set(whole).size, whole.length)
        for (const limit of [1, 3, 7]) assert.deepStrictEqual(yield* pages(limit, Effect.void), whole)
        const shrinking = yield* pages(
          4,
          ledger.commit([forgotten("d/plain"), forgotten("d/e/f"), forgotten("d/e/f", undefined, { server: ftp })]),
        )
        assert.deepStrictEqual(
          shrinking,
          whole.filter((row) => shrinking.includes(row)),
        )
        assert.isAtLeast(shrinking.length, whole.length - 3)
      }))

    test("evicts what the config no longer knows", (ledger) =>
      Effect.gen(function* () {
        const old = "old" as SourceName
        yield* ledger.commit([
          delivered("a"),
          delivered("a", { server: ftp }),
          delivered("b", { source: old }),
          delivered("b", { source: old, server: ftp }),
          delivered("c"),
          forgotten("c", 5),
          delivered("e", { server: ftp }),
          forgotten("e", 5, { server: ftp }),
          failed("a", { server: ftp }),
          failed("d", { source: old }),
          failed("d"),
          { _tag: "Held", hold: { source: old, since: 1, missing: 2, total: 3, reason: "x" } },
          { _tag: "RootSeen", source: old, root: { path: "/old", identity: "1:1" } },
          { _tag: "RootSeen", source: site, root: { path: "/site", identity: "1:2" } },
        ])
        yield* ledger.commit([{ _tag: "Published", through: (yield* ledger.outbox(100)).through }])
        const known = { sources: new Set([site]), servers: new Set([cdn]) }
        assert.deepStrictEqual(yield* ledger.evict(known, 77), { retired: 1, forgotten: 2 })
        assert.deepStrictEqual(
          (yield* ledger.page(undefined, 10)).map((d) => [d.source, d.server]),
          [[site, cdn]],
        )
        assert.deepStrictEqual(yield* ledger.retirementsOf(target("b", cdn, old)), [
          { ...target("b", cdn, old), destination: place("static/b"), dueAt: 77 },
        ])
        assert.deepStrictEqual(yield* ledger.retirementsOf(target("b", ftp, old)), [])
        assert.deepStrictEqual(yield* ledger.retirementsOf(target("e", ftp)), [])
        assert.strictEqual((yield* ledger.retirementsOf(target("c"))).length, 1)
        assert.deepStrictEqual(
          (yield* ledger.failures(10)).map((f) => [f.path, f.source, f.server]),
          [[path("d"), site, cdn]],
        )
        assert.deepStrictEqual(yield* ledger.holds, [])
        assert.deepStrictEqual([...(yield* ledger.roots).keys()], [site])
        assert.sameDeepMembers(plain((yield* ledger.outbox(100)).targets), [
          target("a", ftp),
          target("b", cdn, old),
          target("b", ftp, old),
        ])
        assert.deepStrictEqual(yield* ledger.evict(known, 78), { retired: 0, forgotten: 0 })
      }))

    const outdated = (destination: string, since: number, server = cdn, by: "replaced" | "removed" = "replaced") =>
      ({ _tag: "Outdated", server, destination: place(destination), by, since }) as const

    test("remembers what a CDN has to be told, of places that held something", (ledger) =>
      Effect.gen(function* () {
        const none = { places: [], through: 0, total: 0, since: undefined }
        assert.deepStrictEqual(yield* ledger.outdated(cdn, 10), none)
        // A new file: nobody can have asked for it before.
        yield* ledger.commit([outdated("static/a", 1), delivered("a")])
        assert.deepStrictEqual(yield* ledger.outdated(cdn, 10), none)
        yield* ledger.commit([outdated("static/a", 2), delivered("a", { fingerprint: "f2" })])
        assert.deepStrictEqual((yield* ledger.outdated(cdn, 10)).places, [place("static/a")])
        assert.isTrue(yield* ledger.isOutdated(cdn, place("static/a")))
        assert.isFalse(yield* ledger.isOutdated(ftp, place("static/a")))
        // A place that waits to be emptied still holds something, whoever takes it.
        const bytes = "static/caf\udce9"
        yield* ledger.commit([delivered("b", { destination: place(bytes) }), forgotten("b", 5)])
        yield* ledger.commit([outdated(bytes, 3), delivered("c", { destination: place(bytes) })])
        const both = yield* ledger.outdated(cdn, 10)
        assert.deepStrictEqual(both.places, [place("static/a"), place(bytes)])
        assert.deepStrictEqual([both.total, both.since], [2, 2])
        assert.deepStrictEqual(yield* ledger.outdated(ftp, 10), none)
        yield* ledger.commit([forgotten("a", 6)])
        yield* ledger.commit([{ _tag: "Invalidated", server: cdn, through: both.through }])
        yield* ledger.commit([
          outdated("static/a", 7, cdn, "removed"),
          { _tag: "Retired", server: cdn, destination: place("static/a") },
        ])
        assert.deepStrictEqual((yield* ledger.outdated(cdn, 10)).places, [place("static/a")])
        // An upload that is under way, to a place where there was nothing, is no news to a CDN; its end without a file is.
        yield* ledger.commit([{ _tag: "Invalidated", server: cdn, through: (yield* ledger.outdated(cdn, 10)).through }])
        const ended = (file: string, unknown: ReadonlyArray<string>): ReadonlyArray<LedgerChange> => [
          {
            _tag: "Placing",
            uploads: {
              id: 1,
              server: cdn,
              removeAt: 9,
              places: [{ source: site, path: path(file), destination: place(`static/${file}`) }],
            },
          },
          { _tag: "Placed", id: 1, unknown: unknown.map(place) },
        ]
        yield* ledger.commit(ended("n", ["static/n"]))
        yield* ledger.commit([outdated("static/n", 9), delivered("n")])
        assert.strictEqual((yield* ledger.outdated(cdn, 10)).total, 0)
        yield* ledger.commit(ended("m", ["static/m"]))
        yield* ledger.commit([outdated("static/m", 9, cdn, "removed")])
        assert.deepStrictEqual((yield* ledger.outdated(cdn, 10)).places, [place("static/m")])
        // It is empty now.
        yield* ledger.commit([{ _tag: "Invalidated", server: cdn, through: (yield* ledger.outdated(cdn, 10)).through }])
        yield* ledger.commit([outdated("static/a", 8), delivered("a")])
        assert.deepStrictEqual(yield* ledger.outdated(cdn, 10), none)
      }))

    test("what changes again after a CDN was told of it is told again", (ledger) =>
      Effect.gen(function* () {
        yield* ledger.commit([delivered("a"), delivered("b"), delivered("c"), delivered("a", { server: ftp })])
        yield* ledger.commit([outdated("static/a", 1), outdated("static/b", 2), outdated("static/a", 1, ftp)])
        const first = yield* ledger.outdated(cdn, 1)
        assert.deepStrictEqual([first.places, first.total, first.since], [[place("static/a")], 2, 1])
        const told = yield* ledger.outdated(cdn, 10)
        yield* ledger.commit([outdated("static/a", 9), outdated("static/c", 10)])
        assert.strictEqual((yield* ledger.outdated(cdn, 10)).since, 1)
        yield* ledger.commit([{ _tag: "Invalidated", server: cdn, through: told.through }])
        assert.deepStrictEqual((yield* ledger.outdated(cdn, 10)).places, [place("static/a"), place("static/c")])
        assert.strictEqual((yield* ledger.outdated(ftp, 10)).total, 1)
        const sources = new Set([site])
        yield* ledger.evict({ sources, servers: new Set([cdn]) }, 1)
        assert.strictEqual((yield* ledger.outdated(ftp, 10)).total, 0)
        assert.strictEqual((yield* ledger.outdated(cdn, 10)).total, 2)
      }))

    test("takes many commits at once", (ledger) =>
      Effect.gen(function* () {
        yield* Effect.forEach(
          Array.from({ length: 2_000 }, (_, i) => i),
          (i) => ledger.commit([delivered(`${i % 50}/${i}`, { deliveredAt: i })]),
          { concurrency: 64, discard: true },
        )
        assert.strictEqual(yield* ledger.count(site), 2_000)
        assert.strictEqual((yield* ledger.deliveriesIn(site, path("7"))).length, 40)
        yield* ledger.commit([])
      }))
  })
}
