/** The examples do what they say, run as their readers run them. */
import { assert, describe, it } from "@effect/vitest"
import { spawnSync } from "node:child_process"
import fs from "node:fs"
import { fileURLToPath } from "node:url"

const example = (name: string) => fileURLToPath(new URL(`../../examples/${name}`, import.meta.url))
const run = (file: string) => spawnSync(process.execPath, [example(file)], { encoding: "utf8", timeout: 60_000 })

describe("examples", () => {
  it("embed: a program runs the conveyor with a Layer of its own", () => {
    const { status, stderr, stdout } = run("embed/embed.mjs")
    assert.strictEqual(status, 0, stderr)
    assert.include(stdout, "on the shelf: hello-world.txt (hello)")
    assert.include(stdout, "in sync: true")
    assert.strictEqual(stderr, "")
  })

  it("quickstart: publishes the site, and again does nothing", () => {
    for (const leftover of ["published", ".file-conveyor"]) {
      fs.rmSync(example(`quickstart/${leftover}`), { recursive: true, force: true })
    }
    const first = run("quickstart/run.mjs")
    assert.strictEqual(first.status, 0, first.stderr)
    assert.match(first.stdout, /in sync: 11 files delivered/)
    assert.match(first.stdout, /http:\/\/localhost:8000\/static\/css\/site_\d+\.css/)
    assert.match(run("quickstart/run.mjs").stdout, /in sync: 0 files delivered/)
  })
})
