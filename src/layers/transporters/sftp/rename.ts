/**
 * Moving an upload to its place.
 *
 * @since 1.0.0
 */
import * as Effect from "effect/Effect"
import { toBytes } from "../../../domain/Path.ts"
import { Unfit } from "../shared/failures.ts"
import type { Failure } from "./failures.ts"
import * as packets from "./packets.ts"
import { lookAt, tell } from "./requests.ts"
import type { SftpSession } from "./SftpSession.ts"

const ALREADY_EXISTS = 11

const mayBeInTheWay = (failure: Failure): boolean =>
  failure._tag === "Refused" && (failure.code === packets.status.failure || failure.code === ALREADY_EXISTS)

/** The plain rename of the protocol refuses to replace. So the old file goes first, and for a moment there is none. */
const replacing = (session: SftpSession, from: Uint8Array, to: Uint8Array): Effect.Effect<void, Failure> =>
  Effect.catchIf(tell(session, "rename", packets.rename(from, to)), mayBeInTheWay, () =>
    Effect.andThen(tell(session, "rename", packets.remove(to)), tell(session, "rename", packets.rename(from, to))),
  )

const explained = (session: SftpSession, path: string, failure: Failure): Effect.Effect<never, Failure> =>
  Effect.flatMap(lookAt(session, toBytes(path)), (there) =>
    there !== undefined && packets.isDirectory(there)
      ? Effect.fail(
          new Unfit({
            reason: { _tag: "Rejected" },
            detail: "a directory of this name is on the server where the file belongs; remove or rename it",
          }),
        )
      : Effect.fail(failure),
  )

/** Moves a file over whatever file is at a path: in one step where the server can. */
export const moveIntoPlace = (session: SftpSession, from: string, path: string): Effect.Effect<void, Failure> => {
  const [source, target] = [toBytes(from), toBytes(path)]
  const move: Effect.Effect<void, Failure> = session.extensions.has(packets.POSIX_RENAME)
    ? tell(session, "rename", packets.posixRename(source, target))
    : replacing(session, source, target)
  return Effect.catchIf(move, mayBeInTheWay, (failure) => explained(session, path, failure))
}
