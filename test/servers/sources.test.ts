/** Large files on this disk that change while they are on their way to a real server. */
import { appendFileSync, existsSync, mkdtempSync, rmSync, statSync, truncateSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { CreateBucketCommand, S3Client } from "@aws-sdk/client-s3"
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import { Context, Effect, Layer, Option, Redacted } from "effect"
import type { TransportError } from "../../src/domain/Errors.ts"
import { DISK_READ } from "../../src/domain/Limits.ts"
import type { ServerName } from "../../src/domain/Path.ts"
import { Transporter, type TransporterShape } from "../../src/domain/Transporter.ts"
import { DiskContent } from "../../src/layers/disk/DiskContent.ts"
import { DiskWorkers, layerDiskWorkers } from "../../src/layers/disk/DiskWorkers.ts"
import { cloudFiles } from "../../src/layers/transporters/cloudFiles.ts"
import { ftp } from "../../src/layers/transporters/ftp.ts"
import { s3 } from "../../src/layers/transporters/s3.ts"
import { sftp } from "../../src/layers/transporters/sftp.ts"
import { outputFile, remote, sha256, specimen } from "../contract/transporter.ts"
import { ftpInstall, ftpInstalled, startFtpServer } from "./start/ftp.ts"
import { gatewayInstall, gatewayInstalled, startGateway } from "./start/rgw.ts"
import { sshInstall, sshInstalled, startSshServer } from "./start/sftp.ts"
import { startSwift, swiftInstall, swiftInstalled } from "./start/swift.ts"

const isRequired = process.env["REQUIRE_SERVERS"] === "1"

type Way = Layer.Layer<Transporter, TransportError>
interface Subject {
  readonly way: Way
  readonly stop: () => Promise<unknown>
}

const identity = { name: "s" as ServerName, maxConnections: 0 }
const times = { connectTimeout: 20_000, idleTimeout: 60_000 }
const common = { host: "127.0.0.1", url: "https://cdn.example/", path: "", ...times }

const subjects: Record<string, { start: () => Promise<Subject>; isInstalled: boolean; install: string }> = {
  sftp: {
    isInstalled: sshInstalled(),
    install: sshInstall,
    start: async () => {
      const { key, knownHosts, port, stop, user: username } = await startSshServer()
      return { stop, way: sftp.layer({ ...common, port, username, key: Redacted.make(key), knownHosts }, identity) }
    },
  },
  ftp: {
    isInstalled: ftpInstalled("proftpd"),
    install: ftpInstall.proftpd,
    start: async () => {
      const { password, port, stop, user: username } = await startFtpServer("proftpd", "none")
      const settings = { ...common, port, username, password: Redacted.make(password), secure: "none" as const }
      return { stop, way: ftp.layer(settings, identity) }
    },
  },
  s3: {
    isInstalled: gatewayInstalled(),
    install: gatewayInstall,
    start: async () => {
      const { endpoint, keys, stop } = await startGateway()
      const credentials = { accessKeyId: keys.id, secretAccessKey: keys.secret }
      const admin = new S3Client({ endpoint, region: "us-east-1", forcePathStyle: true, credentials })
      await admin.send(new CreateBucketCommand({ Bucket: "assets" }))
      admin.destroy()
      const settings = {
        bucket_name: "assets",
        bucket_prefix: "",
        access_key_id: Redacted.make(keys.id),
        secret_access_key: Redacted.make(keys.secret),
        endpoint,
        checksum: "when_required" as const,
        ...times,
      }
      return { stop, way: s3.layer(settings, identity) }
    },
  },
  cloudfiles: {
    isInstalled: swiftInstalled(),
    install: swiftInstall,
    start: async () => {
      const swift = await startSwift()
      await swift.makeContainer("assets")
      const settings = {
        username: swift.user.name,
        api_key: Redacted.make(swift.user.key),
        container: "assets",
        auth_url: swift.authUrl,
        ...times,
      }
      return { stop: swift.stop, way: cloudFiles.layer(settings, identity) }
    },
  },
}

const PIECES = 12

describe.each(Object.entries(subjects))("%s and a large file on this disk", (name, { install, isInstalled, start }) => {
  const runs = isInstalled || isRequired
  if (!runs) process.stderr.write(`\n${name} was NOT tested with sources that change. To test it: ${install}\n\n`)
  let subject: Subject
  let directory: string
  beforeAll(async () => {
    if (runs) subject = await start()
    directory = mkdtempSync(join(tmpdir(), "sources-"))
  }, 120_000)
  afterAll(async () => {
    rmSync(directory, { recursive: true, force: true })
    await subject?.stop()
  })

  /** Puts the file; `meanwhile` happens when its fifth piece was read. */
  const put = (transporter: TransporterShape, location: string, to: string, meanwhile: () => void) =>
    Effect.gen(function* () {
      const disk = Context.get(yield* Layer.build(layerDiskWorkers()), DiskWorkers)
      let reads = 0
      const watched = DiskWorkers.of({
        ...disk,
        run: (operation, input) =>
          Effect.tap(disk.run(operation, input), () =>
            Effect.sync(() => {
              if (operation === "read" && ++reads === 5) meanwhile()
            }),
          ),
      })
      const { ino: inode, mtimeNs, size } = statSync(location, { bigint: true })
      const version = { size: Number(size), mtimeNs, inode }
      return yield* transporter.put(
        outputFile(new DiskContent(watched, { location, guard: undefined, version })),
        remote(to),
      )
    })

  it.live.skipIf(!runs)(
    "changed, cut short or deleted in the middle it leaves what was there; then it arrives as it is by then",
    () =>
      Effect.gen(function* () {
        const transporter = Context.get(yield* Layer.build(subject.way), Transporter)
        const location = join(directory, "file")
        const first = specimen(3 * DISK_READ + 5)
        writeFileSync(location, first)
        const told = yield* put(transporter, location, "d/file", () => {})
        assert.strictEqual(told.sha256, sha256(first))
        for (const change of [
          () => appendFileSync(location, "more"),
          () => truncateSync(location, DISK_READ),
          () => rmSync(location),
        ]) {
          writeFileSync(location, specimen(PIECES * DISK_READ))
          const failure = yield* Effect.flip(put(transporter, location, "d/file", change))
          assert.strictEqual(failure.reason._tag, "SourceChanged")
          assert.deepStrictEqual(
            Option.map(yield* transporter.stat(remote("d/file")), ({ size }) => size),
            Option.some(first.length),
          )
        }
        assert.isFalse(existsSync(location))
        const last = specimen(PIECES * DISK_READ + 1)
        writeFileSync(location, last)
        const arrived = yield* put(transporter, location, "d/file", () => {})
        assert.strictEqual(arrived.sha256, sha256(last))
        assert.deepStrictEqual(
          Option.map(yield* transporter.stat(remote("d/file")), ({ size }) => size),
          Option.some(last.length),
        )
      }),
    120_000,
  )
})
