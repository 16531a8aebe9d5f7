import { Buffer } from "node:buffer"
import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Layer, Option, Redacted, Schema, type Scope } from "effect"
import type { TransportError } from "../../../src/domain/Errors.ts"
import type { ServerName } from "../../../src/domain/Path.ts"
import { Transporter, type TransporterShape } from "../../../src/domain/Transporter.ts"
import { type ConnectProblem, connectMeaning } from "../../../src/layers/transporters/ftp/connectFailures.ts"
import { Lost, Unfit } from "../../../src/layers/transporters/shared/failures.ts"
import { meaningOf, Refused, Unconfirmed } from "../../../src/layers/transporters/ftp/failures.ts"
import { factsOf, modeOf, sizeOf } from "../../../src/layers/transporters/ftp/look.ts"
import { portOf } from "../../../src/layers/transporters/ftp/passive.ts"
import { timeText } from "../../../src/layers/transporters/ftp/upload.ts"
import { objection, readable, wire } from "../../../src/layers/transporters/ftp/wire.ts"
import { ftp } from "../../../src/layers/transporters/ftp.ts"
import type { FtpSettings } from "../../../src/layers/transporters/settings.ts"
import { contentOf, outputFile, remote, sha256, specimen } from "../../contract/transporter.ts"
import { type FtpDouble, ftpDouble } from "./ftpDouble.ts"

describe("what failures of FTP mean", () => {
  const refused = (request: Refused["request"], code: number, words: string) => new Refused({ request, code, words })
  const lost = new Lost({ detail: "the connection broke", silent: false })
  for (const [failure, reason, words] of [
    [refused("create", 421, "Service not available"), "Throttled", "maxConnections"],
    [refused("create", 450, "Too many connections from your address"), "Throttled", "maxConnections"],
    [refused("transfer", 452, "Insufficient storage"), "OutOfSpace", "no room"],
    [refused("transfer", 552, "Exceeded allocation"), "OutOfSpace", "no room"],
    [refused("transfer", 426, "Disk quota exceeded"), "OutOfSpace", "no room"],
    [refused("transfer", 451, "Failure writing to local file."), "OutOfSpace", "no room"],
    [refused("transfer", 451, "Local error"), "Rejected", "take the file"],
    [refused("create", 530, "Please login"), "Unauthorized", "user"],
    [refused("transfer", 425, "Unable to build data connection"), "Unreachable", "passive"],
    [refused("transfer", 425, "TLS session of data connection not resumed"), "Unreachable", "TLS session"],
    [refused("prepare", 500, "what?"), "Unreachable", "data connection"],
    [refused("create", 553, "Could not create file."), "PermissionDenied", "create a file"],
    [refused("create", 550, "Permission denied"), "PermissionDenied", "write permission"],
    [refused("create", 550, "File name too long"), "NameRefused", "of this name"],
    [refused("create", 553, "File name not allowed"), "NameRefused", "of this name"],
    [refused("rename", 550, "No such file or directory"), "Rejected", "missing"],
    [refused("rename", 550, "Rename failed."), "PermissionDenied", "let the user rename"],
    [refused("rename", 500, "RNFR not allowed here"), "PermissionDenied", "let the user rename"],
    [refused("directory", 550, "File exists"), "Rejected", "make the directory"],
    [refused("stat", 550, "strange"), "Rejected", "look at it"],
    [lost, "Unreachable", "broke"],
    [
      new Lost({ detail: "ended", silent: false, cause: refused("prepare", 421, "Too busy") }),
      "Throttled",
      "maxConnections",
    ],
    [new Unconfirmed({ lost, temporary: "t", sha256: "" }), "Unreachable", "before the server confirmed it"],
    [new Unfit({ reason: { _tag: "VerificationFailed" }, detail: "3 of 4 bytes" }), "VerificationFailed", "3 of 4"],
  ] as const) {
    const what = failure._tag === "Refused" ? `${failure.request} ${failure.code} ${failure.words}` : failure._tag
    it(`${what} is ${reason}`, () => {
      const meaning = meaningOf(failure)
      assert.strictEqual(meaning.reason._tag, reason)
      assert.include(meaning.detail, words)
    })
  }
})

