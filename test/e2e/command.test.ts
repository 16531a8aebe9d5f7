/** command.Run in the real program: hostile names, missing programs, and what is left when the daemon ends. */
import { existsSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { afterEach, assert, describe, it } from "@effect/vitest"
import { native } from "../../src/layers/nativePath.ts"
import { daemon, makePlace, type Place, removePlace, run, tree, until } from "../support/program.ts"
import { everythingBelow } from "../layers/disk/temporaryTree.ts"

let place: Place | undefined
afterEach(() => {
  if (place !== undefined) removePlace(place)
  place = undefined
})

const placeWith = (...processors: ReadonlyArray<string>): Place => {
  const chain = processors.map((attributes) => `<processor name="command.Run" ${attributes} />`).join("")
  place = makePlace({
    rules: `<rule for="site" label="all"><processorChain>${chain}</processorChain>
      <destinations><destination server="origin"/></destinations></rule>`,
  })
  return place
}

const temporary = (at: Place): ReadonlyArray<string> =>
  existsSync(join(at.directory, "state"))
    ? everythingBelow(join(at.directory, "state")).filter((path) => path.includes("job-"))
    : []

describe("command.Run", () => {
  it("runs programs one after the other on files of any name, and leaves nothing", () => {
    const at = placeWith(
      `command="tr a-z A-Z"`,
      `command="sed -e 's/$/!/' {input}" extensions="txt" outputExtension="md"`,
      `command="cp -- {input} {output}"`,
    )
    const names = [
      "plain.txt",
      "-rf.txt",
      `it's "q" $(touch x) \`y\`;&|.txt`,
      "two\nlines.txt",
      "caf\udce9.txt",
      "a.css",
    ]
    for (const name of names) writeFileSync(native(`${at.site}/${name}`), "hello")
    const { code, err, out } = run(at.config, "--once")
    assert.strictEqual(code, 0, out + err)
    const published = tree(at.out)
    const expected = names.map((name) =>
      Buffer.from(native(name))
        .toString("latin1")
        .replace(/\.txt$/, ".md"),
    )
    assert.sameMembers([...published.keys()], expected)
    assert.deepStrictEqual(new Set(published.values()), new Set(["HELLO!", "HELLO"]))
    assert.deepStrictEqual(temporary(at), [])
  })

  it("is refused with all its mistakes, each in its place", () => {
    const at = placeWith(`command="cat {input} | gzip"`, `command="cat" timeout="never" shell="true"`)
    const { code, err, out } = run("check", at.config)
    assert.strictEqual(code, 2, out + err)
    const said = out + err
    assert.match(said, /config\.xml:\d+:\d+ .*attribute "command" has a word "\|", and there is no shell/)
    assert.include(said, 'attribute "timeout" is "never", which is not a time')
    assert.include(said, 'there is no attribute "shell"')
  })

  it("is checked for each program that is named", () => {
    const at = placeWith(`command="cat"`, `command="/no/such/jpegtran {input}"`)
    const { code, err, out } = run("check", at.config)
    assert.include([1, 2], code, out + err)
    assert.include(out + err, 'there is no program "/no/such/jpegtran". Install it, or correct the path')
  })

  it("tells what the program said, and publishes nothing", () => {
    const at = placeWith(`command="sh -c 'echo no luck >&amp;2; exit 9'"`)
    writeFileSync(join(at.site, "a.txt"), "hello")
    const { code, err, out } = run(at.config, "--once")
    assert.strictEqual(code, 1)
    assert.include(out + err, "sh failed with exit code 9: no luck")
    assert.deepStrictEqual([...tree(at.out).keys()], [])
  })

  /** A daemon whose program runs and would not end, and whether it still does. */
  const busy = async (script: string) => {
    const at = placeWith(`command="PROGRAM {input}"`)
    const program = join(at.directory, "forever")
    const pidFile = join(at.directory, "pid")
    writeFileSync(program, `#!/bin/sh\necho $$ > ${pidFile}\n${script}\n`, { mode: 0o755 })
    writeFileSync(at.config, readFileSync(at.config, "utf8").replace("PROGRAM", program))
    writeFileSync(join(at.site, "a.txt"), "hello")
    const running = daemon(at)
    await until(() => existsSync(pidFile) && readFileSync(pidFile, "utf8").endsWith("\n"), running.log)
    const group = -Number(readFileSync(pidFile, "utf8"))
    const lives = () => {
      try {
        return process.kill(group, 0)
      } catch {
        return false
      }
    }
    assert.isTrue(lives())
    return {
      running,
      ended: () =>
        until(
          () => !lives(),
          () => `something of it runs: ${running.log()}`,
          5,
        ),
    }
  }

  it("leaves no program behind when the daemon is stopped at once", async () => {
    const { ended, running } = await busy("sleep 600 &\nwait")
    running.process.kill("SIGTERM")
    running.process.kill("SIGINT")
    await running.ended
    await ended()
  })

  it.skipIf(!existsSync("/usr/bin/setpriv"))("leaves no program behind when the daemon is killed", async () => {
    const { ended, running } = await busy("exec sleep 600")
    running.process.kill("SIGKILL")
    await running.ended
    await ended()
  })
})
