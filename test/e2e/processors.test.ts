/** Processors under the real program: poison, kill -9, and what is missing at start. */
import fs from "node:fs"
import path from "node:path"
import { fileURLToPath } from "node:url"
import { afterEach, assert, describe, it } from "@effect/vitest"
import { daemon, makePlace, type Place, removePlace, run, tree, until } from "../support/program.ts"

const poison = fileURLToPath(new URL("../fixtures/poison.mjs", import.meta.url))
const dependencies = fileURLToPath(new URL("../../node_modules", import.meta.url))

const places: Array<Place> = []
const place = (chain: string, settings = "", attributes = "") => {
  const made = makePlace({
    settings,
    rules: `<rule for="site" label="all" ${attributes}><processorChain>${chain}</processorChain>
      <destinations><destination server="origin"/></destinations></rule>`,
  })
  places.push(made)
  return made
}
afterEach(() => places.splice(0).forEach(removePlace))

/** Daemons of this test, and processes that were seen as children of theirs. */
const daemons = new Set<number>()
const seen = new Set<number>()

/** Processes for processors that live: their parent is one of ours, or was when they were seen first. */
const living = (): ReadonlyArray<number> =>
  fs.readdirSync("/proc").flatMap((entry) => {
    try {
      const status = fs.readFileSync(`/proc/${Number(entry)}/status`, "utf8")
      const parent = Number(/^PPid:\s+(\d+)/m.exec(status)?.[1])
      if (daemons.has(parent)) seen.add(Number(entry))
      return seen.has(Number(entry)) && !/^State:\s+Z/m.test(status) ? [Number(entry)] : []
    } catch {
      return []
    }
  })

const bad: ReadonlyArray<readonly [word: string, says: string]> = [
  ["loop", "took longer than 3 s"],
  ["exit", "ended its process (exit code 0)"],
  ["abort", "crashed (SIGABRT)"],
  ["buffers", "needed more than 220 MiB of memory"],
  ["throw", "threw no such luck"],
  ["elsewhere", "may rename a file, not move it"],
  ["empty", "made an empty file of one that is not"],
]
const good = Array.from({ length: 12 }, (_, index) => `good ${index}`)

describe("processors", () => {
  it("that are poisoned fail their files, with reasons, while all others get through", () => {
    const at = place(
      `<processor name="${poison}#Poison"/>`,
      "<processorTimeout>3</processorTimeout><processorMemory>220M</processorMemory>",
    )
    for (const word of [...bad.map(([word]) => word), ...good])
      fs.writeFileSync(path.join(at.site, `${word}.txt`), word)
    const { code, err, out } = run(at.config, "--once")
    assert.strictEqual(code, 1, err)
    assert.deepStrictEqual(
      [...tree(at.out)].sort(),
      good.map((word): [string, string] => [`${word}.txt`, `${word}!`]).sort(),
    )
    for (const [word, says] of bad) {
      const line = out.split("\n").find((text) => text.includes(`${word}.txt`))
      assert.include(line, says, out)
      assert.include(line, "#Poison on")
    }
    assert.notInclude(err, "unexpected failure")
  }, 120_000)

  it.skipIf(process.platform !== "linux")(
    "leave no process behind when the daemon is killed, even where they hang",
    async () => {
      const at = place(`<processor name="${poison}#Poison"/>`)
      const note = path.join(at.directory, "looping")
      fs.writeFileSync(path.join(at.site, "a.txt"), `note ${note}`)
      const running = daemon(at)
      daemons.add(running.process.pid ?? 0)
      await until(() => fs.existsSync(note), running.log)
      assert.strictEqual(living().length, 1)
      running.process.kill("SIGKILL")
      await running.ended
      await until(
        () => living().length === 0,
        () => `still there: ${living().join(", ")}`,
      )
    },
    60_000,
  )

  it.skipIf(process.platform !== "linux")(
    "end with the daemon when it is told to stop",
    async () => {
      const at = place(`<processor name="${poison}#Poison"/>`)
      fs.writeFileSync(path.join(at.site, "a.txt"), "fine")
      const running = daemon(at)
      daemons.add(running.process.pid ?? 0)
      await until(() => fs.existsSync(path.join(at.out, "a.txt")), running.log)
      assert.isAbove(living().length, 0)
      running.process.kill("SIGTERM")
      assert.strictEqual(await running.ended, 0)
      assert.deepStrictEqual(living(), [])
    },
    60_000,
  )

  it("are found in the node_modules of the config, in their own process too", () => {
    const at = place(`<processor name="shout.Upper"/>`, "", 'onFailure="original"')
    const home = path.join(at.directory, "node_modules", "shout")
    fs.mkdirSync(home, { recursive: true })
    fs.symlinkSync(path.join(dependencies, "effect"), path.join(at.directory, "node_modules", "effect"))
    fs.writeFileSync(
      path.join(home, "package.json"),
      '{"name":"shout","version":"1.0.0","type":"module","exports":"./main.js"}',
    )
    fs.copyFileSync(poison, path.join(home, "main.js"))
    fs.writeFileSync(path.join(at.site, "a.txt"), "hello")
    fs.writeFileSync(path.join(at.site, "b.png"), "hello")
    const { code, err, out } = run(at.config, "--once")
    assert.strictEqual(code, 0, `${out}${err}`)
    assert.deepStrictEqual(Object.fromEntries(tree(at.out)), { "a.txt": "HELLO", "b.png": "hello" })
    assert.isTrue(fs.existsSync(path.join(at.directory, "state", "work", "cache")))
  })

  it("publish the original where the rule says so", () => {
    const at = place(`<processor name="${poison}#Poison"/>`, "", 'onFailure="original"')
    fs.writeFileSync(path.join(at.site, "a.txt"), "abort")
    const { code, err, out } = run(at.config, "--once")
    assert.strictEqual(code, 1, out)
    assert.deepStrictEqual(Object.fromEntries(tree(at.out)), { "a.txt": "abort" })
    assert.strictEqual(err.split("published unprocessed meanwhile").length - 1, 1, err)
  })

  it("that can not do their work here are mistakes of the config, found at start and by check", () => {
    const program = path.join("no", "such", "program")
    const at = place(
      [
        `<processor name="${poison}#Unavailable"/>`,
        `<processor name="${poison}#NeedsProgram" program="${process.execPath}"/>`,
        `<processor name="${poison}#NeedsProgram" program="${program}"/>`,
        `<processor name="${poison}#CrashesWhenAsked"/>`,
      ].join("\n"),
    )
    for (const command of [["check", at.config], [at.config, "--once"], [at.config]]) {
      const { code, err } = run(...command)
      assert.strictEqual(code, 2, err)
      const says = err.split("\n").filter((line) => line.includes(at.config))
      assert.strictEqual(says.length, 3, err)
      assert.match(
        says[0] ?? "",
        /config\.xml:9:\d+ {2}rules\/rule\/processorChain\/processor\[1\]\/@name: .*: needs the moon/,
      )
      assert.include(says[1], `processor[3]/@name: `)
      assert.include(says[1], `there is no ${program}`)
      assert.include(says[2], "crashed (SIGABRT)")
      assert.include(err, "Mend that, or take it out of the chain.")
    }
    assert.notStrictEqual(run("status", at.config).code, 2)
  }, 60_000)
})
