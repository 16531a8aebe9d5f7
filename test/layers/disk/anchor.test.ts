/**
 * A directory that is swapped for a symbolic link in the moment between looking at it and using it. The moment is held
 * still here: the turn remembers the directory as looked at, as it does within one message.
 */
import { afterEach, assert, beforeEach, describe, it } from "@effect/vitest"
import fs from "node:fs"
import os from "node:os"
import path from "node:path"
import { removeSource } from "../../../src/layers/disk/lookup.ts"
import type { Original, Tree } from "../../../src/layers/disk/protocol.ts"
import { commit, copy, link, remove, spool } from "../../../src/layers/disk/publish.ts"
import { putMany } from "../../../src/layers/disk/putMany.ts"
import { read } from "../../../src/layers/disk/transfer.ts"
import type { Turn } from "../../../src/layers/disk/turn.ts"

let top: string
let turn: Turn
let tree: Tree
const at = (...names: ReadonlyArray<string>) => path.join(top, ...names)
const write = (name: string, text: string) => {
  fs.mkdirSync(path.dirname(at(name)), { recursive: true })
  fs.writeFileSync(at(name), text)
}
const versionOf = (name: string): Original["version"] => {
  const stats = fs.statSync(at(name), { bigint: true })
  return { size: Number(stats.size), mtimeNs: stats.mtimeNs, inode: stats.ino }
}
const original = (name: string, guard: Tree | undefined = tree): Original => ({
  location: at(name),
  guard,
  version: versionOf(name),
})
const swap = (name: string) => {
  fs.renameSync(at(name), at(`${name}.aside`))
  fs.symlinkSync(at("outside"), at(name))
}
const outside = () =>
  fs
    .readdirSync(at("outside"), { recursive: true, encoding: "utf8" })
    .sort()
    .map((name) =>
      fs.statSync(at("outside", name)).isFile() ? `${name}: ${fs.readFileSync(at("outside", name), "utf8")}` : name,
    )
const code = (attempt: () => unknown): string => {
  try {
    attempt()
    return "done"
  } catch (error) {
    return (error as { readonly code: string }).code
  }
}

beforeEach(() => {
  top = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), "conveyor-")))
  turn = { real: new Map(), cancelled: () => false, between: () => undefined }
  tree = { root: at("site"), symlinks: "inside", ignoredDirs: new Set() }
  write("outside/f", "theirs")
  write("site/d/f", "ours")
  write("out/d/f", "ours")
  fs.mkdirSync(at("outside/empty"))
  fs.mkdirSync(at("out/d/empty"))
})
afterEach(() => fs.rmSync(top, { recursive: true, force: true }))

describe.skipIf(process.platform !== "linux")("a directory that is swapped for a link after it was looked at", () => {
  it("in a source: what the link leads to is not read", () => {
    read({ original: original("site/d/f"), offset: 0, length: 4 }, turn)
    swap("site/d")
    // Listed through the link as well, so that its version is right.
    const theirs = { ...original("site/d/f"), version: versionOf("outside/f") }
    assert.strictEqual(
      code(() => read({ original: theirs, offset: 0, length: 6 }, turn)),
      "Changed",
    )
  })

  it("in a source: what the link leads to is not deleted", () => {
    removeSource({ tree, path: "d/none", version: versionOf("site/d/f") }, turn)
    swap("site/d")
    code(() => removeSource({ tree, path: "d/f", version: versionOf("outside/f") }, turn))
    assert.deepStrictEqual(outside(), ["empty", "f: theirs"])
  })

  it("in a destination: nothing is made, replaced or removed behind it", () => {
    const from = original("site/d/f")
    const put = { root: at("out"), to: "d/f", from }
    const spooled = spool(put, turn)
    copy(put, turn)
    swap("out/d")
    const many = {
      how: "copy" as const,
      root: at("out"),
      guard: tree,
      locations: Array.from({ length: 5 }, () => from.location).join("\0"),
      places: Array.from({ length: 5 }, (_, i) => `d/new/f${i}`).join("\0"),
      sizes: Float64Array.from({ length: 5 }, () => from.version.size),
      mtimes: BigInt64Array.from({ length: 5 }, () => from.version.mtimeNs),
      inodes: BigUint64Array.from({ length: 5 }, () => from.version.inode),
    }
    const outcomes = [
      code(() => copy(put, turn)),
      code(() => link(put, turn)),
      code(() => spool(put, turn)),
      code(() => commit({ location: spooled, root: at("out"), to: "d/f", version: from.version }, turn)),
      code(() => remove({ root: at("out"), at: "d/f" }, turn)),
      code(() => remove({ root: at("out"), at: "d/empty/none" }, turn)),
      putMany(many, turn),
    ]
    assert.deepStrictEqual(outside(), ["empty", "f: theirs"], JSON.stringify(outcomes))
    assert.strictEqual(fs.readFileSync(at("out/d.aside/f"), "utf8"), "ours")
  })

  it("a failure is told with the directory's own name", () => {
    fs.mkdirSync(at("out/d/g/full"), { recursive: true })
    const put = { root: at("out"), to: "d/g", from: original("site/d/f") }
    write("out/d/g/full/x", "x")
    assert.throws(() => copy(put, turn), new RegExp(`${at("out/d/g")} is a directory with files in it`))
  })
})
