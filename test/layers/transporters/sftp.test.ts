import { Buffer } from "node:buffer"
import { createHmac } from "node:crypto"
import { Duplex } from "node:stream"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Schema } from "effect"
import { TestClock } from "effect/testing"
import { SourceError } from "../../../src/domain/Errors.ts"
import { SFTP_GROW_RETRY, SFTP_IDLE_CLOSE, SFTP_SHARE, SFTP_WINDOW_BYTES } from "../../../src/domain/Limits.ts"
import { toBytes } from "../../../src/domain/Path.ts"
import { type ConnectProblem, connectMeaning } from "../../../src/layers/transporters/sftp/connectFailures.ts"
import { Lost, sourceFailure, Unfit } from "../../../src/layers/transporters/shared/failures.ts"
import { meaningOf, Refused } from "../../../src/layers/transporters/sftp/failures.ts"
import {
  fingerprint,
  type HostTrust,
  knownKeys,
  objection,
  wantedAlgorithms,
} from "../../../src/layers/transporters/sftp/hostKey.ts"
import * as packets from "../../../src/layers/transporters/sftp/packets.ts"
import { isTop, parentOf, within } from "../../../src/layers/transporters/shared/paths.ts"
import { makePool } from "../../../src/layers/transporters/sftp/pool.ts"
import { openSession, type SftpSession } from "../../../src/layers/transporters/sftp/SftpSession.ts"
import { isLeftover, temporaryName } from "../../../src/layers/transporters/shared/temporary.ts"
import { sftp } from "../../../src/layers/transporters/sftp.ts"

describe("what failures of SFTP mean", () => {
  const refused = (request: Refused["request"], code: number, words = "") => new Refused({ request, code, words })
  for (const [failure, reason, words] of [
    [refused("create", 3), "PermissionDenied", "write permission"],
    [refused("directory", 3), "PermissionDenied", "make the directory"],
    [refused("remove", 3, "not yours"), "PermissionDenied", "not yours"],
    [refused("create", 5), "NameRefused", "of this name"],
    [refused("create", 2), "Rejected", "missing"],
    [refused("write", 4), "Rejected", "status 4"],
    [refused("write", 4, "No space left on device"), "OutOfSpace", "no room"],
    [refused("close", 4, "Disk quota exceeded"), "OutOfSpace", "no room"],
    [refused("rename", 8), "Rejected", "move the file to its name"],
    [refused("stat", 7), "Unreachable", "lost its own connection"],
    [new Lost({ detail: "the connection broke", silent: false }), "Unreachable", "broke"],
    [new Unfit({ reason: { _tag: "VerificationFailed" }, detail: "3 of 4 bytes" }), "VerificationFailed", "3 of 4"],
    [sourceFailure(new SourceError({ path: "a", reason: "Changed", detail: "another" })), "SourceChanged", "another"],
    [sourceFailure(new SourceError({ path: "a", reason: "Vanished", detail: "gone" })), "SourceChanged", "gone"],
    [sourceFailure(new SourceError({ path: "a", reason: "Unreadable", detail: "EACCES" })), "Rejected", "EACCES"],
  ] as const) {
    it(`${failure._tag} ${"code" in failure ? `${failure.request} ${failure.code}` : ""} "${words}" is ${reason}`, () => {
      const meaning = meaningOf(failure)
      assert.strictEqual(meaning.reason._tag, reason)
      assert.include(meaning.detail, words)
    })
  }
})

