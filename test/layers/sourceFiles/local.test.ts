import { execFileSync } from "node:child_process"
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from "node:fs"
import { createServer } from "node:net"
import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Layer, Stream } from "effect"
import type { Source } from "../../../src/domain/Config.ts"
import type { Entry, FileState } from "../../../src/domain/FileState.ts"
import { baseNameOf, type RelativePath } from "../../../src/domain/Path.ts"
import { SourceFiles } from "../../../src/domain/SourceFiles.ts"
import { layerDiskWorkers } from "../../../src/layers/disk/DiskWorkers.ts"
import { layerLocal } from "../../../src/layers/sourceFiles/local.ts"
import { specimen } from "../../contract/transporter.ts"
import { sourceAt, temporaryDirectory, write } from "../disk/temporaryTree.ts"

const relative = (path: string) => path as RelativePath

const world = (options?: Partial<Source>) =>
  Effect.gen(function* () {
    const directory = yield* temporaryDirectory
    const root = `${directory}/source`
    mkdirSync(root)
    const source = sourceAt(root, options)
    const context = yield* Layer.build(layerLocal.pipe(Layer.provide(layerDiskWorkers())))
    const files = Context.get(context, SourceFiles)
    const stat = (path: string) => files.stat(source, relative(path))
    const list = (...directories: ReadonlyArray<string>) => files.list(source, directories.map(relative))
    /** Everything that a scan finds: kinds by path. */
    const scan = Effect.gen(function* () {
      const found: Record<string, Entry["kind"]> = {}
      const links: Record<string, string> = {}
      let todo: ReadonlyArray<RelativePath> = [relative("")]
      for (let depth = 0; todo.length > 0; depth++) {
        if (depth > 50) throw new Error("the scan does not end")
        const next: Array<RelativePath> = []
        for (const listing of yield* files.list(source, todo)) {
          for (const { link, target } of listing.links) links[link] = target
          for (const entry of listing.entries ?? []) {
            const path = listing.directory === "" ? entry.name : `${listing.directory}/${entry.name}`
            found[path] = entry.kind
            if (entry.kind === "directory") next.push(relative(path))
          }
        }
        todo = next
      }
      return { found, links }
    })
    const present = (path: string) =>
      Effect.map(stat(path), (state): FileState => {
        assert.isDefined(state, path)
        return state
      })
    const bytesOf = (path: string, state: FileState) =>
      Effect.map(Stream.runCollect(files.content(source, relative(path), state).bytes), (pieces) =>
        Buffer.concat(pieces),
      )
    return { directory, root, source, files, stat, list, scan, present, bytesOf }
  })

const reasonOf = <A, E extends { readonly reason: string }>(effect: Effect.Effect<A, E>) =>
  Effect.map(Effect.flip(effect), (error) => error.reason)

