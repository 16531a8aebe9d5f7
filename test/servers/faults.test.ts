/**
 * The faults that every transporter has to survive, with nothing lost and nothing half published: which test shows it for
 * which of them, and the two that take the whole program: a password that is corrected, and a server that is down.
 */
import fs from "node:fs"
import path from "node:path"
import { fileURLToPath } from "node:url"
import { CreateBucketCommand, GetObjectCommand, ListObjectsV2Command, NoSuchKey, S3Client } from "@aws-sdk/client-s3"
import { afterAll, afterEach, assert, beforeAll, describe, it } from "@effect/vitest"
import {
  type Daemon,
  daemon,
  differences,
  makePlace,
  type Place,
  removePlace,
  runBeside,
  tree,
  until,
  writeConfig,
} from "../support/program.ts"
import { ftpInstall, ftpInstalled, startFtpServer } from "./start/ftp.ts"
import { gatewayInstall, gatewayInstalled, startGateway } from "./start/rgw.ts"
import { sshInstall, sshInstalled, startSshServer } from "./start/sftp.ts"
import { startSwift, swiftInstall, swiftInstalled } from "./start/swift.ts"

const isRequired = process.env["REQUIRE_SERVERS"] === "1"

/** A transporter and a server of its own, as the tests below need them. */
interface Subject {
  readonly settings: Readonly<Record<string, string>>
  /** The setting that lets it in, and a wrong value of it. */
  readonly wrong: Readonly<Record<string, string>>
  /** All files that the public could get, by path. */
  readonly held: () => Promise<ReadonlyMap<string, string>>
  readonly down: () => Promise<void>
  readonly up: () => Promise<void>
  readonly stop: () => Promise<void>
}

const sftp = async (): Promise<Subject> => {
  const server = await startSshServer()
  const { host, ...settings } = {
    host: "127.0.0.1",
    port: String(server.port),
    username: server.user,
    url: "https://cdn.example/",
    key: server.lockedKey,
    passphrase: server.passphrase,
    knownHosts: server.knownHosts,
  }
  return {
    settings: { host, ...settings },
    wrong: { passphrase: "wr0ng" },
    held: async () => tree(server.data),
    down: server.kill,
    up: () => server.restart(),
    stop: server.stop,
  }
}

const ftp = async (): Promise<Subject> => {
  const server = await startFtpServer("proftpd", "none")
  return {
    settings: {
      host: "127.0.0.1",
      port: String(server.port),
      username: server.user,
      password: server.password,
      url: "https://cdn.example/",
    },
    wrong: { password: "wr0ng" },
    held: async () => tree(server.data),
    down: server.kill,
    up: () => server.restart(),
    stop: server.stop,
  }
}

const s3 = async (): Promise<Subject> => {
  const gateway = await startGateway()
  const { id: accessKeyId, secret: secretAccessKey } = gateway.keys
  const admin = new S3Client({
    endpoint: gateway.endpoint,
    region: "us-east-1",
    forcePathStyle: true,
    credentials: { accessKeyId, secretAccessKey },
  })
  const Bucket = "assets"
  await admin.send(new CreateBucketCommand({ Bucket }))
  return {
    settings: {
      bucket_name: Bucket,
      access_key_id: accessKeyId,
      secret_access_key: secretAccessKey,
      endpoint: gateway.endpoint,
    },
    wrong: { secret_access_key: "wr0ng" },
    held: async () => {
      const { Contents = [] } = await admin.send(new ListObjectsV2Command({ Bucket }))
      const bodies = Contents.map(async ({ Key = "" }) => {
        try {
          const { Body } = await admin.send(new GetObjectCommand({ Bucket, Key }))
          return [[Key, (await Body?.transformToString("latin1")) ?? ""] as const]
        } catch (error) {
          // The program works on meanwhile: what was listed may have been removed since.
          if (error instanceof NoSuchKey) return []
          throw error
        }
      })
      return new Map((await Promise.all(bodies)).flat())
    },
    down: async () => gateway.kill(),
    up: gateway.restart,
    stop: async () => {
      admin.destroy()
      await gateway.stop()
    },
  }
}

const cloudfiles = async (): Promise<Subject> => {
  const swift = await startSwift()
  await swift.makeContainer("assets")
  return {
    settings: { username: swift.user.name, api_key: swift.user.key, container: "assets", auth_url: swift.authUrl },
    wrong: { api_key: "wr0ng" },
    held: async () => {
      const bodies = (await swift.names("assets")).map(async (name) => {
        const bytes = await swift.read("assets", name)
        return [name, Buffer.from(bytes ?? []).toString("latin1")] as const
      })
      return new Map(await Promise.all(bodies))
    },
    down: swift.down,
    up: swift.up,
    stop: swift.stop,
  }
}

