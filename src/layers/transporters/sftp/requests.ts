/**
 * Requests with the answers they expect.
 *
 * @since 1.0.0
 */
import type { Buffer } from "node:buffer"
import * as Effect from "effect/Effect"
import type { Lost } from "../shared/failures.ts"
import { Refused, type Request } from "./failures.ts"
import * as packets from "./packets.ts"
import type { Answer, SftpSession } from "./SftpSession.ts"

const NO_SENSE = -1

/** Undefined where the server did what was asked and says so; else its refusal. */
export const refusal = (request: Request, { fields, kind }: Answer): Refused | undefined => {
  if (kind !== packets.STATUS) {
    return new Refused({ request, code: NO_SENSE, words: `an answer of kind ${kind} that was not asked for` })
  }
  const code = fields.uint32()
  if (code === packets.status.ok) return undefined
  return new Refused({ request, code, words: fields.atEnd() ? "" : fields.string().toString().slice(0, 200) })
}

/** Where an answer of this kind came: its fields; else the refusal. */
export const expect = (request: Request, kind: number, answer: Answer): Answer["fields"] | Refused =>
  answer.kind === kind
    ? answer.fields
    : (refusal(request, answer) ?? new Refused({ request, code: NO_SENSE, words: "it only said that all is well" }))

/** Asks for something that is answered by a mere "done". */
export const tell = (session: SftpSession, request: Request, packet: Buffer): Effect.Effect<void, Refused | Lost> =>
  Effect.flatMap(session.exchange([packet]), ([answer]) => {
    const refused = answer === undefined ? undefined : refusal(request, answer)
    return refused === undefined ? Effect.void : Effect.fail(refused)
  })

/** Asks for something that is answered by an answer of this kind. */
export const ask = (
  session: SftpSession,
  request: Request,
  kind: number,
  packet: Buffer,
): Effect.Effect<Answer["fields"], Refused | Lost> =>
  Effect.flatMap(session.exchange([packet]), ([answer]) => {
    if (answer === undefined) return Effect.fail(new Refused({ request, code: NO_SENSE, words: "" }))
    const fields = expect(request, kind, answer)
    return "_tag" in fields ? Effect.fail(fields) : Effect.succeed(fields)
  })

/** What is at a path; undefined where nothing is. */
export const lookAt = (
  session: SftpSession,
  path: Uint8Array,
): Effect.Effect<packets.RemoteAttributes | undefined, Refused | Lost> =>
  ask(session, "stat", packets.ATTRS, packets.stat(path)).pipe(
    Effect.map((fields) => fields.attributes()),
    Effect.catchIf(
      (failure) => failure._tag === "Refused" && failure.code === packets.status.noSuchFile,
      () => Effect.succeed(undefined),
    ),
  )