describe("listing a source", () => {
  it.live("tells all names with what they are and what files look like", () =>
    Effect.gen(function* () {
      const { list, present, root } = yield* world()
      write(`${root}/a.txt`, "twelve bytes", 1_500_000_000)
      write(`${root}/empty`, "")
      write(`${root}/d/e/f`, "x")
      const [top, inner, none, file] = yield* list("", "d/e", "gone", "a.txt")
      assert.deepStrictEqual([...(top?.entries ?? [])].map(({ kind, name }) => [name, kind]).sort(), [
        ["a.txt", "file"],
        ["d", "directory"],
        ["empty", "file"],
      ])
      const entry = top?.entries?.find(({ name }) => name === "a.txt")
      assert.deepStrictEqual(entry, { name: "a.txt", kind: "file", state: yield* present("a.txt") })
      assert.deepInclude(entry?.kind === "file" ? entry.state : {}, { size: 12, mtimeNs: 1_500_000_000_000_000_000n })
      assert.strictEqual(inner?.entries?.length, 1)
      assert.deepStrictEqual(none, { directory: relative("gone"), entries: undefined, links: [] })
      assert.isUndefined(file?.entries)
    }),
  )

  it.live("never enters ignored directories", () =>
    Effect.gen(function* () {
      const { list, root, scan, stat } = yield* world({ ignoredDirs: new Set([".git", "CVS"]) })
      write(`${root}/.git/a`, "x")
      write(`${root}/d/CVS/deep/a`, "x")
      write(`${root}/CVS-not/a`, "x")
      write(`${root}/d/.git`, "a file of that name")
      assert.deepStrictEqual((yield* scan).found, {
        d: "directory",
        "CVS-not": "directory",
        "CVS-not/a": "file",
        "d/.git": "file",
      })
      assert.isUndefined((yield* list("d/CVS"))[0]?.entries)
      assert.isUndefined((yield* list("d/CVS/deep"))[0]?.entries)
      assert.isUndefined(yield* stat(".git/a"))
      assert.isUndefined(yield* stat("d/CVS/deep/a"))
    }),
  )

  it.live("keeps names that are not UTF-8", () =>
    Effect.gen(function* () {
      const { bytesOf, present, root, scan } = yield* world()
      const names = ["caf\udce9", "\udcff\udcfe", "an honest \ufffd", "smile 😀", "two\nlines"]
      for (const name of names) write(`${root}/dir-\udce9/${name}`, name.normalize())
      const { found } = yield* scan
      assert.deepStrictEqual(
        Object.keys(found).sort(),
        ["dir-\udce9", ...names.map((name) => `dir-\udce9/${name}`)].sort(),
      )
      for (const path of Object.keys(found)) {
        if (found[path] === "file") yield* bytesOf(path, yield* present(path))
      }
    }),
  )

  it.live("never opens FIFOs, sockets and devices", () =>
    Effect.gen(function* () {
      const { root, scan, stat } = yield* world()
      execFileSync("mkfifo", [`${root}/fifo`])
      symlinkSync("fifo", `${root}/link`)
      const server = createServer().listen(`${root}/socket`)
      yield* Effect.addFinalizer(() => Effect.sync(() => server.close()))
      yield* Effect.callback<void>((resume) => void server.once("listening", () => resume(Effect.void)))
      assert.deepStrictEqual((yield* scan).found, { fifo: "other", socket: "other", link: "skipped" })
      for (const name of ["fifo", "socket", "link"]) assert.isUndefined(yield* stat(name))
    }),
  )

  it.live("follows links on the way of any path, as far as it exists", () =>
    Effect.gen(function* () {
      const { directory, files, root } = yield* world()
      mkdirSync(`${root}/releases/1/img`, { recursive: true })
      symlinkSync("releases/1", `${root}/current`)
      symlinkSync("nowhere", `${root}/dangling`)
      symlinkSync("round", `${root}/round`)
      write(`${root}/releases/1/img/a.png`, "a")
      symlinkSync("a.png", `${root}/releases/1/img/b.png`)
      const paths = [
        `${root}/current/img/a.png`,
        `${root}/current/img/b.png`,
        `${root}/current/img/missing/x.png`,
        `${root}/current/img/a.png/x`,
        `${root}/dangling`,
        `${root}/round/x`,
        `${directory}/missing`,
      ]
      const real = `${root}/releases/1/img`
      assert.deepStrictEqual(yield* files.realPaths(paths), [
        `${real}/a.png`,
        `${real}/a.png`,
        `${real}/missing/x.png`,
        `${real}/a.png/x`,
        `${root}/dangling`,
        `${root}/round/x`,
        `${directory}/missing`,
      ])
    }),
  )

  it.live("tells the root's identity, and that it is gone or another", () =>
    Effect.gen(function* () {
      const { directory, files, list, root, source } = yield* world()
      const first = yield* files.identity(source)
      assert.isDefined(first)
      assert.strictEqual(yield* files.identity(source), first)
      renameSync(root, `${directory}/away`)
      assert.isUndefined(yield* files.identity(source))
      assert.isUndefined((yield* list(""))[0]?.entries)
      mkdirSync(root)
      assert.notStrictEqual(yield* files.identity(source), first)
      rmSync(root, { recursive: true })
      symlinkSync(`${directory}/away`, root)
      assert.isUndefined(yield* files.identity(source))
      assert.isUndefined((yield* list(""))[0]?.entries)
    }),
  )
})

/** Links of all sorts. `outside/file` is not in the source. */
const manyLinks = (directory: string, root: string) => {
  write(`${directory}/outside/file`, "outside")
  write(`${root}/real/file`, "inside")
  write(`${root}/.git/config`, "ignored")
  symlinkSync("real/file", `${root}/link`)
  symlinkSync(`${root}/real/file`, `${root}/absolute`)
  symlinkSync("link", `${root}/chain`)
  symlinkSync("real", `${root}/directory`)
  symlinkSync("../outside/file", `${root}/out`)
  symlinkSync("../outside", `${root}/outdir`)
  symlinkSync("nowhere", `${root}/dangling`)
  symlinkSync("itself", `${root}/itself`)
  symlinkSync(".git/config", `${root}/ignored`)
  symlinkSync("..", `${root}/real/up`)
}

