/**
 * A program could not be started, or was ended because it went past a limit.
 *
 * @since 1.0.0
 */
import * as Data from "effect/Data"

/** `detail` says what happened and what would cure it; it holds nothing of the environment and no parameters. */
export class ProgramError extends Data.TaggedError("ProgramError")<{
  readonly detail: string
  readonly cause?: unknown
}> {
  override get message(): string {
    return this.detail
  }
}
