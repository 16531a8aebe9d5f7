import { execFileSync, spawn } from "node:child_process"
import { Buffer } from "node:buffer"
import { createHash } from "node:crypto"
import * as fs from "node:fs"
import { hostname } from "node:os"
import { join } from "node:path"
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import { Context, Deferred, Effect, Exit, Fiber, Layer, Redacted, type Scope, Stream } from "effect"
import type { TransportError } from "../../src/domain/Errors.ts"
import { fromBytes, type RemotePath, type ServerName, toBytes } from "../../src/domain/Path.ts"
import type { Content } from "../../src/domain/SourceFiles.ts"
import { Transporter, type TransporterShape } from "../../src/domain/Transporter.ts"
import type { SftpSettings } from "../../src/layers/transporters/settings.ts"
import { sftp } from "../../src/layers/transporters/sftp.ts"
import { contentOf, outputFile, remote, sha256, specimen, transporterContract } from "../contract/transporter.ts"
import { type FaultProxy, startFaultProxy } from "./faultProxy.ts"
import { sshInstall, sshInstalled, type SshServer, startSshServer } from "./start/sftp.ts"

const isRoot = process.getuid?.() === 0
const runs = sshInstalled() || process.env["REQUIRE_SERVERS"] === "1"
if (!runs) console.warn(`SKIPPED: sftp against OpenSSH, which is not installed. Install it with: ${sshInstall}`)

let server: SshServer
let rooms = 0

/** A directory on the server that nothing else uses. */
const room = (): string => {
  rooms += 1
  const directory = join(server.data, `room-${rooms}`)
  fs.mkdirSync(directory)
  const { gid, uid } = fs.statSync(server.data)
  fs.chownSync(directory, uid, gid)
  return directory
}

const settingsFor = (directory: string, some: Partial<SftpSettings> = {}): SftpSettings => ({
  host: "127.0.0.1",
  port: server.port,
  username: server.user,
  url: "https://cdn.example/",
  path: directory.slice(server.data.length + 1),
  key: Redacted.make(server.key),
  knownHosts: server.knownHosts,
  connectTimeout: 10_000,
  idleTimeout: 20_000,
  ...some,
})

const without = (settings: SftpSettings, ...names: ReadonlyArray<keyof SftpSettings>): SftpSettings =>
  Object.fromEntries(
    Object.entries(settings).filter(([name]) => !names.includes(name as keyof SftpSettings)),
  ) as unknown as SftpSettings

const layerOf = (settings: SftpSettings, maxConnections = 0) =>
  sftp.layer(settings, { name: "cdn" as ServerName, maxConnections })