describe("symbolic links of a source", () => {
  it.live("inside: links to files within the source are those files, all others are skipped with a reason", () =>
    Effect.gen(function* () {
      const { bytesOf, directory, list, present, root, scan, stat } = yield* world({ ignoredDirs: new Set([".git"]) })
      manyLinks(directory, root)
      const { found, links } = yield* scan
      assert.deepStrictEqual(links, { link: "real/file", absolute: "real/file", chain: "real/file" })
      const files = Object.keys(found).filter((path) => found[path] === "file")
      assert.deepStrictEqual(files.sort(), ["absolute", "chain", "link", "real/file"])
      const skipped = Object.keys(found).filter((path) => found[path] === "skipped")
      assert.deepStrictEqual(
        skipped.sort(),
        ["dangling", "directory", "ignored", "itself", "out", "outdir", "real/up"].sort(),
      )
      for (const path of skipped) assert.isUndefined(yield* stat(path))
      for (const path of ["directory/file", "outdir/file", "real/up/real/file"]) assert.isUndefined(yield* stat(path))
      for (const path of ["directory", "outdir", "real/up/real"]) {
        assert.isUndefined((yield* list(path))[0]?.entries)
      }
      const state = yield* present("chain")
      assert.deepStrictEqual(state, { ...(yield* present("real/file")), link: relative("real/file") })
      assert.strictEqual((yield* bytesOf("chain", state)).toString(), "inside")
      for (const entry of (yield* list(""))[0]?.entries ?? []) {
        if (entry.kind === "skipped" && entry.name.startsWith("out")) assert.include(entry.reason, "<symlinks>follow")
      }
    }),
  )

  it.live("skip: no link is delivered", () =>
    Effect.gen(function* () {
      const { directory, root, scan, stat } = yield* world({ symlinks: "skip", ignoredDirs: new Set([".git"]) })
      manyLinks(directory, root)
      const { found, links } = yield* scan
      assert.deepStrictEqual(links, {})
      assert.deepStrictEqual(
        Object.keys(found).filter((path) => found[path] === "file"),
        ["real/file"],
      )
      assert.isUndefined(yield* stat("link"))
    }),
  )

  it.live("follow: files and directories anywhere, once", () =>
    Effect.gen(function* () {
      const { bytesOf, directory, present, root, scan, stat } = yield* world({
        symlinks: "follow",
        ignoredDirs: new Set([".git"]),
      })
      manyLinks(directory, root)
      const { found, links } = yield* scan
      assert.strictEqual(found["directory"], "directory")
      assert.strictEqual(found["directory/file"], "file")
      assert.strictEqual(found["outdir/file"], "file")
      assert.strictEqual(found["out"], "file")
      assert.strictEqual(found["real/up"], "skipped")
      assert.strictEqual(found["dangling"], "skipped")
      assert.deepInclude(links, { link: "real/file" })
      assert.isUndefined(links["out"])
      assert.strictEqual((yield* bytesOf("outdir/file", yield* present("outdir/file"))).toString(), "outside")
      assert.isUndefined(yield* stat("dangling"))
    }),
  )

  it.live("follow: loops through several links, and through a directory that holds the source, end", () =>
    Effect.gen(function* () {
      const { directory, root, scan } = yield* world({ symlinks: "follow" })
      write(`${root}/x/file`, "x")
      write(`${root}/y/file`, "y")
      symlinkSync("../y", `${root}/x/to-y`)
      symlinkSync("../x", `${root}/y/to-x`)
      symlinkSync(directory, `${root}/above`)
      const { found } = yield* scan
      assert.strictEqual(found["x/to-y/file"], "file")
      assert.strictEqual(found["x/to-y/to-x"], "skipped")
      assert.strictEqual(found["above"], "directory")
      assert.strictEqual(found["above/source"], "skipped")
    }),
  )
})

