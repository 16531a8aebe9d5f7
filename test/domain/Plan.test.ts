import { assert, describe, it } from "@effect/vitest"
import { Arbitrary } from "effect"
import type { Delivery } from "../../src/domain/Delivery.ts"
import { type FileState, isSame } from "../../src/domain/FileState.ts"
import type { RelativePath, RemotePath, RuleId, ServerName, SourceName } from "../../src/domain/Path.ts"
import { deletionRule, type Job, plan, type RuleBook, rulesFor, serversDue } from "../../src/domain/Plan.ts"
import type { Rule } from "../../src/domain/Rule.ts"
import { boolean, integer, oneOf } from "./arbitraries.ts"

const source = "site" as SourceName
const path = "a/x.css" as RelativePath
const servers = ["s1", "s2", "s3"] as ReadonlyArray<string> as ReadonlyArray<ServerName>
const ids = ["r1", "r2", "r3"] as ReadonlyArray<string> as ReadonlyArray<RuleId>

const optional = <A>(arbitrary: Arbitrary.Arbitrary<A>) =>
  Arbitrary.map(Arbitrary.all([oneOf([true, true, true, false]), arbitrary]), ([there, value]) =>
    there ? value : undefined,
  )

const state: Arbitrary.Arbitrary<FileState> = Arbitrary.map(
  Arbitrary.all([integer(1, 2), integer(1, 2), integer(1, 2)]),
  ([size, time, inode]) => ({ size, mtimeNs: BigInt(time), inode: BigInt(inode), mode: 0o644 }),
)

const fingerprint = oneOf(["f1", "f1", "f2"])

const rule = (id: RuleId): Arbitrary.Arbitrary<Rule> =>
  Arbitrary.map(
    Arbitrary.all([
      Arbitrary.all([optional(fingerprint), optional(fingerprint), optional(fingerprint)]),
      oneOf(["all", "all", "css", "big", "none"]),
      optional(integer(0, 3)),
    ]),
    ([fingerprints, kind, delay]) => ({
      id,
      label: id,
      source,
      filter: {
        all: undefined,
        css: { extensions: new Set(["css"]) },
        big: { size: { conditionType: "minimum" as const, bytes: 1 } },
        none: { extensions: new Set(["js"]) },
      }[kind],
      chain: [],
      destinations: fingerprints.flatMap((found, index) =>
        found === undefined ? [] : [{ server: servers[index] as ServerName, path: "", fingerprint: found }],
      ),
      fileDeletionDelayAfterSync: delay,
    }),
  )

const book: Arbitrary.Arbitrary<RuleBook> = Arbitrary.map(
  Arbitrary.all([rule("r1" as RuleId), rule("r2" as RuleId), optional(rule("r3" as RuleId))]),
  (rules) => ({ root: "/srv/site", rules: rules.filter((one) => one !== undefined) }),
)

const delivery = (id: RuleId, server: ServerName): Arbitrary.Arbitrary<Delivery | undefined> =>
  optional(
    Arbitrary.map(
      Arbitrary.all([
        state,
        fingerprint,
        oneOf(["hash", "hash", ""]),
        oneOf([false, false, false, true]),
        integer(0, 9),
      ]),
      ([held, print, hash, sourceDeleted, deliveredAt]) => ({
        source,
        path,
        server,
        rule: id,
        destination: path as string as RemotePath,
        url: "",
        fingerprint: print,
        state: held,
        hash,
        deliveredAt,
        sourceDeleted,
      }),
    ),
  )

const deliveries: Arbitrary.Arbitrary<ReadonlyArray<Delivery>> = Arbitrary.map(
  Arbitrary.all(ids.flatMap((id) => servers.map((server) => delivery(id, server)))),
  (all) => all.filter((one) => one !== undefined),
)

const serverOf = (job: Job): ServerName => (job._tag === "Retire" ? job.delivery.server : job.destination.server)
const told = (jobs: ReadonlyArray<Job>) =>
  jobs
    .map((job) => {
      const id = job._tag === "Retire" ? job.delivery.rule : job.rule.id
      const previous = job._tag === "Retire" ? job.delivery : job.previous
      return `${job._tag} ${id} ${serverOf(job)} ${previous === undefined ? "new" : previous.fingerprint}`
    })
    .sort()

