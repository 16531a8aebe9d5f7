import { execFileSync } from "node:child_process"
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from "node:fs"
import { hostname } from "node:os"
import { Worker } from "node:worker_threads"
import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Fiber, Layer, Option } from "effect"
import type { SourceError, TransportError } from "../../../src/domain/Errors.ts"
import type { RelativePath, ServerName } from "../../../src/domain/Path.ts"
import { SourceFiles } from "../../../src/domain/SourceFiles.ts"
import { Transporter } from "../../../src/domain/Transporter.ts"
import { layerDiskWorkers } from "../../../src/layers/disk/DiskWorkers.ts"
import { native } from "../../../src/layers/nativePath.ts"
import { layerLocal } from "../../../src/layers/sourceFiles/local.ts"
import { symlinkOrCopy } from "../../../src/layers/transporters/symlinkOrCopy.ts"
import { contentOf, outputFile, remote, sha256, specimen, transporterContract } from "../../contract/transporter.ts"
import { everythingBelow, sourceAt, temporaryDirectory, until, write } from "../disk/temporaryTree.ts"

const server = { name: "origin pull" as ServerName, maxConnections: 0 }
const URL_BASE = "http://static.example.com/"

const layerAt = (location: string, mode: "auto" | "copy" = "auto") =>
  symlinkOrCopy.layer({ location, url: URL_BASE, mode }, server).pipe(Layer.provideMerge(layerDiskWorkers()))

const harness = Effect.map(temporaryDirectory, (directory) => {
  const location = `${directory}/published`
  return {
    layer: layerAt(location),
    url: URL_BASE,
    read: (path: string) =>
      Effect.sync(() =>
        existsSync(native(`${location}/${path}`)) ? readFileSync(native(`${location}/${path}`)) : undefined,
      ),
    everything: Effect.sync(() => (existsSync(location) ? everythingBelow(location) : [])),
    breakDown: Effect.sync(() => {
      renameSync(directory, `${directory}-away`)
      return Effect.sync(() => renameSync(`${directory}-away`, directory))
    }),
  }
})

transporterContract("symlink_or_copy", harness)

const world = (mode: "auto" | "copy" = "copy") =>
  Effect.gen(function* () {
    const directory = yield* temporaryDirectory
    const root = `${directory}/source`
    const location = `${directory}/published`
    mkdirSync(root)
    const source = sourceAt(root)
    const scope = yield* Effect.scope
    const context = yield* Layer.buildWithScope(layerLocal.pipe(Layer.provideMerge(layerAt(location, mode))), scope)
    const files = Context.get(context, SourceFiles)
    const transporter = Context.get(context, Transporter)
    /** Writes a file of the source (or one of so many zeros), and gives it as it is to be published. */
    const file = Effect.fnUntraced(function* (path: string, bytes: Uint8Array | string | number, sourceStays = true) {
      write(`${root}/${path}`, typeof bytes === "number" ? "" : bytes)
      if (typeof bytes === "number") truncateSync(`${root}/${path}`, bytes)
      const relative = path as RelativePath
      const state = yield* files.stat(source, relative)
      assert.isDefined(state)
      return { ...outputFile(files.content(source, relative, state)), path: relative, state, sourceStays }
    })
    return { directory, root, location, source, files, transporter, file }
  })

const reasonOf = <A, R>(effect: Effect.Effect<A, TransportError | SourceError, R>) =>
  Effect.map(Effect.flip(effect), ({ reason }) => (typeof reason === "string" ? reason : reason._tag))

/**
 * A thread that reads a file over and over. What it gives: 1 to stop it, 2 once it has; how often it read; how often the
 * file was missing or of another size than 2000 and 3000.
 */
const readerOf = (location: string) =>
  Effect.map(
    Effect.acquireRelease(
      Effect.sync(() => {
        const told = new Int32Array(new SharedArrayBuffer(12))
        const body = `
          const { readFileSync } = require("node:fs")
          const { location, told } = require("node:worker_threads").workerData
          while (Atomics.load(told, 0) === 0) {
            let size = -1
            try { size = readFileSync(location).length } catch {}
            Atomics.add(told, 1, 1)
            if (size !== 2000 && size !== 3000) Atomics.add(told, 2, 1)
          }
          Atomics.store(told, 0, 2)`
        return { told, worker: new Worker(body, { eval: true, workerData: { location, told } }) }
      }),
      ({ worker }) => Effect.promise(() => worker.terminate()),
    ),
    ({ told }) => told,
  )

