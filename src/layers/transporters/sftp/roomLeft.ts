/**
 * A server in want of room says no more than "Failure"; asked for its file system, it tells.
 *
 * @since 1.0.0
 */
import * as Effect from "effect/Effect"
import { toBytes } from "../../../domain/Path.ts"
import { Unfit } from "../shared/failures.ts"
import type { Failure, Refused } from "./failures.ts"
import * as packets from "./packets.ts"
import { ask } from "./requests.ts"
import type { SftpSession } from "./SftpSession.ts"

/** What a refusal to store `size` bytes in a directory really is. */
export const roomLeft = (
  session: SftpSession,
  directory: string,
  size: number,
  refused: Refused,
): Effect.Effect<Failure> => {
  if (!session.extensions.has(packets.STATVFS) || refused.request === "rename") return Effect.succeed(refused)
  const path = toBytes(directory || ".")
  return ask(session, "stat", packets.EXTENDED_REPLY, packets.fileSystem(path)).pipe(
    Effect.map((fields): Failure => {
      fields.uint64()
      const blockSize = fields.uint64()
      fields.uint64()
      fields.uint64()
      const free = fields.uint64() * blockSize
      const files = fields.uint64()
      fields.uint64()
      const freeFiles = fields.uint64()
      if (free >= size && (files === 0 || freeFiles > 0)) return refused
      const left = freeFiles === 0 && files > 0 ? "no more files" : `${free} bytes`
      return new Unfit({
        reason: { _tag: "OutOfSpace" },
        detail: `no room is left on the server (it can take ${left}); remove something there`,
        cause: refused,
      })
    }),
    Effect.catch(() => Effect.succeed(refused)),
  )
}
