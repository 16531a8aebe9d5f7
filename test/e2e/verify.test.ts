/** `verify` as a user runs it: against a copy on disk and against a bucket that tells hashes. */
import { createHash } from "node:crypto"
import fs from "node:fs"
import path from "node:path"
import { afterAll, afterEach, assert, beforeAll, describe, it } from "@effect/vitest"
import { type Daemon, daemon, makePlace, type Place, removePlace, run, runBeside, until } from "../support/program.ts"
import { startStubAmazon, type StubAmazon } from "../support/stubAmazon.ts"

let place: Place
let running: Daemon | undefined

const write = (name: string, text: string) => {
  fs.mkdirSync(path.dirname(path.join(place.site, name)), { recursive: true })
  fs.writeFileSync(path.join(place.site, name), text)
}
const published = (name: string) => path.join(place.out, name)

afterEach(async () => {
  running?.process.kill("SIGTERM")
  await running?.ended
  running = undefined
})
afterAll(() => removePlace(place))

describe("verify", { timeout: 120_000 }, () => {
  // Each test leaves everything delivered, so that the next finds it so.
  beforeAll(() => {
    place = makePlace()
    write("css/same.css", "same")
    write("css/gone.css", "gone")
    write("short.js", "all of it")
    assert.strictEqual(run(place.config, "--once").code, 0)
  })

  const damage = () => {
    fs.rmSync(published("css/gone.css"))
    fs.writeFileSync(published("short.js"), "all")
  }

  it("all as it should be: exit code 0, and nothing was touched", () => {
    const result = run("verify", place.config)
    assert.strictEqual(result.code, 0, result.err)
    assert.strictEqual(result.out, "compared 3 files: all as they should be\n")
  })

  it("tells what differs in a table, exit code 1; with --repair it is put right", () => {
    damage()
    const found = run("verify", place.config)
    assert.strictEqual(found.code, 1, found.err)
    assert.strictEqual(
      found.out,
      `Server  File          What is wrong
origin  short.js      it has 3 bytes instead of 9
origin  css/gone.css  it is not there

compared 3 files: 2 not as they should be
`,
    )
    assert.isFalse(fs.existsSync(published("css/gone.css")))
    const repaired = run("verify", place.config, "--repair")
    assert.strictEqual(repaired.code, 0, repaired.out + repaired.err)
    assert.match(repaired.out, /short\.js +it has 3 bytes instead of 9 +delivered again/)
    assert.match(repaired.out, /2 not as they should be, 2 of these repaired/)
    assert.strictEqual(fs.readFileSync(published("short.js"), "utf8"), "all of it")
    assert.strictEqual(run("verify", place.config).code, 0)
  })

  it("what can not be repaired is told, and stays due", () => {
    fs.rmSync(published("css/gone.css"))
    fs.rmSync(published("css/same.css"))
    fs.rmdirSync(published("css"))
    fs.writeFileSync(published("css"), "in the way")
    const result = run("verify", place.config, "--repair")
    assert.strictEqual(result.code, 1, result.out + result.err)
    assert.match(result.out, /css\/gone\.css +it is not there +\S/)
    assert.match(result.out, /2 not as they should be, 0 of these repaired/)
    fs.rmSync(published("css"))
    assert.strictEqual(run(place.config, "--once").code, 0)
    assert.strictEqual(fs.readFileSync(published("css/gone.css"), "utf8"), "gone")
  })

  it("beside a running daemon it compares, and has the daemon repair", async () => {
    const beside = daemon(place)
    running = beside
    await until(() => beside.log().includes("in sync"), beside.log)
    damage()
    assert.strictEqual(run("verify", place.config).code, 1)
    const repaired = run("verify", place.config, "--repair")
    assert.strictEqual(repaired.code, 0, repaired.out + repaired.err)
    assert.strictEqual(fs.readFileSync(published("css/gone.css"), "utf8"), "gone")
    assert.strictEqual(run("verify", place.config).code, 0)
  })

  it("what changed since is the daemon's business, not a difference", () => {
    write("short.js", "changed")
    fs.rmSync(path.join(place.site, "css/same.css"))
    const result = run("verify", place.config)
    assert.strictEqual(result.code, 0, result.err)
    assert.match(
      result.out,
      /^compared 1 file: all as they should be, 2 to be brought up to date by the daemon anyway$/m,
    )
  })

  it("wrong usage is told", () => {
    assert.strictEqual(run("verify", place.config, "more").code, 2)
    assert.match(run("status", place.config, "--repair").err, /--repair goes with verify only/)
  })
})

describe("verify against a bucket", { timeout: 120_000 }, () => {
  let amazon: StubAmazon
  beforeAll(async () => {
    amazon = await startStubAmazon((_, response) => response.writeHead(500).end())
    removePlace(place)
    const chain = '<processorChain><processor name="unique_filename.MD5"/></processorChain>'
    place = makePlace({
      rules: `<rule for="site" label="all">${chain}<destinations><destination server="bucket"/></destinations></rule>`,
      servers: `<server name="bucket" transporter="s3"><bucket_name>assets</bucket_name><access_key_id>K</access_key_id>
        <secret_access_key>S</secret_access_key><endpoint>${amazon.endpoint}</endpoint></server>`,
    })
    write("a.css", "content")
    assert.strictEqual((await runBeside([place.config, "--once"])).code, 0)
  })
  afterAll(() => amazon.close())

  const key = `/assets/a_${createHash("md5").update("content").digest("hex")}.css`

  it("notices other content of the same size by its hash, and repairs it", async () => {
    assert.strictEqual((await runBeside(["verify", place.config])).code, 0)
    amazon.objects.set(key, Buffer.from("another"))
    const found = await runBeside(["verify", place.config])
    assert.strictEqual(found.code, 1, found.err)
    assert.match(found.out, /its content is another, of the same size/)
    const repaired = await runBeside(["verify", place.config, "--repair"])
    assert.strictEqual(repaired.code, 0, repaired.out + repaired.err)
    assert.strictEqual(amazon.objects.get(key)?.toString(), "content")
  })

  it("a server that does not answer: exit code 1 and why, not a thousand differences", async () => {
    await amazon.close()
    const result = await runBeside(["verify", place.config])
    assert.strictEqual(result.code, 1)
    assert.match(result.out, /server "bucket" does not answer: .*refuses connections/)
    assert.match(result.out, /not compared, since their server does not answer: 1 file/)
    assert.notMatch(result.out, /What is wrong/)
  })
})