/** What the ledger holds once these jobs are done. A comparison that finds other content goes on as a delivery does. */
const done = (
  now: FileState | undefined,
  held: ReadonlyArray<Delivery>,
  jobs: ReadonlyArray<Job>,
): ReadonlyArray<Delivery> => {
  const after = new Map(held.map((one) => [`${one.rule} ${one.server}`, one]))
  for (const job of jobs) {
    if (job._tag === "Retire") {
      after.delete(`${job.delivery.rule} ${job.delivery.server}`)
    } else if (now !== undefined) {
      after.set(`${job.rule.id} ${job.destination.server}`, {
        source,
        path,
        server: job.destination.server,
        rule: job.rule.id,
        destination: path as string as RemotePath,
        url: "",
        fingerprint: job.destination.fingerprint,
        state: now,
        hash: "hash",
        deliveredAt: 10,
        sourceDeleted: false,
      })
    }
  }
  return Array.from(after.values())
}

const runs = { arbitrary: { runs: 1_000 } }

describe("Plan.plan", () => {
  it.prop(
    "has nothing left to do once its jobs are done, and what is left is what the rules want",
    [book, optional(state), deliveries],
    ([rules, now, held]) => {
      const after = done(now, held, plan(rules, path, now, held))
      assert.deepStrictEqual(told(plan(rules, path, now, after)), [])
      const wanted =
        now === undefined
          ? held.filter((one) => one.sourceDeleted).map((one) => `${one.rule} ${one.server} ${one.fingerprint}`)
          : rulesFor(rules, path, now).flatMap((one) =>
              one.destinations.map((to) => `${one.id} ${to.server} ${to.fingerprint}`),
            )
      assert.deepStrictEqual(after.map((one) => `${one.rule} ${one.server} ${one.fingerprint}`).sort(), wanted.sort())
      if (now !== undefined) for (const one of after) assert.isTrue(isSame(one.state, now))
    },
    runs,
  )

  it.prop(
    "does not depend on the order of the deliveries",
    [book, optional(state), deliveries, integer(0, 8)],
    ([rules, now, held, turn]) => {
      const jobs = told(plan(rules, path, now, held))
      assert.deepStrictEqual(told(plan(rules, path, now, held.toReversed())), jobs)
      assert.deepStrictEqual(told(plan(rules, path, now, [...held.slice(turn), ...held.slice(0, turn)])), jobs)
    },
  )

  it.prop(
    "for one server is what the whole says of that server",
    [book, optional(state), deliveries],
    ([rules, now, held]) => {
      const whole = plan(rules, path, now, held)
      for (const server of servers) {
        assert.deepStrictEqual(
          told(plan(rules, path, now, held, server)),
          told(whole.filter((job) => serverOf(job) === server)),
        )
      }
      assert.deepStrictEqual(
        Array.from(serversDue(rules, path, now, held)).sort(),
        Array.from(new Set(whole.map(serverOf))).sort(),
      )
    },
  )

  it.prop("never has two jobs for one delivery", [book, optional(state), deliveries], ([rules, now, held]) => {
    const keys = plan(rules, path, now, held).map((job) =>
      job._tag === "Retire"
        ? `${job.delivery.rule} ${job.delivery.server}`
        : `${job.rule.id} ${job.destination.server}`,
    )
    assert.strictEqual(new Set(keys).size, keys.length)
  })

  const simple: RuleBook = {
    root: "/srv/site",
    rules: [
      {
        id: "r1" as RuleId,
        label: "all",
        source,
        filter: undefined,
        chain: [],
        destinations: [{ server: "s1" as ServerName, path: "", fingerprint: "f1" }],
        fileDeletionDelayAfterSync: 60,
      },
    ],
  }
  const here: FileState = { size: 1, mtimeNs: 5n, inode: 7n, mode: 0o644 }
  const held: Delivery = {
    source,
    path,
    server: "s1" as ServerName,
    rule: "r1" as RuleId,
    destination: "a/x.css" as RemotePath,
    url: "",
    fingerprint: "f1",
    state: here,
    hash: "hash",
    deliveredAt: 1_000,
    sourceDeleted: false,
  }
  const tags = (now: FileState | undefined, delivered: Partial<Delivery>) =>
    plan(simple, path, now, [{ ...held, ...delivered }]).map((job) => job._tag)

  it("tells a change from a touch from a restored tree", () => {
    assert.deepStrictEqual(tags(here, {}), [])
    assert.deepStrictEqual(tags({ ...here, mode: 0o600 }, {}), [], "the mode is not part of a delivery")
    assert.deepStrictEqual(tags({ ...here, mtimeNs: 6n }, {}), ["Put"], "a mere touch leads to a new delivery")
    assert.deepStrictEqual(tags({ ...here, size: 2 }, {}), ["Put"])
    assert.deepStrictEqual(tags({ ...here, inode: 8n }, {}), ["Compare"])
    assert.deepStrictEqual(tags({ ...here, inode: 8n }, { hash: "" }), ["Put"], "nothing to compare with")
    assert.deepStrictEqual(tags({ ...here, inode: 8n }, { fingerprint: "f2" }), ["Put"], "another chain, another file")
  })

  it("leaves alone what the daemon itself deleted, until the file is back", () => {
    assert.deepStrictEqual(tags(undefined, {}), ["Retire"])
    assert.deepStrictEqual(tags(undefined, { sourceDeleted: true }), [])
    assert.deepStrictEqual(tags(here, { sourceDeleted: true }), ["Put"])
  })

  it("retires what no rule wants any more, and says whether the file is gone", () => {
    const orphan = { ...held, rule: "r9" as RuleId }
    const jobs = plan(simple, path, here, [held, orphan])
    assert.deepStrictEqual(jobs, [{ _tag: "Retire", delivery: orphan, vanished: false }])
    assert.deepStrictEqual(plan(simple, path, undefined, [held]), [{ _tag: "Retire", delivery: held, vanished: true }])
  })

  describe("deletionRule", () => {
    it.prop(
      "names a rule exactly when every destination has this very version and a rule asks for deletion",
      [book, state, deliveries, boolean],
      ([rules, now, before, finished]) => {
        const delivered = finished ? done(now, before, plan(rules, path, now, before)) : before
        const wanted = rulesFor(rules, path, now)
        const complete = wanted.every(
          (one) =>
            one.destinations.length > 0 &&
            one.destinations.every((to) =>
              delivered.some(
                (has) =>
                  has.rule === one.id &&
                  has.server === to.server &&
                  has.fingerprint === to.fingerprint &&
                  isSame(has.state, now),
              ),
            ),
        )
        const times = wanted.flatMap((one) =>
          one.fileDeletionDelayAfterSync === undefined
            ? []
            : [
                Math.max(
                  ...delivered
                    .filter((has) => has.rule === one.id && one.destinations.some((to) => to.server === has.server))
                    .map((has) => has.deliveredAt),
                ) +
                  one.fileDeletionDelayAfterSync * 1000,
              ],
        )
        const chosen = deletionRule(rules, path, now, delivered)
        assert.strictEqual(chosen !== undefined, complete && times.length > 0)
        if (chosen === undefined) return
        assert.strictEqual(chosen.notBefore, Math.max(...times))
        assert.include(wanted, chosen.rule)
        const owed = plan(
          rules,
          path,
          now,
          delivered.filter((has) => !has.sourceDeleted),
        ).filter((job) => job._tag !== "Retire" && job.previous !== undefined)
        assert.deepStrictEqual(owed, [], "nothing is deleted that is still to be delivered")
      },
      runs,
    )

    it("counts from the last delivery, in seconds", () => {
      assert.strictEqual(deletionRule(simple, path, here, [held])?.notBefore, 61_000)
      assert.isUndefined(deletionRule(simple, path, { ...here, mtimeNs: 6n }, [held]))
      assert.isUndefined(deletionRule(simple, path, here, []))
    })

    it("never deletes what is delivered nowhere", () => {
      const nowhere: RuleBook = { ...simple, rules: simple.rules.map((one) => ({ ...one, destinations: [] })) }
      assert.isUndefined(deletionRule(nowhere, path, here, [held]))
    })
  })
})
