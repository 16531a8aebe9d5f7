/**
 * One data connection, over which the bytes of one file go.
 *
 * @since 1.0.0
 */
import type { Buffer } from "node:buffer"
import * as net from "node:net"
import * as tls from "node:tls"
import * as Effect from "effect/Effect"
import { FTP_WRITE_BYTES, FTP_WRITE_BYTES_MAX, FTP_WRITE_FAST } from "../../../domain/Limits.ts"
import { Lost } from "../shared/failures.ts"
import type { Failure } from "./failures.ts"
import type { FtpSession } from "./FtpSession.ts"

export interface DataConnection {
  readonly socket: net.Socket
  /** Starts to write; the bytes must stay as they are until `drained` ends. */
  readonly push: (bytes: Uint8Array) => void
  /** Ends when the operating system has everything. */
  readonly drained: Effect.Effect<void, Failure>
  /** Tells the other side that this was all; ends when everything is with the operating system. */
  readonly end: Effect.Effect<void, Failure>
  /** Nothing more comes: ends in order, since servers end the whole session when a data connection breaks. */
  readonly abort: () => void
  /** Whoever writes fails with this, and nothing more is written. */
  readonly breakWith: (failure: Failure) => void
  readonly broken: () => Failure | undefined
  /** All was handed over. */
  readonly isComplete: () => boolean
  /** Calls back when the connection is closed; at once when it is already. */
  readonly whenClosed: (callback: () => void) => void
  readonly close: () => void
}

export const dataLost = (cause: unknown): Lost =>
  new Lost({
    detail: `the data connection broke: ${cause instanceof Error ? cause.message : "the server closed it"}`,
    silent: false,
    cause,
  })

/** Starts to connect. Encrypted where the control connection is, with its session: servers insist on that. */
export const connect = (session: FtpSession, port: number): DataConnection => {
  const { ftp } = session.client
  const raw = net.connect({ host: ftp.socket.remoteAddress ?? "", port, noDelay: true, keepAlive: true })
  const resumed = ftp.socket instanceof tls.TLSSocket ? (ftp.tlsSessionStore ?? ftp.socket.getSession()) : undefined
  const socket =
    ftp.socket instanceof tls.TLSSocket
      ? tls.connect({ ...ftp.tlsOptions, socket: raw, ...(resumed === undefined ? {} : { session: resumed }) })
      : raw
  let broken: Failure | undefined
  let closed = false
  let complete = false
  const pending = new Set<(failure: Failure) => void>()
  const closings: Array<() => void> = []

  const breakWith = (failure: Failure): void => {
    if (broken !== undefined) return
    broken = failure
    for (const fail of pending) fail(failure)
    pending.clear()
    socket.destroy()
    raw.destroy()
  }
  socket.on("session", (ticket: Buffer) => {
    ftp.tlsSessionStore = ticket
  })
  for (const each of new Set([socket, raw])) {
    each.on("error", (cause) => breakWith(dataLost(cause)))
    each.on("close", () => {
      closed = true
      breakWith(dataLost(undefined))
      for (const callback of closings.splice(0)) callback()
    })
  }

  /** An end before the encryption stands is taken for an attack. */
  let secured = !(socket instanceof tls.TLSSocket)
  const whenSecured = (proceed: () => void): void => {
    if (secured) return proceed()
    socket.once("secureConnect", proceed)
  }
  socket.once("secureConnect", () => {
    secured = true
    session.moved()
  })

  const queue: Array<Uint8Array> = []
  let queued = 0
  let at = 0
  let size = FTP_WRITE_BYTES
  let pumping = false
  let whenRoom: (() => void) | undefined

  /** Writes the next piece, larger ones the faster the line takes them. One at a time: each that is gone is a sign of life. */
  const pump = (): void => {
    const [chunk] = queue
    if (pumping || broken !== undefined || chunk === undefined) return
    pumping = true
    session.due(1)
    const piece = at === 0 && chunk.length <= size ? chunk : chunk.subarray(at, at + size)
    const started = performance.now()
    const written = (cause?: Error | null): void => {
      pumping = false
      session.due(-1)
      if (cause !== undefined && cause !== null) return breakWith(dataLost(cause))
      session.moved()
      size = performance.now() - started < FTP_WRITE_FAST ? Math.min(size * 2, FTP_WRITE_BYTES_MAX) : FTP_WRITE_BYTES
      at += piece.length
      queued -= piece.length
      if (at >= chunk.length) {
        queue.shift()
        at = 0
      }
      pump()
      whenRoom?.()
    }
    whenSecured(() => socket.write(piece, written))
  }

  /** Ends when `isSo`, or fails when the connection breaks. */
  const waitFor = (isSo: () => boolean): Effect.Effect<void, Failure> =>
    Effect.callback((resume) => {
      if (broken !== undefined) return resume(Effect.fail(broken))
      const stop = (): void => {
        whenRoom = undefined
        pending.delete(fail)
      }
      const fail = (failure: Failure): void => {
        stop()
        resume(Effect.fail(failure))
      }
      pending.add(fail)
      whenRoom = () => {
        if (!isSo()) return
        stop()
        resume(Effect.void)
      }
      whenRoom()
      return Effect.sync(stop)
    })
  const isDrained = (): boolean => queued === 0

  /** Tells the end, which calls back when it is gone. */
  const finish: Effect.Effect<void, Failure> = Effect.callback((resume) => {
    if (broken !== undefined) return resume(Effect.fail(broken))
    session.due(1)
    let over = false
    const settle = (result: Effect.Effect<void, Failure>): void => {
      if (over) return
      over = true
      pending.delete(fail)
      session.due(-1)
      resume(result)
    }
    const fail = (failure: Failure): void => settle(Effect.fail(failure))
    pending.add(fail)
    whenSecured(() => socket.end(() => settle(Effect.void)))
    return Effect.sync(() => settle(Effect.void))
  })

  return {
    socket,
    push: (bytes) => {
      if (bytes.length > 0) queue.push(bytes)
      queued += bytes.length
      pump()
    },
    drained: Effect.suspend(() => (queued === 0 && broken === undefined ? Effect.void : waitFor(isDrained))),
    end: Effect.map(Effect.andThen(waitFor(isDrained), finish), () => {
      complete = true
    }),
    isComplete: () => complete,
    abort: () => {
      if (!complete) whenSecured(() => socket.end())
    },
    breakWith,
    broken: () => broken,
    whenClosed: (callback) => {
      if (closed) callback()
      else closings.push(callback)
    },
    close: () => {
      broken ??= dataLost(undefined)
      socket.destroy()
      raw.destroy()
    },
  }
}
