/** What an approved deletion reaches: what is missing when it is carried out, in the root that it was approved for. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import type { Delivery } from "../../src/domain/Delivery.ts"
import { Ledger } from "../../src/domain/Ledger.ts"
import { REMOVAL_LOOKS } from "../../src/domain/Limits.ts"
import type { RelativePath, RemotePath, RuleId, ServerName, SourceName } from "../../src/domain/Path.ts"
import { SourceFiles } from "../../src/domain/SourceFiles.ts"
import { makeMemory } from "../../src/layers/ledger/memory.ts"
import { layerMemory as layerPublisher } from "../../src/layers/publishers/memory.ts"
import { makeRemoval } from "../../src/streams/removal.ts"
import { booksOf, type Shared } from "../../src/streams/shared.ts"
import { layerTestWorld, makeTestWorld } from "../../src/testing.ts"
import { testConfig, testRule } from "../support/conveyor.ts"

const site = "site" as SourceName

const delivery = (path: string, rest: Partial<Delivery> = {}): Delivery => ({
  source: site,
  path: path as RelativePath,
  server: "cdn" as ServerName,
  rule: "site/all" as RuleId,
  destination: path as RemotePath,
  url: `https://cdn.example/${path}`,
  fingerprint: "f1",
  state: { size: 1, mtimeNs: 1n, inode: 1n },
  hash: "",
  deliveredAt: 1,
  sourceDeleted: false,
  ...rest,
})

/** A source of which `gone` was delivered and is missing, and what its removal tells others. */
const withRemoval = Effect.fnUntraced(function* (
  gone: ReadonlyArray<string>,
  busy: ReadonlySet<string> = new Set(),
  isAway = false,
) {
  const world = yield* makeTestWorld({ servers: ["cdn"], processors: [] })
  for (const directory of ["/site/a", "/site/closed"]) yield* world.disk.mkdir(directory)
  for (const file of ["a/there", "closed/there"]) yield* world.disk.write(`/site/${file}`, "1")
  yield* world.disk.setFaults({ unreadable: new Set(["/site/closed"]) })
  const ledger = makeMemory()
  const all = [...gone, "a/there", "closed/there"].map((path) => delivery(path))
  const ours = delivery("a/swept", { sourceDeleted: true })
  yield* Effect.orDie(ledger.commit([...all, ours].map((one) => ({ _tag: "Delivered", delivery: one }) as const)))
  const book = booksOf(testConfig({ servers: ["cdn"], rules: [testRule("all", ["cdn"])] })).get(site)
  assert.isDefined(book)
  const told = { forgotten: [] as Array<string>, again: [] as Array<string>, taken: 0, scanned: [] as Array<string> }
  const shared = {
    take: ({ path }) => {
      if (busy.has(path)) return false
      told.taken++
      return true
    },
    leave: (items) => void (told.taken -= items.length),
    lookAgain: ({ path }) => void told.again.push(path),
    enqueueAll: ({ path }) => void told.again.push(path),
    scan: (_, directory) => void told.scanned.push(directory),
  } satisfies Partial<Shared> as unknown as Shared
  const forget = (deliveries: ReadonlyArray<Delivery>) =>
    Effect.sync(() => void told.forgotten.push(...deliveries.map(({ path }) => path)))
  return yield* Effect.gen(function* () {
    const files = yield* SourceFiles
    const identity = yield* files.identity(book.source)
    assert.isDefined(identity)
    // Away until somebody looks for a file.
    let looked = !isAway
    const removal = yield* Effect.provideService(makeRemoval(shared, book, forget), SourceFiles, {
      ...files,
      identity: () => Effect.sync(() => (looked ? identity : undefined)),
      stat: (...args) => {
        looked = true
        return files.stat(...args)
      },
    })
    return { removal, identity, told }
  }).pipe(Effect.provide(layerTestWorld(world, { ledger: Layer.succeed(Ledger, ledger), publisher: layerPublisher })))
})

const some = (count: number) => Array.from({ length: count }, (_, at) => `a/${at}`)

describe("an approved deletion", () => {
  // Few are looked at one by one, many by listings.
  for (const count of [3, REMOVAL_LOOKS + 3]) {
    it.effect(`of ${count} files reaches those that are missing, and no other`, () =>
      Effect.gen(function* () {
        const gone = some(count)
        const { identity, removal, told } = yield* withRemoval(gone)
        const named = [...gone, "a/there", "closed/there", "a/swept"].map((path) => path as RelativePath)
        assert.isTrue(yield* removal.paths(named, identity))
        assert.deepStrictEqual(told.forgotten, gone)
        assert.deepStrictEqual(told.again, ["a/there", "closed/there"])
        assert.strictEqual(told.taken, 0)
      }),
    )
  }

  it.effect("of everything reaches all that is missing, and has directories scanned that can not be read", () =>
    Effect.gen(function* () {
      const gone = [...some(5), "b/c/file"]
      const { identity, removal, told } = yield* withRemoval([...gone, "closed/missing"])
      assert.isTrue(yield* removal.everything(identity))
      assert.sameMembers(told.forgotten, gone)
      assert.deepStrictEqual(told.scanned, ["closed"])
    }),
  )

  it.effect("reaches nothing in another root than that it was approved for", () =>
    Effect.gen(function* () {
      const { removal, told } = yield* withRemoval(some(3))
      assert.isFalse(yield* removal.everything("another"))
      assert.isFalse(yield* removal.paths(some(3) as Array<string> as Array<RelativePath>, "another"))
      assert.deepStrictEqual(told.forgotten, [])
      assert.strictEqual(told.taken, 0)
    }),
  )

  it.effect("reaches nothing where the root was away when it was begun, and is back when it ends", () =>
    Effect.gen(function* () {
      const { identity, removal, told } = yield* withRemoval(some(3), new Set(), true)
      assert.isFalse(yield* removal.everything(identity))
      assert.deepStrictEqual(told.forgotten, [])
    }),
  )

  it.effect("leaves a file alone that a server is busy with, and has everybody look at it again", () =>
    Effect.gen(function* () {
      const { identity, removal, told } = yield* withRemoval(some(3), new Set(["a/1"]))
      assert.isTrue(yield* removal.everything(identity))
      assert.deepStrictEqual(told.forgotten, ["a/0", "a/2"])
      assert.deepStrictEqual(told.again, ["a/1"])
    }),
  )
})
