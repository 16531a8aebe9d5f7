/** Starting, stopping, crashing, reloading: the running program on real trees. */
import { afterEach, assert, beforeEach, describe, it } from "@effect/vitest"
import { spawnSync } from "node:child_process"
import fs from "node:fs"
import path from "node:path"
import { open } from "../../src/layers/ledger/driver.ts"
import {
  boundDaemon,
  type Daemon,
  daemon,
  differences,
  makePlace,
  type Place,
  type PlaceOptions,
  removePlace,
  run,
  statusOf,
  tree,
  until,
  writeConfig,
} from "../support/program.ts"

let place: Place
const daemons: Array<Daemon> = []

const start = (...words: ReadonlyArray<string>): Daemon => {
  const started = daemon(place, ...words)
  daemons.push(started)
  return started
}
const stop = (running: Daemon, signal: NodeJS.Signals = "SIGTERM") => {
  running.process.kill(signal)
  return running.ended
}
const prepare = (options: PlaceOptions = {}) => {
  removePlace(place)
  place = makePlace(options)
}
const write = (name: string, text: string) => {
  fs.mkdirSync(path.dirname(path.join(place.site, name)), { recursive: true })
  fs.writeFileSync(path.join(place.site, name), text)
}
const gap = () => differences(tree(place.site), tree(place.out))
/** The same without what a killed program may have left behind: the ledger knows of it, and when it goes (docs/guarantees.md). */
const gapAfterKills = (): string => {
  const ledger = open(path.join(place.directory, "state", "ledger.db"), { timeout: 1_000, readOnly: true })
  try {
    const rows = ledger.prepare("SELECT destination FROM retirements WHERE due_at > ?").all(Date.now())
    const owed = new Set(rows.map(([destination]) => `surplus ${JSON.stringify(destination)}`))
    const lines = gap().split("\n")
    return lines.filter((line) => !owed.has(line)).join("\n")
  } finally {
    ledger.close()
  }
}
const inSync = (running: Daemon, look: () => string = gap) =>
  until(
    () => look() === "",
    () => `${look()}\n${running.log()}`,
  )

beforeEach(() => {
  place = makePlace()
})
afterEach(async () => {
  for (const running of daemons.splice(0)) if (running.process.exitCode === null) await stop(running, "SIGKILL")
  removePlace(place)
})

