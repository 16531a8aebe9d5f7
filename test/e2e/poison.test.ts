/** Files that always fail: they are listed, they do not get in the way of others, and they end when their cause ends. */
import { afterEach, assert, beforeEach, describe, it } from "@effect/vitest"
import fs from "node:fs"
import path from "node:path"
import type { Status } from "../../src/domain/Telemetry.ts"
import {
  type Daemon,
  daemon,
  differences,
  makePlace,
  type Place,
  removePlace,
  run,
  statusOf,
  tree,
  until,
} from "../support/program.ts"

/** A busy machine is slow, not wrong. */
const SECONDS = 120
const TIMEOUT = 300_000

let place: Place
let running: Daemon

const write = (name: string, text: string) => fs.writeFileSync(path.join(place.site, name), text)
/** How things stand, as the program prints it. */
const printed = (): Status => JSON.parse(run("status", place.config, "--json").out) as Status
const first = async () => (await statusOf(place))?.servers[0]
const gap = () => differences(tree(place.site), tree(place.out))
/** CPU time of the daemon so far, all its threads, in milliseconds. */
const cpuMillis = (): number => {
  const text = fs.readFileSync(`/proc/${running.process.pid}/stat`, "utf8")
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ")
  return (Number(fields[11]) + Number(fields[12])) * 10
}
/** Everything of site/bad fails, until {@link cure}: a file is where the directory has to be. */
const poison = () => {
  fs.mkdirSync(path.join(place.site, "bad"))
  fs.mkdirSync(place.out)
  fs.writeFileSync(path.join(place.out, "bad"), "in the way")
}
const cure = () => fs.rmSync(path.join(place.out, "bad"))

beforeEach(() => {
  place = makePlace()
})
afterEach(async () => {
  running.process.kill("SIGKILL")
  await running.ended
  removePlace(place)
})

describe("files that always fail", () => {
  it(
    "one among 10,000: the others are delivered, it is listed with reason and next try, and ends without a restart",
    async () => {
      poison()
      write("bad/one.txt", "one")
      for (let i = 0; i < 10_000; i++) {
        if (i % 100 === 0) fs.mkdirSync(path.join(place.site, `d${i / 100}`))
        write(`d${Math.floor(i / 100)}/f${i}.txt`, `${i}`)
      }
      running = daemon(place)
      await until(async () => (await first())?.delivered === 10_000, running.log, SECONDS)
      const { failures, inSync } = printed()
      assert.isFalse(inSync)
      assert.strictEqual(failures.length, 1)
      assert.strictEqual(failures[0]?.path, "bad/one.txt")
      assert.match(failures[0]?.reason ?? "", /is a file where a directory is needed/)
      assert.isAbove(failures[0]?.nextTry ?? 0, failures[0]?.since ?? 0)
      const text = run("status", place.config).out
      assert.match(text, /bad\/one\.txt \(site\) to origin\n.*is a file where a directory is needed.*\n.*next try/)
      // It fails now and then, not all the time.
      assert.isBelow(failures[0]?.attempts ?? 0, 12)
      cure()
      await until(() => fs.existsSync(path.join(place.out, "bad/one.txt")), running.log, SECONDS)
      assert.strictEqual(run("wait", place.config).code, 0)
      assert.strictEqual(gap(), "")
      assert.isTrue(printed().inSync)
    },
    TIMEOUT,
  )

  it.skipIf(process.platform !== "linux")(
    "a thousand: hardly any work, hardly any log, news is delivered at once, and all end without a restart",
    async () => {
      poison()
      for (let i = 0; i < 1_000; i++) write(`bad/f${i}.txt`, `${i}`)
      running = daemon(place)
      await until(async () => (await first())?.failed === 1_000, running.log, SECONDS)
      await until(
        async () => {
          const failures = (await statusOf(place))?.failures ?? []
          return failures.length > 0 && failures.every((failure) => failure.attempts >= 5)
        },
        running.log,
        SECONDS,
      )
      const [cpu, at] = [cpuMillis(), Date.now()]
      const news = path.join(place.out, "news.txt")
      write("news.txt", "news")
      await until(() => fs.existsSync(news), running.log, SECONDS)
      const seen = Date.now() - at
      await new Promise((resolve) => setTimeout(resolve, 10_000))
      const share = (cpuMillis() - cpu) / (Date.now() - at)
      process.stderr.write(`1,000 failing files: ${(share * 100).toFixed(1)} % of a core; news after ${seen} ms\n`)
      assert.isBelow(share, 0.25)
      assert.isBelow(running.log().split("\n").length, 200)
      const { failures, servers } = printed()
      assert.strictEqual(servers[0]?.failed, 1_000)
      assert.strictEqual(failures.length, 1_000)
      assert.isTrue(failures.every((failure) => failure.reason !== "" && failure.nextTry > failure.since))
      cure()
      await until(() => gap() === "", gap, SECONDS)
      assert.strictEqual(run("wait", place.config).code, 0)
    },
    TIMEOUT,
  )
})
