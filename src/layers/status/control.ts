/**
 * The control socket: how other processes ask the running daemon. One line of JSON in, one line of JSON out.
 *
 * @since 1.0.0
 */
import * as fs from "node:fs"
import * as net from "node:net"
import * as path from "node:path"
import process from "node:process"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FiberSet from "effect/FiberSet"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import { CONTROL_CONNECTIONS, CONTROL_IO_TIMEOUT, CONTROL_REQUEST_BYTES } from "../../domain/Limits.ts"
import { type ControlAddress, controlAddress } from "./controlAddress.ts"
import { departed, readLine, sendLastLine } from "./controlLine.ts"
import { ControlError, type ControlReply, ControlRequest } from "./controlRequest.ts"

const failed = (cause: unknown): ControlError =>
  cause instanceof ControlError
    ? cause
    : new ControlError({
        reason: "Failed",
        detail: `control socket: ${cause instanceof Error ? cause.message : String(cause)}`,
        cause,
      })

const decode = (line: string): Effect.Effect<ControlRequest, ControlError> =>
  Effect.try({ try: () => JSON.parse(line) as unknown, catch: () => "it is not JSON" }).pipe(
    Effect.flatMap(Schema.decodeUnknownEffect(ControlRequest, { onExcessProperty: "error" })),
    Effect.mapError(
      (error) =>
        new ControlError({
          reason: "Malformed",
          detail: `not a request: ${typeof error === "string" ? error : error.message}`,
        }),
    ),
  )

const replyOf = (exit: Exit.Exit<unknown, ControlError>): ControlReply => {
  if (Exit.isSuccess(exit)) return { ok: true, value: exit.value ?? null }
  const error = Cause.findErrorOption(exit.cause)
  if (error._tag === "Some") return { ok: false, reason: error.value.reason, detail: error.value.detail }
  return { ok: false, reason: "Failed", detail: "the daemon failed to answer; see its log" }
}

const reply = (socket: net.Socket, exit: Exit.Exit<unknown, ControlError>): Effect.Effect<void> =>
  Effect.try({ try: () => JSON.stringify(replyOf(exit)), catch: failed }).pipe(
    Effect.catch((error) => Effect.succeed(JSON.stringify(replyOf(Exit.fail(error))))),
    Effect.flatMap((line) => sendLastLine(socket, line)),
    Effect.timeoutOption(CONTROL_IO_TIMEOUT),
    Effect.asVoid,
  )

const stopping = `${JSON.stringify({ ok: false, reason: "Failed", detail: "the daemon is stopping" } satisfies ControlReply)}\n`

/** The directory outside the state directory must be ours alone, or somebody else could answer in our name. */
const secureShared = (directory: string): void => {
  fs.mkdirSync(directory, { recursive: true, mode: 0o700 })
  const stat = fs.lstatSync(directory)
  if (!stat.isDirectory() || stat.uid !== process.getuid?.() || (stat.mode & 0o077) !== 0) {
    throw new ControlError({
      reason: "Refused",
      detail: `${directory} is not a directory of this user's alone (mode 0700). Remove it, or choose a <stateDir> with a shorter path.`,
    })
  }
}

const listening = (server: net.Server, at: string): Effect.Effect<void, ControlError> =>
  Effect.callback<void, ControlError>((resume) => {
    const onError = (cause: Error): void => resume(Effect.fail(failed(cause)))
    server.once("error", onError)
    server.listen(at, () => {
      server.off("error", onError)
      resume(Effect.void)
    })
  })

/**
 * Listens so that the socket is never open to others, not even for a moment, and takes the place of one that a crashed
 * daemon left: it is made in a directory of its own and moved into place.
 */
const listen = Effect.fnUntraced(function* (server: net.Server, address: ControlAddress) {
  if (address._tag === "Pipe") return yield* listening(server, address.path)
  const nursery = path.join(path.dirname(address.path), `.${path.basename(address.path, ".sock")}`)
  const born = path.join(nursery, "s")
  yield* Effect.try({
    try: () => {
      if (address.shared !== undefined) secureShared(address.shared)
      fs.rmSync(nursery, { recursive: true, force: true })
      fs.mkdirSync(nursery, { mode: 0o700 })
    },
    catch: failed,
  })
  yield* listening(server, born)
  yield* Effect.try({
    try: () => {
      fs.chmodSync(born, 0o600)
      fs.renameSync(born, address.path)
      fs.rmdirSync(nursery)
    },
    catch: failed,
  })
})

/**
 * Answers requests on the control socket of `stateDir` until the Scope closes; returns when it listens. The caller holds
 * the state directory's lock, so a socket that is there already is a dead one. Each connection carries one request. The
 * handler is interrupted when whoever asked goes away; its defects are logged and answered as a failure.
 *
 * Fails with ControlError where the socket can not be made.
 */
export const serveControl = Effect.fnUntraced(function* <R>(
  stateDir: string,
  handler: (request: ControlRequest) => Effect.Effect<unknown, ControlError, R>,
): Effect.fn.Return<void, ControlError, R | Scope.Scope> {
  const address = controlAddress(stateDir)
  const sockets = new Set<net.Socket>()

  const answer = Effect.fnUntraced(function* (socket: net.Socket) {
    const line = yield* readLine(socket, CONTROL_REQUEST_BYTES).pipe(
      Effect.timeoutOrElse({
        duration: CONTROL_IO_TIMEOUT,
        orElse: () => Effect.fail(new ControlError({ reason: "TimedOut", detail: "no request arrived in time" })),
      }),
    )
    const request = yield* decode(line)
    // A shell pipeline stops sending as soon as it asked; only of one who waits long does that mean it left.
    const left = departed(socket, request.command === "wait" || request.command === "repair").pipe(
      Effect.andThen(Effect.fail(new ControlError({ reason: "Failed", detail: "whoever asked has left" }))),
    )
    return yield* Effect.raceFirst(handler(request), left)
  })

  const attend = (socket: net.Socket): Effect.Effect<void, never, R> =>
    (sockets.size > CONTROL_CONNECTIONS
      ? Effect.fail(new ControlError({ reason: "Busy", detail: "too many are asking at once; try again" }))
      : answer(socket)
    ).pipe(
      Effect.tapDefect((defect) => Effect.logError("a request on the control socket failed", Cause.die(defect))),
      Effect.exit,
      Effect.flatMap((exit) => reply(socket, exit)),
      Effect.onInterrupt(() => Effect.sync(() => socket.end(stopping))),
      Effect.ensuring(Effect.sync(() => socket.destroy())),
    )

  const server = yield* Effect.acquireRelease(
    Effect.sync(() => net.createServer({ allowHalfOpen: true })),
    (server) =>
      Effect.callback<void>((resume) => {
        server.close(() => resume(Effect.void))
        for (const socket of sockets) socket.destroy()
      }).pipe(
        Effect.andThen(
          Effect.sync(() => address._tag === "Socket" && fs.rmSync(address.path, { force: true })).pipe(
            Effect.ignoreCause,
          ),
        ),
      ),
  )
  const run = yield* FiberSet.makeRuntime<R>()
  server.on("connection", (socket) => {
    sockets.add(socket)
    socket.on("close", () => sockets.delete(socket))
    // A connection that breaks is told by its "close"; unheard, an error would end the process.
    socket.on("error", () => undefined)
    run(attend(socket))
  })
  yield* listen(server, address)
  server.on("error", (cause) => run(Effect.logWarning("the control socket missed a request", failed(cause))))
})
