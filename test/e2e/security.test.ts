/** Attacks on the real program. docs/security.md lists what is defended against and names these tests. */
import { afterEach, assert, beforeEach, describe, it } from "@effect/vitest"
import { type ChildProcess, spawn, spawnSync } from "node:child_process"
import fs from "node:fs"
import path from "node:path"
import { fileURLToPath } from "node:url"
import { Effect } from "effect"
import { loadConfig } from "../../src/layers/config/loadConfig.ts"
import {
  type Daemon,
  daemon,
  daemonUnder,
  differences,
  makePlace,
  type Place,
  type PlaceOptions,
  removePlace,
  run,
  tree,
  until,
} from "../support/program.ts"

const SECONDS = 120
const TIMEOUT = 300_000
const swapper = fileURLToPath(new URL("../fixtures/swapper.mjs", import.meta.url))

let place: Place
const daemons: Array<Daemon> = []
const attackers: Array<ChildProcess> = []

const follow = (running: Daemon): Daemon => {
  daemons.push(running)
  return running
}
const prepare = (options: PlaceOptions = {}) => {
  removePlace(place)
  place = makePlace(options)
}
const at = (...names: ReadonlyArray<string>) => path.join(place.directory, ...names)
const write = (name: string, text: string) => {
  fs.mkdirSync(path.dirname(at(name)), { recursive: true })
  fs.writeFileSync(at(name), text)
}
const gap = () => differences(tree(place.site), tree(place.out))
const inSync = (running: Daemon) =>
  until(
    () => gap() === "",
    () => `${gap()}\n${running.log()}`,
    SECONDS,
  )
const attack = (directory: string, other: string): ChildProcess => {
  const child = spawn(process.execPath, [swapper, directory, other], { stdio: ["ignore", "pipe", "inherit"] })
  attackers.push(child)
  return child
}
const end = (child: ChildProcess): Promise<number> =>
  new Promise((resolve) => {
    let said = ""
    child.stdout?.on("data", (chunk: Buffer) => (said += chunk.toString()))
    child.once("close", () => resolve(Number(said)))
    child.kill("SIGTERM")
  })
const pause = (millis: number) => new Promise((resolve) => setTimeout(resolve, millis))

beforeEach(() => {
  place = makePlace()
})
afterEach(async () => {
  for (const child of attackers.splice(0)) child.kill("SIGKILL")
  for (const running of daemons.splice(0)) {
    if (running.process.exitCode !== null) continue
    running.process.kill("SIGKILL")
    await running.ended
  }
  removePlace(place)
})

