/**
 * Contents of files on this machine's disk.
 *
 * @since 1.0.0
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import { SourceError } from "../../domain/Errors.ts"
import { DISK_READ, DISK_READ_AHEAD } from "../../domain/Limits.ts"
import type { Content } from "../../domain/SourceFiles.ts"
import type { DiskError } from "./DiskError.ts"
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

const lentBy = (disk: Disk, original: Original): Stream.Stream<Lent, SourceError> =>
  Stream.suspend(() => {
    const { size } = original.version
    const spare: Array<ArrayBuffer> = []
    const piece = (index: number) => {
      const offset = index * DISK_READ
      const length = Math.min(DISK_READ, size - offset)
      return Effect.map(
        Effect.suspend(() =>
          disk.run("read", { original, offset, length, into: spare.pop() ?? new ArrayBuffer(DISK_READ) }),
        ),
        (bytes): Lent => ({ bytes, giveBack: () => void spare.push(bytes.buffer as ArrayBuffer) }),
      )
    }
    return Stream.range(0, Math.ceil(size / DISK_READ) - 1).pipe(
      Stream.mapEffect(piece, { concurrency: DISK_READ_AHEAD }),
      Stream.mapError(sourceError(original.location)),
    )
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

  /**
   * The same in lent memory, the next pieces read while one is used: at full speed new memory for each piece keeps the
   * garbage collector busier than everything else.
   */
  get lent(): Stream.Stream<Lent, SourceError> {
    return this.size > DISK_READ
      ? lentBy(this.#disk, this.original)
      : Stream.map(this.bytes, (bytes) => ({ bytes, giveBack: () => {} }))
  }
}
