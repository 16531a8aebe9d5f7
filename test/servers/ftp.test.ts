import { Buffer } from "node:buffer"
import { execFileSync } from "node:child_process"
import { createHash } from "node:crypto"
import * as fs from "node:fs"
import { hostname } from "node:os"
import { join } from "node:path"
import process from "node:process"
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import { Context, Deferred, Effect, Exit, Fiber, Layer, Redacted, type Scope, Stream } from "effect"
import type { TransportError } from "../../src/domain/Errors.ts"
import { fromBytes, type RemotePath, type ServerName, toBytes } from "../../src/domain/Path.ts"
import type { Content } from "../../src/domain/SourceFiles.ts"
import { Transporter, type TransporterShape } from "../../src/domain/Transporter.ts"
import { ftp } from "../../src/layers/transporters/ftp.ts"
import type { FtpSettings } from "../../src/layers/transporters/settings.ts"
import { contentOf, outputFile, remote, sha256, specimen, transporterContract } from "../contract/transporter.ts"
import { type FaultProxy, startFaultProxy } from "./faultProxy.ts"
import { type FtpKind, ftpInstall, ftpInstalled, type FtpServer, type FtpTls, startFtpServer } from "./start/ftp.ts"

const isRequired = process.env["REQUIRE_SERVERS"] === "1"
const runs = (kind: FtpKind): boolean => {
  const there = ftpInstalled(kind)
  if (!there && !isRequired) {
    console.warn(`SKIPPED: ftp against ${kind}, which is not installed. Install it with: ${ftpInstall[kind]}`)
  }
  return there || isRequired
}
const hasProftpd = runs("proftpd")
const hasVsftpd = runs("vsftpd")

let rooms = 0

/** A directory on the server that nothing else uses. */
const room = (server: FtpServer): string => {
  rooms += 1
  const directory = join(server.data, `room-${rooms}`)
  fs.mkdirSync(directory)
  const { gid, uid } = fs.statSync(server.data)
  fs.chownSync(directory, uid, gid)
  return directory
}

const settingsFor = (
  server: FtpServer,
  tls: FtpTls,
  directory: string,
  some: Partial<FtpSettings> = {},
): FtpSettings => ({
  host: "127.0.0.1",
  port: server.port,
  username: server.user,
  password: Redacted.make(server.password),
  url: "https://cdn.example/",
  path: directory.slice(server.data.length + 1),
  secure: tls === "explicit-lenient" ? "explicit" : tls,
  ...(tls === "none" ? {} : { ca: server.certificate }),
  connectTimeout: 10_000,
  idleTimeout: 20_000,
  ...some,
})

const layerOf = (settings: FtpSettings, maxConnections = 0) =>
  ftp.layer(settings, { name: "cdn" as ServerName, maxConnections })

const open = (
  settings: FtpSettings,
  maxConnections?: number,
): Effect.Effect<TransporterShape, TransportError, Scope.Scope> =>
  Effect.map(Layer.build(layerOf(settings, maxConnections)), (context) => Context.get(context, Transporter))

const put = (transporter: TransporterShape, path: string, bytes: Uint8Array) =>
  transporter.put(outputFile(contentOf(bytes)), remote(path))

const failure = <A>(effect: Effect.Effect<A, TransportError>) => Effect.orDie(Effect.flip(effect))

const native = (directory: string, path: string): Buffer =>
  Buffer.concat([Buffer.from(`${directory}/`), Buffer.from(toBytes(path))])

const everything = (directory: string): Array<string> => {
  const found: Array<string> = []
  const list = (below: Buffer, prefix: string): void => {
    for (const entry of fs.readdirSync(below, { withFileTypes: true, encoding: "buffer" as never })) {
      const name = entry.name as unknown as Buffer
      const path = prefix + fromBytes(name)
      found.push(entry.isDirectory() ? `${path}/` : path)
      if (entry.isDirectory()) list(Buffer.concat([below, Buffer.from("/"), name]), `${path}/`)
    }
  }
  list(Buffer.from(directory), "")
  return found.sort()
}

const holds = (directory: string, path: string, bytes: Uint8Array): void =>
  assert.strictEqual(sha256(fs.readFileSync(join(directory, path))), sha256(bytes))

