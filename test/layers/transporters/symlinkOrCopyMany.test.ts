/** Many files in one request: each as if it came alone, and new directories appear with what is in them. */
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
} from "node:fs"
import { hostname } from "node:os"
import { createHash } from "node:crypto"
import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Layer, Result } from "effect"
import type { RelativePath, ServerName } from "../../../src/domain/Path.ts"
import { SourceFiles } from "../../../src/domain/SourceFiles.ts"
import { type Shipment, Transporter } from "../../../src/domain/Transporter.ts"
import { layerDiskWorkers } from "../../../src/layers/disk/DiskWorkers.ts"
import { layerLocal } from "../../../src/layers/sourceFiles/local.ts"
import { symlinkOrCopy } from "../../../src/layers/transporters/symlinkOrCopy.ts"
import { contentOf, outputFile, remote, sha256 } from "../../contract/transporter.ts"
import { everythingBelow, sourceAt, temporaryDirectory, write } from "../disk/temporaryTree.ts"

const world = Effect.fnUntraced(function* (mode: "auto" | "copy" = "copy") {
  const directory = yield* temporaryDirectory
  const root = `${directory}/source`
  const location = `${directory}/published`
  mkdirSync(root)
  const source = sourceAt(root)
  const server = { name: "cdn" as ServerName, maxConnections: 0 }
  const layer = symlinkOrCopy
    .layer({ location, url: "http://x/", mode }, server)
    .pipe((transporter) => layerLocal.pipe(Layer.provideMerge(transporter)), Layer.provideMerge(layerDiskWorkers()))
  const context = yield* Layer.buildWithScope(layer, yield* Effect.scope)
  const files = Context.get(context, SourceFiles)
  const { putMany } = Context.get(context, Transporter)
  assert.isDefined(putMany)
  const shipment = Effect.fnUntraced(function* (path: string, text: string, to = path) {
    write(`${root}/${path}`, text)
    const relative = path as RelativePath
    const state = yield* files.stat(source, relative)
    assert.isDefined(state)
    const file = { ...outputFile(files.content(source, relative, state)), path: relative, state, sourceStays: true }
    const one: Shipment = { file, to: remote(to) }
    return one
  })
  /** The hash of each, or why it failed. */
  const send = (shipments: ReadonlyArray<Shipment>) =>
    Effect.map(putMany(shipments), (results) =>
      results.map((result) => (Result.isSuccess(result) ? result.success.sha256 : result.failure.reason._tag)),
    )
  return { directory, root, location, shipment, send }
})

const names = ["a", "b", "c d", "caf\udce9", "two\nlines", "😀"]
const hashOf = (text: string) => sha256(Buffer.from(text))

