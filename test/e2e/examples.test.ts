/** The examples do what they say, run as their readers run them. */
import { assert, describe, it } from "@effect/vitest"
import { spawn, spawnSync } from "node:child_process"
import fs from "node:fs"
import os from "node:os"
import path from "node:path"
import { fileURLToPath, pathToFileURL } from "node:url"

const example = (name: string) => fileURLToPath(new URL(`../../examples/${name}`, import.meta.url))
const run = (file: string) => spawnSync(process.execPath, [example(file)], { encoding: "utf8", timeout: 60_000 })

const project = fileURLToPath(new URL("../..", import.meta.url))
const main = path.join(project, "dist/main.js")

/** Gives a copy of an example as somebody has it who installed this package and effect; its directory goes away. */
const installed = async (name: string, use: (directory: string) => Promise<void>): Promise<void> => {
  const directory = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), "fc-example-")))
  try {
    fs.cpSync(example(name), directory, { recursive: true })
    fs.mkdirSync(path.join(directory, "node_modules"))
    fs.symlinkSync(project, path.join(directory, "node_modules/file-conveyor"))
    fs.symlinkSync(path.join(project, "node_modules/effect"), path.join(directory, "node_modules/effect"))
    await use(directory)
  } finally {
    fs.rmSync(directory, { recursive: true, force: true })
  }
}

const node = (directory: string, ...words: ReadonlyArray<string>) =>
  spawnSync(process.execPath, words, { cwd: directory, encoding: "utf8", timeout: 60_000 })

/** The same while this process answers requests. */
const nodeMeanwhile = (directory: string, environment: NodeJS.ProcessEnv, ...words: ReadonlyArray<string>) =>
  new Promise<{ readonly status: number | null; readonly said: string }>((resolve) => {
    const child = spawn(process.execPath, words, { cwd: directory, env: { ...process.env, ...environment } })
    let said = ""
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (bytes: Buffer) => (said += bytes.toString()))
    child.once("close", (status) => resolve({ status, said }))
  })

const linesOf = (file: string): number => fs.readFileSync(file, "utf8").trimEnd().split("\n").length

/** Runs an example's own test and gives how many tests passed. */
const passed = (directory: string): number => {
  const { status, stderr, stdout } = node(directory, "--test", "--test-reporter=tap")
  assert.strictEqual(status, 0, stdout + stderr)
  assert.match(stdout, /^# fail 0$/m)
  return Number(/^# pass (\d+)$/m.exec(stdout)?.[1])
}

describe("examples", () => {
  it(
    "custom-processor: under 15 lines that keep the contract, used by a config beside them",
    () =>
      installed("custom-processor", async (directory) => {
        assert.isBelow(linesOf(path.join(directory, "banner.mjs")), 15)
        assert.isAtLeast(passed(directory), 10)
        const { status, stderr, stdout } = node(directory, main, "config.xml", "--once")
        assert.strictEqual(status, 0, stdout + stderr)
        const published = fs.readdirSync(path.join(directory, "published"))
        assert.lengthOf(published, 1)
        assert.match(published[0] ?? "", /^site_[0-9a-f]{32}\.css$/)
        const styles = fs.readFileSync(path.join(directory, "published", published[0] ?? ""), "utf8")
        assert.strictEqual(styles, "/* (c) Example Ltd */\nbody {\n  color: #222;\n}\n")
        fs.writeFileSync(
          path.join(directory, "config.xml"),
          fs.readFileSync(path.join(directory, "config.xml"), "utf8").replace(' text="(c) Example Ltd"', ""),
        )
        const wrong = node(directory, main, "check", "config.xml")
        assert.strictEqual(wrong.status, 2)
        assert.include(wrong.stdout + wrong.stderr, 'attribute "text" is missing')
      }),
    120_000,
  )

  it(
    "custom-transporter: under 50 lines that keep the contract, used by a config beside them",
    () =>
      installed("custom-transporter", async (directory) => {
        assert.isBelow(linesOf(path.join(directory, "put.mjs")), 50)
        assert.isAtLeast(passed(directory), 37)
        const { startServer } = await import(pathToFileURL(path.join(directory, "server.mjs")).href)
        const server = await startServer()
        try {
          const environment = { PUT_ADDRESS: server.address }
          const once = await nodeMeanwhile(directory, environment, main, "config.xml", "--once")
          assert.strictEqual(once.status, 0, once.said)
          assert.deepStrictEqual([...server.files.keys()], ["/static/hello%20world.txt"])
          const check = await nodeMeanwhile(directory, environment, main, "check", "config.xml")
          assert.strictEqual(check.status, 0, check.said)
          assert.match(check.said, /^shelf\s+\.\/put\.mjs\s+ok\s/m)
          server.state.broken = true
          const broken = await nodeMeanwhile(directory, environment, main, "check", "config.xml")
          assert.strictEqual(broken.status, 1, broken.said)
          assert.include(broken.said, "PUT: Service Unavailable")
        } finally {
          await server.stop()
        }
      }),
    120_000,
  )

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