const contract = (kind: FtpKind, tls: FtpTls) => {
  describe(`ftp against ${kind}, TLS ${tls}`, () => {
    let server: FtpServer
    beforeAll(async () => {
      server = await startFtpServer(kind, tls)
    })
    afterAll(async () => {
      await server.stop()
    })
    transporterContract(
      `ftp (${kind}, ${tls})`,
      Effect.sync(() => {
        const directory = room(server)
        return {
          layer: layerOf(settingsFor(server, tls, directory)),
          read: (path: RemotePath) =>
            Effect.sync(() => {
              const file = native(directory, path)
              return fs.existsSync(file) ? fs.readFileSync(file) : undefined
            }),
          everything: Effect.sync(() => everything(directory)),
          url: "https://cdn.example/",
          refuses: (path) => /[\r\n\udcff]/.test(path),
          breakDown: Effect.map(
            Effect.promise(() => server.kill()),
            () => Effect.promise(() => server.restart()),
          ),
        }
      }),
    )
  })
}

/** Waits for something that happens elsewhere, and fails when it does not. */
const eventually = (what: string, isSo: () => boolean) =>
  Effect.gen(function* () {
    const deadline = Date.now() + 10_000
    while (!isSo()) {
      if (Date.now() > deadline) assert.fail(`never: ${what}`)
      yield* Effect.sleep(10)
    }
  })

/** A content that stops in the middle until it is told to go on. */
const paused = (bytes: Uint8Array) =>
  Effect.gen(function* () {
    const reached = yield* Deferred.make<void>()
    const goOn = yield* Deferred.make<void>()
    const half = Math.floor(bytes.length / 2)
    const content: Content = {
      ...contentOf(bytes),
      bytes: Stream.concat(
        Stream.fromArray([bytes.slice(0, half)]),
        Stream.fromEffect(
          Deferred.succeed(reached, undefined).pipe(Effect.andThen(Deferred.await(goOn)), Effect.as(bytes.slice(half))),
        ),
      ),
    }
    return { content, reached: Deferred.await(reached), goOn: Deferred.succeed(goOn, undefined) }
  })

const serverFor = (kind: FtpKind, tls: FtpTls, more?: string): Effect.Effect<FtpServer, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.promise(() => startFtpServer(kind, tls, more)),
    (server) => Effect.promise(() => server.stop()),
  )

/** Stands between the transporter and the control port; data connections go to the server itself. */
const proxyFor = (server: FtpServer): Effect.Effect<FaultProxy, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.promise(() => startFaultProxy(server.port)),
    (proxy) => Effect.promise(() => proxy.close()),
  )

describe.skipIf(!hasProftpd)("ProFTPD", () => {
  contract("proftpd", "none")
  contract("proftpd", "explicit")
})
describe.skipIf(!hasVsftpd)("vsftpd", () => {
  contract("vsftpd", "none")
  contract("vsftpd", "explicit")
})