describe("the command line", () => {
  it("--once syncs and exits 0; again does nothing; --dry-run says what it would do and touches nothing", () => {
    write("a.css", "a")
    write("b/c.js", "c")
    const dry = run(place.config, "--dry-run")
    assert.strictEqual(dry.code, 0, dry.err)
    assert.match(dry.out, /put {6}a\.css -> "origin" a\.css \(http:\/\/cdn\.example\.com\/a\.css\)/)
    assert.match(dry.out, /would put 2 files and delete 0 files/)
    assert.isFalse(fs.existsSync(path.join(place.directory, "state")))
    assert.isFalse(fs.existsSync(place.out))
    const first = run(place.config, "--once")
    assert.strictEqual(first.code, 0, first.err)
    assert.match(first.out, /^in sync: 2 files delivered/)
    assert.strictEqual(gap(), "")
    const second = run(place.config, "--once")
    assert.match(second.out, /^in sync: 0 files delivered/)
    fs.rmSync(path.join(place.site, "a.css"))
    assert.match(run(place.config, "--dry-run").out, /delete {3}"origin" a\.css \(a\.css is gone\)/)
    assert.match(run(place.config, "--once").out, /^in sync: 0 files delivered, 1 removed/)
    assert.strictEqual(gap(), "")
  })

  it("a mistake in the config: every mistake with its place and cure, exit code 2, no stack trace", () => {
    fs.writeFileSync(
      place.config,
      `<config>\n  <sources ignoredDirs="CVS"><source name="site" scanPath="nowhere"/></sources>\n  <servers><server name="origin" transporter="symlink_or_copi"><location>out</location><url>http://x/</url></server></servers>\n  <rules><rule for="sit" label="all"><destinations><destination server="orign"/></destinations></rule></rules>\n</config>`,
    )
    const { code, err } = run(place.config)
    assert.strictEqual(code, 2)
    assert.match(err, /config\.xml:2:\d+ .*scanPath/)
    assert.match(err, /symlink_or_copy/)
    assert.match(err, /"site"/)
    assert.match(err, /"origin"/)
    assert.notMatch(err, /\n\s+at /)
  })

  it("wrong usage: a sentence and exit code 2", () => {
    for (const words of [[], ["--wat"], ["explain", place.config], [place.config, "extra"]]) {
      const { code, err } = run(...words)
      assert.strictEqual(code, 2, words.join(" "))
      assert.notMatch(err, /\n\s+at /)
    }
    assert.strictEqual(run("--help").code, 0)
  })

  it("check, explain and status tell what a person needs", async () => {
    write("a.css", "a")
    const check = run("check", place.config)
    assert.strictEqual(check.code, 0, check.out)
    assert.match(check.out, /^origin +symlink_or_copy +ok +in one step +size +no +yes/m)
    assert.deepStrictEqual([...tree(place.out)], [])
    const before = run("explain", place.config, path.join(place.site, "a.css"))
    assert.match(before.out, /rule "all" applies/)
    assert.match(before.out, /not delivered yet; it goes to http:\/\/cdn\.example\.com\/a\.css/)
    const off = run("status", place.config)
    assert.strictEqual(off.code, 1)
    assert.match(off.err, /no file-conveyor is running/)
    const running = start()
    await inSync(running)
    assert.strictEqual(run("wait", place.config).code, 0)
    const status = run("status", place.config)
    assert.strictEqual(status.code, 0, status.out)
    assert.match(status.out, /in sync/i)
    assert.strictEqual(JSON.parse(run("status", place.config, "--json").out).inSync, true)
    assert.match(run("explain", place.config, path.join(place.site, "a.css")).out, /delivered, in sync/)
    assert.match(run("explain", place.config, "/nowhere/x").out, /in none of the sources/)
  })

  it("a second daemon on the same state directory exits 3 and says who holds it", async () => {
    const first = start()
    await until(() => first.log().includes("in sync"), first.log)
    const { code, err } = run(place.config, "--once")
    assert.strictEqual(code, 3)
    assert.include(err, `process ${first.process.pid}`)
  })
})

describe("stopping", () => {
  it("SIGTERM and SIGINT end it with exit code 0, and the PID file goes", async () => {
    for (const signal of ["SIGTERM", "SIGINT"] as const) {
      prepare({ settings: "<pidFile>daemon.pid</pidFile>" })
      const running = start()
      const pid = path.join(place.directory, "daemon.pid")
      await until(() => fs.existsSync(pid), running.log)
      assert.strictEqual(fs.readFileSync(pid, "utf8").trim(), String(running.process.pid))
      assert.isAbove(fs.statSync(path.join(place.directory, "synced_files.db")).size, 0)
      assert.strictEqual(await stop(running, signal), 0, running.log())
      assert.isFalse(fs.existsSync(pid))
    }
  })

  it("kill -9 at twenty random moments of a churn: after each restart the destination converges", async () => {
    const seed = Number(process.env["SEED"] ?? Date.now() % 100_000)
    let state = seed
    const random = (limit: number) => {
      state = (state * 1_103_515_245 + 12_345) % 2_147_483_648
      return Math.floor((state / 2_147_483_648) * limit)
    }
    const churn = () => {
      for (let i = 0; i < 15; i++) {
        const name = `d${random(5)}/f${random(30)}.txt`
        const file = path.join(place.site, name)
        const choice = random(10)
        if (choice < 6) write(name, "x".repeat(random(5000)))
        else if (choice < 8) fs.rmSync(file, { force: true })
        else if (fs.existsSync(file)) fs.renameSync(file, path.join(place.site, `moved${random(20)}.txt`))
      }
    }
    for (let i = 0; i < 60; i++) write(`d${i % 5}/f${i % 30}.txt`, `${i}`)
    for (let round = 0; round < 20; round++) {
      const running = start()
      const deadline = Date.now() + 300 + random(500)
      while (Date.now() < deadline) {
        churn()
        await new Promise((resolve) => setTimeout(resolve, random(40)))
      }
      await stop(running, "SIGKILL")
    }
    const last = start()
    // Once it answers it holds the ledger open: before that, what is left of the killed one's can not be read by others.
    await until(async () => (await statusOf(place)) !== undefined, last.log)
    await inSync(last, gapAfterKills).catch((error: unknown) => assert.fail(`seed ${seed}: ${String(error)}`))
    assert.strictEqual(run("wait", place.config).code, 0)
    assert.strictEqual(gapAfterKills(), "", `seed ${seed}`)
    const leftovers = spawnSync("find", [place.out, "-name", "*.tmp"], { encoding: "utf8" }).stdout
    assert.strictEqual(leftovers, "", `seed ${seed}`)
  }, 240_000)
})

