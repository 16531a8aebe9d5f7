/**
 * A large file in parts: several on their way at once, each verified, and nothing left behind when one fails.
 *
 * @since 1.0.0
 */
import { Buffer } from "node:buffer"
import { createHash } from "node:crypto"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import { TransportError } from "../../../domain/Errors.ts"
import { S3_PART_BYTES, S3_PARTS, S3_PARTS_AT_ONCE } from "../../../domain/Limits.ts"
import type { Receipt } from "../../../domain/Transporter.ts"
import { type Memory, type Piece, pieces } from "./buffers.ts"
import type { Orphans } from "./orphans.ts"
import type { Request } from "./requests.ts"
import type { Store, Upload } from "./store.ts"
import { hasTag, md5Of } from "./verify.ts"

/** Bytes of each part of a file of this size but the last. */
export const partBytesOf = (size: number): number => Math.max(S3_PART_BYTES, Math.ceil(size / S3_PARTS))

interface Part {
  readonly PartNumber: number
  readonly ETag: string
  readonly md5: Buffer
}

/** Sends one part. */
const sendPart = Effect.fnUntraced(function* (
  store: Store,
  upload: Upload,
  uploadId: string,
  piece: Piece,
): Effect.fn.Return<Part, TransportError> {
  const md5 = createHash("md5").update(piece.bytes).digest()
  const request: Request = { operation: "put", path: upload.to, bytes: piece.bytes.length, repeatable: true }
  const kept = yield* store.requests.send(request, (s3, abortSignal) =>
    s3.putPart(
      { key: upload.key, uploadId, number: piece.number, body: piece.bytes, md5: md5.toString("base64") },
      abortSignal,
    ),
  )
  const told = md5Of(kept)
  if (kept.ETag !== undefined && (told === undefined || told === md5.toString("hex"))) {
    return { PartNumber: piece.number, ETag: kept.ETag, md5 }
  }
  return yield* new TransportError({
    server: store.server,
    operation: "put",
    path: upload.to,
    reason: { _tag: "VerificationFailed" },
    detail: `part ${piece.number} has ${kept.ETag ?? "no ETag"} at the store, what was sent has MD5 ${md5.toString("hex")}`,
  })
})

/** Sends all parts. Memory is had part by part and given back whatever happens. */
const sendParts = (
  store: Store,
  memory: Memory,
  upload: Upload,
  uploadId: string,
  hashed: (sha256: string) => void,
): Effect.Effect<ReadonlyArray<Part>, TransportError> =>
  Effect.suspend(() => {
    const { content } = upload.file
    const held = new Set<Buffer>()
    // A part's buffer is used again for a later part: its size is the same for all but the last.
    const spare: Array<Buffer> = []
    const take = (bytes: number) =>
      Effect.uninterruptibleMask((restore) =>
        Effect.map(restore(memory.take(bytes)), () => {
          const buffer = spare.pop()
          const fitting = buffer?.length === bytes ? buffer : Buffer.allocUnsafeSlow(bytes)
          held.add(fitting)
          return fitting
        }),
      )
    const giveBack = (buffer: Buffer) =>
      Effect.suspend(() => {
        held.delete(buffer)
        spare.push(buffer)
        return memory.giveBack(buffer.length)
      })
    return pieces(content, partBytesOf(content.size), { server: store.server, path: upload.to }, take, hashed).pipe(
      Stream.mapEffect(
        (piece) =>
          Effect.tap(sendPart(store, upload, uploadId, piece), () => Effect.uninterruptible(giveBack(piece.bytes))),
        { concurrency: S3_PARTS_AT_ONCE, unordered: true },
      ),
      Stream.runCollect,
      Effect.map((parts) => parts.sort((a, b) => a.PartNumber - b.PartNumber)),
      Effect.ensuring(Effect.suspend(() => Effect.forEach([...held], giveBack, { discard: true }))),
    )
  })

/** The tag of an object made of these parts, where tags are made of MD5s. */
const tagOfParts = (parts: ReadonlyArray<Part>): string =>
  `${createHash("md5")
    .update(Buffer.concat(parts.map((part) => part.md5)))
    .digest("hex")}-${parts.length}`

/**
 * Puts the parts together. Where the answer is lost the object itself tells whether it happened, so that a large file is
 * not sent again for nothing.
 */
const complete = Effect.fnUntraced(function* (
  store: Store,
  upload: Upload,
  uploadId: string,
  parts: ReadonlyArray<Part>,
): Effect.fn.Return<void, TransportError> {
  const request: Request = { operation: "put", path: upload.to, repeatable: false }
  const completed = yield* Effect.exit(
    store.requests.send(request, ({ client, library }, abortSignal) =>
      client.send(
        new library.CompleteMultipartUploadCommand({
          Bucket: store.bucket,
          Key: upload.key,
          UploadId: uploadId,
          MultipartUpload: { Parts: parts.map(({ ETag, PartNumber }) => ({ ETag, PartNumber })) },
        }),
        { abortSignal },
      ),
    ),
  )
  if (Exit.isSuccess(completed)) {
    yield* store.verifySize(upload)
    return
  }
  const failure = Exit.findErrorOption(completed)
  if (Option.isSome(failure) && failure.value.reason._tag === "Unreachable") {
    const found = yield* Effect.option(store.describe("put", upload.to, upload.key))
    const described = Option.flatten(found)
    if (Option.isSome(described) && hasTag(described.value, tagOfParts(parts))) return
  }
  yield* completed
})

/** Sends a file in parts. Until they are put together readers see what was there before. */
export const putInParts = Effect.fnUntraced(function* (
  store: Store,
  memory: Memory,
  orphans: Orphans,
  upload: Upload,
): Effect.fn.Return<Receipt, TransportError> {
  let sha256 = ""
  const create = store.requests.send(
    { operation: "put", path: upload.to, repeatable: false },
    ({ client, library }, abortSignal) =>
      client.send(
        new library.CreateMultipartUploadCommand({ ...upload.headers, Bucket: store.bucket, Key: upload.key }),
        { abortSignal },
      ),
  )
  return yield* Effect.uninterruptibleMask((restore) =>
    Effect.gen(function* () {
      const { UploadId: uploadId } = yield* restore(create)
      if (uploadId === undefined) {
        return yield* new TransportError({
          server: store.server,
          operation: "put",
          path: upload.to,
          reason: { _tag: "Rejected" },
          detail: "the store did not begin an upload in parts",
        })
      }
      const mine = { key: upload.key, uploadId }
      const send = Effect.gen(function* () {
        yield* orphans.begun(mine)
        const parts = yield* sendParts(store, memory, upload, uploadId, (hex) => (sha256 = hex))
        yield* complete(store, upload, uploadId, parts)
      })
      yield* Effect.onExit(restore(send), (exit) => orphans.ended(mine, Exit.isSuccess(exit)))
      return { sha256 }
    }),
  )
})