describe("why no connection came about", () => {
  const attempt = { address: "cdn.example:22", username: "me", ways: ["key", "password"] }
  const cases: ReadonlyArray<readonly [ConnectProblem, string, string]> = [
    [
      { message: "All configured authentication methods failed", level: "client-authentication" },
      "Unauthorized",
      "<password>",
    ],
    [{ message: "Cannot parse privateKey: Bad passphrase" }, "Unauthorized", "<passphrase>"],
    [{ message: "Failed to connect to agent", level: "agent" }, "Unauthorized", "me"],
    [{ message: "Too many connections", code: 12 }, "Throttled", "maxConnections"],
    [{ message: "x", code: "ECONNREFUSED", level: "client-socket" }, "Unreachable", "<port>"],
    [{ message: "x", code: "ENOTFOUND", level: "client-socket" }, "Unreachable", "<host>"],
    [{ message: "x", code: "EWEIRD", level: "client-socket" }, "Unreachable", "x"],
    [{ message: "Keepalive timeout", level: "client-timeout" }, "Unreachable", "silent"],
    [{ message: "Unable to start subsystem: sftp" }, "Unreachable", "offers no SFTP"],
    [{ message: "Handshake failed: no matching key exchange algorithm" }, "Unreachable", "encryption"],
  ]
  for (const [problem, reason, words] of cases) {
    it(`${problem.message} ${problem.code ?? ""} is ${reason}`, () => {
      const meaning = connectMeaning(problem, attempt)
      assert.strictEqual(meaning.reason._tag, reason)
      assert.include(meaning.detail, words)
    })
  }
})

describe("host keys", () => {
  const keyOf = (text: string): Buffer => Buffer.concat([Buffer.from([0, 0, 0, 11]), Buffer.from(`ssh-ed25519${text}`)])
  const [key, other] = [keyOf("one"), keyOf("two")]
  const base64 = key.toString("base64")
  const line = (host: string): string => `${host} ssh-ed25519 ${base64} comment`
  const hashed = (host: string): string => {
    const salt = Buffer.from("salt of twenty bytes")
    return `|1|${salt.toString("base64")}|${createHmac("sha1", salt).update(host).digest("base64")}`
  }
  for (const [text, host, port, found] of [
    [line("cdn.example"), "cdn.example", 22, true],
    [line("CDN.example"), "cdn.EXAMPLE", 22, true],
    [line("cdn.example"), "cdn.example", 2222, false],
    [line("[cdn.example]:2222"), "cdn.example", 2222, true],
    [line("a.example,*.example"), "cdn.example", 22, true],
    [line("*.example,!cdn.example"), "cdn.example", 22, false],
    [line("cdn?example"), "cdn.example", 22, true],
    [line("cdn.exampl"), "cdn.example", 22, false],
    [line("cdnxexample"), "cdn.example", 22, false],
    [line(hashed("cdn.example")), "cdn.example", 22, true],
    [line(hashed("other.example")), "cdn.example", 22, false],
    [line(hashed("[cdn.example]:2222")), "cdn.example", 2222, true],
    [`# ${line("cdn.example")}`, "cdn.example", 22, false],
    [`@cert-authority ${line("cdn.example")}`, "cdn.example", 22, false],
    [`@revoked ${line("cdn.example")}`, "cdn.example", 22, false],
  ] as const) {
    it(`${text.slice(0, 40)} ${found ? "is" : "is not"} about ${host}:${port}`, () => {
      assert.strictEqual(knownKeys(`\n${text}\r\n`, host, port).trusted.length === 1, found)
    })
  }

  const none: HostTrust = { fingerprint: undefined, file: undefined, known: { trusted: [], revoked: new Set() } }
  const accept = `<hostKey>${fingerprint(key)}</hostKey>`

  it("the right key is taken by fingerprint and by file", () => {
    assert.isUndefined(objection(key, { ...none, fingerprint: fingerprint(key) }, "cdn"))
    assert.isUndefined(objection(key, { ...none, fingerprint: `${fingerprint(key)}=` }, "cdn"))
    assert.isUndefined(objection(key, { ...none, file: "f", known: knownKeys(line("cdn"), "cdn", 22) }, "cdn"))
  })

  it("every other key is refused, with what would accept it", () => {
    assert.include(objection(key, none, "cdn") ?? "", accept)
    assert.include(objection(key, { ...none, fingerprint: fingerprint(other) }, "cdn") ?? "", accept)
    const changed = { ...none, file: "f", known: knownKeys(line("cdn"), "cdn", 22) }
    assert.include(objection(other, changed, "cdn") ?? "", "somebody is in between")
    const both = knownKeys(`${line("cdn")}\n@revoked ${line("cdn")}`, "cdn", 22)
    assert.include(objection(key, { ...none, file: "f", known: both }, "cdn") ?? "", "revoked")
  })

  it("a key of a kind that is known is asked for", () => {
    assert.isUndefined(wantedAlgorithms(none.known))
    assert.deepStrictEqual(wantedAlgorithms(knownKeys(`cdn ssh-rsa AAAA`, "cdn", 22)), [
      "rsa-sha2-512",
      "rsa-sha2-256",
      "ssh-rsa",
    ])
  })
})