const open = (
  settings: SftpSettings,
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

/** Waits for something that happens elsewhere, and fails when it does not. */
const eventually = (what: string, holds: () => boolean) =>
  Effect.gen(function* () {
    const deadline = Date.now() + 10_000
    while (!holds()) {
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

const proxied: Effect.Effect<FaultProxy, never, Scope.Scope> = Effect.acquireRelease(
  Effect.promise(() => startFaultProxy(server.port)),
  (proxy) => Effect.promise(() => proxy.close()),
)

/** Settings that go through the proxy, and know the server under its port. */
const through = (proxy: FaultProxy, directory: string, some: Partial<SftpSettings> = {}): SftpSettings =>
  without(
    settingsFor(directory, { port: proxy.port, hostKey: fingerprint(server.hostKeys.ed25519), ...some }),
    "knownHosts",
  )

const fingerprint = (publicKey: string): string =>
  `SHA256:${createHash("sha256")
    .update(Buffer.from(publicKey.split(" ")[1] ?? "", "base64"))
    .digest("base64")
    .replace(/=+$/, "")}`

describe.skipIf(!runs)("sftp against OpenSSH", () => {
  beforeAll(async () => {
    server = await startSshServer()
  })
  afterAll(async () => {
    await server.stop()
  })

  transporterContract(
    "sftp",
    Effect.sync(() => {
      const directory = room()
      return {
        layer: layerOf(settingsFor(directory)),
        read: (path: RemotePath) =>
          Effect.sync(() => {
            const file = native(directory, path)
            return fs.existsSync(file) ? fs.readFileSync(file) : undefined
          }),
        everything: Effect.sync(() => everything(directory)),
        url: "https://cdn.example/",
        breakDown: Effect.map(
          Effect.promise(() => server.kill()),
          () => Effect.promise(() => server.restart()),
        ),
      }
    }),
  )

  describe("who logs in", () => {
    const works = (settings: SftpSettings) =>
      Effect.gen(function* () {
        const transporter = yield* open(settings)
        yield* put(transporter, "file", specimen(10))
        yield* transporter.remove(remote("file"))
      })

    it.live("a key file, the text of a key, and a key with its passphrase", () =>
      Effect.gen(function* () {
        const settings = settingsFor(room())
        yield* works(settings)
        yield* works({ ...settings, key: Redacted.make(fs.readFileSync(server.key, "utf8")) })
        const passphrase = Redacted.make(server.passphrase)
        yield* works({ ...settings, key: Redacted.make(server.lockedKey), passphrase })
      }),
    )

    it.live("a key without its passphrase is told so", () =>
      Effect.gen(function* () {
        const transporter = yield* open(settingsFor(room(), { key: Redacted.make(server.lockedKey) }))
        const error = yield* failure(put(transporter, "file", specimen(10)))
        assert.strictEqual(error.reason._tag, "Unauthorized")
        assert.include(error.message, "<passphrase>")
      }),
    )

    it.live("an agent", () =>
      Effect.gen(function* () {
        const directory = fs.mkdtempSync(join(server.data, "..", "agent-"))
        const socket = join(directory, "socket")
        yield* Effect.acquireRelease(
          Effect.sync(() => spawn("ssh-agent", ["-D", "-a", socket], { stdio: "ignore" })),
          (agent) => Effect.sync(() => agent.kill()),
        )
        yield* eventually("the agent listens", () => fs.existsSync(socket))
        execFileSync("ssh-add", [server.key], { env: { ...process.env, SSH_AUTH_SOCK: socket }, stdio: "ignore" })
        yield* works({ ...without(settingsFor(room()), "key"), agent: socket })
      }),
    )

    it.live.skipIf(!isRoot)("a wrong password is refused in plain words, and the right one is taken", () =>
      Effect.gen(function* () {
        const settings = without(settingsFor(room()), "key")
        const transporter = yield* open({ ...settings, password: Redacted.make("hunter2") })
        const error = yield* failure(put(transporter, "file", specimen(10)))
        assert.strictEqual(error.reason._tag, "Unauthorized")
        assert.include(error.message, "<password>")
        assert.include(error.message, server.user)
        assert.notInclude(`${error.message} ${String(error.cause)}`, "hunter2")
        yield* works({ ...settings, password: Redacted.make(server.password ?? "") })
      }),
    )
  })

  describe("which server it is", () => {
    it.live("an unknown one is refused, with its fingerprint and the element that accepts it", () =>
      Effect.gen(function* () {
        const directory = room()
        const empty = join(server.data, "..", "empty_known_hosts")
        fs.writeFileSync(empty, "# nobody\n")
        const settings = settingsFor(directory, { knownHosts: empty })
        const error = yield* Effect.flatMap(open(settings), (transporter) =>
          failure(put(transporter, "file", specimen(9))),
        )
        assert.strictEqual(error.reason._tag, "Unauthorized")
        const [element, accepted] = /<hostKey>(SHA256:[^<]+)<\/hostKey>/.exec(error.message) ?? []
        assert.isDefined(element, error.message)
        assert.strictEqual(accepted, fingerprint(server.hostKeys.ed25519))
        assert.deepStrictEqual(everything(directory), [])
        const known = yield* open({ ...settings, hostKey: accepted ?? "" })
        yield* put(known, "file", specimen(9))
        assert.deepStrictEqual(everything(directory), ["file"])
      }),
    )

    it.live("another key than the known one is refused", () =>
      Effect.gen(function* () {
        const file = join(server.data, "..", "other_known_hosts")
        const stranger = Buffer.from(server.hostKeys.ed25519.split(" ")[1] ?? "", "base64")
        stranger[stranger.length - 1] = (stranger[stranger.length - 1] ?? 0) ^ 1
        fs.writeFileSync(file, `[127.0.0.1]:${server.port} ssh-ed25519 ${stranger.toString("base64")}\n`)
        const error = yield* Effect.flatMap(open(settingsFor(room(), { knownHosts: file })), (transporter) =>
          failure(put(transporter, "file", specimen(9))),
        )
        assert.strictEqual(error.reason._tag, "Unauthorized")
        assert.include(error.message, "somebody is in between")
      }),
    )

    it.live("a file that knows the server's RSA key only is enough", () =>
      Effect.gen(function* () {
        const file = join(server.data, "..", "rsa_known_hosts")
        fs.writeFileSync(file, `[127.0.0.1]:${server.port} ${server.hostKeys.rsa}`)
        const transporter = yield* open(settingsFor(room(), { knownHosts: file }))
        yield* put(transporter, "file", specimen(9))
      }),
    )
  })

  describe("what a file looks like there", () => {
    it.live("permissions of the setting whatever the umask, the time of its source", () =>
      Effect.gen(function* () {
        const directory = room()
        const transporter = yield* open(settingsFor(directory, { mode: 0o666 }))
        yield* put(transporter, "new/file", specimen(10))
        const stat = fs.statSync(join(directory, "new/file"))
        assert.strictEqual(stat.mode & 0o7777, 0o666)
        assert.strictEqual(Math.floor(stat.mtimeMs / 1000), 1_700_000_000)
        assert.strictEqual(fs.statSync(join(directory, "new")).mode & 0o7777, 0o777)
      }),
    )

    it.live("without the setting everyone may read it", () =>
      Effect.gen(function* () {
        const directory = room()
        yield* Effect.flatMap(open(settingsFor(directory)), (transporter) => put(transporter, "new/file", specimen(10)))
        assert.strictEqual(fs.statSync(join(directory, "new/file")).mode & 0o7777, 0o644)
        assert.strictEqual(fs.statSync(join(directory, "new")).mode & 0o7777, 0o755)
      }),
    )
  })

  describe("what the network does", () => {
    it.live("many operations share few connections", () =>
      Effect.gen(function* () {
        const proxy = yield* proxied
        const directory = room()
        const paths = Array.from({ length: 300 }, (_, at) => `${at % 7}/${at}`)
        for (const [maximum, most] of [
          [1, 1],
          [0, 4],
        ] as const) {
          const before = proxy.taken()
          const transporter = yield* open(through(proxy, directory), maximum)
          yield* Effect.forEach(paths, (path, seed) => put(transporter, path, specimen(100, seed)), {
            concurrency: "unbounded",
          })
          assert.isAtMost(proxy.taken() - before, most)
        }
        assert.strictEqual(everything(directory).filter((path) => !path.endsWith("/")).length, 300)
      }),
    )

    it.live("a connection that is reset in the middle fails the upload, and the next one clears up", () =>
      Effect.gen(function* () {
        const proxy = yield* proxied
        const directory = room()
        const transporter = yield* open(through(proxy, directory))
        yield* put(transporter, "file", specimen(10))
        const bytes = specimen(4_000_000, 2)
        proxy.cutAfter = 1_000_000
        const error = yield* failure(put(transporter, "file", bytes))
        assert.strictEqual(error.reason._tag, "Unreachable")
        assert.strictEqual(sha256(fs.readFileSync(join(directory, "file"))), sha256(specimen(10)))
        assert.strictEqual(everything(directory).length, 2, "the server could not know that the upload is over")
        proxy.cutAfter = Number.POSITIVE_INFINITY
        yield* put(transporter, "file", bytes)
        assert.strictEqual(sha256(fs.readFileSync(join(directory, "file"))), sha256(bytes))
        assert.deepStrictEqual(everything(directory), ["file"])
      }),
    )

    it.live("all operations on a connection that goes silent fail after the idle time", () =>
      Effect.gen(function* () {
        const proxy = yield* proxied
        const directory = room()
        const transporter = yield* open(through(proxy, directory, { idleTimeout: 500 }))
        yield* put(transporter, "file", specimen(10))
        proxy.mode = "blackhole"
        const started = Date.now()
        const errors = yield* Effect.forEach(
          ["a", "b", "c/d"],
          (path) => failure(put(transporter, path, specimen(99_999))),
          {
            concurrency: "unbounded",
          },
        )
        for (const error of errors) {
          assert.strictEqual(error.reason._tag, "Unreachable")
          assert.include(error.message, "did not answer")
        }
        assert.isBelow(Date.now() - started, 5_000)
        proxy.mode = "pass"
        yield* put(transporter, "a", specimen(99_999))
        assert.deepStrictEqual(everything(directory), ["a", "file"])
      }),
    )

    it.live("a server that never greets is given up after the connect time", () =>
      Effect.gen(function* () {
        const proxy = yield* proxied
        proxy.mode = "blackhole"
        const transporter = yield* open(through(proxy, room(), { connectTimeout: 300 }))
        const started = Date.now()
        const errors = yield* Effect.forEach(["a", "b", "c"], (path) => failure(put(transporter, path, specimen(9))), {
          concurrency: "unbounded",
        })
        for (const error of errors) assert.strictEqual(error.reason._tag, "Unreachable")
        assert.isBelow(Date.now() - started, 3_000)
        assert.strictEqual(proxy.taken(), 1)
      }),
    )

    it.live("an operation that takes too long is given up, and nothing is left of it", () =>
      Effect.gen(function* () {
        const directory = room()
        const transporter = yield* open(settingsFor(directory, { totalTimeout: 300 }))
        const { content } = yield* paused(specimen(100_000))
        const error = yield* failure(transporter.put(outputFile(content), remote("file")))
        assert.strictEqual(error.reason._tag, "Unreachable")
        assert.deepStrictEqual(everything(directory), [])
      }),
    )

    it.live("a connection that died while nobody used it is replaced without a word", () =>
      Effect.gen(function* () {
        const proxy = yield* proxied
        const directory = room()
        const transporter = yield* open(through(proxy, directory))
        yield* put(transporter, "one", specimen(10))
        proxy.resetWhenUsed()
        yield* put(transporter, "two", specimen(10))
        proxy.reset()
        yield* put(transporter, "three", specimen(10))
        assert.strictEqual(proxy.taken(), 3)
        assert.deepStrictEqual(everything(directory), ["one", "three", "two"])
      }),
    )

    it.live("a server where nothing listens is named", () =>
      Effect.gen(function* () {
        const proxy = yield* proxied
        const settings = through(proxy, room())
        yield* Effect.promise(() => proxy.close())
        const error = yield* Effect.flatMap(open(settings), (transporter) => failure(transporter.stat(remote("a"))))
        assert.strictEqual(error.reason._tag, "Unreachable")
        assert.include(error.message, `127.0.0.1:${proxy.port}`)
        assert.include(error.message, "ECONNREFUSED")
      }),
    )
  })

  describe("what the server does", () => {
    it.live("killed in the middle of an upload and started again, it gets the whole file", () =>
      Effect.gen(function* () {
        const directory = room()
        const transporter = yield* open(settingsFor(directory))
        yield* put(transporter, "file", specimen(10))
        const bytes = specimen(3_000_000, 3)
        const { content, goOn, reached } = yield* paused(bytes)
        const upload = yield* Effect.forkChild(Effect.exit(transporter.put(outputFile(content), remote("file"))))
        yield* reached
        yield* eventually("part of it is there", () => everything(directory).length === 2)
        yield* Effect.promise(() => server.kill())
        yield* goOn
        const exit = yield* Fiber.join(upload)
        assert.isTrue(Exit.isFailure(exit))
        const down = yield* failure(put(transporter, "file", bytes))
        assert.strictEqual(down.reason._tag, "Unreachable")
        assert.strictEqual(sha256(fs.readFileSync(join(directory, "file"))), sha256(specimen(10)))
        yield* Effect.promise(() => server.restart())
        yield* put(transporter, "file", bytes)
        assert.strictEqual(sha256(fs.readFileSync(join(directory, "file"))), sha256(bytes))
        assert.deepStrictEqual(everything(directory), ["file"])
      }),
    )

    it.live.skipIf(!isRoot)(
      "a full disk is told as such, leaves nothing, and takes files again when there is room",
      () =>
        Effect.gen(function* () {
          const directory = room()
          const { gid, uid } = fs.statSync(server.data)
          yield* Effect.acquireRelease(
            Effect.sync(() =>
              execFileSync("mount", ["-t", "tmpfs", "-o", `size=1m,uid=${uid},gid=${gid}`, "tmpfs", directory]),
            ),
            () => Effect.sync(() => execFileSync("umount", ["-l", directory])),
          )
          const transporter = yield* open(settingsFor(directory))
          yield* put(transporter, "file", specimen(1_000))
          fs.writeFileSync(join(directory, "ballast"), specimen(600_000))
          const error = yield* failure(put(transporter, "file", specimen(900_000)))
          assert.strictEqual(error.reason._tag, "OutOfSpace")
          assert.deepStrictEqual(everything(directory), ["ballast", "file"])
          assert.strictEqual(sha256(fs.readFileSync(join(directory, "file"))), sha256(specimen(1_000)))
          fs.rmSync(join(directory, "ballast"))
          yield* put(transporter, "file", specimen(900_000))
          assert.strictEqual(sha256(fs.readFileSync(join(directory, "file"))), sha256(specimen(900_000)))
        }),
    )

    it.live("a directory that may not be written fails its files only", () =>
      Effect.gen(function* () {
        const directory = room()
        fs.mkdirSync(join(directory, "closed"))
        fs.writeFileSync(join(directory, "closed/file"), "theirs")
        fs.chmodSync(join(directory, "closed"), 0o555)
        const transporter = yield* open(settingsFor(directory))
        const results = yield* Effect.forEach(
          ["closed/file", "open/a", "closed/new/deep", "open/b"],
          (path) => Effect.exit(put(transporter, path, specimen(10))),
          { concurrency: "unbounded" },
        )
        assert.deepStrictEqual(results.map(Exit.isSuccess), [false, true, false, true])
        for (const path of ["closed/file", "closed/new/deep"]) {
          const error = yield* failure(put(transporter, path, specimen(10)))
          assert.strictEqual(error.reason._tag, "PermissionDenied", path)
        }
        const removal = yield* failure(transporter.remove(remote("closed/file")))
        assert.strictEqual(removal.reason._tag, "PermissionDenied")
        assert.strictEqual(fs.readFileSync(join(directory, "closed/file"), "utf8"), "theirs")
      }),
    )

    it.live("what is in the way is named", () =>
      Effect.gen(function* () {
        const directory = room()
        const transporter = yield* open(settingsFor(directory))
        yield* put(transporter, "file", specimen(10))
        yield* put(transporter, "directory/file", specimen(10))
        const below = yield* failure(put(transporter, "file/below", specimen(10)))
        assert.strictEqual(below.reason._tag, "Rejected")
        assert.include(below.message, "is a file on the server where a directory is needed")
        const over = yield* failure(put(transporter, "directory", specimen(10)))
        assert.strictEqual(over.reason._tag, "Rejected")
        assert.include(over.message, "a directory of this name is on the server")
        const long = yield* failure(put(transporter, "n".repeat(256), specimen(10)))
        assert.strictEqual(long.reason._tag, "NameRefused")
        assert.deepStrictEqual(everything(directory), ["directory/", "directory/file", "file"])
      }),
    )

    it.live("a source that ends early is not taken for the whole", () =>
      Effect.gen(function* () {
        const directory = room()
        const transporter = yield* open(settingsFor(directory))
        const content = { ...contentOf(specimen(100_000)), size: 100_001 }
        const error = yield* failure(transporter.put(outputFile(content), remote("file")))
        assert.strictEqual(error.reason._tag, "SourceChanged")
        assert.deepStrictEqual(everything(directory), [])
      }),
    )

    it.live("leftovers of a crashed run are removed, those of living ones stay", () =>
      Effect.gen(function* () {
        const directory = room()
        const machine = createHash("sha256").update(hostname()).digest("hex").slice(0, 8)
        const now = Math.floor(Date.now() / 1000).toString(36)
        const old = Math.floor(Date.now() / 1000 - 172_800).toString(36)
        const living = process.ppid.toString(36)
        const names = {
          crashed: `.fc-${machine}-${(2 ** 22 + 5).toString(36)}-${old}-${now}-1.tmp`,
          living: `.fc-${machine}-${living}-${old}-${now}-1.tmp`,
          elsewhere: `.fc-00000000-1-${old}-${now}-1.tmp`,
          elsewhereLongAgo: `.fc-00000000-1-${old}-${old}-1.tmp`,
          theirs: ".fc-notes.tmp",
        }
        for (const name of Object.values(names)) fs.writeFileSync(join(directory, name), "half")
        const transporter = yield* open(settingsFor(directory))
        yield* put(transporter, "file", specimen(10))
        const left = [names.elsewhere, names.living, names.theirs, "file"].sort()
        yield* eventually("the leftovers are gone", () => everything(directory).length <= left.length)
        assert.deepStrictEqual(everything(directory), left)
      }),
    )

    it.live(
      "leftovers of a crashed run in a directory that only loses files go, and the empty directory with them",
      () =>
        Effect.gen(function* () {
          const directory = room()
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
          const transporter = yield* open(settingsFor(directory))
          yield* transporter.remove(remote("a/b/file"))
          yield* transporter.remove(remote("kept/other"))
          yield* eventually("only what is published is left", () => everything(directory).join() === "kept/,kept/file")
        }),
    )
  })

  describe("a server that can less", () => {
    it.live("without posix-rename files are replaced all the same, and the capability says how", () =>
      Effect.gen(function* () {
        const lesser = yield* Effect.acquireRelease(
          Effect.promise(() => startSshServer("-P posix-rename,setstat,fsetstat,statvfs")),
          (lesser) => Effect.promise(() => lesser.stop()),
        )
        const settings = {
          ...settingsFor(join(server.data, "site")),
          port: lesser.port,
          knownHosts: lesser.knownHosts,
          key: Redacted.make(lesser.key),
        }
        const transporter = yield* open(settings)
        for (const bytes of [specimen(100, 1), specimen(300_000, 2), specimen(10, 3)]) {
          yield* put(transporter, "x/file", bytes)
          assert.strictEqual(sha256(fs.readFileSync(join(lesser.data, "site/x/file"))), sha256(bytes))
        }
        assert.isFalse(transporter.capabilities.atomicReplace)
        assert.deepStrictEqual(everything(lesser.data), ["site/", "site/x/", "site/x/file"])
        const over = yield* failure(put(transporter, "x", specimen(10)))
        assert.include(over.message, "a directory of this name is on the server")
        assert.deepStrictEqual(everything(lesser.data), ["site/", "site/x/", "site/x/file"])
      }),
    )
  })
})
