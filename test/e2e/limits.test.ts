/** What happens where the machine has no more to give: room, open files, watches, a state directory that can be written. */
import { afterEach, assert, beforeEach, describe, it } from "@effect/vitest"
import { spawnSync } from "node:child_process"
import fs from "node:fs"
import path from "node:path"
import {
  boundDaemon,
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

/** A busy machine is slow, not wrong. */
const SECONDS = 120
const TIMEOUT = 300_000

let place: Place
const daemons: Array<Daemon> = []
const mounts: Array<string> = []

const follow = (running: Daemon): Daemon => {
  daemons.push(running)
  return running
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
const inSync = (running: Daemon) =>
  until(
    () => gap() === "",
    () => `${gap()}\n${running.log()}`,
    SECONDS,
  )
const says = (running: Daemon, what: RegExp) => until(() => what.test(running.log()), running.log, SECONDS)

/** A small disk of its own at this name. */
const mountSmall = (name: string, kilobytes: number): string => {
  const at = path.join(place.directory, name)
  fs.mkdirSync(at, { recursive: true, mode: 0o700 })
  const mounted = spawnSync("mount", ["-t", "tmpfs", "-o", `size=${kilobytes}k,mode=0700`, "tmpfs", at])
  assert.strictEqual(mounted.status, 0, String(mounted.stderr))
  mounts.push(at)
  return at
}
/** Takes all the room there is. */
const fill = (directory: string): string => {
  const filler = path.join(directory, "filler")
  const descriptor = fs.openSync(filler, "w")
  try {
    for (let size = 65_536; size >= 1; size >>= 4) {
      for (;;) {
        try {
          fs.writeSync(descriptor, Buffer.alloc(size))
        } catch {
          break
        }
      }
    }
  } finally {
    fs.closeSync(descriptor)
  }
  return filler
}

const canMount = process.getuid?.() === 0
const canLimitWatches =
  spawnSync("unshare", ["-U", "-r", "sh", "-c", "echo 20 > /proc/sys/user/max_inotify_watches"]).status === 0
for (const [holds, what] of [
  [canMount, "full and read-only disks: mounting a small one takes root"],
  [canLimitWatches, "the limit of inotify watches: it takes a user namespace"],
] as const) {
  if (!holds) process.stderr.write(`NOT TRIED: ${what}\n`)
}

beforeEach(() => {
  place = makePlace()
})
afterEach(async () => {
  for (const running of daemons.splice(0)) {
    if (running.process.exitCode !== null) continue
    running.process.kill("SIGKILL")
    await running.ended
  }
  for (const at of mounts.splice(0)) spawnSync("umount", ["-l", at])
  removePlace(place)
})

describe.skipIf(!canMount)("a full disk", () => {
  it(
    "under the state directory: it says so, loses nothing, and goes on by itself when there is room",
    async () => {
      // The ledger's log alone may take some megabytes.
      const state = mountSmall("state", 16_384)
      write("before.txt", "before")
      const running = follow(daemon(place))
      await inSync(running)
      const filler = fill(state)
      for (let i = 0; i < 300; i++) write(`d${i % 7}/file-${i}.txt`, `${i}`)
      await says(running, /no room left on the disk of .*ledger\.db: free some/)
      assert.isNull(running.process.exitCode)
      fs.rmSync(filler)
      await inSync(running)
      const waited = run("wait", place.config)
      assert.strictEqual(waited.code, 0, waited.err)
      assert.strictEqual(gap(), "")
    },
    TIMEOUT,
  )

  it("under the state directory at the start: a sentence and exit code 1", () => {
    fill(mountSmall("state", 64))
    write("a.txt", "a")
    const { code, err } = run(place.config, "--once")
    assert.strictEqual(code, 1, err)
    assert.match(err, /state|no room left/)
    assert.notMatch(err, /\n\s+at /)
  })

  it(
    "under the working directory: the files wait with the reason, and are delivered when there is room",
    async () => {
      prepare({
        settings: "<workingDir>work</workingDir>",
        rules:
          '<rule for="site" label="all"><processorChain><processor name="command.Run" command="cp {input} {output}"/></processorChain><destinations><destination server="origin"/></destinations></rule>',
      })
      const filler = fill(mountSmall("work", 256))
      write("a.txt", "x".repeat(50_000))
      const running = follow(daemon(place))
      await says(running, /a\.txt could not be brought to/)
      const status = JSON.parse(run("status", place.config, "--json").out)
      assert.strictEqual(status.failures[0].path, "a.txt")
      assert.match(status.failures[0].reason, /ENOSPC|[Nn]o (?:space|room)/)
      fs.rmSync(filler)
      await inSync(running)
    },
    TIMEOUT,
  )

  it(
    "under the log: everything else goes on, and so does the log when there is room",
    async () => {
      prepare({ settings: "<logFile>log/conveyor.log</logFile>" })
      const log = mountSmall("log", 64)
      const filler = fill(log)
      write("a.txt", "a")
      const running = follow(daemon(place))
      await inSync(running)
      await says(running, /log file .*conveyor\.log can not be written/)
      fs.rmSync(filler)
      await until(
        () => {
          // Something to tell.
          running.process.kill("SIGHUP")
          return /is written again/.test(running.log())
        },
        running.log,
        SECONDS,
      )
      assert.match(fs.readFileSync(path.join(log, "conveyor.log"), "utf8"), /log lines? missing here/)
    },
    TIMEOUT,
  )
})

describe("no more open files", () => {
  it(
    "files wait and are delivered once there are some again",
    async () => {
      for (let i = 0; i < 50; i++) write(`d${i % 5}/f${i}.txt`, `${i}`)
      const running = follow(daemon(place))
      await inSync(running)
      const limit = (count: number) =>
        spawnSync("prlimit", ["--pid", String(running.process.pid), `--nofile=${count}:1024`]).status
      assert.strictEqual(limit(8), 0)
      for (let i = 0; i < 50; i++) write(`e${i % 5}/g${i}.txt`, `${i}`)
      write("d1/f1.txt", "changed")
      await says(running, /EMFILE|too many open files/i)
      assert.isNull(running.process.exitCode)
      assert.strictEqual(limit(1024), 0)
      await inSync(running)
    },
    TIMEOUT,
  )
})

describe.skipIf(!canLimitWatches)("no more inotify watches", () => {
  const limited = (watches: number) =>
    follow(
      daemonUnder(place, [
        "unshare",
        "-U",
        "-r",
        "sh",
        "-c",
        `echo ${watches} > /proc/sys/user/max_inotify_watches; exec "$@"`,
        "limited",
      ]),
    )

  it(
    "the rest is scanned instead, which it says together with the cure",
    async () => {
      for (let i = 0; i < 40; i++) write(`d${i}/f.txt`, `${i}`)
      const running = limited(10)
      await inSync(running)
      await says(running, /sudo sysctl -w fs\.inotify\.max_user_watches=\d+/)
      const [source] = JSON.parse(run("status", place.config, "--json").out).sources
      assert.isAbove(source.blind, 20)
      for (let i = 0; i < 40; i++) write(`d${i}/f.txt`, `${i} changed`)
      for (let i = 0; i < 40; i++) write(`d${i}/new/g.txt`, `${i}`)
      fs.rmSync(path.join(place.site, "d39"), { recursive: true })
      await inSync(running)
    },
    TIMEOUT,
  )
})

describe("a state directory that can not be used", () => {
  it.skipIf(!canMount)("on a read-only disk: a sentence and exit code 1", () => {
    write("a.txt", "a")
    assert.strictEqual(run(place.config, "--once").code, 0)
    const state = mountSmall("state", 256)
    assert.strictEqual(spawnSync("mount", ["-o", "remount,ro", state]).status, 0)
    const { code, err } = run(place.config, "--once")
    assert.strictEqual(code, 1)
    assert.include(err, state)
    assert.notMatch(err, /\n\s+at /)
  })

  it(
    "without the permission to write it: a sentence and exit code 1",
    async () => {
      write("a.txt", "a")
      assert.strictEqual(run(place.config, "--once").code, 0)
      const state = path.join(place.directory, "state")
      for (const name of fs.readdirSync(state)) {
        if (fs.statSync(path.join(state, name)).isFile()) fs.chmodSync(path.join(state, name), 0o444)
      }
      fs.chmodSync(state, 0o555)
      const running = follow(boundDaemon(place))
      assert.strictEqual(await running.ended, 1, running.log())
      assert.include(running.log(), state)
      assert.notMatch(running.log(), /\n\s+at /)
      fs.chmodSync(state, 0o700)
    },
    TIMEOUT,
  )
})

describe("a damaged ledger", () => {
  const ledger = () => path.join(place.directory, "state", "ledger.db")
  const damage = () => {
    const bytes = fs.readFileSync(ledger())
    for (let at = 4096; at < bytes.length; at += 1024) bytes.fill(0x5a, at, at + 600)
    fs.writeFileSync(ledger(), bytes)
  }
  /** What a new upload of the same file would change. */
  const identities = () => {
    const found: Record<string, string> = {}
    for (const name of tree(place.out).keys()) {
      const stat = fs.lstatSync(path.join(place.out, name), { bigint: true })
      found[name] = `${stat.ino} ${stat.ctimeNs}`
    }
    return found
  }

  for (const mode of ["copy", "auto"] as const) {
    it(
      `is noticed at the start; --adopt begins a new one and uploads only what is not right already (${mode})`,
      () => {
        prepare({ mode })
        for (let i = 0; i < 60; i++) write(`d${i % 6}/f${i}.txt`, `content of ${i}`)
        write("empty.txt", "")
        assert.strictEqual(run(place.config, "--once").code, 0)
        damage()
        const refused = run(place.config, "--once")
        assert.strictEqual(refused.code, 1)
        assert.match(refused.err, /ledger\.db is damaged .*Start once with --adopt/)
        assert.notMatch(refused.err, /\n\s+at /)
        const { [`d1/f1.txt`]: changed, [`d2/f2.txt`]: removed, ...before } = identities()
        assert.isDefined(changed)
        assert.isDefined(removed)
        fs.rmSync(path.join(place.out, "d1/f1.txt"))
        fs.writeFileSync(path.join(place.out, "d1/f1.txt"), "other bytes 1")
        fs.rmSync(path.join(place.out, "d2/f2.txt"))
        const adopted = run(place.config, "--once", "--adopt")
        assert.strictEqual(adopted.code, 0, adopted.err)
        assert.match(adopted.out, /^in sync: 59 were there already, 2 files delivered, 0 removed/)
        assert.include(adopted.err, "ledger.db.damaged")
        assert.strictEqual(gap(), "")
        const { [`d1/f1.txt`]: _, [`d2/f2.txt`]: __, ...after } = identities()
        assert.deepStrictEqual(after, before)
        assert.match(run(place.config, "--once").out, /^in sync: 0 files delivered/)
        fs.rmSync(path.join(place.site, "d3/f3.txt"))
        assert.match(run(place.config, "--once").out, /^in sync: 0 files delivered, 1 removed/)
        assert.strictEqual(gap(), "")
      },
      TIMEOUT,
    )
  }

  it(
    "a copy that is a link, or that readers may not read, is not taken for right",
    () => {
      write("a.txt", "a")
      write("b.txt", "b")
      fs.mkdirSync(place.out)
      fs.symlinkSync(path.join(place.site, "a.txt"), path.join(place.out, "a.txt"))
      fs.writeFileSync(path.join(place.out, "b.txt"), "b", { mode: 0o600 })
      assert.match(run(place.config, "--once", "--adopt").out, /^in sync: 0 were there already, 2 files delivered/)
      assert.isFalse(fs.lstatSync(path.join(place.out, "a.txt")).isSymbolicLink())
      assert.strictEqual(fs.statSync(path.join(place.out, "b.txt")).mode & 0o777, 0o644)
    },
    TIMEOUT,
  )
})
