/**
 * Asking the running daemon.
 *
 * @since 1.0.0
 */
import { Buffer } from "node:buffer"
import * as net from "node:net"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { CONTROL_REQUEST_BYTES, CONTROL_RESPONSE_BYTES, CONTROL_TIMEOUT } from "../../domain/Limits.ts"
import { controlAddress } from "./controlAddress.ts"
import { readLine } from "./controlLine.ts"
import { ControlError, ControlReply, type ControlRequest, NotRunning } from "./controlRequest.ts"

// A socket that nobody listens on was left by a daemon that crashed.
const nobody = new Set(["ENOENT", "ECONNREFUSED", "ENOTDIR"])

const connect = (stateDir: string): Effect.Effect<net.Socket, ControlError | NotRunning> =>
  Effect.callback<net.Socket, ControlError | NotRunning>((resume) => {
    const socket = net.connect(controlAddress(stateDir).path)
    const onError = (cause: NodeJS.ErrnoException): void => {
      if (nobody.has(cause.code ?? "")) resume(Effect.fail(new NotRunning({ stateDir })))
      else if (cause.code === "EACCES" || cause.code === "EPERM") {
        const detail = `the control socket in ${stateDir} belongs to another user: ask as that user`
        resume(Effect.fail(new ControlError({ reason: "Refused", detail, cause })))
      } else resume(Effect.fail(new ControlError({ reason: "Failed", detail: cause.message, cause })))
    }
    socket.once("error", onError)
    socket.once("connect", () => {
      socket.off("error", onError)
      // Whoever reads hears of it; between two readers it must not end the process.
      socket.on("error", () => undefined)
      resume(Effect.succeed(socket))
    })
    return Effect.sync(() => socket.destroy())
  })

const parse = (line: string): Effect.Effect<ControlReply, ControlError> =>
  Effect.try({ try: () => JSON.parse(line) as unknown, catch: (cause) => cause }).pipe(
    Effect.flatMap(Schema.decodeUnknownEffect(ControlReply)),
    Effect.mapError(
      (cause) => new ControlError({ reason: "Malformed", detail: "the daemon's answer is not understood", cause }),
    ),
  )

/**
 * Asks the daemon that works on `stateDir` and gives its answer. Has a deadline (30 s), except for `wait` and
 * `repair`. Fails with
 * NotRunning where no daemon works there, with ControlError where it does not or can not answer.
 */
export const askControl = (
  stateDir: string,
  request: ControlRequest,
): Effect.Effect<unknown, ControlError | NotRunning> => {
  const asked = Effect.gen(function* () {
    const line = `${JSON.stringify(request)}\n`
    if (Buffer.byteLength(line) > CONTROL_REQUEST_BYTES) {
      return yield* new ControlError({ reason: "TooLarge", detail: "too many paths in one request" })
    }
    const socket = yield* Effect.acquireRelease(connect(stateDir), (open) => Effect.sync(() => open.destroy()))
    socket.write(line)
    const reply = yield* Effect.flatMap(readLine(socket, CONTROL_RESPONSE_BYTES), parse)
    if (!reply.ok) return yield* new ControlError({ reason: reply.reason, detail: reply.detail })
    return reply.value
  }).pipe(Effect.scoped)
  if (request.command === "wait" || request.command === "repair") return asked
  return Effect.timeoutOrElse(asked, {
    duration: CONTROL_TIMEOUT,
    orElse: () =>
      Effect.fail(new ControlError({ reason: "TimedOut", detail: "the daemon did not answer in time; see its log" })),
  })
}