const faults = (kind: FtpKind) => {
  let server: FtpServer
  beforeAll(async () => {
    server = await startFtpServer(kind, "none")
  })
  afterAll(async () => {
    await server.stop()
  })

  it.live("the confirmation of a long upload that got lost is looked up on another connection", () =>
    Effect.gen(function* () {
      const directory = room(server)
      const proxy = yield* proxyFor(server)
      const transporter = yield* open(
        settingsFor(server, "none", directory, { port: proxy.port, idleTimeout: 1_000 }),
        1,
      )
      const bytes = specimen(3_000_000)
      yield* put(transporter, "file", specimen(10))
      const { content, goOn, reached } = yield* paused(bytes)
      const upload = yield* Effect.forkChild(transporter.put(outputFile(content), remote("file")))
      yield* reached
      proxy.mode = "blackhole"
      yield* goOn
      yield* eventually("the whole is on the server", () =>
        everything(directory).some(
          (name) => name.startsWith(".fc-") && fs.statSync(join(directory, name)).size === bytes.length,
        ),
      )
      // Time for the confirmation to come and get lost: nothing tells when it did.
      yield* Effect.sleep(300)
      proxy.mode = "pass"
      const receipt = yield* Fiber.join(upload)
      assert.strictEqual(receipt.sha256, sha256(bytes))
      assert.strictEqual(proxy.taken(), 2)
      holds(directory, "file", bytes)
      assert.deepStrictEqual(everything(directory), ["file"])
    }),
  )

  it.live(
    "a control connection that is reset in the middle never publishes half a file, and nothing is left over",
    () =>
      Effect.gen(function* () {
        const directory = room(server)
        const proxy = yield* proxyFor(server)
        const transporter = yield* open(settingsFor(server, "none", directory, { port: proxy.port }))
        yield* put(transporter, "d/file", specimen(10))
        const { content, goOn, reached } = yield* paused(specimen(2_000_000))
        const upload = yield* Effect.forkChild(Effect.exit(transporter.put(outputFile(content), remote("d/file"))))
        yield* reached
        proxy.reset()
        yield* goOn
        const exit = yield* Fiber.join(upload)
        if (Exit.isFailure(exit)) {
          assert.include(String(exit.cause), "connection")
          holds(directory, "d/file", specimen(10))
          yield* put(transporter, "d/file", specimen(2_000_000))
        }
        holds(directory, "d/file", specimen(2_000_000))
        yield* eventually("nothing is left over", () => everything(directory).length === 2)
      }),
  )

  it.live("a server that hung up on connections nobody used is connected to again, unnoticed", () =>
    Effect.gen(function* () {
      const directory = room(server)
      const proxy = yield* proxyFor(server)
      const transporter = yield* open(settingsFor(server, "none", directory, { port: proxy.port }), 1)
      yield* put(transporter, "a", specimen(10))
      server.hangUp()
      yield* put(transporter, "b", specimen(10))
      proxy.resetWhenUsed()
      yield* put(transporter, "c", specimen(10))
      proxy.resetWhenUsed()
      assert.strictEqual((yield* transporter.stat(remote("c")))._tag, "Some")
      proxy.resetWhenUsed()
      yield* transporter.remove(remote("c"))
      assert.deepStrictEqual(everything(directory), ["a", "b"])
      assert.isAtLeast(proxy.taken(), 4)
    }),
  )

  it.live("a server that goes silent is given up after the idle timeout, then all is well again", () =>
    Effect.gen(function* () {
      const directory = room(server)
      const proxy = yield* proxyFor(server)
      const deadlines = { connectTimeout: 2_000, idleTimeout: 300 }
      const settings = settingsFor(server, "none", directory, { port: proxy.port, ...deadlines })
      const transporter = yield* open(settings)
      yield* put(transporter, "a", specimen(10))
      proxy.mode = "blackhole"
      const error = yield* failure(put(transporter, "b", specimen(10)))
      assert.strictEqual(error.reason._tag, "Unreachable")
      assert.include(error.message, "did not answer")
      proxy.mode = "refuse"
      // A connection beside this one, which searched for leftovers, may be left.
      proxy.reset()
      const refused = yield* failure(put(transporter, "b", specimen(10)))
      assert.strictEqual(refused.reason._tag, "Unreachable")
      proxy.mode = "pass"
      yield* put(transporter, "b", specimen(10))
      assert.deepStrictEqual(everything(directory), ["a", "b"])
    }),
  )

  it.live("a source that is slow is waited for, however long the server has nothing to say", () =>
    Effect.gen(function* () {
      const directory = room(server)
      const transporter = yield* open(settingsFor(server, "none", directory, { idleTimeout: 100 }))
      const { content, goOn, reached } = yield* paused(specimen(1_000))
      const upload = yield* Effect.forkChild(transporter.put(outputFile(content), remote("file")))
      yield* reached
      yield* Effect.sleep(500)
      yield* goOn
      yield* Fiber.join(upload)
      holds(directory, "file", specimen(1_000))
    }),
  )

  it.live("the total timeout ends an upload, and leaves nothing", () =>
    Effect.gen(function* () {
      const directory = room(server)
      const transporter = yield* open(settingsFor(server, "none", directory, { totalTimeout: 300 }))
      const { content } = yield* paused(specimen(1_000))
      const error = yield* failure(transporter.put(outputFile(content), remote("file")))
      assert.strictEqual(error.reason._tag, "Unreachable")
      assert.deepStrictEqual(everything(directory), [])
    }),
  )

  it.live("a server that is killed in the middle of a file and comes back gets it whole", () =>
    Effect.gen(function* () {
      const own = yield* serverFor(kind, "none")
      const directory = room(own)
      const transporter = yield* open(settingsFor(own, "none", directory))
      const bytes = specimen(1_000_000)
      yield* put(transporter, "file", specimen(10))
      const { content, goOn, reached } = yield* paused(bytes)
      const upload = yield* Effect.forkChild(Effect.exit(transporter.put(outputFile(content), remote("file"))))
      yield* reached
      yield* eventually("part of it is there", () => everything(directory).length === 2)
      yield* Effect.promise(() => own.kill())
      yield* goOn
      assert.isTrue(Exit.isFailure(yield* Fiber.join(upload)))
      const down = yield* failure(put(transporter, "file", bytes))
      assert.strictEqual(down.reason._tag, "Unreachable")
      holds(directory, "file", specimen(10))
      yield* Effect.promise(() => own.restart())
      yield* put(transporter, "file", bytes)
      holds(directory, "file", bytes)
      assert.deepStrictEqual(everything(directory), ["file"])
    }),
  )

  it.live("names that are not UTF-8 keep their bytes; those FTP can not carry are refused", () =>
    Effect.gen(function* () {
      const directory = room(server)
      const transporter = yield* open(settingsFor(server, "none", directory))
      const name = "caf\udce9-é.txt"
      yield* put(transporter, name, specimen(10))
      assert.deepStrictEqual(everything(directory), [name])
      for (const bad of ["a\r\nDELE b", "a\nb", "a\rb", "\udcff"]) {
        const error = yield* failure(put(transporter, bad, specimen(10)))
        assert.strictEqual(error.reason._tag, "NameRefused")
      }
      const long = yield* failure(put(transporter, "n".repeat(256), specimen(10)))
      assert.strictEqual(long.reason._tag, "NameRefused")
      assert.deepStrictEqual(everything(directory), [name])
    }),
  )

  it.live("what is in the way is named, and a directory that may not be written fails its files only", () =>
    Effect.gen(function* () {
      const directory = room(server)
      fs.mkdirSync(join(directory, "closed"))
      fs.writeFileSync(join(directory, "closed/file"), "theirs")
      fs.chmodSync(join(directory, "closed"), 0o555)
      const transporter = yield* open(settingsFor(server, "none", directory))
      const results = yield* Effect.forEach(
        ["closed/file", "open/a", "closed/new/deep", "open/b"],
        (path) => Effect.exit(put(transporter, path, specimen(10))),
        { concurrency: "unbounded" },
      )
      assert.deepStrictEqual(results.map(Exit.isSuccess), [false, true, false, true])
      for (const path of ["closed/file", "closed/new/deep"]) {
        const error = yield* failure(put(transporter, path, specimen(10)))
        assert.strictEqual(error.reason._tag, "PermissionDenied", error.message)
      }
      const removal = yield* failure(transporter.remove(remote("closed/file")))
      assert.strictEqual(removal.reason._tag, "PermissionDenied", removal.message)
      const below = yield* failure(put(transporter, "open/a/below", specimen(10)))
      assert.include(below.message, "is a file on the server where a directory is needed")
      const over = yield* failure(put(transporter, "open", specimen(10)))
      assert.include(over.message, "a directory of this name is on the server")
      assert.deepStrictEqual(everything(directory), ["closed/", "closed/file", "open/", "open/a", "open/b"])
    }),
  )

  it.live.skipIf(process.getuid?.() !== 0)("a full disk is told as such, leaves nothing, and passes", () =>
    Effect.gen(function* () {
      const directory = room(server)
      const { gid, uid } = fs.statSync(server.data)
      yield* Effect.acquireRelease(
        Effect.sync(() =>
          execFileSync("mount", ["-t", "tmpfs", "-o", `size=1m,uid=${uid},gid=${gid}`, "tmpfs", directory]),
        ),
        () => Effect.sync(() => execFileSync("umount", ["-l", directory])),
      )
      const transporter = yield* open(settingsFor(server, "none", directory))
      yield* put(transporter, "file", specimen(1_000))
      fs.writeFileSync(join(directory, "ballast"), specimen(600_000))
      const error = yield* failure(put(transporter, "file", specimen(900_000)))
      assert.strictEqual(error.reason._tag, "OutOfSpace", error.message)
      assert.deepStrictEqual(everything(directory), ["ballast", "file"])
      holds(directory, "file", specimen(1_000))
      fs.rmSync(join(directory, "ballast"))
      yield* put(transporter, "file", specimen(900_000))
      holds(directory, "file", specimen(900_000))
    }),
  )

  it.live("leftovers of a crashed run are removed, those of living ones stay", () =>
    Effect.gen(function* () {
      const directory = room(server)
      const machine = createHash("sha256").update(hostname()).digest("hex").slice(0, 8)
      const now = Math.floor(Date.now() / 1000).toString(36)
      const names = {
        crashed: `.fc-${machine}-${(2 ** 22 + 5).toString(36)}-${now}-${now}-1.tmp`,
        living: `.fc-${machine}-${process.ppid.toString(36)}-${now}-${now}-1.tmp`,
        theirs: ".fc-notes.tmp",
      }
      for (const name of Object.values(names)) fs.writeFileSync(join(directory, name), "half")
      const transporter = yield* open(settingsFor(server, "none", directory))
      yield* put(transporter, "file", specimen(10))
      const left = [names.living, names.theirs, "file"].sort()
      yield* eventually("the leftovers are gone", () => everything(directory).length <= left.length)
      assert.deepStrictEqual(everything(directory), left)
    }),
  )

  it.live("leftovers of a crashed run in a directory that only loses files go, and the empty directory with them", () =>
    Effect.gen(function* () {
      const directory = room(server)
      const machine = createHash("sha256").update(hostname()).digest("hex").slice(0, 8)
      const now = Math.floor(Date.now() / 1000).toString(36)
      const crashed = `.fc-${machine}-${(2 ** 22 + 5).toString(36)}-${now}-${now}-1.tmp`
      const { gid, uid } = fs.statSync(directory)
      for (const name of ["a", "a/b", "kept"]) {
        fs.mkdirSync(join(directory, name))
        fs.chownSync(join(directory, name), uid, gid)
        fs.writeFileSync(join(directory, name, crashed), "half")
      }
      fs.writeFileSync(join(directory, "kept/file"), "whole")
      const transporter = yield* open(settingsFor(server, "none", directory))
      yield* transporter.remove(remote("a/b/file"))
      yield* transporter.remove(remote("kept/other"))
      yield* eventually("only what is published is left", () => everything(directory).join() === "kept/,kept/file")
    }),
  )

  it.live("a file looks as it should: time of its source, readable for everyone", () =>
    Effect.gen(function* () {
      const directory = room(server)
      const transporter = yield* open(settingsFor(server, "none", directory))
      yield* put(transporter, "new/file", specimen(10))
      const stat = fs.statSync(join(directory, "new/file"))
      assert.strictEqual(Math.floor(stat.mtimeMs / 1000), 1_700_000_000)
      assert.strictEqual(stat.mode & 0o777, 0o644)
      assert.strictEqual(fs.statSync(join(directory, "new")).mode & 0o777, 0o755)
    }),
  )
}

