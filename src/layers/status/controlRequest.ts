/**
 * What one can ask a running daemon, and how asking can fail.
 *
 * @since 1.0.0
 */
import * as Data from "effect/Data"
import * as Schema from "effect/Schema"

const Paths = Schema.Array(Schema.String)

/**
 * - `status`: how everything stands.
 * - `retry`: take up failed files now; no paths: all of them.
 * - `wait`: answer once these paths (none: everything) are in sync.
 * - `confirm-deletes`: carry out the deletions of a source that are held back.
 * - `repair`: deliver these again, of which the server holds something else; answer when it is known what became of them:
 *   for each null, or why it could not be done.
 * - `explain`: what is done with this path, and why.
 *
 * Paths are absolute or as the handler takes them; names that are not UTF-8 arrive as they are.
 */
export const ControlRequest = Schema.Union([
  Schema.Struct({ command: Schema.Literal("status") }),
  Schema.Struct({ command: Schema.Literal("retry"), paths: Paths }),
  Schema.Struct({ command: Schema.Literal("wait"), paths: Paths }),
  Schema.Struct({ command: Schema.Literal("confirm-deletes"), source: Schema.NonEmptyString }),
  Schema.Struct({
    command: Schema.Literal("repair"),
    deliveries: Schema.Array(
      Schema.Struct({
        source: Schema.String,
        path: Schema.String,
        server: Schema.String,
        rule: Schema.String,
        deliveredAt: Schema.Number,
      }),
    ),
  }),
  Schema.Struct({ command: Schema.Literal("explain"), path: Schema.String }),
])
export type ControlRequest = typeof ControlRequest.Type

/**
 * - `Refused`: the request is understood, but can not be granted (no such source, not your socket).
 * - `Malformed`: it is not a request, or its answer not an answer.
 * - `TooLarge`: it, or its answer, is over its limit.
 * - `Busy`: too many are asking at once.
 * - `TimedOut`: no answer in time.
 * - `Failed`: anything else.
 */
export const ControlReason = Schema.Literals(["Refused", "Malformed", "TooLarge", "Busy", "TimedOut", "Failed"])
export type ControlReason = typeof ControlReason.Type

/** A request was not answered. `detail` is for a person. */
export class ControlError extends Data.TaggedError("ControlError")<{
  readonly reason: ControlReason
  readonly detail: string
  readonly cause?: unknown
}> {
  override get message(): string {
    return this.detail
  }
}

/** No daemon works on this state directory. */
export class NotRunning extends Data.TaggedError("NotRunning")<{ readonly stateDir: string }> {
  override get message(): string {
    return `no file-conveyor is running with the state directory ${this.stateDir}`
  }
}

/** The answer to a request, as it travels: one line of JSON. */
export const ControlReply = Schema.Union([
  Schema.Struct({ ok: Schema.Literal(true), value: Schema.Unknown }),
  Schema.Struct({ ok: Schema.Literal(false), reason: ControlReason, detail: Schema.String }),
])
export type ControlReply = typeof ControlReply.Type