describe("temporary names", () => {
  const maker = { machine: "0123abcd", pid: 77, started: 1_700_000_000 }
  const now = 1_700_000_100_000
  const day = 86_400_000
  const leftover = (by: Partial<typeof maker>, madeAt: number, alive: boolean) =>
    isLeftover(temporaryName({ ...maker, ...by }, madeAt), maker, now, () => alive)

  it("are never the same twice", () => {
    assert.notStrictEqual(temporaryName(maker, now), temporaryName(maker, now))
  })
  it("tell crashed runs from living ones", () => {
    assert.isFalse(leftover({}, now - 10 * day, false), "of this very run")
    assert.isTrue(leftover({ started: 1_699_999_999 }, now, true), "of an earlier run with the same process id")
    assert.isTrue(leftover({ pid: 78 }, now, false), "of a process that is gone")
    assert.isFalse(leftover({ pid: 78 }, now - 10 * day, true), "of another that lives")
    assert.isFalse(leftover({ machine: "99999999" }, now - day + 1_000, false), "of another machine, today")
    assert.isTrue(leftover({ machine: "99999999" }, now - day - 1_000, true), "of another machine, long ago")
    for (const name of ["file", ".fc-notes.tmp", ".fc-0123abcd-1-1-1-1.tmp.bak"]) {
      assert.isFalse(
        isLeftover(name, maker, now, () => false),
        name,
      )
    }
  })
})

it("paths stay absolute or relative as the setting is", () => {
  assert.strictEqual(within("", "a/b"), "a/b")
  assert.strictEqual(within("/", "a/b"), "/a/b")
  assert.strictEqual(within("/srv/www", "a/b"), "/srv/www/a/b")
  assert.strictEqual(within("www", "a/b"), "www/a/b")
  assert.deepStrictEqual(["a", "/a", "/a/b", "a/b"].map(parentOf), ["", "/", "/a", "a"])
  assert.deepStrictEqual(["", "/", "a", "/a"].map(isTop), [true, true, false, false])
})

describe("packets", () => {
  it("names are sent as their bytes", () => {
    const packet = packets.remove(toBytes("caf\udce9"))
    assert.strictEqual(packet.readUInt32BE(0), packet.length - 4)
    assert.strictEqual(packet[4], 13)
    assert.strictEqual(packet.subarray(9).toString("hex"), "00000004636166e9")
  })
  it("writes beyond 4 GiB keep their place", () => {
    const handle = Buffer.from("h")
    const data = Buffer.from("xyz")
    const packet = packets.write(Buffer.alloc(packets.writeOverhead(handle) + 3), handle, 0x1_2345_6789, [
      data.subarray(0, 1),
      data.subarray(1),
    ])
    const fields = packets.reader(packet.subarray(9))
    assert.strictEqual(fields.string().toString(), "h")
    assert.strictEqual(fields.uint64(), 0x1_2345_6789)
    assert.strictEqual(fields.string().toString(), "xyz")
    assert.isTrue(fields.atEnd())
  })
  it("attributes are read whatever the server adds", () => {
    const hex = `8000000f${"0000000100000000"}${"00000001"}${"00000002"}${"000041ed"}${"00000000".repeat(2)}00000001${"0000000161".repeat(2)}`
    const fields = packets.reader(Buffer.from(hex, "hex"))
    const attributes = fields.attributes()
    assert.deepStrictEqual(attributes, { size: 0x1_0000_0000, mode: 0o40755 })
    assert.isTrue(packets.isDirectory(attributes))
    assert.isTrue(fields.atEnd())
    assert.throws(() => fields.uint32(), RangeError)
  })
})