describe("links", () => {
  it(
    "in a source that lead out of it are not delivered, nor is anything behind them",
    async () => {
      write("outside/secret.txt", "TOP SECRET")
      write("site/a.txt", "a")
      fs.symlinkSync(at("outside/secret.txt"), at("site/file-link.txt"))
      fs.symlinkSync(at("outside"), at("site/directory-link"))
      fs.symlinkSync("../outside/secret.txt", at("site/relative-link.txt"))
      fs.symlinkSync("/proc/self/environ", at("site/environment.txt"))
      const running = follow(daemon(place))
      await until(() => tree(place.out).get("a.txt") === "a", running.log, SECONDS)
      assert.strictEqual(run("wait", place.config).code, 0)
      assert.deepStrictEqual([...tree(place.out).keys()], ["a.txt"])
    },
    TIMEOUT,
  )

  it(
    "in a destination are not written through, nor is anything removed through them",
    async () => {
      write("outside/f.txt", "theirs")
      write("site/d/f.txt", "ours")
      write("site/e/f.txt", "ours")
      fs.mkdirSync(place.out)
      fs.symlinkSync(at("outside"), at("out/d"))
      const running = follow(daemon(place))
      await until(() => tree(at("out/e")).get("f.txt") === "ours", running.log, SECONDS)
      await until(() => /is a symbolic link where a directory is needed/.test(running.log()), running.log, SECONDS)
      // Published, then swapped, then removed.
      fs.rmSync(at("out/e"), { recursive: true })
      fs.symlinkSync(at("outside"), at("out/e"))
      fs.rmSync(at("site/e"), { recursive: true })
      write("site/last.txt", "last")
      await until(() => tree(place.out).get("last.txt") === "last", running.log, SECONDS)
      await pause(1_000)
      assert.deepStrictEqual([...tree(at("outside"))], [["f.txt", "theirs"]])
    },
    TIMEOUT,
  )

  it.skipIf(process.platform !== "linux")(
    "that are swapped in between looking and reading: nothing from outside of a source is ever published",
    async () => {
      for (let i = 0; i < 8; i++) {
        write(`site/d/f${i}.txt`, `plain ${i}`)
        write(`outside/f${i}.txt`, `TOP SECRET ${i}`)
      }
      const running = follow(daemon(place))
      await inSync(running)
      const attacker = attack(at("site/d"), at("outside"))
      const until8 = Date.now() + 8_000
      while (Date.now() < until8) {
        for (let i = 0; i < 8; i++) {
          try {
            fs.utimesSync(at(`site/d/f${i}.txt`), Date.now() / 1000, Date.now() / 1000)
          } catch {
            // It is being swapped.
          }
        }
        for (const [name, content] of tree(place.out)) {
          assert.notInclude(content, "SECRET", `${name}\n${running.log()}`)
        }
        await pause(5)
      }
      assert.isAbove(await end(attacker), 5_000)
      for (const [name, content] of tree(place.out)) assert.notInclude(content, "SECRET", name)
    },
    TIMEOUT,
  )

  it.skipIf(process.platform !== "linux")(
    "that are swapped in between looking and writing: nothing outside of a destination is made, changed or removed",
    async () => {
      const names = Array.from({ length: 8 }, (_, i) => `f${i}.txt`)
      for (const name of names) {
        write(`site/d/${name}`, `first ${name}`)
        write(`outside/${name}`, `theirs ${name}`)
      }
      fs.mkdirSync(at("outside/empty"))
      const before = fs.readdirSync(at("outside")).sort()
      const running = follow(daemon(place))
      await inSync(running)
      const attacker = attack(at("out/d"), at("outside"))
      const until8 = Date.now() + 8_000
      for (let round = 0; Date.now() < until8; round++) {
        for (const name of names) {
          if (round % 3 === 2) fs.rmSync(at(`site/d/${name}`), { force: true })
          else write(`site/d/${name}`, `round ${round} of ${name}`)
        }
        if (round % 5 === 4) fs.rmSync(at("site/d/empty"), { recursive: true, force: true })
        else write("site/d/empty/x.txt", `${round}`)
        await pause(20)
        assert.deepStrictEqual(fs.readdirSync(at("outside")).sort(), before, running.log())
        for (const name of names) assert.strictEqual(fs.readFileSync(at(`outside/${name}`), "utf8"), `theirs ${name}`)
      }
      assert.isAbove(await end(attacker), 5_000)
      assert.deepStrictEqual(fs.readdirSync(at("outside")).sort(), before)
      assert.deepStrictEqual(fs.readdirSync(at("outside/empty")), [])
    },
    TIMEOUT,
  )
})

describe("names", () => {
  const hostile = [
    "-rf",
    "--help",
    "$(touch pwned)",
    "`touch pwned`",
    "; touch pwned;",
    "|touch pwned",
    "..",
    "...",
    "..\\..\\x",
    "%2e%2e%2fx",
    "%00",
    "a\nSet-Cookie: b",
    "a\r\nDELE b",
    "\u001b[2J",
    "\u202efdp.exe",
    "'\"<>&{}*?~#",
    "x\ntime=2000-01-01T00:00:00.000Z level=ERROR message=forged",
  ].filter((name) => name !== "..")

  it(
    "of any kind are names and nothing else: for the disk, for programs, and in URLs",
    async () => {
      prepare({
        rules:
          '<rule for="site" label="all"><processorChain><processor name="command.Run" command="cp {input} {output}"/></processorChain><destinations><destination server="origin"/></destinations></rule>',
      })
      for (const name of hostile) write(`site/${name}`, `content of ${name}`)
      const once = run(place.config, "--once")
      assert.strictEqual(once.code, 0, once.out + once.err)
      assert.strictEqual(gap(), "")
      const found = spawnSync("find", [place.directory, "-name", "pwned"], { encoding: "utf8" }).stdout
      assert.strictEqual(found, "")
    },
    TIMEOUT,
  )

  it("can not forge a line of the log, nor of the status, nor control a terminal", async () => {
    fs.mkdirSync(place.out)
    for (const name of hostile) {
      write(`site/${name}`, "x")
      // A directory with something in it is in the way, so that each is told.
      fs.mkdirSync(at("out", name))
      fs.writeFileSync(at("out", name, "in the way"), "")
    }
    const said = [["--once"], ["--dry-run"]].map((words) => run(place.config, ...words))
    assert.deepStrictEqual(
      said.map(({ code }) => code),
      [1, 0],
    )
    said.push(run("status", place.config))
    const worst = ["\u001b[2J", hostile.at(-1) ?? "", "a\r\nDELE b", "absent \u009b2J\r"]
    for (const name of worst) said.push(run("explain", place.config, at("site", name)))
    for (const line of said.flatMap(({ err, out }) => `${err}\n${out}`.split("\n"))) {
      assert.notMatch(line, /^time=2000|^Set-Cookie|^DELE/)
      // oxlint-disable-next-line no-control-regex -- control characters are what must not be there
      assert.notMatch(line, /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/)
    }
  }, 60_000)
})

