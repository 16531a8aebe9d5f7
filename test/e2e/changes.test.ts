/** What people do to files, done to a real tree under the running program. The destination must become equal to it. */
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import { spawnSync } from "node:child_process"
import fs from "node:fs"
import net from "node:net"
import path from "node:path"
import {
  type Daemon,
  daemon,
  differences,
  makePlace,
  type Place,
  removePlace,
  tree,
  until,
} from "../support/program.ts"

describe("the daemon follows", () => {
  let place: Place
  let running: Daemon
  const at = (...names: ReadonlyArray<string>) => path.join(place.site, ...names)
  const write = (name: string, text: string) => {
    fs.mkdirSync(path.dirname(at(name)), { recursive: true })
    fs.writeFileSync(at(name), text)
  }

  /** Returns once the destination equals the site. */
  const inSync = (expected: () => ReadonlyMap<string, string> = () => tree(place.site)) =>
    until(
      () => differences(expected(), tree(place.out)) === "",
      () => `${differences(expected(), tree(place.out))}\n${running.log()}`,
    )

  beforeAll(async () => {
    place = makePlace()
    write("a.css", "before the start")
    running = daemon(place)
    await inSync()
  })
  afterAll(async () => {
    running.process.kill("SIGTERM")
    assert.strictEqual(await running.ended, 0, running.log())
    removePlace(place)
  })

  it("create, modify, delete", async () => {
    write("one.css", "1")
    write("two.css", "2")
    await inSync()
    write("one.css", "changed")
    fs.rmSync(at("two.css"))
    await inSync()
  })

  it("rename, over another file as well", async () => {
    write("from.js", "moved")
    write("over.js", "old")
    await inSync()
    fs.renameSync(at("from.js"), at("to.js"))
    await inSync()
    fs.renameSync(at("to.js"), at("over.js"))
    await inSync()
  })

  it("a directory that is moved, and what changes in it afterwards", async () => {
    for (let i = 0; i < 20; i++) write(`dir/deep/${i}.css`, `${i}`)
    await inSync()
    fs.renameSync(at("dir"), at("elsewhere"))
    await inSync()
    write("elsewhere/deep/3.css", "after the move")
    write("elsewhere/deep/new.css", "new")
    await inSync()
  })

  it("mkdir -p deep, then a file at once, two hundred times", async () => {
    for (let i = 0; i < 200; i++) write(`deep${i}/a/b/c/file.txt`, `${i}`)
    await inSync()
  })

  it("atomic save: a temporary file renamed over", async () => {
    write("page.html", "v1")
    await inSync()
    for (let version = 2; version < 6; version++) {
      fs.writeFileSync(at("page.html.tmp"), `v${version}`)
      fs.renameSync(at("page.html.tmp"), at("page.html"))
    }
    await inSync()
  })

  it("an editor with a swap and a backup file", async () => {
    write("edit.txt", "first")
    await inSync()
    fs.writeFileSync(at(".edit.txt.swp"), "swap")
    fs.renameSync(at("edit.txt"), at("edit.txt~"))
    fs.writeFileSync(at("edit.txt"), "second")
    fs.rmSync(at("edit.txt~"))
    fs.rmSync(at(".edit.txt.swp"))
    await inSync()
  })

  it("touch alone: a new delivery", async () => {
    write("touched.css", "same")
    await inSync()
    const before = fs.statSync(path.join(place.out, "touched.css")).ino
    fs.utimesSync(at("touched.css"), new Date(), new Date(Date.now() - 5000))
    await until(
      () => fs.statSync(path.join(place.out, "touched.css")).ino !== before,
      () => running.log(),
    )
  })

  it("symbolic links: to a file inside as that file, to anything else not at all", async () => {
    write("target.txt", "linked")
    fs.mkdirSync(path.join(place.directory, "outside"), { recursive: true })
    fs.writeFileSync(path.join(place.directory, "outside/secret.txt"), "secret")
    fs.symlinkSync("target.txt", at("link.txt"))
    fs.symlinkSync(path.join(place.directory, "outside/secret.txt"), at("leak.txt"))
    fs.symlinkSync(path.join(place.directory, "outside"), at("leakdir"))
    const expected = () => {
      const files = new Map(tree(place.site))
      for (const name of files.keys()) if (name.startsWith("leak")) files.delete(name)
      return files
    }
    await inSync(expected)
    write("target.txt", "linked, changed")
    await inSync(expected)
    fs.rmSync(at("leak.txt"))
    fs.rmSync(at("leakdir"))
    fs.rmSync(at("link.txt"))
    await inSync()
  })

  it("a file that becomes a directory, and back", async () => {
    write("thing", "file")
    await inSync()
    fs.rmSync(at("thing"))
    write("thing/inside.txt", "in a directory")
    await inSync()
    fs.rmSync(at("thing"), { recursive: true })
    write("thing", "a file again")
    await inSync()
  })

  it("names with spaces, quotes, a newline, emoji, bytes that are no UTF-8, and two that differ in normalisation only", async () => {
    const names = [
      "with space.css",
      `it's "quoted".css`,
      "new\nline.css",
      "🎉 party.css",
      "-dash.css",
      "#a?b%c.css",
      "\u00e9.css",
      "e\u0301.css",
    ]
    for (const name of names) write(`names/${name}`, name)
    const raw = Buffer.concat([Buffer.from(`${at("names")}/raw-`), Buffer.of(0xff, 0xfe), Buffer.from(".css")])
    fs.writeFileSync(raw, "raw bytes")
    await inSync()
    assert.strictEqual(tree(place.out).get("names/raw-\u00ff\u00fe.css"), "raw bytes")
    fs.writeFileSync(raw, "raw bytes, changed")
    await inSync()
    fs.rmSync(raw)
    await inSync()
  })

  it("an empty file; a FIFO and a socket are skipped and never opened", async () => {
    write("empty.txt", "")
    assert.strictEqual(spawnSync("mkfifo", [at("pipe")]).status, 0)
    const server = net.createServer().listen(at("socket"))
    await inSync()
    assert.strictEqual(tree(place.out).get("empty.txt"), "")
    write("after.txt", "after the pipe")
    await inSync()
    server.close()
    fs.rmSync(at("pipe"), { force: true })
    fs.rmSync(at("socket"), { force: true })
  })

  it("a file that grows for three seconds is never published half", async () => {
    const published = path.join(place.out, "grow.bin")
    const seen = new Set<number>()
    const watch = setInterval(() => {
      if (fs.existsSync(published)) seen.add(fs.statSync(published).size)
    }, 5)
    const file = fs.openSync(at("grow.bin"), "w")
    for (let i = 0; i < 30; i++) {
      fs.writeSync(file, Buffer.alloc(10_000, i))
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
    fs.closeSync(file)
    await inSync()
    clearInterval(watch)
    seen.add(fs.statSync(published).size)
    assert.deepStrictEqual([...seen], [300_000])
  })

  it("a tree that is copied in, moved and removed", async () => {
    for (let i = 0; i < 300; i++) write(`burst/${i % 10}/${i}.txt`, `${i}`)
    await inSync()
    fs.cpSync(at("burst"), at("copy"), { recursive: true })
    fs.renameSync(at("burst"), at("burst2"))
    await inSync()
    fs.rmSync(at("copy"), { recursive: true })
    await inSync()
  })
})
