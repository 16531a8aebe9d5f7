/**
 * Why a picture is published as it is.
 *
 * @since 1.0.0
 */
import * as Data from "effect/Data"

/** The picture can not, or should not, be changed. `reason` completes the sentence "it stays as it is: ...". */
export class KeepOriginal extends Data.TaggedError("KeepOriginal")<{ readonly reason: string }> {}

/** The first line of what a library said, for a reason. */
export const firstLine = (cause: unknown): string =>
  (cause instanceof Error ? cause.message : String(cause)).split("\n")[0]?.trim() ?? ""