describe("secrets", () => {
  it(
    "are in no log, status, answer, command line, state file or published map",
    async () => {
      const [password, key] = ["correct-horse-battery", "sk-0123456789abcdef"]
      fs.writeFileSync(at("key.txt"), `${key}\n`, { mode: 0o600 })
      fs.writeFileSync(
        place.config,
        `<config>
  <settings><stateDir>state</stateDir><logFile>conveyor.log</logFile><fileLogLevel>DEBUG</fileLogLevel><consoleLogLevel>DEBUG</consoleLogLevel></settings>
  <sources ignoredDirs="CVS"><source name="site" scanPath="site"/></sources>
  <servers>
    <server name="ftp" transporter="ftp"><host>127.0.0.1</host><port>1</port><username>u</username><password>${password}</password><url>http://x/</url></server>
    <server name="sftp" transporter="sftp"><host>127.0.0.1</host><port>1</port><username>u</username><password>\${env:TEST_PASSWORD}</password><url>http://x/</url></server>
    <server name="s3" transporter="s3"><access_key_id>id</access_key_id><secret_access_key>\${file:key.txt}</secret_access_key><bucket_name>bucket</bucket_name><endpoint>http://127.0.0.1:1/</endpoint><region>x</region></server>
  </servers>
  <rules><rule for="site" label="all"><destinations><destination server="ftp"/><destination server="sftp"/><destination server="s3"/></destinations></rule></rules>
</config>`,
        { mode: 0o600 },
      )
      write("site/a.txt", "a")
      const running = follow(daemonUnder(place, ["env", `TEST_PASSWORD=${password}`]))
      await until(
        () => ["ftp", "sftp", "s3"].every((name) => running.log().includes(`server \\"${name}\\" is down`)),
        running.log,
        SECONDS,
      )
      const asked = [
        run("status", place.config),
        run("status", place.config, "--json"),
        run("explain", place.config, at("site/a.txt")),
        run("check", place.config),
      ]
      const seen = new Map<string, string>([["log", running.log()]])
      asked.forEach(({ err, out }, index) => seen.set(`answer ${index}`, out + err))
      for (const name of ["cmdline", "comm"]) {
        seen.set(name, fs.readFileSync(`/proc/${running.process.pid}/${name}`, "latin1"))
      }
      for (const [name, content] of tree(at("state"))) seen.set(name, content)
      for (const name of ["conveyor.log", "synced_files.db"]) seen.set(name, fs.readFileSync(at(name), "latin1"))
      assert.isAbove((seen.get("conveyor.log") ?? "").length, 100)
      assert.isAbove((seen.get("ledger.db-wal") ?? seen.get("ledger.db") ?? "").length, 100)
      for (const [name, content] of seen) {
        assert.notInclude(content, password, name)
        assert.notInclude(content, key, name)
      }
    },
    TIMEOUT,
  )
})

describe("permissions", () => {
  it(
    "state is for its owner alone, what is published is for everybody, whatever the umask",
    async () => {
      for (const umask of ["000", "077"]) {
        prepare({ settings: "<pidFile>daemon.pid</pidFile>" })
        write("site/d/a.txt", "a")
        fs.chmodSync(at("site/d/a.txt"), 0o600)
        const running = follow(daemonUnder(place, ["sh", "-c", `umask ${umask}; exec "$@"`, "sh"]))
        await until(() => running.log().includes("in sync"), running.log, SECONDS)
        const mode = (...names: ReadonlyArray<string>) => (fs.statSync(at(...names)).mode & 0o777).toString(8)
        assert.strictEqual(mode("state"), "700", umask)
        for (const name of fs.readdirSync(at("state"))) {
          const isDirectory = fs.statSync(at("state", name)).isDirectory()
          assert.strictEqual(mode("state", name), isDirectory ? "700" : "600", `${umask} ${name}`)
        }
        assert.strictEqual(mode("out/d"), "755", umask)
        assert.strictEqual(mode("out/d/a.txt"), "644", umask)
        assert.strictEqual(mode("synced_files.db"), "644", umask)
        running.process.kill("SIGTERM")
        await running.ended
      }
    },
    TIMEOUT,
  )
})

