/**
 * Memory for bytes on their way to one store, and the pieces that a file is cut into.
 *
 * @since 1.0.0
 */
import { Buffer } from "node:buffer"
import * as Effect from "effect/Effect"
import * as Semaphore from "effect/Semaphore"
import * as Stream from "effect/Stream"
import { type SourceError, TransportError } from "../../../domain/Errors.ts"
import type { RemotePath, ServerName } from "../../../domain/Path.ts"
import type { Content } from "../../../domain/SourceFiles.ts"
import { lend, type Lent } from "../../disk/DiskContent.ts"

/** Memory is counted in pieces of this many bytes. */
const UNIT = 65_536

/** A share of the memory: whoever asks for more than there is waits, whoever asks for more than there ever is gets all. */
export interface Memory {
  readonly take: (bytes: number) => Effect.Effect<void>
  readonly giveBack: (bytes: number) => Effect.Effect<void>
  /** Has the memory while `use` runs. */
  readonly holding: <A, E>(bytes: number, use: Effect.Effect<A, E>) => Effect.Effect<A, E>
}

/** `total` bytes to share. */
export const makeMemory = (total: number): Memory => {
  const all = Math.ceil(total / UNIT)
  const semaphore = Semaphore.makeUnsafe(all)
  const units = (bytes: number) => Math.min(all, Math.max(1, Math.ceil(bytes / UNIT)))
  return {
    take: (bytes) => Semaphore.take(semaphore, units(bytes)),
    giveBack: (bytes) => Semaphore.release(semaphore, units(bytes)),
    holding: (bytes, use) => Semaphore.withPermits(semaphore, units(bytes))(use),
  }
}

/** A piece of a file; the first is number 1. */
export interface Piece {
  readonly number: number
  readonly bytes: Buffer
}

/** The bytes that came are not as many as the file has. */
const miscounted = (server: ServerName, path: RemotePath, size: number): TransportError =>
  new TransportError({
    server,
    operation: "put",
    path,
    reason: { _tag: "SourceChanged" },
    detail: `the file is not ${size} bytes long any more`,
  })

/** What goes wrong with the source while a file is sent. */
const sourceFailure = (server: ServerName, path: RemotePath, error: SourceError): TransportError =>
  new TransportError({
    server,
    operation: "put",
    path,
    reason: { _tag: error.reason === "Vanished" || error.reason === "Changed" ? "SourceChanged" : "Rejected" },
    detail: error.message,
    cause: error,
  })

/** A whole file. The source was found unchanged to its end. */
export const wholeOf = (
  content: Content,
  at: { readonly server: ServerName; readonly path: RemotePath },
): Effect.Effect<Buffer, TransportError> =>
  Effect.suspend(() => {
    const bytes = Buffer.allocUnsafe(content.size)
    let read = 0
    return Stream.runForEachArray(content.bytes, (chunks) =>
      Effect.sync(() => {
        for (const chunk of chunks) {
          if (read + chunk.length <= bytes.length) bytes.set(chunk, read)
          read += chunk.length
        }
      }),
    ).pipe(
      Effect.mapError((error) => sourceFailure(at.server, at.path, error)),
      Effect.flatMap(() =>
        read === content.size ? Effect.succeed(bytes) : Effect.fail(miscounted(at.server, at.path, content.size)),
      ),
    )
  })

/**
 * A file that is not empty in pieces of `pieceBytes`, the last one what is left. Each is filled once `take` gave
 * leave, with a buffer of that size or without (then there is a new one), and the last comes only after the source was
 * found unchanged to its end and `hashed` was told the SHA-256 of the whole in hex.
 */
export const pieces = (
  content: Content,
  pieceBytes: number,
  at: { readonly server: ServerName; readonly path: RemotePath },
  take: (bytes: number) => Effect.Effect<Buffer | void>,
  hashed: (sha256: string) => void,
): Stream.Stream<Piece, TransportError> => {
  const failed = (error: SourceError) => sourceFailure(at.server, at.path, error)
  return Stream.unwrap(
    Effect.map(lend(content), (lending) => {
      const count = Math.ceil(content.size / pieceBytes)
      let number = 0
      let filled = 0
      let read = 0
      let current: Buffer = Buffer.alloc(0)

      const next = Effect.suspend(() => {
        const bytes = Math.min(pieceBytes, content.size - number * pieceBytes)
        return Effect.map(take(bytes), (buffer) => {
          number += 1
          filled = 0
          current = buffer ?? Buffer.allocUnsafeSlow(bytes)
        })
      })

      const consume = Effect.fnUntraced(function* ({
        bytes: chunk,
        giveBack,
      }: Lent): Effect.fn.Return<ReadonlyArray<Piece>, TransportError> {
        if (read + chunk.length > content.size) return yield* miscounted(at.server, at.path, content.size)
        const full: Array<Piece> = []
        let from = 0
        while (from < chunk.length) {
          if (number === 0 || filled === current.length) yield* next
          const some = chunk.subarray(from, from + current.length - filled)
          current.set(some, filled)
          filled += some.length
          from += some.length
          read += some.length
          if (filled === current.length && number < count) full.push({ number, bytes: current })
        }
        giveBack()
        return full
      })

      const last = Effect.gen(function* () {
        if (read !== content.size) return yield* miscounted(at.server, at.path, content.size)
        hashed(yield* Effect.mapError(lending.sha256, failed))
        return { number, bytes: current }
      })

      return lending.pieces.pipe(
        Stream.mapError(failed),
        Stream.mapEffect(consume),
        Stream.flattenIterable,
        Stream.concat(Stream.fromEffect(last)),
      )
    }),
  )
}