/** The other end of a channel: it hears packets and says bytes. */
const channel = () => {
  const heard: Array<Buffer> = []
  const duplex = new Duplex({
    read: () => {},
    write: (chunk: Buffer, _encoding, done) => {
      let rest = chunk
      while (rest.length > 0) {
        const length = 4 + rest.readUInt32BE(0)
        heard.push(Buffer.from(rest.subarray(0, length)))
        rest = rest.subarray(length)
      }
      done()
    },
  })
  const say = (hex: string): void => void duplex.push(Buffer.from(hex, "hex"))
  const ok = (packet: Buffer): string => `0000001165${packet.subarray(5, 9).toString("hex")}000000000000000000000000`
  return { duplex, heard, say, ok, greet: () => say("000000050200000003") }
}
const socket = { cork: () => {}, uncork: () => {} }
const turns = Effect.promise(() => new Promise((resolve) => setImmediate(() => setImmediate(resolve))))

describe("a session", () => {
  const opened = Effect.gen(function* () {
    const end = channel()
    end.greet()
    return { ...end, session: yield* openSession(end.duplex, socket) }
  })

  it.live("answers find their requests in whatever order and pieces they come", () =>
    Effect.gen(function* () {
      const { heard, ok, say, session } = yield* opened
      const paths = ["a", "b", "c"].map((name) => packets.remove(Buffer.from(name)))
      const fiber = yield* Effect.forkChild(session.exchange(paths), { startImmediately: true })
      yield* turns
      assert.strictEqual(heard.length, 4)
      const [, a, b, c] = heard as [Buffer, Buffer, Buffer, Buffer]
      const answers = ok(c) + ok(a) + ok(b)
      say(answers.slice(0, 20))
      say(answers.slice(20))
      assert.strictEqual((yield* Fiber.join(fiber)).length, 3)
      assert.strictEqual(session.waiting(), 0)
    }),
  )

  it.live("what waits fails when the channel closes, and so does what comes later", () =>
    Effect.gen(function* () {
      const { duplex, session } = yield* opened
      const fiber = yield* Effect.forkChild(Effect.flip(session.exchange([packets.remove(Buffer.from("a"))])), {
        startImmediately: true,
      })
      duplex.destroy()
      assert.strictEqual((yield* Fiber.join(fiber))._tag, "Lost")
      assert.strictEqual((yield* Effect.flip(session.exchange([packets.remove(Buffer.from("b"))])))._tag, "Lost")
    }),
  )

  for (const [what, hex] of [
    ["a text that a login prints", Buffer.from("Welcome to the machine\n").toString("hex")],
    ["an older version", "000000050200000002"],
  ] as const) {
    it.live(`${what} is not taken for SFTP`, () =>
      Effect.gen(function* () {
        const end = channel()
        end.say(hex)
        const exit = yield* Effect.exit(openSession(end.duplex, socket))
        assert.isTrue(Exit.isFailure(exit))
      }),
    )
  }

  it.live("no more is in flight than the window, and who gives up waiting makes room", () =>
    Effect.gen(function* () {
      const { heard, ok, say, session } = yield* opened
      const handle = Buffer.from("h")
      const piece = Buffer.alloc(SFTP_WINDOW_BYTES / 2)
      const write = (at: number) => session.write(handle, at, [piece], piece.length, () => {})
      yield* write(0)
      yield* write(1)
      const third = yield* Effect.forkChild(write(2), { startImmediately: true })
      const fourth = yield* Effect.forkChild(write(3), { startImmediately: true })
      yield* turns
      assert.strictEqual(heard.length, 3)
      yield* Fiber.interrupt(third)
      say(ok(heard[1] as Buffer))
      yield* Fiber.join(fourth)
      yield* turns
      assert.strictEqual(heard.length, 4)
      const fields = packets.reader((heard[3] as Buffer).subarray(9))
      fields.string()
      assert.strictEqual(fields.uint64(), 3)
    }),
  )
})

/** Lets other fibers run until this holds. */
const until = (holds: () => boolean) =>
  Effect.gen(function* () {
    for (let turn = 0; !holds(); turn++) {
      if (turn > 1_000) assert.fail("it never came to that")
      yield* Effect.yieldNow
    }
  })

