/**
 * Contents of files on this machine's disk.
 *
 * @since 1.0.0
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import { SourceError } from "../../domain/Errors.ts"
import { DISK_READ } from "../../domain/Limits.ts"
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
}