describe("commands that only look", () => {
  it("work on files in a directory that nobody can have made before, and leave nothing of it", () => {
    prepare({
      rules:
        '<rule for="site" label="all"><processorChain><processor name="command.Run" command="sh -c \'dirname {output} &gt; {output}\'"/><processor name="unique_filename.MD5"/></processorChain><destinations><destination server="origin"/></destinations></rule>',
    })
    write("site/a.txt", "a")
    const temporary = at("temporary")
    fs.mkdirSync(temporary)
    const main = fileURLToPath(new URL("../../dist/main.js", import.meta.url))
    const explained = spawnSync(process.execPath, [main, "explain", place.config, at("site/a.txt")], {
      encoding: "utf8",
      env: { ...process.env, TMPDIR: temporary },
    })
    assert.match(explained.stdout, /goes to .*a_[0-9a-f]{32}\.txt/)
    assert.deepStrictEqual(fs.readdirSync(temporary), [])
  }, 60_000)
})

describe("code of third parties", () => {
  it("is loaded from where the config says, and from nowhere else", () => {
    const traps = ["symlink_or_copy", "effect", "koffi", "sharp", "@photostructure/sqlite", "unique_filename.MD5"]
    for (const name of traps) {
      write(
        `node_modules/${name}/index.js`,
        `require("node:fs").writeFileSync(${JSON.stringify(at("sprung"))}, ${JSON.stringify(name)}); module.exports = {}`,
      )
      write(
        `site/node_modules/${name}/index.js`,
        `require("node:fs").writeFileSync(${JSON.stringify(at("sprung"))}, "")`,
      )
    }
    write("site/a.txt", "a")
    const once = spawnSync(
      process.execPath,
      [fileURLToPath(new URL("../../dist/main.js", import.meta.url)), place.config, "--once"],
      {
        cwd: place.directory,
        encoding: "utf8",
      },
    )
    assert.strictEqual(once.status, 0, once.stderr)
    assert.isFalse(fs.existsSync(at("sprung")))
  }, 60_000)
})

describe("a hostile config", () => {
  const isRefused = (err: string, lines: ReadonlyArray<RegExp>) => {
    assert.isBelow(err.length, 60_000)
    assert.notMatch(err, /\n\s+at /)
    for (const line of lines) assert.match(err, line)
  }
  /** As the program reads it. What it makes of a refusal is the same for all of them, and one of them tries that. */
  const refused = async (text: string, ...lines: ReadonlyArray<RegExp>) => {
    fs.writeFileSync(place.config, text)
    const startedAt = Date.now()
    const { message } = await Effect.runPromise(Effect.flip(loadConfig(place.config)))
    assert.isBelow(Date.now() - startedAt, 30_000)
    isRefused(message, lines)
  }

  it(
    "entities, expansion, external files, depth and size: each is refused with a sentence, quickly",
    async () => {
      write("secret.txt", "TOP SECRET")
      const bomb = Array.from({ length: 20 }, (_, i) => `<!ENTITY e${i + 1} "${`&e${i};`.repeat(10)}">`).join("\n")
      await refused(`<!DOCTYPE config [<!ENTITY e0 "x">${bomb}]><config>&e20;</config>`, /DOCTYPE, which is refused/)
      await refused(
        `<!DOCTYPE config [<!ENTITY x SYSTEM "file://${at("secret.txt")}">]><config>&x;</config>`,
        /DOCTYPE, which is refused/,
      )
      const { code, err } = run(place.config)
      assert.strictEqual(code, 2, err.slice(0, 2_000))
      isRefused(err, [/DOCTYPE, which is refused/])
      const deep = 40_000
      await refused(`<config>${"<a>".repeat(deep)}${"</a>".repeat(deep)}</config>`)
      await refused(`<config>${"<".repeat(900_000)}</config>`)
      await refused(`<config a="${"&#x41;".repeat(150_000)}"/>`)
      await refused(`<config ${Array.from({ length: 60_000 }, (_, i) => `a${i}="x"`).join(" ")}/>`)
      await refused(`<config>${"x".repeat(1_100_000)}</config>`, /larger than 1048576 bytes/)
      await refused(`<config>\0</config>`)
      await refused(`<config><__proto__ constructor="x"><toString/></__proto__></config>`)
    },
    TIMEOUT,
  )
})
