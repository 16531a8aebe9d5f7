/**
 * One line through a socket.
 *
 * @since 1.0.0
 */
import { Buffer } from "node:buffer"
import type * as net from "node:net"
import * as Effect from "effect/Effect"
import { ControlError } from "./controlRequest.ts"

/**
 * The first line that arrives, without its end. Fails with `TooLarge` where it is longer than `limit` bytes, with
 * `Failed` where the other side leaves before its end.
 */
export const readLine = (socket: net.Socket, limit: number): Effect.Effect<string, ControlError> =>
  Effect.callback<string, ControlError>((resume) => {
    const parts: Array<Buffer> = []
    let length = 0
    const settle = (outcome: Effect.Effect<string, ControlError>): void => {
      detach()
      resume(outcome)
    }
    const onData = (part: Buffer): void => {
      const end = part.indexOf(10)
      const used = end === -1 ? part : part.subarray(0, end)
      length += used.length
      if (length > limit) {
        settle(Effect.fail(new ControlError({ reason: "TooLarge", detail: `more than ${limit} bytes in one message` })))
        return
      }
      parts.push(used)
      if (end !== -1) settle(Effect.succeed(Buffer.concat(parts).toString("utf8")))
    }
    const onEnd = (): void =>
      settle(
        Effect.fail(new ControlError({ reason: "Failed", detail: "the connection ended in the middle of a message" })),
      )
    const onError = (cause: Error): void =>
      settle(Effect.fail(new ControlError({ reason: "Failed", detail: cause.message, cause })))
    const detach = (): void => {
      socket.off("data", onData).off("end", onEnd).off("close", onEnd).off("error", onError)
    }
    socket.on("data", onData).on("end", onEnd).on("close", onEnd).on("error", onError)
    return Effect.sync(detach)
  })

/**
 * Sends the last line of this side. Returns when the other side has closed the connection: closing it first, with bytes
 * of theirs unread, could take the line back from them.
 */
export const sendLastLine = (socket: net.Socket, line: string): Effect.Effect<void> =>
  Effect.callback<void>((resume) => {
    if (socket.destroyed) {
      resume(Effect.void)
      return
    }
    const done = (): void => resume(Effect.void)
    socket.once("close", done)
    socket.end(`${line}\n`)
    socket.resume()
    return Effect.sync(() => socket.off("close", done))
  })

/** Returns when the other side has gone away; with `half`, also when it only stopped sending. */
export const departed = (socket: net.Socket, half: boolean): Effect.Effect<void> =>
  Effect.callback<void>((resume) => {
    const gone = (): void => resume(Effect.void)
    if (socket.destroyed || (half && socket.readableEnded)) {
      gone()
      return
    }
    socket.once("close", gone)
    if (half) socket.once("end", gone)
    socket.resume()
    return Effect.sync(() => socket.off("close", gone).off("end", gone))
  })