describe("why no connection to an FTP server came about", () => {
  const attempt = { address: "cdn.example:21", username: "me", secure: "none" } as const
  const cases: ReadonlyArray<readonly [ConnectProblem, string, string]> = [
    [{ phase: "greeting", code: 421, message: "421 busy" }, "Throttled", "maxConnections"],
    [{ phase: "greeting", code: 530, message: "530 go away" }, "Unreachable", "go away"],
    [{ phase: "login", code: 530, message: "530 Login incorrect." }, "Unauthorized", "<password>"],
    [{ phase: "login", code: 530, message: "530 maximum number of clients (3) are" }, "Throttled", "maxConnections"],
    [{ phase: "login", code: 530, message: "530 must use encryption" }, "Unauthorized", "<secure>explicit"],
    [{ phase: "encryption", code: 500, message: "500 AUTH not understood" }, "Unreachable", "<secure>"],
    [{ phase: "encryption", code: "DEPTH_ZERO_SELF_SIGNED_CERT", message: "x" }, "Unauthorized", "<ca>"],
    [{ phase: "encryption", code: "ERR_TLS_CERT_ALTNAME_INVALID", message: "x" }, "Unauthorized", "<host>"],
    [{ phase: "encryption", code: "CERT_HAS_EXPIRED", message: "x" }, "Unauthorized", "expired"],
    [{ phase: "greeting", code: "ERR_SSL_WRONG_VERSION_NUMBER", message: "x" }, "Unreachable", "<port>"],
    [{ phase: "greeting", code: "ECONNREFUSED", message: "x" }, "Unreachable", "<port>"],
    [{ phase: "greeting", code: "ENOTFOUND", message: "x" }, "Unreachable", "<host>"],
    [{ phase: "login", message: "Server closed connection" }, "Unreachable", "closed"],
  ]
  for (const [problem, reason, words] of cases) {
    it(`${problem.phase} ${problem.code ?? ""} ${problem.message} is ${reason}`, () => {
      const meaning = connectMeaning(problem, attempt)
      assert.strictEqual(meaning.reason._tag, reason)
      assert.include(meaning.detail, words)
    })
  }
})

describe("what FTP servers say", () => {
  it("ports of passive mode", () => {
    assert.strictEqual(portOf("EPSV", "229 Entering Extended Passive Mode (|||6446|)"), 6446)
    assert.strictEqual(portOf("EPSV", "229 (!!!6446!)"), 6446)
    for (const wrong of ["229 (|||0|)", "229 (|||70000|)", "229 yes", "229 (|||x|)"]) {
      assert.isUndefined(portOf("EPSV", wrong), wrong)
    }
    assert.strictEqual(portOf("PASV", "227 Entering Passive Mode (192,168,1,100,10,229)."), 2789)
    assert.strictEqual(portOf("PASV", "227 127,0,0,1,1,2"), 258)
    for (const wrong of ["227 (1,2,3,4,5)", "227 (1,2,3,4,300,1)", "227 (1,2,3,4,0,0)", "227 no"]) {
      assert.isUndefined(portOf("PASV", wrong), wrong)
    }
  })

  it("sizes and permissions", () => {
    assert.strictEqual(sizeOf({ code: 213, text: "213 1234" }), 1234)
    assert.isUndefined(sizeOf({ code: 213, text: "213 many" }))
    assert.isUndefined(sizeOf({ code: 550, text: "550 12" }))
    const file = "250-Start of list\n modify=20260101000000;size=5;type=file;UNIX.mode=0640; /size=7; x\n250 End"
    assert.deepStrictEqual(factsOf(file), { size: 5, mode: 0o640 })
    assert.isUndefined(factsOf("250-\n type=dir;size=4096;UNIX.mode=0755; /d\n250 End"))
    assert.strictEqual(modeOf("250-\n type=dir;UNIX.mode=0755; /d\n250 End"), 0o755)
    assert.isUndefined(modeOf("250-\n type=dir; /d\n250 End"))
  })

  it("times", () => {
    assert.strictEqual(timeText(1_700_000_000), "20231114221320")
    assert.isUndefined(timeText(-1))
    assert.isUndefined(timeText(253_402_300_800))
  })

  it("names are bytes on the wire", () => {
    assert.strictEqual(wire("a b"), "a b")
    assert.strictEqual(wire("é\udce9"), "\u00c3\u00a9\u00e9")
    assert.strictEqual(readable(wire("smile 😀")), "smile 😀")
    for (const bad of ["a\rb", "a\nb", "a\0b", "a\udcffb"]) assert.isDefined(objection(bad), JSON.stringify(bad))
    for (const good of ["ÿ", "a\tb", " a ", "\udcfe"]) assert.isUndefined(objection(good), JSON.stringify(good))
  })

  it("settings are decoded, with their defaults", () => {
    const settings = Schema.decodeUnknownSync(ftp.settings)({
      host: "cdn.example",
      username: "me",
      password: "secret",
      url: "https://cdn.example/",
    }) as FtpSettings
    assert.strictEqual(settings.secure, "none")
    assert.notInclude(JSON.stringify(settings), "secret")
  })
})