describe.skipIf(!hasProftpd)("ftp and the faults of ProFTPD", () => faults("proftpd"))
describe.skipIf(!hasVsftpd)("ftp and the faults of vsftpd", () => faults("vsftpd"))

const works = (settings: FtpSettings) =>
  Effect.gen(function* () {
    const transporter = yield* open(settings)
    for (const size of [10, 0, 300_000, 0, 5]) yield* put(transporter, "x/file", specimen(size))
    yield* transporter.remove(remote("x/file"))
  })

describe.skipIf(!hasProftpd)("ftp logs in to ProFTPD", () => {
  it.live("a wrong password is refused in plain words", () =>
    Effect.gen(function* () {
      const server = yield* serverFor("proftpd", "none")
      const settings = settingsFor(server, "none", room(server), { password: Redacted.make("hunter2") })
      const error = yield* Effect.flatMap(open(settings), (transporter) =>
        failure(put(transporter, "file", specimen(10))),
      )
      assert.strictEqual(error.reason._tag, "Unauthorized")
      assert.include(error.message, "<password>")
      assert.notInclude(`${error.message} ${String(error.cause)}`, "hunter2")
      const injecting = settingsFor(server, "none", server.data, { password: Redacted.make("x\r\nDELE y") })
      const refused = yield* Effect.flatMap(open(injecting), (transporter) =>
        failure(put(transporter, "file", specimen(10))),
      )
      assert.include(refused.message, "line break")
      const plain = settingsFor(server, "none", server.data, { secure: "explicit" })
      const noTls = yield* Effect.flatMap(open(plain), (transporter) => failure(put(transporter, "f", specimen(10))))
      assert.strictEqual(noTls.reason._tag, "Unreachable")
      assert.include(noTls.message, "<secure>")
    }),
  )

  it.live("the certificate is verified, and data connections resume the session", () =>
    Effect.gen(function* () {
      const server = yield* serverFor("proftpd", "explicit")
      const settings = settingsFor(server, "explicit", room(server))
      yield* works(settings)
      yield* works({ ...settings, host: "localhost" })
      const log = fs.readFileSync(join(server.data, "../tls.log"), "utf8")
      assert.include(log, "client reused TLS session for data connection")
      const { ca: _, ...untrusting } = settings
      const unknown = yield* Effect.flatMap(open(untrusting), (transporter) =>
        failure(put(transporter, "f", specimen(10))),
      )
      assert.strictEqual(unknown.reason._tag, "Unauthorized")
      assert.include(unknown.message, "<ca>")
      const missing = yield* Effect.flatMap(open({ ...settings, ca: "/nowhere/ca.pem" }), (transporter) =>
        failure(put(transporter, "f", specimen(10))),
      )
      assert.strictEqual(missing.reason._tag, "Unauthorized")
      assert.include(missing.message, "<ca>")
      const inTheClear = yield* Effect.flatMap(open({ ...untrusting, secure: "none" }), (transporter) =>
        failure(put(transporter, "f", specimen(10))),
      )
      assert.strictEqual(inTheClear.reason._tag, "Unauthorized")
      assert.include(inTheClear.message, "<secure>explicit</secure>")
    }),
  )

  it.live("implicit TLS, and a server that does not ask for the session to be resumed", () =>
    Effect.gen(function* () {
      for (const tls of ["implicit", "explicit-lenient"] as const) {
        const server = yield* serverFor("proftpd", tls)
        yield* works(settingsFor(server, tls, room(server)))
      }
    }),
  )

  it.live("a server that takes three connections gets everything over three", () =>
    Effect.gen(function* () {
      const server = yield* serverFor("proftpd", "none", "MaxClientsPerUser 3")
      const directory = room(server)
      const transporter = yield* open(settingsFor(server, "none", directory))
      const paths = Array.from({ length: 60 }, (_, at) => `d/file-${at}`)
      yield* Effect.forEach(paths, (path) => put(transporter, path, specimen(100)), { concurrency: 8, discard: true })
      assert.strictEqual(everything(directory).length, 61)
      const another = yield* open(settingsFor(server, "none", directory))
      const error = yield* failure(put(another, "file", specimen(10)))
      assert.strictEqual(error.reason._tag, "Throttled")
    }),
  )

  it.live("without EPSV it goes with PASV, and with permissions that nobody can read they are set", () =>
    Effect.gen(function* () {
      const more = "Umask 077 077\n<Limit EPSV>\nDenyAll\n</Limit>"
      const server = yield* serverFor("proftpd", "none", more)
      const directory = room(server)
      const transporter = yield* open(settingsFor(server, "none", directory))
      for (const path of ["a/one", "a/two", "b/three"]) {
        yield* put(transporter, path, specimen(10))
        assert.strictEqual(fs.statSync(join(directory, path)).mode & 0o777, 0o644, path)
        assert.strictEqual(fs.statSync(join(directory, path, "..")).mode & 0o777, 0o755, path)
      }
    }),
  )

  it.live("where a rename may not replace files are replaced all the same, and the capability says how", () =>
    Effect.gen(function* () {
      const server = yield* serverFor("proftpd", "none", "AllowOverwrite off")
      const directory = room(server)
      const transporter = yield* open(settingsFor(server, "none", directory))
      yield* put(transporter, "x/file", specimen(50))
      assert.isTrue(transporter.capabilities.atomicReplace)
      for (const bytes of [specimen(100, 1), specimen(300_000, 2), specimen(10, 3)]) {
        yield* put(transporter, "x/file", bytes)
        holds(directory, "x/file", bytes)
        assert.isFalse(transporter.capabilities.atomicReplace)
      }
      const over = yield* failure(put(transporter, "x", specimen(10)))
      assert.include(over.message, "a directory of this name is on the server")
      assert.deepStrictEqual(everything(directory), ["x/", "x/file"])
    }),
  )
})

describe.skipIf(!hasVsftpd)("ftp logs in to vsftpd", () => {
  it.live("implicit TLS, and a server that does not ask for the session to be resumed", () =>
    Effect.gen(function* () {
      for (const tls of ["implicit", "explicit-lenient"] as const) {
        const server = yield* serverFor("vsftpd", tls)
        yield* works(settingsFor(server, tls, room(server)))
      }
    }),
  )
})