describe("symlink_or_copy, files of a source", () => {
  it.live("are links where they stay, copies where they do not, copies where the config says so", () =>
    Effect.gen(function* () {
      const { file, location, root, transporter } = yield* world("auto")
      const stays = yield* transporter.put(yield* file("a/stays", "one"), remote("x/stays"))
      const goes = yield* transporter.put(yield* file("a/goes", "two", false), remote("x/goes"))
      assert.strictEqual(readlinkSync(`${location}/x/stays`), `${root}/a/stays`)
      assert.strictEqual(stays.sha256, "")
      assert.isTrue(lstatSync(`${location}/x/goes`).isFile())
      assert.strictEqual(goes.sha256, sha256(Buffer.from("two")))
      assert.strictEqual(Option.getOrThrow(yield* transporter.stat(remote("x/stays"))).size, 3)
      yield* transporter.remove(remote("x/stays"))
      assert.strictEqual(readFileSync(`${root}/a/stays`, "utf8"), "one")
      const other = yield* world("copy")
      yield* other.transporter.put(yield* other.file("a", "three"), remote("a"))
      assert.isTrue(lstatSync(`${other.location}/a`).isFile())
    }),
  )

  it.live("a link becomes a copy and a copy a link without a gap", () =>
    Effect.gen(function* () {
      const { file, location, root, transporter } = yield* world("auto")
      for (const stays of [true, false, true, true]) {
        yield* transporter.put(yield* file("a", `${stays}`, stays), remote("a"))
        assert.strictEqual(lstatSync(`${location}/a`).isSymbolicLink(), stays)
        assert.strictEqual(readFileSync(`${root}/a`, "utf8"), `${stays}`)
        assert.deepStrictEqual(everythingBelow(location), ["a"])
      }
    }),
  )

  it.live("are never missing nor half there for a reader in a loop while they are replaced", () =>
    Effect.gen(function* () {
      const { file, location, transporter } = yield* world()
      const versions = [yield* file("a", specimen(3000, 1)), yield* file("b", specimen(2000, 2))]
      const put = (at: number) =>
        Effect.forEach(versions.slice(at, at + 1), (v) => transporter.put(v, remote("d/file")))
      yield* put(0)
      const reader = yield* readerOf(`${location}/d/file`)
      yield* until(() => Atomics.load(reader, 1) > 0)
      for (let round = 1; round <= 400; round++) yield* put(round % 2)
      Atomics.store(reader, 0, 1)
      yield* until(() => Atomics.load(reader, 0) === 2)
      assert.isAbove(Atomics.load(reader, 1), 100)
      assert.strictEqual(Atomics.load(reader, 2), 0)
    }),
  )

  it.live("copies have the source's time and can be read by everybody", () =>
    Effect.gen(function* () {
      const { file, files, location, root, source, transporter } = yield* world()
      const before = yield* file("a", "text")
      utimesSync(`${root}/a`, 1_500_000_000.25, 1_500_000_000.25)
      const state = yield* files.stat(source, "a" as RelativePath)
      assert.isDefined(state)
      yield* transporter.put({ ...before, state, content: files.content(source, before.path, state) }, remote("a"))
      const difference = state.mtimeNs - statSync(`${location}/a`, { bigint: true }).mtimeNs
      assert.isTrue(difference > -1000n && difference < 1000n, `${difference} ns apart`)
      assert.strictEqual(lstatSync(`${location}/a`).mode & 0o777, 0o644)
    }),
  )

  it.live("that changed, shrank, vanished or became something else before are not published", () =>
    Effect.gen(function* () {
      for (const mode of ["copy", "auto"] as const) {
        const { directory, file, location, root, transporter } = yield* world(mode)
        const harm: ReadonlyArray<(at: string) => void> = [
          (at) => writeFileSync(at, "other"),
          (at) => truncateSync(at, 1),
          (at) => rmSync(at),
          (at) => {
            rmSync(at)
            mkdirSync(at)
          },
          (at) => {
            rmSync(at)
            execFileSync("mkfifo", [at])
          },
          (at) => {
            write(`${directory}/secret`, "secret")
            rmSync(at)
            symlinkSync(`${directory}/secret`, at)
          },
        ]
        for (const [index, spoil] of harm.entries()) {
          const planned = yield* file(`${index}`, "text")
          spoil(`${root}/${index}`)
          assert.strictEqual(yield* reasonOf(transporter.put(planned, remote(`d/${index}`))), "SourceChanged")
        }
        assert.deepStrictEqual(existsSync(location) ? everythingBelow(location).filter((at) => at !== "d/") : [], [])
      }
    }),
  )

  const BIG = 134_217_728
  const during = (what: string, spoil: (at: string) => void) =>
    it.live(`that ${what} while they are copied are not published`, () =>
      Effect.gen(function* () {
        const { file, location, root, transporter } = yield* world()
        const planned = yield* file("big", BIG)
        const fiber = yield* Effect.forkChild(reasonOf(transporter.put(planned, remote("d/big"))))
        yield* until(() => existsSync(`${location}/d`) && readdirSync(`${location}/d`).length > 0)
        spoil(`${root}/big`)
        assert.strictEqual(yield* Fiber.join(fiber), "SourceChanged")
        assert.deepStrictEqual(everythingBelow(location), ["d/"])
      }),
    )
  during("grow", (at) => truncateSync(at, BIG + 1))
  during("shrink", (at) => truncateSync(at, 1))
  during("are touched", (at) => utimesSync(at, 1, 1))

  it.live("that are big are given up at once when nobody waits any more", () =>
    Effect.gen(function* () {
      const { file, location, transporter } = yield* world()
      const planned = yield* file("big", 8 * BIG)
      const fiber = yield* Effect.forkChild(transporter.put(planned, remote("d/big")))
      yield* until(() => existsSync(`${location}/d`) && readdirSync(`${location}/d`).length > 0)
      yield* transporter.put(yield* file("small", "small"), remote("small"))
      yield* Fiber.interrupt(fiber)
      assert.deepStrictEqual([...everythingBelow(location)].sort(), ["d/", "small"])
    }),
  )
})