const settingsFor = (double: FtpDouble, some: Partial<FtpSettings> = {}): FtpSettings => ({
  host: "127.0.0.1",
  port: double.port,
  username: "me",
  password: Redacted.make("secret"),
  url: "https://cdn.example/",
  path: "",
  secure: "none",
  connectTimeout: 5_000,
  idleTimeout: 5_000,
  ...some,
})

const open = (
  double: FtpDouble,
  some?: Partial<FtpSettings>,
): Effect.Effect<TransporterShape, TransportError, Scope.Scope> =>
  Effect.map(
    Layer.build(ftp.layer(settingsFor(double, some), { name: "cdn" as ServerName, maxConnections: 1 })),
    (context) => Context.get(context, Transporter),
  )

const put = (transporter: TransporterShape, path: string, bytes: Uint8Array) =>
  transporter.put(outputFile(contentOf(bytes)), remote(path))

const failure = <A>(effect: Effect.Effect<A, TransportError>) => Effect.orDie(Effect.flip(effect))

const answering = (double: FtpDouble, verb: string, answer: string): void => {
  double.answers.set(verb, () => answer)
}

const visible = (double: FtpDouble): ReadonlyArray<string> => [...double.files.keys()].filter((name) => name !== "/")

describe("ftp and a server that", () => {
  it.live("is well: six commands for a file, no more, and none of them needs the directory", () =>
    Effect.gen(function* () {
      const double = yield* ftpDouble
      const transporter = yield* open(double)
      for (const path of ["d/one", "d/two"]) yield* put(transporter, path, specimen(100))
      double.commands.length = 0
      const receipt = yield* put(transporter, "d/three", specimen(100))
      assert.strictEqual(receipt.sha256, sha256(specimen(100)))
      assert.deepStrictEqual(
        double.commands.map((line) => line.split(" ")[0]),
        ["EPSV", "STOR", "SIZE", "MFMT", "RNFR", "RNTO"],
      )
      assert.strictEqual(double.commands.at(-1), "RNTO /d/three")
      assert.deepStrictEqual(visible(double), ["/d/", "/d/one", "/d/two", "/d/three"])
      assert.strictEqual(double.connections(), 1)
    }),
  )

  it.live("is offered a name with a line break: not a byte of it is sent", () =>
    Effect.gen(function* () {
      const double = yield* ftpDouble
      const transporter = yield* open(double)
      for (const path of ["a\r\nDELE /b", "d\n/a", "a\r"]) {
        for (const operation of [
          put(transporter, path, specimen(1)),
          transporter.remove(remote(path)),
          transporter.stat(remote(path)),
        ]) {
          const error = yield* failure<unknown>(operation)
          assert.strictEqual(error.reason._tag, "NameRefused")
        }
      }
      assert.strictEqual(double.connections(), 0)
    }),
  )

  it.live("knows neither SIZE nor MLST: it is asked for a list", () =>
    Effect.gen(function* () {
      const double = yield* ftpDouble
      const transporter = yield* open(double)
      answering(double, "SIZE", "502 what?")
      answering(double, "EPSV", "500 what?")
      yield* put(transporter, "d/a file", specimen(100))
      assert.strictEqual(Option.getOrThrow(yield* transporter.stat(remote("d/a file"))).size, 100)
      assert.isTrue(Option.isNone(yield* transporter.stat(remote("d/a"))))
      assert.isTrue(Option.isNone(yield* transporter.stat(remote("e/a"))))
      assert.strictEqual(double.commands.filter((line) => line.startsWith("SIZE")).length, 1)
      assert.strictEqual(double.commands.filter((line) => line === "EPSV").length, 1)
      assert.isAbove(double.commands.filter((line) => line === "PASV").length, 2)
    }),
  )

  it.live("knows MLST but not SIZE", () =>
    Effect.gen(function* () {
      const double = yield* ftpDouble
      const transporter = yield* open(double)
      answering(double, "SIZE", "502 what?")
      double.answers.set("FEAT", () => "211-Features:\r\n MLST size*;type*;\r\n211 End")
      yield* put(transporter, "file", specimen(100))
      assert.strictEqual(Option.getOrThrow(yield* transporter.stat(remote("file"))).size, 100)
      assert.isTrue(Option.isNone(yield* transporter.stat(remote("other"))))
      assert.isFalse(double.commands.some((line) => line.startsWith("LIST")))
    }),
  )

  it.live("holds less than it was sent: the old file stays, and nothing is left over", () =>
    Effect.gen(function* () {
      const double = yield* ftpDouble
      const transporter = yield* open(double)
      yield* put(transporter, "file", specimen(50))
      answering(double, "SIZE", "213 99")
      const error = yield* failure(put(transporter, "file", specimen(100)))
      assert.strictEqual(error.reason._tag, "VerificationFailed")
      assert.include(error.message, "99 of 100")
      assert.deepStrictEqual(visible(double), ["/file"])
      assert.deepStrictEqual(double.files.get("/file"), Buffer.from(specimen(50)))
    }),
  )

  it.live("says 421: at the greeting, at a command, and to a connection that waited", () =>
    Effect.gen(function* () {
      const double = yield* ftpDouble
      const transporter = yield* open(double)
      answering(double, "greeting", "421 Too many connections")
      assert.strictEqual((yield* failure(put(transporter, "a", specimen(1)))).reason._tag, "Throttled")
      double.answers.clear()
      yield* put(transporter, "a", specimen(1))
      let times = 0
      double.answers.set("EPSV", () => (times++ === 0 ? "421 Idle for too long" : undefined))
      yield* put(transporter, "b", specimen(2))
      assert.strictEqual(times, 2)
      answering(double, "RNFR", "421 Busy")
      assert.strictEqual((yield* failure(put(transporter, "c", specimen(3)))).reason._tag, "Throttled")
      double.answers.clear()
      yield* put(transporter, "c", specimen(3))
      assert.deepStrictEqual(visible(double), ["/a", "/b", "/c"])
    }),
  )

  it.live("forgets commands that come together: they are sent one by one after that", () =>
    Effect.gen(function* () {
      const double = yield* ftpDouble
      double.deaf = true
      const transporter = yield* open(double, { connectTimeout: 2_000, idleTimeout: 100 })
      let attempts = 0
      const eventually: Effect.Effect<void, TransportError> = Effect.suspend(() => {
        attempts += 1
        return Effect.asVoid(put(transporter, "file", specimen(100)))
      })
      yield* Effect.retry(eventually, { times: 3 })
      assert.isAbove(attempts, 1)
      assert.deepStrictEqual(visible(double), ["/file"])
    }),
  )

  it.live("lacks binary mode: nothing is sent", () =>
    Effect.gen(function* () {
      const double = yield* ftpDouble
      const transporter = yield* open(double)
      answering(double, "TYPE", "504 text only")
      const error = yield* failure(put(transporter, "file", specimen(1)))
      assert.include(error.message, "TYPE I")
      assert.deepStrictEqual(visible(double), [])
    }),
  )

  it.live("lets nobody rename over a file: the probe touches files of our own only", () =>
    Effect.gen(function* () {
      const double = yield* ftpDouble
      const transporter = yield* open(double)
      double.answers.set("RNTO", (path) => (double.files.has(path) ? "550 exists" : undefined))
      yield* put(transporter, "file", specimen(10))
      yield* put(transporter, "file", specimen(20))
      const old = double.commands.findIndex((line) => line === "DELE /file")
      const probe = double.commands.findLastIndex((line, at) => at < old && /^DELE \/\.fc-.*\.tmp$/.test(line))
      assert.isAbove(probe, 0)
      assert.isFalse(transporter.capabilities.atomicReplace)
      assert.strictEqual(double.files.get("/file")?.length, 20)
      assert.deepStrictEqual(visible(double), ["/file"])
    }),
  )

  it.live("refuses a rename for another reason: the old file is not touched", () =>
    Effect.gen(function* () {
      const double = yield* ftpDouble
      const transporter = yield* open(double)
      yield* put(transporter, "file", specimen(10))
      double.answers.set("RNTO", (path) => (path === "/file" ? "550 not today" : undefined))
      const error = yield* failure(put(transporter, "file", specimen(20)))
      assert.strictEqual(error.reason._tag, "PermissionDenied")
      assert.isFalse(double.commands.includes("DELE /file"))
      assert.isTrue(transporter.capabilities.atomicReplace)
      assert.strictEqual(double.files.get("/file")?.length, 10)
      assert.deepStrictEqual(visible(double), ["/file"])
    }),
  )
})
