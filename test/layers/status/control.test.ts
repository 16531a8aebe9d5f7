import { spawnSync } from "node:child_process"
import * as fs from "node:fs"
import * as net from "node:net"
import * as os from "node:os"
import * as path from "node:path"
import process from "node:process"
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Exit, Fiber, Layer, Logger, Queue, Scope } from "effect"
import { TestClock } from "effect/testing"
import { CONTROL_CONNECTIONS, CONTROL_REQUEST_BYTES } from "../../../src/domain/Limits.ts"
import { fromBytes } from "../../../src/domain/Path.ts"
import { askControl } from "../../../src/layers/status/askControl.ts"
import { serveControl } from "../../../src/layers/status/control.ts"
import { controlAddress } from "../../../src/layers/status/controlAddress.ts"
import { ControlError, type ControlRequest } from "../../../src/layers/status/controlRequest.ts"

const temporary = Effect.acquireRelease(
  Effect.sync(() => fs.mkdtempSync(path.join(os.tmpdir(), "conveyor-ctl-"))),
  (directory) => Effect.sync(() => fs.rmSync(directory, { recursive: true, force: true })),
)

const status: ControlRequest = { command: "status" }
const echo = (request: ControlRequest) => Effect.succeed({ got: request })

/** What the socket answers to these bytes, sent as they are. `half` closes our side after them. */
const raw = (stateDir: string, bytes: string | Uint8Array, half = false): Effect.Effect<string> =>
  Effect.callback<string>((resume) => {
    let text = ""
    const socket = net.connect({ path: controlAddress(stateDir).path, allowHalfOpen: true })
    socket.on("data", (part) => (text += part.toString()))
    socket.on("error", () => resume(Effect.succeed(text)))
    socket.on("end", () => {
      socket.destroy()
      resume(Effect.succeed(text))
    })
    if (half) socket.end(bytes)
    else socket.write(bytes)
    return Effect.sync(() => socket.destroy())
  })

const reasonOf = (effect: Effect.Effect<unknown, { readonly _tag: string }>): Effect.Effect<string> =>
  effect.pipe(
    Effect.flip,
    Effect.map((error) => (error instanceof ControlError ? error.reason : error._tag)),
    Effect.catch((value) => Effect.succeed(`answered ${JSON.stringify(value)}`)),
  )