describe("symlink_or_copy stays inside its location", () => {
  it.live("nothing is written, removed or told through a link", () =>
    Effect.gen(function* () {
      const { directory, file, location, transporter } = yield* world()
      const outside = `${directory}/outside`
      write(`${outside}/inner/precious`, "precious")
      yield* transporter.put(yield* file("a", "text"), remote("real/a"))
      symlinkSync(outside, `${location}/link`)
      symlinkSync("../outside/inner", `${location}/real/link`)
      for (const path of ["link/inner/precious", "link/new", "real/link/precious", "link/inner/deep/er"]) {
        assert.strictEqual(yield* reasonOf(transporter.put(yield* file("a", "text"), remote(path))), "PermissionDenied")
        yield* transporter.remove(remote(path))
        assert.isTrue(Option.isNone(yield* transporter.stat(remote(path))))
      }
      assert.deepStrictEqual(everythingBelow(outside), ["inner/", "inner/precious"])
      assert.strictEqual(readFileSync(`${outside}/inner/precious`, "utf8"), "precious")
    }),
  )

  it.live("a directory that was used before and is swapped for a link is noticed", () =>
    Effect.gen(function* () {
      const { directory, file, location, transporter } = yield* world()
      mkdirSync(`${directory}/outside`)
      const put = Effect.flatMap(file("a", "text"), (planned) => transporter.put(planned, remote("dir/a")))
      yield* put
      renameSync(`${location}/dir`, `${directory}/away`)
      symlinkSync(`${directory}/outside`, `${location}/dir`)
      assert.strictEqual(yield* reasonOf(put), "PermissionDenied")
      assert.deepStrictEqual(everythingBelow(`${directory}/outside`), [])
      rmSync(`${location}/dir`)
      yield* put
      assert.strictEqual(readFileSync(`${location}/dir/a`, "utf8"), "text")
    }),
  )

  it.live("a link at the place of a file is replaced, and what it led to is not touched", () =>
    Effect.gen(function* () {
      const { directory, file, location, transporter } = yield* world()
      write(`${directory}/precious`, "precious")
      yield* transporter.put(yield* file("a", "text"), remote("b"))
      symlinkSync(`${directory}/precious`, `${location}/a`)
      yield* transporter.put(yield* file("a", "text"), remote("a"))
      assert.isTrue(lstatSync(`${location}/a`).isFile())
      assert.strictEqual(readFileSync(`${directory}/precious`, "utf8"), "precious")
    }),
  )

  it.live("a published file gives way to a directory and back when its time comes", () =>
    Effect.gen(function* () {
      const { file, location, transporter } = yield* world("auto")
      for (const stays of [true, false]) {
        const name = `a${stays}`
        yield* transporter.put(yield* file("one", "1", stays), remote(name))
        const below = transporter.put(yield* file("two", "2", stays), remote(`${name}/b/c`))
        assert.strictEqual(yield* reasonOf(below), stays ? "PermissionDenied" : "Rejected")
        yield* transporter.remove(remote(name))
        yield* below
        const back = transporter.put(yield* file("one", "1", stays), remote(name))
        assert.strictEqual(yield* reasonOf(back), "Rejected")
        assert.strictEqual(readFileSync(`${location}/${name}/b/c`, "utf8"), "2")
        rmSync(`${location}/${name}/b/c`)
        yield* back
        assert.strictEqual(readFileSync(`${location}/${name}`, "utf8"), "1")
        yield* transporter.remove(remote(name))
        assert.deepStrictEqual(everythingBelow(location), [])
      }
    }),
  )

  it.live("its location may be a link itself; it is made, but not the directories above it", () =>
    Effect.gen(function* () {
      const directory = yield* temporaryDirectory
      mkdirSync(`${directory}/real`)
      symlinkSync("real", `${directory}/link`)
      const put = Effect.flatMap(Transporter, (t) => t.put(outputFile(contentOf(specimen(3))), remote("a/b")))
      yield* Effect.provide(put, layerAt(`${directory}/link`))
      assert.deepStrictEqual(everythingBelow(`${directory}/real`), ["a/", "a/b"])
      assert.strictEqual(yield* reasonOf(Effect.provide(put, layerAt(`${directory}/not/there`))), "Unreachable")
      yield* Effect.provide(put, layerAt(`${directory}/there`))
      assert.deepStrictEqual(everythingBelow(`${directory}/there`), ["a/", "a/b"])
    }),
  )
})