describe("reload", () => {
  it("SIGHUP takes over an edited config, and keeps the running one when it is wrong", async () => {
    write("a.css", "a")
    write("b.js", "b")
    const running = start()
    await inSync(running)
    fs.writeFileSync(place.config, "<config>")
    running.process.kill("SIGHUP")
    await until(() => running.log().includes("the running one is kept"), running.log)
    write("c.css", "c")
    await inSync(running)
    writeConfig(place, {
      rules:
        '<rule for="site" label="css only"><filter><extensions>css</extensions></filter><destinations><destination server="origin" path="static"/></destinations></rule>',
    })
    running.process.kill("SIGHUP")
    const expected = new Map([
      ["static/a.css", "a"],
      ["static/c.css", "c"],
    ])
    await until(
      () => differences(expected, tree(place.out)) === "",
      () => `${differences(expected, tree(place.out))}\n${running.log()}`,
    )
    write("d.css", "d")
    await until(() => tree(place.out).get("static/d.css") === "d", running.log)
  })
})

describe("safety", () => {
  it("a source that is emptied: nothing is deleted until it is confirmed", async () => {
    for (let i = 0; i < 150; i++) write(`f${i}.txt`, `${i}`)
    const running = start()
    await inSync(running)
    fs.renameSync(place.site, `${place.site}-away`)
    fs.mkdirSync(place.site)
    await until(() => /held|hold/i.test(running.log()), running.log)
    assert.strictEqual(tree(place.out).size, 150)
    write("new.txt", "goes on")
    await until(() => tree(place.out).get("new.txt") === "goes on", running.log)
    assert.strictEqual(tree(place.out).size, 151)
    assert.strictEqual(run("status", place.config).code, 1)
    assert.strictEqual(run("confirm-deletes", place.config, "site").code, 0)
    await inSync(running)
  })

  it("a source whose directory is missing: it waits, and goes on when it is back", async () => {
    write("a.txt", "a")
    const running = start()
    await inSync(running)
    fs.renameSync(place.site, `${place.site}-away`)
    await until(() => /missing|moved/.test(running.log()), running.log)
    assert.strictEqual(tree(place.out).get("a.txt"), "a")
    fs.renameSync(`${place.site}-away`, place.site)
    write("b.txt", "b")
    await inSync(running)
  })

  it("an unreadable file is told, holds up nothing, and is delivered once it can be read", async () => {
    write("secret.txt", "later")
    write("open.txt", "now")
    fs.chmodSync(path.join(place.site, "secret.txt"), 0)
    const running = boundDaemon(place)
    daemons.push(running)
    await until(() => tree(place.out).get("open.txt") === "now", running.log)
    await until(() => running.log().includes("secret.txt"), running.log)
    assert.match(running.log(), /may not be read \(EACCES\)/)
    write("more.txt", "goes on")
    await until(() => tree(place.out).get("more.txt") === "goes on", running.log)
    assert.isUndefined(tree(place.out).get("secret.txt"))
    fs.chmodSync(path.join(place.site, "secret.txt"), 0o644)
    await until(() => tree(place.out).get("secret.txt") === "later", running.log)
  })

  it.skipIf(process.getuid?.() !== 0)(
    "a source that is unmounted: nothing is deleted, and it goes on when it is back",
    async () => {
      const disk = path.join(place.directory, "disk")
      fs.mkdirSync(disk)
      for (let i = 0; i < 20; i++) fs.writeFileSync(path.join(disk, `${i}.txt`), `${i}`)
      const mount = () => assert.strictEqual(spawnSync("mount", ["--bind", disk, place.site]).status, 0)
      mount()
      try {
        const running = start()
        await inSync(running)
        assert.strictEqual(spawnSync("umount", [place.site]).status, 0)
        fs.writeFileSync(path.join(disk, "new.txt"), "new")
        await until(() => /another disk/.test(running.log()), running.log)
        assert.strictEqual(tree(place.out).size, 20)
        mount()
        await inSync(running)
        assert.strictEqual(tree(place.out).size, 21)
      } finally {
        spawnSync("umount", ["-l", place.site])
      }
    },
  )

  it.skipIf(process.getuid?.() !== 0)("a full destination: it recovers by itself when there is room", async () => {
    fs.mkdirSync(place.out)
    assert.strictEqual(spawnSync("mount", ["-t", "tmpfs", "-o", "size=256k", "tmpfs", place.out]).status, 0)
    try {
      const filler = path.join(place.out, "filler")
      fs.writeFileSync(filler, Buffer.alloc(200_000))
      const running = start()
      write("big.bin", "x".repeat(150_000))
      await until(() => /down|space|room/i.test(running.log()), running.log)
      assert.isUndefined(tree(place.out).get("big.bin"))
      fs.rmSync(filler)
      await inSync(running)
    } finally {
      spawnSync("umount", ["-l", place.out])
    }
  })

  it("fileDeletionDelayAfterSync 0 deletes the source file once it is delivered, a rule without it never does", async () => {
    prepare({
      rules:
        '<rule for="site" label="move" fileDeletionDelayAfterSync="0"><filter><extensions>avi</extensions></filter><destinations><destination server="origin"/></destinations></rule>' +
        '<rule for="site" label="keep"><filter><extensions>txt</extensions></filter><destinations><destination server="origin"/></destinations></rule>',
      mode: "auto",
    })
    write("film.avi", "film")
    write("note.txt", "note")
    const running = start()
    await until(() => !fs.existsSync(path.join(place.site, "film.avi")), running.log)
    await until(() => tree(place.out).get("note.txt") === "note", running.log)
    assert.strictEqual(tree(place.out).get("film.avi"), "film")
    assert.isTrue(fs.existsSync(path.join(place.site, "note.txt")))
    await stop(running)
    assert.match(run(place.config, "--once").out, /^in sync: 0 files delivered, 0 removed/)
    assert.strictEqual(tree(place.out).get("film.avi"), "film")
  })
})

describe("the published map", () => {
  it("shows each file once it can be fetched, and nothing that is gone", async () => {
    write("a.css", "a")
    write("b.css", "b")
    assert.strictEqual(run(place.config, "--once").code, 0)
    const rows = async () => {
      const { DatabaseSync } = await import("@photostructure/sqlite")
      const database = new DatabaseSync(path.join(place.directory, "synced_files.db"), { readOnly: true })
      const found = database
        .prepare("SELECT input_file, transported_file_basename, url, server FROM synced_files")
        .all()
      database.close()
      return found.map((row) => ({ ...(row as object) }))
    }
    const row = (name: string) => ({
      input_file: path.join(place.site, name),
      transported_file_basename: name,
      url: `http://cdn.example.com/${name}`,
      server: "origin",
    })
    assert.deepStrictEqual(await rows(), [row("a.css"), row("b.css")])
    fs.rmSync(path.join(place.site, "a.css"))
    write("c.css", "c")
    assert.strictEqual(run(place.config, "--once").code, 0)
    assert.deepStrictEqual(await rows(), [row("b.css"), row("c.css")])
  })
})
