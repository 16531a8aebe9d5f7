import { execFileSync } from "node:child_process"
import { existsSync, mkdirSync, readFileSync, readdirSync, statSync, symlinkSync, writeFileSync } from "node:fs"
import { createHash } from "node:crypto"
import { assert, describe, it } from "@effect/vitest"
import { Context, Deferred, Effect, Exit, Fiber, Layer, Scope, Stream } from "effect"
import type { RelativePath } from "../../../src/domain/Path.ts"
import { Workspace } from "../../../src/domain/Processor.ts"
import { type Content, SourceFiles } from "../../../src/domain/SourceFiles.ts"
import { layerDiskWorkers } from "../../../src/layers/disk/DiskWorkers.ts"
import { layerWorkspace } from "../../../src/layers/processors/workspace.ts"
import { layerLocal } from "../../../src/layers/sourceFiles/local.ts"
import { contentOf, specimen } from "../../contract/transporter.ts"
import { everythingBelow, sourceAt, temporaryDirectory, write } from "../disk/temporaryTree.ts"

const layerAt = (directory: string) =>
  Layer.merge(layerWorkspace({ directory }), layerLocal).pipe(Layer.provide(layerDiskWorkers()))

const world = Effect.gen(function* () {
  const top = yield* temporaryDirectory
  const directory = `${top}/state/work`
  const context = yield* Layer.build(layerAt(directory))
  return { top, directory, workspace: Context.get(context, Workspace), files: Context.get(context, SourceFiles) }
})

const bytesOf = (content: Content) => Effect.map(Stream.runCollect(content.bytes), (pieces) => Buffer.concat(pieces))
const below = (directory: string) => (existsSync(directory) ? everythingBelow(directory) : [])
const jobs = (directory: string) => below(directory).filter((path) => path.includes("/job-"))