describe("symlink_or_copy and what crashed runs left", () => {
  it.live("removes their temporaries, and no others", () =>
    Effect.gen(function* () {
      const { file, location, transporter } = yield* world()
      const machine = sha256(Buffer.from(hostname())).slice(0, 8)
      const dead = execFileSync("sh", ["-c", "echo $$"], { encoding: "utf8" }).trim()
      const name = (host: string, pid: number) => `.fc-${host}-${pid.toString(36)}-abc-1-1.tmp`
      const left = name(machine, Number(dead))
      const earlier = name(machine, process.pid)
      const alive = name(machine, 1)
      const elsewhere = name("00000000", 1)
      const stranger = ".fc-notes.tmp"
      for (const temporary of [left, earlier, alive, elsewhere, stranger]) write(`${location}/d/${temporary}`, "half")
      yield* transporter.put(yield* file("a", "text"), remote("d/a"))
      assert.deepStrictEqual([...readdirSync(`${location}/d`)].sort(), [alive, elsewhere, stranger, "a"].sort())
    }),
  )

  it.live("does not publish under the name of a temporary", () =>
    Effect.gen(function* () {
      const { file, transporter } = yield* world("auto")
      const name = ".fc-00000000-a-b-c-d.tmp"
      for (const stays of [true, false]) {
        const put = transporter.put(yield* file("a", "text", stays), remote(`d/${name}`))
        assert.strictEqual(yield* reasonOf(put), "NameRefused")
      }
    }),
  )
})

const mounted = (options: string) =>
  Effect.flatMap(temporaryDirectory, (directory) =>
    Effect.acquireRelease(
      Effect.sync(() => {
        execFileSync("mount", ["-t", "tmpfs", "-o", options, "none", directory])
        return directory
      }),
      (mount) => Effect.sync(() => execFileSync("umount", [mount])),
    ),
  )

const mayMount = (() => {
  if (process.getuid?.() !== 0 || process.platform !== "linux") return false
  try {
    Effect.runSync(Effect.scoped(mounted("size=64k")))
    return true
  } catch {
    return false
  }
})()

describe.skipIf(!mayMount)("symlink_or_copy and disks", () => {
  const put = (size: number, path: string, seed = 1) =>
    Effect.flatMap(Transporter, (t) => t.put(outputFile(contentOf(specimen(size, seed))), remote(path)))

  it.live("a full one is out of space, and the old file is still there", () =>
    Effect.gen(function* () {
      const location = yield* mounted("size=256k")
      const { file } = yield* world()
      yield* Effect.provide(
        Effect.gen(function* () {
          yield* put(50_000, "a")
          assert.strictEqual(yield* reasonOf(put(400_000, "a", 2)), "OutOfSpace")
          const transporter = yield* Transporter
          const big = yield* file("big", specimen(400_000), false)
          assert.strictEqual(yield* reasonOf(transporter.put(big, remote("a"))), "OutOfSpace")
          assert.strictEqual(sha256(readFileSync(`${location}/a`)), sha256(specimen(50_000)))
          assert.deepStrictEqual(everythingBelow(location), ["a"])
          yield* put(100_000, "b")
        }),
        layerAt(location),
      )
    }),
  )

  it.live("a read-only one is out of reach", () =>
    Effect.gen(function* () {
      const location = yield* mounted("size=256k")
      yield* Effect.provide(
        Effect.gen(function* () {
          yield* put(50, "a")
          execFileSync("mount", ["-o", "remount,ro", location])
          assert.strictEqual(yield* reasonOf(put(60, "a")), "Unreachable")
          assert.strictEqual(yield* reasonOf(put(60, "new/b")), "Unreachable")
          const transporter = yield* Transporter
          assert.strictEqual(yield* reasonOf(transporter.remove(remote("a"))), "Unreachable")
          assert.strictEqual(Option.getOrThrow(yield* transporter.stat(remote("a"))).size, 50)
        }),
        layerAt(location),
      )
    }),
  )
})