describe("contents of a source", () => {
  it.live("are read whole, in pieces, again and again", () =>
    Effect.gen(function* () {
      const { bytesOf, present, root } = yield* world()
      for (const size of [0, 1, 1_048_576, 2_500_001]) {
        write(`${root}/file-${size}`, specimen(size))
        const state = yield* present(`file-${size}`)
        for (let run = 0; run < 2; run++) {
          assert.isTrue((yield* bytesOf(`file-${size}`, state)).equals(specimen(size)))
        }
      }
    }),
  )

  it.live("fail with Changed when they are another version, with Vanished when they are gone", () =>
    Effect.gen(function* () {
      const { bytesOf, present, root } = yield* world()
      for (const size of [0, 10]) {
        write(`${root}/file`, specimen(size), 1_500_000_000)
        const state = yield* present("file")
        appendFileSync(`${root}/file`, "more")
        assert.strictEqual(yield* reasonOf(bytesOf("file", state)), "Changed")
        write(`${root}/other`, specimen(size), 1_500_000_000)
        renameSync(`${root}/other`, `${root}/file`)
        assert.strictEqual(yield* reasonOf(bytesOf("file", state)), "Changed")
        rmSync(`${root}/file`)
        assert.strictEqual(yield* reasonOf(bytesOf("file", state)), "Vanished")
        execFileSync("mkfifo", [`${root}/file`])
        assert.strictEqual(yield* reasonOf(bytesOf("file", state)), "Changed")
        rmSync(`${root}/file`)
      }
    }),
  )

  it.live("fail when the file changes between two pieces", () =>
    Effect.gen(function* () {
      const { files, present, root, source } = yield* world()
      write(`${root}/file`, specimen(3_000_000), 1_500_000_000)
      const content = files.content(source, relative("file"), yield* present("file"))
      let pieces = 0
      const spoiled = Stream.runForEach(content.bytes, () =>
        Effect.sync(() => {
          pieces += 1
          if (pieces === 1) write(`${root}/file`, specimen(3_000_000, 2))
        }),
      )
      assert.strictEqual(yield* reasonOf(spoiled), "Changed")
      assert.strictEqual(pieces, 1)
    }),
  )

  it.live("are never those of a link that took the file's place", () =>
    Effect.gen(function* () {
      const { bytesOf, directory, present, root } = yield* world()
      write(`${directory}/secret`, "secret", 1_500_000_000)
      write(`${root}/d/file`, "public", 1_500_000_000)
      const state = yield* present("d/file")
      rmSync(`${root}/d/file`)
      symlinkSync(`${directory}/secret`, `${root}/d/file`)
      assert.strictEqual(yield* reasonOf(bytesOf("d/file", state)), "Changed")
      rmSync(`${root}/d`, { recursive: true })
      write(`${directory}/outside/file`, "secret", 1_500_000_000)
      symlinkSync(`${directory}/outside`, `${root}/d`)
      assert.strictEqual(yield* reasonOf(bytesOf("d/file", state)), "Changed")
    }),
  )
})

describe("removing from a source", () => {
  it.live("removes this version, and no other", () =>
    Effect.gen(function* () {
      const { files, present, root, source } = yield* world()
      write(`${root}/d/file`, "one")
      const state = yield* present("d/file")
      writeFileSync(`${root}/d/file`, "other")
      const remove = files.remove(source, relative("d/file"), state)
      assert.strictEqual(yield* reasonOf(remove), "Changed")
      assert.strictEqual(readFileSync(`${root}/d/file`, "utf8"), "other")
      yield* files.remove(source, relative("d/file"), yield* present("d/file"))
      assert.isFalse(existsSync(`${root}/d/file`))
      yield* remove
      mkdirSync(`${root}/d/file`)
      assert.strictEqual(yield* reasonOf(remove), "Changed")
    }),
  )

  it.live("removes the link, not the file it leads to; nothing through a link to a directory", () =>
    Effect.gen(function* () {
      const { directory, files, present, root, source } = yield* world()
      write(`${root}/real`, "text")
      symlinkSync("real", `${root}/link`)
      yield* files.remove(source, relative("link"), yield* present("link"))
      assert.strictEqual(readFileSync(`${root}/real`, "utf8"), "text")
      write(`${root}/d/file`, "text")
      const state = yield* present("d/file")
      renameSync(`${root}/d`, `${directory}/outside`)
      symlinkSync(`${directory}/outside`, `${root}/d`)
      yield* files.remove(source, relative("d/file"), state)
      assert.isTrue(existsSync(`${directory}/outside/file`))
      unlinkSync(`${root}/d`)
    }),
  )
})

describe("what is no path of a file", () => {
  it.live("is nothing, not a failure", () =>
    Effect.gen(function* () {
      const { root, stat } = yield* world()
      write(`${root}/file`, "x")
      for (const path of ["", "file/below", "n".repeat(256), `${"n/".repeat(3000)}x`]) {
        assert.isUndefined(yield* stat(path), baseNameOf(path))
      }
    }),
  )
})
