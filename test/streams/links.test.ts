/** References between files, on whatever server they are. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { TestClock } from "effect/testing"
import { vi } from "vitest"
import type { Config, Source } from "../../src/domain/Config.ts"
import { ProcessorError } from "../../src/domain/Errors.ts"
import { Ledger } from "../../src/domain/Ledger.ts"
import { WAITING_REFERRERS } from "../../src/domain/Limits.ts"
import type { RelativePath, RemotePath, SourceName } from "../../src/domain/Path.ts"
import { defineProcessor, type ProcessorJob } from "../../src/domain/Processor.ts"
import type { Rule } from "../../src/domain/Rule.ts"
import { emptyState, makeMemory, type MemoryState } from "../../src/layers/ledger/memory.ts"
import { md5 } from "../../src/layers/processors/uniqueFilename.ts"
import { layerMemory as layerPublisher } from "../../src/layers/publishers/memory.ts"
import { layerTestWorld, makeTestWorld, type TestWorld } from "../../src/testing.ts"
import { start, testConfig, testRule, turns, untilQuiet } from "../support/conveyor.ts"

// The ledger in memory takes too long for as many as there may be.
vi.mock(import("../../src/domain/Limits.ts"), async (original) => ({
  ...(await original()),
  WAITING_REFERRERS: 200 as 10_000,
}))

const site = "site" as SourceName
const path = (name: string) => name as RelativePath
const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes)

/** Rewrites what stands in `url()`, at once. */
const toy = defineProcessor({
  name: "toy.Links",
  extensions: new Set(["css"]),
  perServer: true,
  process: Effect.fnUntraced(function* ({ addressesOf, baseName, content, path, read, write }: ProcessorJob) {
    const before = text(yield* read)
    if (before.includes("poison")) {
      return yield* new ProcessorError({ processor: "toy.Links", path, detail: "it is poison" })
    }
    const references = Array.from(before.matchAll(/url\(([^)]*)\)/g), (match) => match[1] ?? "")
    if (references.length === 0 || addressesOf === undefined) return { content, baseName }
    const addresses = yield* addressesOf(references)
    const after = before.replace(/url\(([^)]*)\)/g, (_, one: string) => `url(${addresses.get(one) ?? one})`)
    return { content: yield* write(new TextEncoder().encode(after)), baseName }
  }),
})

const failing = defineProcessor({
  name: "toy.Fails",
  inline: true,
  process: ({ path }) => Effect.fail(new ProcessorError({ processor: "toy.Fails", path, detail: "never works" })),
})

const use = (name: string) => ({ name, settings: {} })
const styles = (servers: ReadonlyArray<string>, rest: Partial<Rule> = {}): Rule =>
  testRule("styles", servers, {
    filter: { extensions: new Set(["css"]) },
    chain: [use("toy.Links"), use("unique_filename.MD5")],
    ...rest,
  })
const images = (servers: ReadonlyArray<string>, rest: Partial<Rule> = {}): Rule =>
  testRule("images", servers, {
    filter: { extensions: new Set(["png"]) },
    chain: [use("unique_filename.MD5")],
    ...rest,
  })

const held = (world: TestWorld, server = "cdn") =>
  Effect.map(
    world.servers.get(server).files,
    (files) => new Map([...files].map(([at, file]): [string, string] => [at, text(file.bytes)])),
  )

/** What is published of a file, under whatever name its content gave it. */
const published = Effect.fnUntraced(function* (
  world: TestWorld,
  ledger: Ledger["Service"],
  name: string,
  server = "cdn",
) {
  const found = (yield* ledger.deliveriesOf(site, path(name))).find((one) => one.server === server)
  if (found === undefined) return undefined
  const content = (yield* held(world, server)).get(found.destination)
  return { at: found.destination, url: found.url, content: content ?? "(not there)", stale: found.fingerprint === "" }
})