describe("control socket", () => {
  it.live("carries every request there and its answer back", () =>
    Effect.gen(function* () {
      const directory = yield* temporary
      yield* serveControl(directory, echo)
      const requests: ReadonlyArray<ControlRequest> = [
        status,
        { command: "retry", paths: [] },
        { command: "wait", paths: ["a b", "ü\n", fromBytes(Uint8Array.from([0x61, 0xff]))] },
        { command: "confirm-deletes", source: "drupal" },
        { command: "explain", path: "css/app.css" },
      ]
      for (const request of requests) {
        assert.deepStrictEqual(yield* askControl(directory, request), { got: request })
      }
    }),
  )

  it.live("is for its owner alone, leaves nothing beside it and nothing behind", () =>
    Effect.gen(function* () {
      const directory = yield* temporary
      const scope = yield* Scope.make()
      yield* serveControl(directory, echo).pipe(Scope.provide(scope))
      assert.deepStrictEqual(fs.readdirSync(directory), ["control.sock"])
      assert.strictEqual(fs.statSync(path.join(directory, "control.sock")).mode & 0o777, 0o600)
      yield* Scope.close(scope, Exit.void)
      assert.deepStrictEqual(fs.readdirSync(directory), [])
      assert.strictEqual(yield* reasonOf(askControl(directory, status)), "NotRunning")
    }),
  )

  it.live("takes the place of the socket of a daemon that crashed", () =>
    Effect.gen(function* () {
      const directory = yield* temporary
      const at = controlAddress(directory).path
      const crash = `require("net").createServer().listen(${JSON.stringify(at)}, () => process.kill(process.pid, "SIGKILL"))`
      assert.strictEqual(spawnSync(process.execPath, ["-e", crash]).signal, "SIGKILL")
      assert.isTrue(fs.statSync(at).isSocket())
      fs.mkdirSync(path.join(directory, ".control"))
      assert.strictEqual(yield* reasonOf(askControl(directory, status)), "NotRunning")
      yield* serveControl(directory, echo)
      assert.deepStrictEqual(yield* askControl(directory, status), { got: status })
    }),
  )

  it.live("has a short address for a state directory with a long path", () =>
    Effect.gen(function* () {
      const directory = path.join(yield* temporary, "x".repeat(60), "y".repeat(60))
      fs.mkdirSync(directory, { recursive: true })
      const address = controlAddress(directory)
      assert.isBelow(address.path.length, 100)
      assert.isFalse(address.path.startsWith(directory))
      yield* serveControl(directory, echo)
      assert.deepStrictEqual(yield* askControl(directory, status), { got: status })
      assert.strictEqual(fs.statSync(path.dirname(address.path)).mode & 0o777, 0o700)
      assert.notStrictEqual(controlAddress(`${directory}z`).path, address.path)
      assert.match(controlAddress(directory, "win32").path, /^\\\\\.\\pipe\\file-conveyor-[0-9a-f]{32}$/)
    }),
  )

  it.live("does not trust a directory that others may write", () =>
    Effect.gen(function* () {
      const directory = path.join(yield* temporary, "x".repeat(60), "y".repeat(60))
      fs.mkdirSync(directory, { recursive: true })
      const before = process.env["TMPDIR"]
      const shared = yield* temporary
      process.env["TMPDIR"] = shared
      yield* Effect.addFinalizer(() =>
        Effect.sync(() => {
          if (before === undefined) delete process.env["TMPDIR"]
          else process.env["TMPDIR"] = before
        }),
      )
      const address = controlAddress(directory)
      assert.isTrue(address.path.startsWith(shared))
      fs.mkdirSync(path.dirname(address.path))
      fs.chmodSync(path.dirname(address.path), 0o777)
      assert.strictEqual(yield* reasonOf(Effect.scoped(serveControl(directory, echo))), "Refused")
    }),
  )

  it.live("answers what is not a request with what is wrong", () =>
    Effect.gen(function* () {
      const directory = yield* temporary
      yield* serveControl(directory, echo)
      const malformed = ["nonsense\n", "\n", "[]\n", '{"command":"stop"}\n', '{"command":"status","x":1}\n', "\xff\n"]
      for (const line of malformed) {
        const answer = JSON.parse(yield* raw(directory, line))
        assert.deepInclude(answer, { ok: false, reason: "Malformed" })
      }
      assert.include(yield* raw(directory, '{"command":"retry"}\n'), "paths")
      assert.include(JSON.parse(yield* raw(directory, '{"command":', true)).detail, "ended in the middle")
    }),
  )

  it.live("answers one who stops sending after the question, as shell pipelines do", () =>
    Effect.gen(function* () {
      const directory = yield* temporary
      yield* serveControl(directory, (request) => Effect.delay(echo(request), 20))
      assert.deepStrictEqual(JSON.parse(yield* raw(directory, '{"command":"status"}\nrest', true)), {
        ok: true,
        value: { got: status },
      })
    }),
  )

  it.live("refuses a request over the limit, on both sides, and takes one at the limit", () =>
    Effect.gen(function* () {
      const directory = yield* temporary
      yield* serveControl(directory, () => Effect.succeed("fine"))
      const empty = JSON.stringify({ command: "explain", path: "" }).length
      const exact: ControlRequest = { command: "explain", path: "x".repeat(CONTROL_REQUEST_BYTES - empty) }
      assert.strictEqual(JSON.parse(yield* raw(directory, `${JSON.stringify(exact)}\n`)).value, "fine")
      const over = { command: "explain", path: `${exact.path}x` } as const
      assert.strictEqual(JSON.parse(yield* raw(directory, `${JSON.stringify(over)}\n`)).reason, "TooLarge")
      assert.strictEqual(JSON.parse(yield* raw(directory, "x".repeat(3 * CONTROL_REQUEST_BYTES))).reason, "TooLarge")
      assert.strictEqual(yield* reasonOf(askControl(directory, over)), "TooLarge")
      assert.strictEqual(yield* askControl(directory, status), "fine")
    }),
  )

  it.live("carries large answers", () =>
    Effect.gen(function* () {
      const directory = yield* temporary
      const value = "ä".repeat(4_000_000)
      yield* serveControl(directory, () => Effect.succeed(value))
      assert.strictEqual(yield* askControl(directory, status), value)
    }),
  )

  it.live("answers many at once, and tells one too many to come back", () =>
    Effect.gen(function* () {
      const directory = yield* temporary
      const gate = yield* Deferred.make<void>()
      const arrived = yield* Queue.unbounded<void>()
      yield* serveControl(directory, () =>
        Effect.andThen(Queue.offer(arrived, undefined), Effect.as(Deferred.await(gate), "done")),
      )
      const asking = yield* Effect.forEach(Array.from({ length: CONTROL_CONNECTIONS }), () =>
        Effect.forkChild(askControl(directory, { command: "wait", paths: [] })),
      )
      yield* Effect.forEach(asking, () => Queue.take(arrived))
      assert.strictEqual(yield* reasonOf(askControl(directory, status)), "Busy")
      yield* Deferred.succeed(gate, undefined)
      assert.deepStrictEqual(
        yield* Effect.forEach(asking, Fiber.join),
        asking.map(() => "done"),
      )
    }),
  )

  it.live("passes on refusals, and lives through a handler that breaks", () =>
    Effect.gen(function* () {
      const directory = yield* temporary
      const logged: Array<string> = []
      const logger = Logger.make<unknown, void>(({ message, cause }) => {
        logged.push(`${String(message)} ${String(cause.reasons[0]?._tag)}`)
      })
      yield* serveControl(directory, (request) => {
        if (request.command === "status") return Effect.die(new Error("bug"))
        return Effect.fail(new ControlError({ reason: "Refused", detail: "no such source" }))
      }).pipe(Effect.provide(Logger.layer([logger])))
      assert.strictEqual(yield* reasonOf(askControl(directory, status)), "Failed")
      assert.deepStrictEqual(logged, ["a request on the control socket failed Die"])
      const refusal = yield* Effect.flip(askControl(directory, { command: "confirm-deletes", source: "x" }))
      assert.deepInclude(refusal, { _tag: "ControlError", reason: "Refused", detail: "no such source" })
    }),
  )

  it.live("stops the work for one who has left", () =>
    Effect.gen(function* () {
      const directory = yield* temporary
      const begun = yield* Deferred.make<void>()
      const stopped = yield* Deferred.make<void>()
      yield* serveControl(directory, () =>
        Effect.andThen(Deferred.succeed(begun, undefined), Effect.never).pipe(
          Effect.onInterrupt(() => Deferred.succeed(stopped, undefined)),
        ),
      )
      const asking = yield* Effect.forkChild(askControl(directory, { command: "wait", paths: [] }))
      yield* Deferred.await(begun)
      yield* Fiber.interrupt(asking)
      yield* Deferred.await(stopped)
    }),
  )

  it.live("tells those who wait that it stops", () =>
    Effect.gen(function* () {
      const directory = yield* temporary
      const begun = yield* Deferred.make<void>()
      const scope = yield* Scope.make()
      yield* serveControl(directory, () => Effect.andThen(Deferred.succeed(begun, undefined), Effect.never)).pipe(
        Scope.provide(scope),
      )
      const asking = yield* Effect.forkChild(Effect.flip(askControl(directory, { command: "wait", paths: [] })))
      yield* Deferred.await(begun)
      yield* Scope.close(scope, Exit.void)
      assert.strictEqual((yield* Fiber.join(asking)).message, "the daemon is stopping")
    }),
  )

  it.live("does not wait for ever for an answer, unless it is asked to wait", () =>
    Effect.gen(function* () {
      const directory = yield* temporary
      const begun = yield* Queue.unbounded<void>()
      yield* serveControl(directory, () => Effect.andThen(Queue.offer(begun, undefined), Effect.never))
      yield* Effect.gen(function* () {
        const asking = yield* Effect.forkChild(reasonOf(askControl(directory, status)))
        const waiting = yield* Effect.forkChild(askControl(directory, { command: "wait", paths: [] }))
        yield* Queue.take(begun)
        yield* Queue.take(begun)
        yield* TestClock.adjust("1 hour")
        assert.strictEqual(yield* Fiber.join(asking), "TimedOut")
        assert.isUndefined(waiting.pollUnsafe())
        yield* Fiber.interrupt(waiting)
      }).pipe(Effect.provide(Layer.fresh(TestClock.layer())))
    }),
  )
})
