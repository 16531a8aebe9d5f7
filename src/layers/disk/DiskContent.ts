/**
 * Contents of files on this machine's disk.
 *
 * @since 1.0.0
 */
import { createHash } from "node:crypto"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { SourceError } from "../../domain/Errors.ts"
import { DISK_READ, DISK_READ_AHEAD, DISK_READ_AHEAD_LEAST } from "../../domain/Limits.ts"
import type { Content } from "../../domain/SourceFiles.ts"
import { DiskError } from "./DiskError.ts"
import type { DiskWorkers } from "./DiskWorkers.ts"
import type { Original } from "./protocol.ts"

type Disk = DiskWorkers["Service"]

const reasonOf = (code: string): SourceError["reason"] => {
  switch (code) {
    case "Vanished":
    case "Changed":
    case "Unreadable":
      return code
    case "EACCES":
    case "EPERM":
      return "Unreadable"
    default:
      return "Failed"
  }
}

/** What a failure of the disk means for a file of a source. */
export const sourceError =
  (path: string) =>
  (error: DiskError): SourceError =>
    new SourceError({ path, reason: reasonOf(error.code), detail: error.detail, cause: error })

const bytesOf = (disk: Disk, original: Original): Content["bytes"] => {
  const { size } = original.version
  const piece = (offset: number) => {
    const length = Math.min(DISK_READ, size - offset)
    const next = offset + length
    return Effect.map(
      disk.run("read", { original, offset, length }),
      (bytes) => [length === 0 ? [] : [bytes], next < size ? Option.some(next) : Option.none<number>()] as const,
    )
  }
  return Stream.mapError(Stream.paginate(0, piece), sourceError(original.location))
}

/** A piece of a file in memory that is used again once it is given back; then the piece is gone. */
export interface Lent {
  readonly bytes: Uint8Array
  /** To be called once, when nobody needs the piece any more. Without it the memory is just not used again. */
  readonly giveBack: () => void
}

/** All pieces of a file in order, the next ones read while one is used. */
export interface Lending {
  readonly pieces: Stream.Stream<Lent, SourceError>
  /** SHA-256 of all pieces, in hex, once they came. */
  readonly sha256: Effect.Effect<string, SourceError>
}

let readings = 0

/** How many large files are being read. */
let underWay = 0

/** Pieces that the next large file may have read ahead, while it is among those under way. */
const ahead = Effect.acquireRelease(
  Effect.sync(() => {
    underWay += 1
    return Math.max(DISK_READ_AHEAD_LEAST, Math.floor(DISK_READ_AHEAD / underWay))
  }),
  () => Effect.sync(() => (underWay -= 1)),
)

/**
 * Large files in lent memory: at full speed new memory for each piece keeps the garbage collector busier than everything
 * else. A thread reads and hashes while this one sends.
 */
const lendLarge = (disk: Disk, original: Original): Effect.Effect<Lending, never, Scope.Scope> =>
  Effect.gen(function* () {
    const { size } = original.version
    const concurrency = yield* ahead
    const reading = (readings += 1)
    const spare: Array<ArrayBuffer> = []
    let isOpen = true
    // Only an answer says that the thread let go of it: an order that was given up may not have reached it.
    const asked = Effect.suspend(() => disk.run("digest", { reading }))
    const digest = Effect.tap(asked, () => Effect.sync(() => (isOpen = false)))
    yield* Effect.addFinalizer(() => (isOpen ? Effect.ignore(digest) : Effect.void))
    const piece = (index: number) =>
      Effect.suspend(() => {
        const offset = index * DISK_READ
        const length = Math.min(DISK_READ, size - offset)
        const into = spare.pop() ?? new ArrayBuffer(DISK_READ)
        return Effect.map(disk.run("read", { original, offset, length, into, reading }), (bytes): Lent => ({
          bytes,
          giveBack: () => void spare.push(bytes.buffer as ArrayBuffer),
        }))
      })
    return {
      pieces: Stream.range(0, Math.ceil(size / DISK_READ) - 1).pipe(
        Stream.mapEffect(piece, { concurrency }),
        Stream.mapError(sourceError(original.location)),
      ),
      sha256: digest.pipe(
        Effect.flatMap((hex) =>
          hex === undefined
            ? Effect.fail(new DiskError({ code: "Failed", detail: "the thread that read it ended" }))
            : Effect.succeed(hex),
        ),
        Effect.mapError(sourceError(original.location)),
      ),
    }
  })

/** The bytes of a file for whoever only passes them on: each piece is given back when it was. */
export const lend = (content: Content): Effect.Effect<Lending, never, Scope.Scope> =>
  Effect.suspend(() => {
    if (content instanceof DiskContent && content.size > DISK_READ) return content.lent
    const hash = createHash("sha256")
    const pieces = Stream.map(content.bytes, (bytes): Lent => {
      hash.update(bytes)
      return { bytes, giveBack: () => {} }
    })
    return Effect.succeed({ pieces, sha256: Effect.sync(() => hash.digest("hex")) })
  })

/**
 * One version of a file on disk. Every piece of it is read from the file opened anew and compared with the version before
 * and after, so nothing stays open between two pieces, and an empty file is checked too.
 */
export class DiskContent implements Content {
  readonly origin: Content["origin"]
  readonly size: number
  readonly location: string
  /** The same for a disk worker. */
  readonly original: Original
  readonly #disk: Disk

  constructor(disk: Disk, original: Original) {
    this.origin = original.guard === undefined ? "temporary" : "source"
    this.size = original.version.size
    this.location = original.location
    this.original = original
    this.#disk = disk
  }

  get bytes(): Content["bytes"] {
    return bytesOf(this.#disk, this.original)
  }

  /** The same for {@link lend}. */
  get lent(): Effect.Effect<Lending, never, Scope.Scope> {
    return lendLarge(this.#disk, this.original)
  }
}