/** Every `url()` in what is published of these files leads to something that is there. */
const allLead = Effect.fnUntraced(function* (
  world: TestWorld,
  ledger: Ledger["Service"],
  names: ReadonlyArray<string>,
) {
  const there = yield* held(world)
  for (const name of names) {
    const one = yield* published(world, ledger, name)
    for (const [, url = ""] of (one?.content ?? "").matchAll(/url\(([^)]*)\)/g)) {
      const place = [...there.keys()].find((at) => world.servers.get("cdn").transporter.url(at as RemotePath) === url)
      assert.isDefined(place, `${name} refers to ${url}; there is ${[...there.keys()].join(", ")}`)
    }
  }
})

const withWorld = <A, E>(
  servers: Parameters<typeof makeTestWorld>[0]["servers"],
  body: (world: TestWorld) => Effect.Effect<A, E>,
) =>
  Effect.gen(function* () {
    yield* TestClock.setTime(1_700_000_000_000)
    const world = yield* makeTestWorld({ servers, processors: [md5, toy, failing] })
    yield* world.disk.mkdir("/site")
    return yield* body(world)
  })

type Conveyor = Effect.Success<ReturnType<typeof start>>

/** Runs the graph over `state`, which outlives it. */
const inGraph = <A, E>(
  world: TestWorld,
  config: Config,
  body: (conveyor: Conveyor, ledger: Ledger["Service"]) => Effect.Effect<A, E>,
  state: MemoryState = emptyState(),
) =>
  Effect.scoped(
    Effect.gen(function* () {
      const ledger = yield* Ledger
      const conveyor = yield* start(config)
      yield* untilQuiet(conveyor)
      return yield* body(conveyor, ledger)
    }),
  ).pipe(
    Effect.provide(
      layerTestWorld(world, { ledger: Layer.sync(Ledger, () => makeMemory(state)), publisher: layerPublisher }),
    ),
  )

const config = (rules: ReadonlyArray<Rule>, servers: ReadonlyArray<string> = ["cdn"], source: Partial<Source> = {}) =>
  testConfig({ servers, rules, source })
const usual = config([styles(["cdn"]), images(["cdn"])])

const deliveredTo = (world: TestWorld, server = "cdn") =>
  Effect.map(world.servers.get(server).log, (log) =>
    log.filter((one) => one.operation === "put").map((one) => one.path.replace(/_[0-9a-f]{32}/, "")),
  )

