/**
 * One SFTP session over one SSH channel. Any number of requests is in flight at once: answers are matched by number, so
 * many small files share the time that one answer takes. Requests made in the same turn of the event loop leave together.
 *
 * @since 1.0.0
 */
import { Buffer } from "node:buffer"
import type { Duplex } from "node:stream"
import * as Effect from "effect/Effect"
import { SFTP_FRAME_BYTES, SFTP_PACKET_BYTES, SFTP_WINDOW_BYTES, SFTP_WRITE_BYTES } from "../../../domain/Limits.ts"
import { Lost } from "../shared/failures.ts"
import * as packets from "./packets.ts"

/** An answer: its kind, and the reader of what follows the number. */
export interface Answer {
  readonly kind: number
  readonly fields: ReturnType<typeof packets.reader>
}

export interface SftpSession {
  /** Extensions of the protocol that the server has. */
  readonly extensions: ReadonlySet<string>
  /** Sends requests together; their answers in the same order, whatever they say. */
  readonly exchange: (requests: ReadonlyArray<Buffer>) => Effect.Effect<ReadonlyArray<Answer>, Lost>
  /** Sends a request and calls back once, with its answer or with the loss of the connection. */
  readonly post: (request: Buffer, done: (answer: Answer | Lost) => void) => void
  /** Bytes that one write to this file may hold. */
  readonly writeBytes: (handle: Buffer) => number
  /**
   * Writes a part of a file, given in pieces of `bytes` together: waits, in order of asking, until it fits among what is
   * in flight, then sends it. Ends when it is sent; interrupted before that, it never is.
   */
  readonly write: (
    handle: Buffer,
    offset: number,
    pieces: ReadonlyArray<Uint8Array>,
    bytes: number,
    done: (answer: Answer | Lost) => void,
  ) => Effect.Effect<void, Lost>
  /** Why the session is over, once it is. */
  readonly lost: () => Lost | undefined
  /** Ends the session: every request in flight fails with this. */
  readonly lose: (reason: Lost) => void
  /** How many requests wait for an answer, and how many answers came so far: the signs of life. */
  readonly waiting: () => number
  readonly answered: () => number
}

const asLost = (detail: string, cause?: unknown): Lost => new Lost({ detail, silent: false, cause })

/** Writes that belong together leave in one system call. */
export interface Corked {
  readonly cork: () => void
  readonly uncork: () => void
}

type Post = SftpSession["post"]

const exchangeBy =
  (post: Post): SftpSession["exchange"] =>
  (requests) =>
    Effect.callback((resume) => {
      const answers: Array<Answer> = []
      let missing = requests.length
      requests.forEach((request, index) =>
        post(request, (answer) => {
          if ("_tag" in answer) return resume(Effect.fail(answer))
          answers[index] = answer
          missing -= 1
          if (missing === 0) resume(Effect.succeed(answers))
        }),
      )
    })

/** The same session, and whether anything that was asked through it got an answer. */
export const observed = (session: SftpSession): { readonly session: SftpSession; readonly heard: () => boolean } => {
  let heard = false
  const post: Post = (request, done) =>
    session.post(request, (answer) => {
      heard ||= !("_tag" in answer)
      done(answer)
    })
  return { session: { ...session, post, exchange: exchangeBy(post) }, heard: () => heard }
}

const JOINED_BYTES = 16_384