const subjects = {
  sftp: { start: sftp, isInstalled: sshInstalled(), install: sshInstall },
  ftp: { start: ftp, isInstalled: ftpInstalled("proftpd"), install: ftpInstall.proftpd },
  s3: { start: s3, isInstalled: gatewayInstalled(), install: gatewayInstall },
  cloudfiles: { start: cloudfiles, isInstalled: swiftInstalled(), install: swiftInstall },
} as const

type Name = keyof typeof subjects

/** Where it is shown: a file and the beginning of a test's title. */
type Shown = readonly [file: string, title: string]

const contract = "../../src/testing/transporterSuite.ts"
const source: Shown = [contract, "a source that "]
const sourceOnDisk: Shown = ["sources.test.ts", "changed, cut short or deleted in the middle"]
const here = "faults.test.ts"
const password: Shown = [here, "a wrong password, corrected"]
const oneDown: Shown = [here, "down for the whole time"]

/** Which test shows it, or why it can not happen. */
const matrix: Readonly<Record<string, Readonly<Record<Name, Shown | string>>>> = {
  "killed in the middle of an upload and started again": {
    sftp: ["sftp.test.ts", "killed in the middle of an upload and started again"],
    ftp: ["ftp.test.ts", "a server that is killed in the middle of a file and comes back gets it whole"],
    s3: ["s3.test.ts", "a gateway that dies in the middle and comes up again"],
    cloudfiles: ["cloudFiles.test.ts", "a service that is killed in the middle of a large file, and started again"],
  },
  "connection reset": {
    sftp: ["sftp.test.ts", "a connection that is reset in the middle fails the upload"],
    ftp: ["ftp.test.ts", "a control connection that is reset in the middle never publishes half a file"],
    s3: ["s3.test.ts", "a cut in the middle of a file is repaired once"],
    cloudfiles: ["cloudFiles.test.ts", "a connection that breaks in the middle of a file leaves what was there"],
  },
  "no bytes for longer than the idle deadline": {
    sftp: ["sftp.test.ts", "all operations on a connection that goes silent fail after the idle time"],
    ftp: ["ftp.test.ts", "a server that goes silent is given up after the idle timeout"],
    s3: ["s3.test.ts", "a stalled connection is given up after the idle deadline"],
    cloudfiles: ["cloudFiles.test.ts", "silence is given up after idleTimeout"],
  },
  "asks for less": {
    sftp: "the protocol has no such answer; a refused further connection is in sftp.test.ts",
    ftp: ["../layers/transporters/ftp.test.ts", "says 421: at the greeting, at a command"],
    s3: ["../layers/transporters/s3.test.ts", "SlowDown is Throttled with the time it names"],
    cloudfiles: ["../layers/transporters/cloudFiles.test.ts", "asks for less"],
  },
  "not let in, then let in": { sftp: password, ftp: password, s3: password, cloudfiles: password },
  "disk full": {
    sftp: ["sftp.test.ts", "a full disk is told as such, leaves nothing"],
    ftp: ["ftp.test.ts", "a full disk is told as such, leaves nothing, and passes"],
    s3: ["s3.test.ts", "a bucket that is missing, and a bucket that is full, take the server out"],
    cloudfiles: ["cloudFiles.test.ts", "a full container is out of space, and the old file is still there"],
  },
  "one directory may not be written": {
    sftp: ["sftp.test.ts", "a directory that may not be written fails its files only"],
    ftp: ["ftp.test.ts", "what is in the way is named, and a directory that may not be written fails its files only"],
    s3: "a bucket has no directories; a policy for some keys answers as the one of the whole bucket does",
    cloudfiles: "a container has no directories, and its permissions are those of the whole",
  },
  "source changed, truncated, deleted during the upload": {
    sftp: source,
    ftp: source,
    s3: source,
    cloudfiles: source,
  },
  "a large file on disk changed, truncated, deleted during the upload": {
    sftp: sourceOnDisk,
    ftp: sourceOnDisk,
    s3: sourceOnDisk,
    cloudfiles: sourceOnDisk,
  },
  "one of two servers down, the other in sync": { sftp: oneDown, ftp: oneDown, s3: oneDown, cloudfiles: oneDown },
}