describe("references between files", () => {
  it.effect("a style sheet is delivered after its images, once, and again when one of them gets another URL", () =>
    withWorld(["cdn"], (world) =>
      Effect.gen(function* () {
        yield* world.disk.write("/site/css/a.css", "url(../img/x.png) url(../img/y.png)")
        yield* world.disk.write("/site/img/x.png", "x1")
        yield* world.disk.write("/site/img/y.png", "y1")
        yield* inGraph(world, usual, (conveyor, ledger) =>
          Effect.gen(function* () {
            assert.deepStrictEqual(yield* deliveredTo(world), ["img/x.png", "img/y.png", "css/a.css"])
            const before = yield* published(world, ledger, "css/a.css")
            const x = yield* published(world, ledger, "img/x.png")
            const y = yield* published(world, ledger, "img/y.png")
            assert.strictEqual(before?.content, `url(${x?.url}) url(${y?.url})`)
            yield* world.disk.write("/site/img/x.png", "x2")
            yield* untilQuiet(conveyor)
            const after = yield* published(world, ledger, "css/a.css")
            const x2 = yield* published(world, ledger, "img/x.png")
            assert.notStrictEqual(x2?.url, x?.url)
            assert.strictEqual(after?.content, `url(${x2?.url}) url(${y?.url})`)
            assert.notStrictEqual(after?.at, before?.at)
            assert.isTrue((yield* conveyor.status).inSync)
            assert.deepStrictEqual(yield* deliveredTo(world), [
              "img/x.png",
              "img/y.png",
              "css/a.css",
              "img/x.png",
              "css/a.css",
            ])
          }),
        )
      }),
    ),
  )

  it.effect("of a deploy of a style sheet and many images the style sheet goes once, last", () =>
    withWorld(["cdn"], (world) =>
      Effect.gen(function* () {
        const names = Array.from({ length: 40 }, (_, index) => `i${index}.png`)
        const sheet = names.map((name) => `url(${name})`).join(" ")
        yield* world.disk.write("/site/a.css", sheet)
        for (const name of names) yield* world.disk.write(`/site/${name}`, `${name} 1`)
        yield* inGraph(world, usual, (conveyor, ledger) =>
          Effect.gen(function* () {
            yield* world.disk.write("/site/a.css", `${sheet} v2`)
            for (const name of names) yield* world.disk.write(`/site/${name}`, `${name} 2`)
            yield* untilQuiet(conveyor)
            const puts = yield* deliveredTo(world)
            assert.strictEqual(puts.filter((one) => one === "a.css").length, 2)
            assert.strictEqual(puts.length, 82)
            assert.strictEqual(puts.at(-1), "a.css")
            yield* allLead(world, ledger, ["a.css"])
          }),
        )
      }),
    ),
  )

  it.effect("an image that is deleted: the reference stays as it was written, and nothing is kept public", () =>
    withWorld(["cdn"], (world) =>
      Effect.gen(function* () {
        yield* world.disk.write("/site/a.css", "url(x.png)")
        for (const name of ["x", "y", "z"]) yield* world.disk.write(`/site/${name}.png`, name)
        yield* inGraph(world, usual, (conveyor, ledger) =>
          Effect.gen(function* () {
            const x = yield* published(world, ledger, "x.png")
            yield* world.disk.remove("/site/x.png")
            yield* untilQuiet(conveyor)
            assert.strictEqual((yield* published(world, ledger, "a.css"))?.content, "url(x.png)")
            assert.isFalse((yield* held(world)).has(x?.at ?? ""))
          }),
        )
      }),
    ),
  )

  it.effect("what a person deleted goes after the grace period though a broken style sheet refers to it", () =>
    withWorld(["cdn"], (world) =>
      Effect.gen(function* () {
        yield* world.disk.write("/site/a.css", "url(x.png)")
        for (const name of ["x", "y", "z"]) yield* world.disk.write(`/site/${name}.png`, name)
        yield* inGraph(world, usual, (conveyor, ledger) =>
          Effect.gen(function* () {
            const x = (yield* published(world, ledger, "x.png"))?.at ?? ""
            yield* world.disk.write("/site/a.css", "poison url(x.png)")
            yield* untilQuiet(conveyor)
            yield* world.disk.remove("/site/x.png")
            yield* untilQuiet(conveyor)
            assert.isTrue((yield* held(world)).has(x), "the style sheet that is there still shows it")
            yield* TestClock.adjust(3_590_000)
            yield* untilQuiet(conveyor)
            assert.isTrue((yield* held(world)).has(x))
            yield* TestClock.adjust(20_000)
            yield* untilQuiet(conveyor)
            assert.isFalse((yield* held(world)).has(x))
          }),
        )
      }),
    ),
  )

  it.effect("a reference to a file that is not there holds up nothing, and is mended when the file appears", () =>
    withWorld(["cdn"], (world) =>
      Effect.gen(function* () {
        yield* world.disk.write("/site/a.css", "url(img/late.png) url(https://else/x.png) url(#f)")
        yield* inGraph(world, usual, (conveyor, ledger) =>
          Effect.gen(function* () {
            const before = "url(img/late.png) url(https://else/x.png) url(#f)"
            assert.strictEqual((yield* published(world, ledger, "a.css"))?.content, before)
            assert.isTrue((yield* conveyor.status).inSync)
            yield* world.disk.write("/site/img/late.png", "at last")
            yield* untilQuiet(conveyor)
            const late = yield* published(world, ledger, "img/late.png")
            const after = `url(${late?.url}) url(https://else/x.png) url(#f)`
            assert.strictEqual((yield* published(world, ledger, "a.css"))?.content, after)
          }),
        )
      }),
    ),
  )

  it.effect("a file that fails for ever does not hold those that refer to it; once it is cured they follow", () =>
    withWorld(["cdn"], (world) =>
      Effect.gen(function* () {
        yield* world.disk.write("/site/a.css", "url(b.css)")
        yield* world.disk.write("/site/b.css", "poison")
        yield* inGraph(world, usual, (conveyor, ledger) =>
          Effect.gen(function* () {
            assert.strictEqual((yield* published(world, ledger, "a.css"))?.content, "url(b.css)")
            assert.deepStrictEqual(
              (yield* conveyor.status).failures.map((failure) => failure.path),
              [path("b.css")],
            )
            yield* world.disk.write("/site/b.css", "cured")
            yield* untilQuiet(conveyor)
            const b = yield* published(world, ledger, "b.css")
            assert.strictEqual((yield* published(world, ledger, "a.css"))?.content, `url(${b?.url})`)
            yield* world.disk.write("/site/b.css", "poison again")
            yield* world.disk.write("/site/a.css", "v2 url(b.css)")
            yield* untilQuiet(conveyor)
            const v2 = yield* published(world, ledger, "a.css")
            assert.strictEqual(v2?.content, `v2 url(${b?.url})`, "the version that is there")
          }),
        )
      }),
    ),
  )

  it.effect("style sheets that refer to one another: the last in the row changes, and all before it follow", () =>
    withWorld(["cdn"], (world) =>
      Effect.gen(function* () {
        yield* world.disk.write("/site/a.css", "url(b.css)")
        yield* world.disk.write("/site/b.css", "url(c.css)")
        yield* world.disk.write("/site/c.css", "url(x.png)")
        yield* world.disk.write("/site/x.png", "1")
        yield* inGraph(world, usual, (conveyor, ledger) =>
          Effect.gen(function* () {
            assert.deepStrictEqual(yield* deliveredTo(world), ["x.png", "c.css", "b.css", "a.css"])
            const before = yield* published(world, ledger, "a.css")
            yield* world.disk.write("/site/x.png", "2")
            yield* untilQuiet(conveyor)
            yield* allLead(world, ledger, ["a.css", "b.css", "c.css"])
            const x = yield* published(world, ledger, "x.png")
            const [b, c] = [yield* published(world, ledger, "b.css"), yield* published(world, ledger, "c.css")]
            assert.strictEqual(c?.content, `url(${x?.url})`)
            const after = yield* published(world, ledger, "a.css")
            assert.strictEqual(after?.content, `url(${b?.url})`)
            assert.notStrictEqual(after?.at, before?.at)
            assert.deepStrictEqual((yield* deliveredTo(world)).slice(4), ["x.png", "c.css", "b.css", "a.css"])
          }),
        )
      }),
    ),
  )

  it.effect("cycles come to rest, and every link in them leads somewhere after every change", () =>
    withWorld(["cdn"], (world) =>
      Effect.gen(function* () {
        const names = ["a.css", "b.css", "c.css", "self.css"]
        yield* world.disk.write("/site/a.css", "url(b.css)")
        yield* world.disk.write("/site/b.css", "url(c.css) url(x.png)")
        yield* world.disk.write("/site/c.css", "url(a.css)")
        yield* world.disk.write("/site/self.css", "url(self.css) url(a.css)")
        yield* world.disk.write("/site/x.png", "1")
        yield* inGraph(world, usual, (conveyor, ledger) =>
          Effect.gen(function* () {
            const check = Effect.gen(function* () {
              yield* untilQuiet(conveyor)
              assert.isTrue((yield* conveyor.status).inSync)
              yield* allLead(world, ledger, names)
              for (const name of names) {
                const one = yield* published(world, ledger, name)
                const leads = [...(one?.content ?? "").matchAll(/url\(([^)]*)\)/g)].map((match) => match[1] ?? "")
                assert.isTrue(
                  leads.every((url) => /_[0-9a-f]{32}\./.test(url)),
                  `${name}: ${one?.content}`,
                )
              }
            })
            yield* check
            const puts = (yield* deliveredTo(world)).length
            assert.isAtMost(puts, 12)
            yield* world.disk.write("/site/x.png", "2")
            yield* check
            yield* world.disk.write("/site/c.css", "c2 url(a.css)")
            yield* check
            yield* world.disk.write("/site/a.css", "a2 url(b.css)")
            yield* world.disk.write("/site/b.css", "b2 url(c.css)")
            yield* check
            assert.isAtMost((yield* deliveredTo(world)).length, puts + 30)
            const headers = yield* world.servers.get("cdn").files
            const a = yield* published(world, ledger, "a.css")
            assert.isFalse(headers.get(a?.at as RemotePath)?.uniqueName ?? false)
          }),
        )
      }),
    ),
  )

  it.effect("the old image stays until no style sheet refers to it, and for the grace period of those that did", () =>
    withWorld(["cdn"], (world) =>
      Effect.gen(function* () {
        yield* world.disk.write("/site/a.css", "url(x.png)")
        yield* world.disk.write("/site/x.png", "1")
        yield* inGraph(world, usual, (conveyor, ledger) =>
          Effect.gen(function* () {
            const old = (yield* published(world, ledger, "x.png"))?.at ?? ""
            const sheet = (yield* published(world, ledger, "a.css"))?.at ?? ""
            yield* world.disk.write("/site/a.css", "poison url(x.png)")
            yield* untilQuiet(conveyor)
            yield* world.disk.write("/site/x.png", "2")
            yield* untilQuiet(conveyor)
            yield* TestClock.adjust(8 * 3_600_000)
            yield* untilQuiet(conveyor)
            assert.isTrue((yield* held(world)).has(old), "the style sheet can not be made again")
            yield* world.disk.write("/site/a.css", "healed url(x.png)")
            yield* untilQuiet(conveyor)
            assert.isTrue((yield* held(world)).has(old), "the old style sheet is fetched for a while")
            assert.isTrue((yield* held(world)).has(sheet))
            yield* TestClock.adjust(3_590_000)
            yield* untilQuiet(conveyor)
            assert.isTrue((yield* held(world)).has(old))
            yield* TestClock.adjust(20_000)
            yield* untilQuiet(conveyor)
            assert.isFalse((yield* held(world)).has(old))
            assert.isFalse((yield* held(world)).has(sheet))
            yield* allLead(world, ledger, ["a.css"])
          }),
        )
      }),
    ),
  )

  it.effect("each server has its own URLs, and one that is down holds up nobody else", () =>
    withWorld(["cdn", "mirror"], (world) =>
      Effect.gen(function* () {
        const both = ["cdn", "mirror"]
        yield* world.disk.write("/site/a.css", "url(x.png)")
        yield* world.disk.write("/site/x.png", "1")
        yield* inGraph(world, config([styles(both), images(both)], both), (conveyor, ledger) =>
          Effect.gen(function* () {
            const check = Effect.fnUntraced(function* (server: string) {
              const x = yield* published(world, ledger, "x.png", server)
              assert.strictEqual((yield* published(world, ledger, "a.css", server))?.content, `url(${x?.url})`)
              return x?.url
            })
            assert.notStrictEqual(yield* check("cdn"), yield* check("mirror"))
            yield* world.servers.get("mirror").set({ up: false })
            yield* world.disk.write("/site/x.png", "2")
            yield* untilQuiet(conveyor)
            const before = yield* check("mirror")
            assert.notStrictEqual((yield* check("cdn"))?.replace("cdn", ""), before?.replace("mirror", ""))
            yield* world.servers.get("mirror").set({ up: true })
            yield* TestClock.adjust(600_000)
            yield* untilQuiet(conveyor)
            assert.notStrictEqual(yield* check("mirror"), before)
            assert.isTrue((yield* conveyor.status).inSync)
          }),
        )
      }),
    ),
  )

  it.effect("after a stop at any moment the next run brings the style sheet up to date", () =>
    Effect.forEach(
      Array.from({ length: 24 }, (_, step) => step * 4),
      (step) =>
        withWorld(["cdn"], (world) =>
          Effect.gen(function* () {
            const state = emptyState()
            yield* world.disk.write("/site/a.css", "url(b.css) url(x.png)")
            yield* world.disk.write("/site/b.css", "url(x.png)")
            yield* world.disk.write("/site/x.png", "1")
            yield* inGraph(
              world,
              usual,
              () =>
                Effect.gen(function* () {
                  yield* world.disk.write("/site/x.png", "2")
                  for (let turn = 0; turn < step; turn++) yield* Effect.yieldNow
                }),
              state,
            )
            yield* TestClock.adjust(60_000)
            yield* inGraph(
              world,
              usual,
              (conveyor, ledger) =>
                Effect.gen(function* () {
                  const x = yield* published(world, ledger, "x.png")
                  const b = yield* published(world, ledger, "b.css")
                  assert.strictEqual(b?.content, `url(${x?.url})`, `stopped after ${step}`)
                  assert.strictEqual(
                    (yield* published(world, ledger, "a.css"))?.content,
                    `url(${b?.url}) url(${x?.url})`,
                  )
                  assert.isTrue((yield* conveyor.status).inSync)
                }),
              state,
            )
          }),
        ),
      { discard: true },
    ),
  )

  it.effect("references from the site's root, through links, with queries and fragments", () =>
    withWorld(["cdn"], (world) =>
      Effect.gen(function* () {
        yield* world.disk.write(
          "/site/css/a.css",
          "url(/base/img/x%20y.png?v=1#f) url(/else/img/x%20y.png) url(../link/x%20y.png)",
        )
        yield* world.disk.write("/site/img/x y.png", "1")
        yield* world.disk.symlink("img", "/site/link")
        const source = { documentRoot: "/site", basePath: "/base/", logicalBasePath: true }
        yield* inGraph(world, config([styles(["cdn"]), images(["cdn"])], ["cdn"], source), (_, ledger) =>
          Effect.gen(function* () {
            const x = yield* published(world, ledger, "img/x y.png")
            const expected = `url(${x?.url}?v=1#f) url(/else/img/x%20y.png) url(${x?.url})`
            assert.strictEqual((yield* published(world, ledger, "css/a.css"))?.content, expected)
          }),
        )
      }),
    ),
  )

  it.effect("while it waits, the status says so, and it is no failure", () =>
    withWorld(["cdn"], (world) =>
      Effect.gen(function* () {
        yield* world.disk.write("/site/a.css", "url(x.png)")
        yield* world.disk.write("/site/x.png", "1")
        yield* inGraph(world, usual, (conveyor, ledger) =>
          Effect.gen(function* () {
            const before = yield* published(world, ledger, "a.css")
            // Somebody writes the image and does not come to an end; the style sheet is there meanwhile.
            yield* world.disk.write("/site/x.png", "2", { close: false })
            yield* world.disk.write("/site/a.css", "new url(x.png)")
            yield* turns
            const { failures, inSync, servers } = yield* conveyor.status
            assert.deepStrictEqual(failures, [])
            assert.isFalse(inSync)
            assert.strictEqual(servers[0]?.referring, 1)
            assert.strictEqual((yield* published(world, ledger, "a.css"))?.content, before?.content)
            yield* world.disk.close("/site/x.png")
            yield* untilQuiet(conveyor)
            const x = yield* published(world, ledger, "x.png")
            assert.strictEqual((yield* published(world, ledger, "a.css"))?.content, `new url(${x?.url})`)
            assert.strictEqual((yield* conveyor.status).servers[0]?.referring, 0)
          }),
        )
      }),
    ),
  )

  it.effect("more of them than are remembered wait, and all are there in the end", () =>
    withWorld(["cdn"], (world) =>
      inGraph(world, usual, (conveyor, ledger) =>
        Effect.gen(function* () {
          const names = Array.from({ length: WAITING_REFERRERS + 50 }, (_, sheet) => `${sheet % 100}/${sheet}.css`)
          yield* world.disk.write("/site/x.png", "1", { close: false })
          for (let folder = 0; folder < 100; folder++) yield* world.disk.mkdir(`/site/${folder}`)
          for (const name of names) yield* world.disk.write(`/site/${name}`, "url(../x.png)")
          const referring = Effect.map(conveyor.status, ({ servers }) => servers[0]?.referring ?? 0)
          for (let look = 0; look < 1_000 && (yield* referring) < WAITING_REFERRERS; look++) yield* turns
          const { failures, inSync } = yield* conveyor.status
          assert.strictEqual(yield* referring, WAITING_REFERRERS)
          assert.deepStrictEqual(failures, [])
          assert.isFalse(inSync)
          assert.deepStrictEqual([...(yield* held(world)).keys()], [])
          yield* world.disk.close("/site/x.png")
          yield* untilQuiet(conveyor)
          const x = yield* published(world, ledger, "x.png")
          const contents = [...(yield* held(world))].filter(([at]) => at.endsWith(".css")).map(([, content]) => content)
          assert.strictEqual(contents.length, names.length)
          assert.deepStrictEqual([...new Set(contents)], [`url(${x?.url})`])
          assert.isTrue((yield* conveyor.status).inSync)
        }),
      ),
    ),
  )

  it.effect("a CDN is told of a style sheet that says another address though its source is the same", () =>
    withWorld([{ name: "cdn", cdn: true }], (world) =>
      Effect.gen(function* () {
        const asItIs = testRule("as it is", ["cdn"], { path: "plain" })
        const updated = testRule("updated", ["cdn"], { path: "styles", chain: [use("toy.Links")] })
        yield* world.disk.write("/site/a.css", "url(a.css)")
        yield* inGraph(world, config([asItIs, updated]), (conveyor) =>
          Effect.gen(function* () {
            const address = (place: string) => world.servers.get("cdn").transporter.url(place as RemotePath)
            assert.strictEqual((yield* held(world)).get("styles/a.css"), `url(${address("plain/a.css")})`)
            yield* TestClock.adjust(5_000)
            yield* world.disk.touch("/site/a.css")
            yield* untilQuiet(conveyor)
            assert.strictEqual((yield* held(world)).get("styles/a.css"), `url(${address("styles/a.css")})`)
            assert.deepStrictEqual(yield* world.servers.get("cdn").invalidations, [["styles/a.css" as RemotePath]])
          }),
        )
      }),
    ),
  )

  it.effect("a style sheet that refers to itself and is refused is tried again after a pause, not at once", () =>
    withWorld(["cdn"], (world) =>
      Effect.gen(function* () {
        yield* world.servers
          .get("cdn")
          .inject({ fault: { _tag: "Fail", reason: { _tag: "PermissionDenied" } }, operations: ["put"] })
        yield* world.disk.write("/site/a.css", "url(a.css)")
        yield* inGraph(world, usual, (conveyor) =>
          Effect.gen(function* () {
            yield* TestClock.adjust(600_000)
            yield* untilQuiet(conveyor)
            const tried = (yield* world.servers.get("cdn").log).filter((one) => one.operation === "put").length
            assert.isAtMost(tried, 30)
            yield* world.servers.get("cdn").heal
            yield* TestClock.adjust(3_600_000)
            yield* untilQuiet(conveyor)
            assert.strictEqual((yield* held(world)).size, 1)
          }),
        )
      }),
    ),
  )

  it.effect("a file that nobody reports is not waited for without end", () =>
    withWorld(["cdn"], (world) =>
      Effect.gen(function* () {
        yield* world.disk.write("/site/a.css", "url(x.png)")
        yield* world.disk.write("/site/x.png", "1")
        yield* inGraph(world, usual, (conveyor, ledger) =>
          Effect.gen(function* () {
            yield* world.watcher.setFaults({ drop: 1 })
            yield* world.disk.write("/site/x.png", "2")
            yield* world.watcher.setFaults({ drop: 0 })
            const x = yield* published(world, ledger, "x.png")
            yield* world.disk.write("/site/a.css", "new url(x.png)")
            yield* untilQuiet(conveyor)
            assert.strictEqual((yield* published(world, ledger, "a.css"))?.content, `new url(${x?.url})`)
            yield* TestClock.adjust(3_700_000)
            yield* untilQuiet(conveyor)
            const after = yield* published(world, ledger, "x.png")
            assert.notStrictEqual(after?.url, x?.url)
            assert.strictEqual((yield* published(world, ledger, "a.css"))?.content, `new url(${after?.url})`)
          }),
        )
      }),
    ),
  )
})
