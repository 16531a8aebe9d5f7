/**
 * What is published has to be readable for the web server: some FTP servers create files that only their owner may read.
 *
 * @since 1.0.0
 */
import * as Effect from "effect/Effect"
import type { Lost } from "../shared/failures.ts"
import { type FtpSession, isPositive, type Reply } from "./FtpSession.ts"
import type { Habits, Permissions } from "./habits.ts"
import { modeOf } from "./look.ts"

type Kind = "filePermissions" | "directoryPermissions"

/** Rights that everyone needs, beyond those of the owner. */
const wanted: Readonly<Record<Kind, number>> = { filePermissions: 0o644, directoryPermissions: 0o755 }

/**
 * The command that goes out with others for a new file or directory: as long as it is not known how they come out, the
 * question; then, where they come out wrong, the change.
 */
export const permissionCommand = (
  session: FtpSession,
  habits: Habits,
  kind: Kind,
  path: string,
): string | undefined => {
  if (!habits.chmod || habits[kind] === "right") return undefined
  if (habits[kind] === undefined && session.features.has("MLST")) return `MLST ${path}`
  return `SITE CHMOD ${wanted[kind].toString(8)} ${path}`
}

const judged = (mode: number | undefined, kind: Kind): Permissions =>
  mode === undefined || (mode & wanted[kind]) !== wanted[kind] ? "wrong" : "right"

/** Learns from the answer to such a command, and makes the change where it turns out to be needed. */
export const permissionAnswer = (
  session: FtpSession,
  habits: Habits,
  kind: Kind,
  path: string,
  command: string,
  reply: Reply | undefined,
): Effect.Effect<void, Lost> => {
  if (!command.startsWith("MLST")) {
    if (!isPositive(reply)) habits.chmod = false
    habits[kind] = "wrong"
    return Effect.void
  }
  const mode = reply !== undefined && isPositive(reply) ? modeOf(reply.text) : undefined
  habits[kind] = judged(mode, kind)
  if (habits[kind] === "right") return Effect.void
  const bits = ((mode ?? 0) | wanted[kind]).toString(8)
  return Effect.map(session.exchange([`SITE CHMOD ${bits} ${path}`]), ([changed]) => {
    if (!isPositive(changed)) habits.chmod = false
  })
}