describe("the matrix of faults", () => {
  const text = (file: string) => fs.readFileSync(fileURLToPath(new URL(file, import.meta.url)), "utf8")
  for (const [fault, row] of Object.entries(matrix)) {
    for (const [name, shown] of Object.entries(row)) {
      if (typeof shown === "string") continue
      it(`${fault}, ${name}: the test that shows it exists`, () => {
        const [file, title] = shown
        // The tests of this file are named below, where the rest of this file is not looked at.
        const where = file === here ? text(file).slice(text(file).indexOf("describe.each")) : text(file)
        assert.include(where, title)
        if (file === contract)
          assert.include(text(name === "cloudfiles" ? "cloudFiles.test.ts" : `${name}.test.ts`), "transporterContract(")
      })
    }
  }
})

const element = ([name, value]: readonly [string, string]) => `<${name}>${value}</${name}>`

describe.each(Object.entries(subjects))("%s in the running program", (transporter, { install, isInstalled, start }) => {
  const runs = isInstalled || isRequired
  if (!runs) process.stderr.write(`\n${transporter} was NOT tested in the running program. To test it: ${install}\n\n`)

  let subject: Subject
  let place: Place
  let running: Daemon | undefined
  /** Each test has a directory of its own on the server. */
  let round = 0

  const configure = (wrong: Readonly<Record<string, string>>) => ({
    settings: "<gracePeriod>0</gracePeriod>",
    rules: `<rule for="site" label="all"><destinations><destination server="origin"/><destination server="far" path="round-${round}"/></destinations></rule>`,
    servers: `<server name="far" transporter="${transporter}">${Object.entries({ ...subject.settings, ...wrong })
      .map(element)
      .join("")}</server>`,
  })
  const begin = (wrong: Readonly<Record<string, string>> = {}) => {
    round++
    place = makePlace(configure(wrong))
    for (let i = 0; i < 20; i++) write(`d${i % 3}/file ${i}.txt`, `first ${i}`)
  }
  const write = (name: string, content: string) => {
    fs.mkdirSync(path.dirname(path.join(place.site, name)), { recursive: true })
    fs.writeFileSync(path.join(place.site, name), content)
  }
  const launch = () => (running = daemon(place))
  const originInSync = (log: () => string) =>
    until(
      () => differences(tree(place.site), tree(place.out)) === "",
      () => `${differences(tree(place.site), tree(place.out))}\n${log()}`,
      60,
    )
  const held = async () => new Map([...(await subject.held())].filter(([name]) => name.startsWith(`round-${round}/`)))
  /** The far server holds what the site holds, and nothing else. */
  const farInSync = async (log: () => string) => {
    const deadline = Date.now() + 60_000
    const expected = new Map([...tree(place.site)].map(([name, content]) => [`round-${round}/${name}`, content]))
    for (;;) {
      const gap = differences(expected, await held())
      if (gap === "") return
      if (Date.now() > deadline) assert.fail(`${gap}\n${log()}`)
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
  }
  const status = async () => (await runBeside(["status", place.config])).out

  beforeAll(async () => {
    if (runs) subject = await start()
  }, 120_000)
  afterEach(async () => {
    running?.process.kill("SIGTERM")
    await running?.ended
    running = undefined
    removePlace(place)
  })
  afterAll(() => subject?.stop())

  it.skipIf(!runs)(
    "a wrong password, corrected and SIGHUP: the other server has everything meanwhile, then both",
    async () => {
      begin(subject.wrong)
      const { log, process } = launch()
      await originInSync(log)
      await until(() => /far\\?" is down/.test(log()), log, 60)
      assert.match(await status(), /^far +down/m)
      assert.strictEqual((await held()).size, 0)
      assert.notInclude(log(), "wr0ng")
      writeConfig(place, configure({}))
      process.kill("SIGHUP")
      await farInSync(log)
    },
    180_000,
  )

  it.skipIf(!runs)(
    "down for the whole time: the other server stays in sync with creations, changes, moves and deletions; back, it gets all",
    async () => {
      begin()
      const { log } = launch()
      await farInSync(log)
      await subject.down()
      for (let i = 0; i < 10; i++) write(`d0/new ${i}.txt`, `new ${i}`)
      write("d1/file 1.txt", "changed")
      fs.rmSync(path.join(place.site, "d2"), { recursive: true })
      fs.renameSync(path.join(place.site, "d0"), path.join(place.site, "moved"))
      await originInSync(log)
      await until(() => /far\\?" is down/.test(log()), log, 60)
      write("while it is down.txt", "1")
      await originInSync(log)
      await subject.up()
      await runBeside(["retry", place.config])
      await farInSync(log)
      await runBeside(["wait", place.config])
      assert.match(await status(), /^In sync/)
    },
    180_000,
  )
})