describe("symlink_or_copy, many at once", () => {
  it.live("fills new directories, adds to old ones, and says for each what became of it", () =>
    Effect.gen(function* () {
      const { location, send, shipment } = yield* world()
      const first = yield* Effect.forEach(names, (name) => shipment(`new/deep/${name}`, `1 ${name}`))
      assert.deepStrictEqual(
        yield* send(first),
        names.map((name) => hashOf(`1 ${name}`)),
      )
      assert.strictEqual(statSync(`${location}/new/deep`).mode & 0o777, 0o755)
      assert.strictEqual(statSync(`${location}/new/deep/a`).mode & 0o777, 0o644)
      const second = yield* Effect.forEach(names, (name) => shipment(`new/deep/${name}`, `2 ${name}`))
      const more = yield* Effect.forEach(names, (name) => shipment(`new/deep/more-${name}`, name))
      const top = yield* Effect.forEach(names, (name) => shipment(name, `top ${name}`))
      const all = [...second, ...more, ...top]
      assert.isTrue((yield* send(all)).every((hash) => hash.length === 64))
      const expected = ["new/", "new/deep/", ...all.map(({ to }) => to as string)].sort()
      assert.deepStrictEqual([...everythingBelow(location)].sort(), expected)
      assert.strictEqual(readFileSync(`${location}/new/deep/c d`, "utf8"), "2 c d")
    }),
  )

  it.live("one that vanished, changed or has a reserved name does not keep the others back", () =>
    Effect.gen(function* () {
      for (const prepared of [false, true]) {
        const { location, root, send, shipment } = yield* world()
        if (prepared) mkdirSync(`${location}/d`, { recursive: true })
        const shipments = yield* Effect.forEach(["a", "b", "c", "d", "e", "f"], (name) => shipment(`d/${name}`, name))
        rmSync(`${root}/d/b`)
        write(`${root}/d/c`, "longer")
        const reserved = yield* shipment("d/x", "x", "d/.fc-00000000-a-b-c-d.tmp")
        const outcomes = yield* send([...shipments, reserved])
        assert.deepStrictEqual(outcomes, [
          hashOf("a"),
          "SourceChanged",
          "SourceChanged",
          hashOf("d"),
          hashOf("e"),
          hashOf("f"),
          "NameRefused",
        ])
        assert.deepStrictEqual(readdirSync(`${location}/d`).sort(), ["a", "d", "e", "f"])
        assert.deepStrictEqual(readdirSync(location), ["d"])
      }
    }),
  )

  it.live("when none can be put, no directory is left behind", () =>
    Effect.gen(function* () {
      const { location, root, send, shipment } = yield* world()
      const shipments = yield* Effect.forEach(["a", "b", "c", "d"], (name) => shipment(`d/${name}`, name))
      rmSync(`${root}/d`, { recursive: true })
      assert.deepStrictEqual(
        yield* send(shipments),
        Array.from({ length: 4 }, () => "SourceChanged"),
      )
      assert.deepStrictEqual(readdirSync(location), [])
    }),
  )

  it.live("requests for one new directory at the same time all arrive", () =>
    Effect.gen(function* () {
      const { location, send, shipment } = yield* world()
      for (let round = 0; round < 20; round++) {
        const groups = yield* Effect.forEach([0, 1, 2, 3], (group) =>
          Effect.forEach([0, 1, 2, 3, 4], (file) => shipment(`r${round}/${group}-${file}`, "x")),
        )
        yield* Effect.forEach(groups, send, { concurrency: "unbounded" })
        assert.strictEqual(readdirSync(`${location}/r${round}`).length, 20)
      }
      assert.strictEqual(readdirSync(location).length, 20)
    }),
  )

  it.live(
    "a link or a file where the directory should be is in the way of all, and nothing is written through it",
    () =>
      Effect.gen(function* () {
        const { directory, location, send, shipment } = yield* world()
        mkdirSync(`${directory}/elsewhere`)
        mkdirSync(location)
        symlinkSync(`${directory}/elsewhere`, `${location}/link`)
        write(`${location}/file`, "a file")
        const into = (place: string) =>
          Effect.forEach(["a", "b", "c", "d"], (name) => shipment(`${place}/${name}`, name, `${place}/${name}`))
        for (const place of ["link", "file", "link/deeper"]) {
          const outcomes = yield* send(yield* into(place))
          assert.deepStrictEqual([...new Set(outcomes)], [place === "file" ? "Rejected" : "PermissionDenied"])
        }
        assert.deepStrictEqual(readdirSync(`${directory}/elsewhere`), [])
        assert.deepStrictEqual(readdirSync(location).sort(), ["file", "link"])
      }),
  )

  it.live("links stay links, and contents that are nowhere on disk are written too", () =>
    Effect.gen(function* () {
      const { location, send, shipment } = yield* world("auto")
      const shipments = yield* Effect.forEach(["a", "b", "c", "d", "e"], (name) => shipment(`d/${name}`, name))
      const [first, second, ...others] = shipments
      if (first === undefined || second === undefined) return assert.fail("there are five")
      const goes: Shipment = { ...second, file: { ...second.file, sourceStays: false } }
      const made: Shipment = { file: outputFile(contentOf(Buffer.from("made"))), to: remote("d/made") }
      assert.deepStrictEqual(yield* send([first, goes, made, ...others]), ["", hashOf("b"), hashOf("made"), "", "", ""])
      assert.isTrue(lstatSync(`${location}/d/a`).isSymbolicLink())
      assert.isTrue(lstatSync(`${location}/d/b`).isFile())
      assert.strictEqual(readFileSync(`${location}/d/made`, "utf8"), "made")
    }),
  )

  it.live("a directory that a crashed run had begun to fill is removed", () =>
    Effect.gen(function* () {
      const { location, send, shipment } = yield* world()
      const machine = createHash("sha256").update(hostname()).digest("hex").slice(0, 8)
      const left = `${location}/d/.fc-${machine}-${(2 ** 22 + 7).toString(36)}-abc-1-1.tmp`
      write(`${left}/half`, "ha")
      chmodSync(left, 0o755)
      yield* send(yield* Effect.forEach(["a", "b", "c", "d"], (name) => shipment(`d/${name}`, name)))
      assert.isFalse(existsSync(left))
      assert.deepStrictEqual(readdirSync(`${location}/d`).sort(), ["a", "b", "c", "d"])
    }),
  )
})
