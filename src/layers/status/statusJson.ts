/**
 * The status as it travels: what `status --json` prints and what the control socket carries.
 *
 * @since 1.0.0
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type { RelativePath, ServerName, SourceName } from "../../domain/Path.ts"
import type { Status } from "../../domain/Telemetry.ts"
import { ControlError } from "./controlRequest.ts"

const text = <B>(): Schema.Codec<B, string> => Schema.String as unknown as Schema.Codec<B, string>
const SourceNameText = text<SourceName>()
const ServerNameText = text<ServerName>()
const PathText = text<RelativePath>()

const Hold = Schema.Struct({
  source: SourceNameText,
  since: Schema.Number,
  missing: Schema.Number,
  total: Schema.Number,
  reason: Schema.String,
})

const SourceStatus = Schema.Struct({
  name: SourceNameText,
  state: Schema.Literals(["scanning", "watching", "away"]),
  monitor: Schema.String,
  directories: Schema.Number,
  watched: Schema.Number,
  blind: Schema.Number,
  overflows: Schema.Number,
  settling: Schema.Number,
  hold: Schema.UndefinedOr(Hold),
  unreadable: Schema.optionalKey(
    Schema.Array(
      Schema.Struct({ directory: PathText, reason: Schema.String, nextTry: Schema.UndefinedOr(Schema.Number) }),
    ),
  ),
})

const InvalidationStatus = Schema.Struct({
  waiting: Schema.Number,
  reason: Schema.UndefinedOr(Schema.String),
  nextTry: Schema.UndefinedOr(Schema.Number),
})

const ServerStatus = Schema.Struct({
  name: ServerNameText,
  state: Schema.Literals(["up", "down"]),
  reason: Schema.UndefinedOr(Schema.String),
  nextTry: Schema.UndefinedOr(Schema.Number),
  waiting: Schema.Number,
  referring: Schema.Number,
  atLeast: Schema.Boolean,
  inFlight: Schema.Number,
  delivered: Schema.Number,
  failed: Schema.Number,
  invalidation: Schema.optionalKey(InvalidationStatus),
})

const Failure = Schema.Struct({
  source: SourceNameText,
  path: PathText,
  server: ServerNameText,
  reason: Schema.String,
  attempts: Schema.Number,
  since: Schema.Number,
  nextTry: Schema.Number,
})

/** The status. Encoded, it is plain JSON: what is undefined is null, times are milliseconds since the epoch. */
export const StatusJson = Schema.toCodecJson(
  Schema.Struct({
    inSync: Schema.Boolean,
    since: Schema.Number,
    sources: Schema.Array(SourceStatus),
    servers: Schema.Array(ServerStatus),
    failures: Schema.Array(Failure),
  }),
)

/** The plain object of a status. */
export const encodeStatus: (status: Status) => unknown = Schema.encodeSync(StatusJson)

/** The status of a plain object that came through the control socket. */
export const decodeStatus = (value: unknown): Effect.Effect<Status, ControlError> =>
  Schema.decodeUnknownEffect(StatusJson)(value).pipe(
    Effect.mapError(
      (cause) =>
        new ControlError({
          reason: "Malformed",
          detail: "the daemon's status is not understood: is it another version?",
          cause,
        }),
    ),
  )