describe("the workspace", () => {
  it.live("makes nothing until something is written, and nothing stays", () =>
    Effect.gen(function* () {
      const { directory, workspace } = yield* world
      yield* Effect.scoped(workspace.open)
      assert.isFalse(existsSync(directory))
      yield* Effect.scoped(
        Effect.gen(function* () {
          const place = yield* workspace.open
          const one = yield* place.write(specimen(10, 1))
          const two = yield* place.write(specimen(0))
          assert.isTrue((yield* bytesOf(one)).equals(specimen(10, 1)))
          assert.deepStrictEqual([one.origin, one.size, two.size], ["temporary", 10, 0])
          assert.strictEqual(readFileSync(one.location ?? "").length, 10)
          assert.strictEqual(statSync(yield* place.directory).mode & 0o777, 0o700)
          assert.strictEqual(statSync(directory).mode & 0o777, 0o700)
        }),
      )
      assert.deepStrictEqual(jobs(directory), [])
    }),
  )

  it.live("leaves nothing when the layer ends", () =>
    Effect.gen(function* () {
      const top = yield* temporaryDirectory
      const use = Effect.scoped(
        Effect.gen(function* () {
          const place = yield* Effect.flatMap(Workspace, (workspace) => workspace.open)
          yield* place.write(specimen(10))
          assert.strictEqual(readdirSync(`${top}/work`).length, 1)
        }),
      )
      yield* Effect.provide(use, layerAt(`${top}/work`))
      assert.deepStrictEqual(below(`${top}/work`), [])
    }),
  )

  it.live("keeps jobs apart, also when they write at once", () =>
    Effect.gen(function* () {
      const { workspace } = yield* world
      yield* Effect.forEach(
        Array.from({ length: 20 }, (_, at) => at),
        (at) =>
          Effect.scoped(
            Effect.gen(function* () {
              const place = yield* workspace.open
              const seeds = [at * 3, at * 3 + 1, at * 3 + 2]
              const contents = yield* Effect.forEach(seeds, (seed) => place.write(specimen(100, seed)), {
                concurrency: "unbounded",
              })
              for (const [index, content] of contents.entries()) {
                assert.isTrue((yield* bytesOf(content)).equals(specimen(100, seeds[index])))
              }
            }),
          ),
        { concurrency: "unbounded", discard: true },
      )
    }),
  )

  it.live("is emptied whatever happens to a job", () =>
    Effect.gen(function* () {
      const { directory, workspace } = yield* world
      const ends: ReadonlyArray<Effect.Effect<never, string>> = [Effect.fail("failure"), Effect.die("defect")]
      for (const end of ends) {
        const job = Effect.flatMap(workspace.open, (place) => Effect.andThen(place.write(specimen(9)), end))
        assert.isTrue(Exit.isFailure(yield* Effect.exit(Effect.scoped(job))))
        assert.deepStrictEqual(jobs(directory), [])
      }
      const written = yield* Deferred.make<void>()
      const endless = Effect.flatMap(workspace.open, (place) =>
        Effect.andThen(place.write(specimen(9)), Effect.andThen(Deferred.succeed(written, undefined), Effect.never)),
      )
      const fiber = yield* Effect.forkChild(Effect.scoped(endless))
      yield* Deferred.await(written)
      assert.isNotEmpty(jobs(directory))
      yield* Fiber.interrupt(fiber)
      assert.deepStrictEqual(jobs(directory), [])
    }),
  )

  it.live("adopts what a program made in the job's directory, and nothing from elsewhere", () =>
    Effect.gen(function* () {
      const { top, workspace } = yield* world
      const place = yield* workspace.open
      const directory = yield* place.directory
      writeFileSync(`${directory}/made.png`, "made")
      mkdirSync(`${directory}/inner`)
      writeFileSync(`${directory}/inner/made.png`, "inner")
      assert.strictEqual((yield* bytesOf(yield* place.adopt(`${directory}/made.png`))).toString(), "made")
      assert.strictEqual((yield* bytesOf(yield* place.adopt("inner/made.png"))).toString(), "inner")
      write(`${top}/secret`, "secret")
      symlinkSync(`${top}/secret`, `${directory}/link`)
      symlinkSync("made.png", `${directory}/near`)
      for (const file of [`${top}/secret`, "link", "near", "../../../../secret", "inner", "missing"]) {
        const exit = yield* Effect.exit(place.adopt(file))
        assert.isTrue(Exit.isFailure(exit), file)
      }
    }),
  )

  it.live("hashes contents of all sorts, and notices when a source is another version", () =>
    Effect.gen(function* () {
      const { files, top, workspace } = yield* world
      const bytes = specimen(700_000)
      const root = `${top}/source`
      write(`${root}/file`, bytes)
      const source = sourceAt(root)
      const path = "file" as RelativePath
      const state = yield* files.stat(source, path)
      assert.isDefined(state)
      const content = files.content(source, path, state)
      const place = yield* workspace.open
      for (const algorithm of ["md5", "sha1", "sha256"] as const) {
        const hex = createHash(algorithm).update(bytes).digest("hex")
        for (const specimen of [content, contentOf(bytes), yield* place.write(bytes)]) {
          assert.strictEqual(yield* workspace.hash(specimen, algorithm), hex)
        }
      }
      write(`${root}/file`, specimen(700_000, 2))
      const error = yield* Effect.flip(workspace.hash(content, "md5"))
      assert.deepInclude(error, { _tag: "SourceError", reason: "Changed" })
    }),
  )

  it.live("removes what crashed runs left, and not what other runs use", () =>
    Effect.gen(function* () {
      const top = yield* temporaryDirectory
      const dead = execFileSync("sh", ["-c", "echo $$"], { encoding: "utf8" }).trim()
      const leftovers = [`run-${dead}-5`, `run-${process.pid}-5`]
      const others = ["run-1-5", "run-of-mine", "notes.txt"]
      for (const name of [...leftovers, ...others]) write(`${top}/work/${name}/job-1/.1`, "x")
      yield* Effect.provide(Workspace, layerAt(`${top}/work`))
      assert.deepStrictEqual([...readdirSync(`${top}/work`)].sort(), [...others].sort())
    }),
  )
})

const mayMount = process.getuid?.() === 0 && process.platform === "linux"

describe.skipIf(!mayMount)("the workspace on a full disk", () => {
  it.live("says what to do, and leaves nothing", () =>
    Effect.gen(function* () {
      const directory = yield* temporaryDirectory
      yield* Effect.acquireRelease(
        Effect.sync(() => execFileSync("mount", ["-t", "tmpfs", "-o", "size=256k", "none", directory])),
        () => Effect.sync(() => execFileSync("umount", [directory])),
      )
      const scope = yield* Scope.make()
      const workspace = Context.get(yield* Layer.buildWithScope(layerAt(`${directory}/work`), scope), Workspace)
      const error = yield* Effect.flip(
        Effect.scoped(Effect.flatMap(workspace.open, (place) => place.write(specimen(400_000)))),
      )
      assert.include(error.message, "no space is left")
      assert.include(error.message, "<workingDir>")
      assert.deepStrictEqual(jobs(`${directory}/work`), [])
      yield* Scope.close(scope, Exit.void)
      assert.deepStrictEqual(below(`${directory}/work`), [])
    }),
  )
})
