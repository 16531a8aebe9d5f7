/** Compressed files beside the plain ones, on a server that has no headers. */
import { afterEach, assert, describe, it } from "@effect/vitest"
import { createHash } from "node:crypto"
import fs from "node:fs"
import path from "node:path"
import { brotliDecompressSync, gunzipSync } from "node:zlib"
import { type Daemon, daemon, makePlace, type Place, removePlace, run, tree, until } from "../support/program.ts"

const rules = (chain: string) => `
  <rule for="site" label="all"><processorChain>${chain}</processorChain>
    <destinations><destination server="origin" path="static"/></destinations></rule>`
const compress = '<processor name="compress.Brotli"/><processor name="compress.Gzip"/>'

let place: Place | undefined
const daemons: Array<Daemon> = []

afterEach(async () => {
  for (const running of daemons.splice(0)) {
    running.process.kill("SIGKILL")
    await running.ended
  }
  if (place !== undefined) removePlace(place)
})

const script = (word: string) => `console.log("${`${word} `.repeat(50)}")\n`

const names = (at: Place) => [...tree(at.out).keys()].sort()
const published = (at: Place, name: string) => fs.readFileSync(path.join(at.out, "static", name))
const unpacked = (at: Place, name: string) => [
  brotliDecompressSync(published(at, `${name}.br`)).toString(),
  gunzipSync(published(at, `${name}.gz`)).toString(),
]
const write = (at: Place, name: string, text: string) => fs.writeFileSync(path.join(at.site, name), text)

describe("compressed files beside the plain ones", { timeout: 120_000 }, () => {
  it("are what the file is, change with it, and a file of the source that is called so stays itself", async () => {
    const at = (place = makePlace({ rules: rules(compress) }))
    write(at, "app.js", script("one"))
    write(at, "tiny.js", "1")
    write(at, "own.js", script("own"))
    write(at, "own.js.br", "mine")
    assert.strictEqual(run(at.config, "--once").code, 0)
    const expected = ["app.js", "app.js.br", "app.js.gz", "own.js", "own.js.br", "own.js.gz", "tiny.js"]
    assert.deepStrictEqual(
      names(at),
      expected.map((name) => `static/${name}`),
    )
    assert.strictEqual(published(at, "app.js").toString(), script("one"))
    assert.deepStrictEqual(unpacked(at, "app.js"), [script("one"), script("one")])
    assert.strictEqual(published(at, "own.js.br").toString(), "mine")

    write(at, "app.js", script("two"))
    fs.rmSync(path.join(at.site, "own.js.br"))
    const second = run(at.config, "--once")
    assert.strictEqual(second.code, 0, second.err)
    assert.deepStrictEqual(unpacked(at, "app.js"), [script("two"), script("two")])
    assert.deepStrictEqual(unpacked(at, "own.js"), [script("own"), script("own")])

    const explained = run("explain", at.config, path.join(at.site, "app.js"))
    assert.include(explained.out, "beside it: static/app.js.br, static/app.js.gz")
    assert.strictEqual(run("verify", at.config).code, 0)
    fs.writeFileSync(path.join(at.out, "static/app.js.gz"), "damaged")
    const damaged = run("verify", at.config)
    assert.strictEqual(damaged.code, 1)
    assert.include(damaged.out, "app.js.gz: it has 7 bytes")
    assert.strictEqual(run("verify", at.config, "--repair").code, 0)
    assert.deepStrictEqual(unpacked(at, "app.js"), [script("two"), script("two")])

    fs.rmSync(path.join(at.site, "app.js"))
    fs.rmSync(path.join(at.site, "tiny.js"))
    assert.strictEqual(run(at.config, "--once").code, 0)
    assert.deepStrictEqual(
      names(at),
      ["own.js", "own.js.br", "own.js.gz"].map((name) => `static/${name}`),
    )
  })

  it("a daemon that is killed again and again: the next one publishes each file with its own", async () => {
    const chain = `${compress}<processor name="unique_filename.MD5"/>`
    const at = (place = makePlace({ rules: rules(chain), settings: "<gracePeriod>1</gracePeriod>" }))
    const uniqueName = (text: string, name: string) => `${name}_${createHash("md5").update(text).digest("hex")}.js`
    const files = ["a", "b", "c"]
    for (let round = 0; round < 3; round++) {
      const running = daemon(at)
      daemons.push(running)
      for (const name of files) write(at, `${name}.js`, script(`${name}${round}`))
      await until(() => names(at).length > 4 * round, running.log)
      running.process.kill("SIGKILL")
      await running.ended
    }
    const last = daemon(at)
    daemons.push(last)
    await until(() => last.log().includes("in sync"), last.log, 60)
    for (const name of files) {
      const text = script(`${name}2`)
      assert.deepStrictEqual(unpacked(at, uniqueName(text, name)), [text, text])
    }
    // What a killed run left is whole, if it is there at all.
    for (const name of names(at).filter((one) => one.endsWith(".br"))) {
      const base = path.basename(name, ".br")
      const text = brotliDecompressSync(published(at, `${base}.br`)).toString()
      assert.strictEqual(base, uniqueName(text, base.slice(0, 1)))
    }
  })
})
