/**
 * Why a disk worker did not do what it was asked.
 *
 * @since 1.0.0
 */
import * as Data from "effect/Data"

/**
 * `code` is the system's (`ENOSPC`, `EACCES`, ...) where it refused to write, look or remove, or one of:
 * - `Vanished`, `Changed`, `Unreadable`, `SourceFailed`: it is about the file that was to be read.
 * - `InTheWay`: a file stands where a directory is needed, or a directory where a file is.
 * - `Escapes`: a directory on the way is a symbolic link.
 * - `NoRoot`: the directory that all of it is below can not be had.
 * - `Reserved`: the name is one of our temporary files'.
 * - `Mismatch`: what was written is not what was read.
 * - `Cancelled`: nobody waits for it any more.
 * - `Crashed`, `Closed`, `Busy`: the worker ended while it was at it, all have been stopped, too many requests wait.
 */
export class DiskError extends Data.TaggedError("DiskError")<{
  readonly code: string
  readonly detail: string
}> {
  override get message(): string {
    return this.detail
  }
}
