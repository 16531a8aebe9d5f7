/**
 * A large file in segments: several on their way at once, each verified, and put together as a static large object when
 * all are there. Until then readers see what was there before; nothing is left behind when one fails.
 *
 * @since 1.0.0
 */
import { Buffer } from "node:buffer"
import { createHash, randomBytes } from "node:crypto"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import { TransportError } from "../../../domain/Errors.ts"
import {
  CLOUDFILES_CLEAN_UP,
  CLOUDFILES_FILE_BYTES,
  CLOUDFILES_SEGMENT_BYTES,
  CLOUDFILES_SEGMENTS,
  CLOUDFILES_SEGMENTS_AT_ONCE,
} from "../../../domain/Limits.ts"
import type { RemotePath } from "../../../domain/Path.ts"
import type { Receipt } from "../../../domain/Transporter.ts"
import type { Content } from "../../../domain/SourceFiles.ts"
import { type Memory, pieces } from "../s3/buffers.ts"
import { largeRefusalOf, SEGMENTS, segmentName, uploadId, type UploadName } from "./address.ts"
import type { Large } from "./large.ts"
import { forPut, type Objects, pathInAccount, SHA256, tagOf } from "./objects.ts"

/** Bytes of each segment of a file of this size but the last. */
export const segmentBytesOf = (size: number): number =>
  Math.max(CLOUDFILES_SEGMENT_BYTES, Math.ceil(size / CLOUDFILES_SEGMENTS))

/** A file on its way. */
export interface Upload {
  readonly content: Content
  readonly to: RemotePath
  readonly headers: Readonly<Record<string, string>>
}

interface Segment {
  readonly number: number
  readonly name: string
  readonly md5: string
  readonly bytes: number
}

/** What large files need. */
export interface LargeHost {
  readonly objects: Objects
  readonly large: Large
  readonly memory: Memory
}

/** Where a manifest is not understood it is stored as a file: found out with one that is none, under a name of its own. */
export const makeProbe = (objects: Objects) => {
  let has: boolean | undefined
  const name = `${SEGMENTS}probe`
  return Effect.fnUntraced(function* (to: RemotePath): Effect.fn.Return<void, TransportError> {
    if (has === undefined) {
      const answer = yield* objects.requests.send({
        ...forPut(to),
        method: "PUT",
        name,
        query: "multipart-manifest=put",
        body: Buffer.from("?"),
        accept: [400],
      })
      if (answer.status !== 400) yield* objects.remove(forPut(to), name)
      has = answer.status === 400
    }
    if (has) return
    return yield* new TransportError({
      server: objects.requests.server,
      ...forPut(to),
      reason: { _tag: "Rejected" },
      detail: `the service lacks static large objects, without which it takes files of at most ${CLOUDFILES_SEGMENT_BYTES} bytes from here`,
    })
  })
}

/** Sends all segments. Memory is had segment by segment and given back whatever happens. */
const sendSegments = (
  { memory, objects }: LargeHost,
  { content, to }: Upload,
  upload: UploadName,
  begins: (name: string) => void,
  hashed: (sha256: string) => void,
): Effect.Effect<ReadonlyArray<Segment>, TransportError> =>
  Effect.suspend(() => {
    const held = new Set<Buffer>()
    // A segment's buffer is used again for a later one: all but the last have the same size.
    const spare: Array<Buffer> = []
    const take = (bytes: number) =>
      Effect.uninterruptibleMask((restore) =>
        Effect.map(restore(memory.take(bytes)), () => {
          const used = spare.pop()
          const buffer = used?.length === bytes ? used : Buffer.allocUnsafeSlow(bytes)
          held.add(buffer)
          return buffer
        }),
      )
    const giveBack = (buffer: Buffer) =>
      Effect.suspend(() => {
        held.delete(buffer)
        spare.push(buffer)
        return memory.giveBack(buffer.length)
      })
    const at = { server: objects.requests.server, path: to }
    return pieces(content, segmentBytesOf(content.size), at, take, hashed).pipe(
      Stream.mapEffect(
        ({ bytes, number }) =>
          Effect.suspend(() => {
            const name = segmentName(upload, number)
            begins(name)
            const stored = objects.store(forPut(to), name, bytes, { "content-type": "application/octet-stream" })
            return Effect.map(
              Effect.tap(stored, () => Effect.uninterruptible(giveBack(bytes))),
              (md5): Segment => ({ number, name, md5, bytes: bytes.length }),
            )
          }),
        { concurrency: CLOUDFILES_SEGMENTS_AT_ONCE, unordered: true },
      ),
      Stream.runCollect,
      Effect.map((segments) => segments.sort((a, b) => a.number - b.number)),
      Effect.ensuring(Effect.suspend(() => Effect.forEach([...held], giveBack, { discard: true }))),
    )
  })