describe("the pool", () => {
  /** Sessions that do nothing but break. */
  const fakes = () => {
    const sessions: Array<{ lost: Lost | undefined }> = []
    let closed = 0
    const open = Effect.acquireRelease(
      Effect.sync(() => {
        const state: { lost: Lost | undefined } = { lost: undefined }
        sessions.push(state)
        return { lost: () => state.lost, number: sessions.length } as unknown as SftpSession & { number: number }
      }),
      () => Effect.sync(() => void (closed += 1)),
    )
    return { open, sessions, closed: () => closed }
  }

  it.effect("opens nothing before it is needed, one for many, more for very many, and closes what is not used", () =>
    Effect.gen(function* () {
      const { closed, open, sessions } = fakes()
      const pool = yield* makePool(open, 2)
      assert.strictEqual(sessions.length, 0)
      let users = 0
      const crowd = (count: number) =>
        Effect.gen(function* () {
          const expected = users + count
          const using = pool.use(() =>
            Effect.andThen(
              Effect.sync(() => void (users += 1)),
              Effect.never,
            ),
          )
          const fibers = yield* Effect.forEach(Array.from({ length: count }), () => Effect.forkChild(using))
          yield* until(() => users === expected)
          let turns = 0
          yield* until(() => (turns += 1) > 100)
          return fibers
        })
      const some = yield* crowd(SFTP_SHARE)
      assert.strictEqual(sessions.length, 1)
      const more = yield* crowd(SFTP_SHARE * 4)
      yield* until(() => sessions.length === 2)
      const last = yield* crowd(SFTP_SHARE)
      assert.strictEqual(sessions.length, 2)
      yield* Fiber.interruptAll([...some, ...more, ...last])
      yield* TestClock.adjust(SFTP_IDLE_CLOSE * 2)
      assert.strictEqual(closed(), 2)
      yield* pool.use(() => Effect.void)
      assert.strictEqual(sessions.length, 3)
    }),
  )

  it.effect("never uses a broken connection again", () =>
    Effect.gen(function* () {
      const { closed, open, sessions } = fakes()
      const pool = yield* makePool(open, 4)
      yield* pool.use(() => Effect.void)
      for (const session of sessions) session.lost = new Lost({ detail: "gone", silent: false })
      const used = yield* pool.use((session) => Effect.succeed((session as unknown as { number: number }).number))
      assert.strictEqual(used, 2)
      assert.strictEqual(closed(), 1)
    }),
  )

  it.effect(
    "a connection that fails fails all who wait for it, and is tried anew by the next; growing is not tried at once",
    () =>
      Effect.gen(function* () {
        let attempts = 0
        let healthy = false
        const { open } = fakes()
        const failing = Effect.suspend(() => {
          attempts += 1
          return healthy ? open : Effect.fail(new Unfit({ reason: { _tag: "Unreachable" }, detail: "down" }))
        })
        const pool = yield* makePool(failing, 4)
        const exits = yield* Effect.forEach([1, 2, 3], () => Effect.exit(pool.use(() => Effect.void)), {
          concurrency: "unbounded",
        })
        assert.isTrue(exits.every(Exit.isFailure))
        assert.strictEqual(attempts, 1)
        healthy = true
        yield* pool.use(() => Effect.void)
        assert.strictEqual(attempts, 2)
        let users = 0
        const crowd = Effect.gen(function* () {
          const expected = users + SFTP_SHARE + 8
          const using = pool.use(() =>
            Effect.andThen(
              Effect.sync(() => void (users += 1)),
              Effect.never,
            ),
          )
          yield* Effect.forEach(Array.from({ length: SFTP_SHARE + 8 }), () => Effect.forkChild(using))
          yield* until(() => users === expected)
        })
        yield* TestClock.adjust(SFTP_GROW_RETRY)
        yield* crowd
        yield* until(() => attempts === 3)
        yield* crowd
        assert.strictEqual(attempts, 4)
      }),
  )
})

it.effect("the settings are those of a config, and say where files end up", () =>
  Effect.gen(function* () {
    const settings = yield* Schema.decodeUnknownEffect(sftp.settings)({
      host: "cdn.example",
      username: "me",
      password: "secret",
      url: "https://cdn.example/",
    })
    assert.strictEqual(settings.port, 22)
    assert.deepStrictEqual(sftp.identity, ["host", "port", "username", "path", "url", "mode"])
    assert.notInclude(JSON.stringify(settings), "secret")
  }),
)