/** Speaks SFTP over a channel that was just opened. Fails where the other side does not. */
export const openSession = (channel: Duplex, socket: Corked): Effect.Effect<SftpSession, Lost> =>
  Effect.callback<SftpSession, Lost>((resume) => {
    const callbacks = new Map<number, (answer: Answer | Lost) => void>()
    const queue: Array<Buffer> = []
    const queued: Array<{ readonly bytes: number; readonly proceed: (reason?: Lost) => void }> = []
    const extensions = new Set<string>()
    let greeted = false
    let over: Lost | undefined
    let number = 0
    let answered = 0
    let inFlight = 0
    let flushing = false
    let rest: Buffer = Buffer.alloc(0)
    const frames: Array<Buffer<ArrayBufferLike>> = []

    const lose = (reason: Lost): void => {
      if (over !== undefined) return
      over = reason
      queue.length = 0
      rest = Buffer.alloc(0)
      if (!greeted) resume(Effect.fail(reason))
      const abandoned = Array.from(callbacks.values())
      callbacks.clear()
      for (const done of abandoned) done(reason)
      for (const { proceed } of queued.splice(0)) proceed(reason)
    }

    /** Buffers of this size are used again: at full speed new ones keep the garbage collector busy. */
    const frame = (): Buffer => frames.pop() ?? Buffer.allocUnsafeSlow(SFTP_FRAME_BYTES)
    const recycle = (packet: Buffer): void => {
      if (packet.buffer.byteLength === SFTP_FRAME_BYTES) frames.push(Buffer.from(packet.buffer))
    }

    const flush = (): void => {
      flushing = false
      if (over !== undefined) return
      const leaving = queue.splice(0)
      socket.cork()
      for (let from = 0; from < leaving.length;) {
        let to = from
        let bytes = 0
        while (to < leaving.length && bytes < JOINED_BYTES) bytes += leaving[to++]?.length ?? 0
        const joined = leaving.slice(from, to)
        const [first] = joined
        const release = (): void => joined.forEach(recycle)
        if (joined.length === 1 && first !== undefined) channel.write(first, release)
        else {
          channel.write(Buffer.concat(joined))
          release()
        }
        from = to
      }
      socket.uncork()
    }

    const enqueue = (packet: Buffer): void => {
      queue.push(packet)
      if (flushing) return
      flushing = true
      setImmediate(flush)
    }

    const post = (request: Buffer, done: (answer: Answer | Lost) => void): void => {
      if (over !== undefined) return done(over)
      do number = (number + 1) >>> 0
      while (callbacks.has(number))
      request.writeUInt32BE(number, packets.REQUEST_ID_AT)
      callbacks.set(number, done)
      enqueue(request)
    }

    const greeting = (packet: Buffer): void => {
      const fields = packets.reader(packet.subarray(1))
      const version = fields.uint32()
      if (packet[0] !== packets.VERSION || version < 3) return lose(asLost("the server does not speak SFTP version 3"))
      while (!fields.atEnd()) {
        extensions.add(fields.string().toString())
        fields.string()
      }
      greeted = true
      resume(Effect.succeed(session))
    }

    const receive = (packet: Buffer): void => {
      if (!greeted) return greeting(packet)
      const fields = packets.reader(packet.subarray(1))
      const id = fields.uint32()
      const done = callbacks.get(id)
      if (done === undefined) return
      callbacks.delete(id)
      answered += 1
      done({ kind: packet[0] ?? 0, fields })
    }

    const onData = (chunk: Buffer): void => {
      if (over !== undefined) return
      rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk])
      try {
        while (rest.length >= 4) {
          const length = rest.readUInt32BE(0)
          if (length === 0 || length > SFTP_PACKET_BYTES) {
            return lose(asLost("the server answered something that is not SFTP; does its login print a text?"))
          }
          if (rest.length < 4 + length) return
          const packet = rest.subarray(4, 4 + length)
          rest = rest.subarray(4 + length)
          receive(packet)
          if (over !== undefined) return
        }
      } catch (cause) {
        lose(asLost("the server's answer could not be read", cause))
      }
    }

    const admit = (): void => {
      for (let next = queued[0]; next !== undefined; next = queued[0]) {
        if (over !== undefined || (inFlight > 0 && inFlight + next.bytes > SFTP_WINDOW_BYTES)) return
        queued.shift()
        next.proceed()
      }
    }

    const session: SftpSession = {
      extensions,
      post,
      lose,
      lost: () => over,
      waiting: () => callbacks.size,
      answered: () => answered,
      exchange: exchangeBy(post),
      writeBytes: (handle) =>
        extensions.has(packets.LIMITS) ? SFTP_FRAME_BYTES - packets.writeOverhead(handle) : SFTP_WRITE_BYTES,
      write: (handle, offset, pieces, bytes, done) => {
        const depart = (): void => {
          inFlight += bytes
          const length = packets.writeOverhead(handle) + bytes
          const packet =
            length > SFTP_FRAME_BYTES / 2 && length <= SFTP_FRAME_BYTES
              ? frame().subarray(0, length)
              : Buffer.allocUnsafe(length)
          post(packets.write(packet, handle, offset, pieces), (answer) => {
            inFlight -= bytes
            done(answer)
            admit()
          })
        }
        return Effect.suspend(() => {
          if (over !== undefined) return Effect.fail(over)
          if (queued.length === 0 && (inFlight === 0 || inFlight + bytes <= SFTP_WINDOW_BYTES)) {
            depart()
            return Effect.void
          }
          return Effect.callback<void, Lost>((resume) => {
            const entry = {
              bytes,
              proceed: (reason?: Lost) => {
                if (reason === undefined) depart()
                resume(reason === undefined ? Effect.void : Effect.fail(reason))
              },
            }
            queued.push(entry)
            return Effect.sync(() => {
              const at = queued.indexOf(entry)
              if (at !== -1) queued.splice(at, 1)
              admit()
            })
          })
        })
      },
    }

    channel.on("data", onData)
    channel.on("error", (cause: unknown) => lose(asLost("the connection broke", cause)))
    channel.on("end", () => lose(asLost("the server ended the session")))
    channel.on("close", () => lose(asLost("the server closed the session")))
    channel.write(packets.init())
  })