/** The tag of an object that is put together of these segments. */
const tagOfSegments = (segments: ReadonlyArray<Segment>): string =>
  createHash("md5")
    .update(segments.map((segment) => segment.md5).join(""))
    .digest("hex")

/**
 * Puts the segments together; the service checks each one's size and MD5. Where the answer is lost, the object itself
 * tells whether it happened.
 */
const complete = Effect.fnUntraced(function* (
  { objects }: LargeHost,
  { content, headers, to }: Upload,
  segments: ReadonlyArray<Segment>,
  sha256: string,
): Effect.fn.Return<void, TransportError> {
  const { container, send, server } = objects.requests
  const manifest = segments.map(({ bytes, md5, name }) => ({
    path: pathInAccount(container, name),
    etag: md5,
    size_bytes: bytes,
  }))
  const tag = tagOfSegments(segments)
  const answered = yield* Effect.exit(
    send({
      ...forPut(to),
      method: "PUT",
      name: to,
      query: "multipart-manifest=put",
      headers: { ...headers, [SHA256]: sha256 },
      body: Buffer.from(JSON.stringify(manifest)),
    }),
  )
  if (Exit.isSuccess(answered) && tagOf(answered.value) === tag) return
  const described = Option.flatten(yield* Effect.option(objects.describe(forPut(to), to)))
  if (Option.isSome(described) && described.value.tag === tag && described.value.size === content.size) return
  yield* answered
  return yield* new TransportError({
    server,
    ...forPut(to),
    reason: { _tag: "VerificationFailed" },
    detail: `the service put segments of ${content.size} bytes together to ${Option.isSome(described) ? `${described.value.size} with tag ${described.value.tag ?? "(none)"}` : "nothing"}`,
  })
})

/** The service said no, as opposed to not having said that it did it. */
const isRefused = (exit: Exit.Exit<unknown, TransportError>): boolean => {
  const tag = Option.map(Exit.findErrorOption(exit), (error) => error.reason._tag)
  return Option.isSome(tag) && tag.value !== "Unreachable" && tag.value !== "Throttled"
}

/** Sends a file in segments. Those of the file that it replaces are left to the caller. */
export const putInSegments = Effect.fnUntraced(function* (
  host: LargeHost,
  upload: Upload,
): Effect.fn.Return<Receipt, TransportError> {
  const { content, to } = upload
  const refused = largeRefusalOf(to)
  const failure = (tag: "Rejected" | "NameRefused", detail: string) =>
    new TransportError({ server: host.objects.requests.server, ...forPut(to), reason: { _tag: tag }, detail })
  if (refused !== undefined) return yield* failure("NameRefused", refused)
  if (content.size > CLOUDFILES_FILE_BYTES) {
    return yield* failure("Rejected", `files of more than ${CLOUDFILES_FILE_BYTES} bytes can not be sent there`)
  }
  const mine: UploadName = { path: to, id: uploadId(yield* Clock.currentTimeMillis, randomBytes(4).toString("hex")) }
  let sha256 = ""
  const begun: Array<string> = []
  let isCompleting = false
  host.large.begun(mine)
  return yield* Effect.gen(function* () {
    const segments = yield* sendSegments(
      host,
      upload,
      mine,
      (name) => begun.push(name),
      (hex) => (sha256 = hex),
    )
    isCompleting = true
    yield* complete(host, upload, segments, sha256)
    return { sha256 }
  }).pipe(
    // While nobody knows whether the service puts them together after all, the segments have to stay.
    Effect.onExit((exit) =>
      Exit.isSuccess(exit) || (isCompleting && !isRefused(exit))
        ? Effect.void
        : Effect.asVoid(Effect.timeoutOption(host.large.discard(forPut(to), begun), CLOUDFILES_CLEAN_UP)),
    ),
    Effect.ensuring(Effect.sync(() => host.large.ended(mine))),
  )
})
