/**
 * What is on the server.
 *
 * @since 1.0.0
 */
import * as Effect from "effect/Effect"
import { baseNameOf } from "../../../domain/Path.ts"
import { parentOf } from "../shared/paths.ts"
import type { Lost } from "../shared/failures.ts"
import { type Failure, isForbidden, isUnknownCommand } from "./failures.ts"
import { type FtpSession, isPositive, refusalOf, type Reply, wordsOf } from "./FtpSession.ts"
import type { Habits } from "./habits.ts"
import { list } from "./listing.ts"

/** What an answer to MLST says about a file; undefined where it is about something else. */
export const factsOf = (text: string): { readonly size: number; readonly mode: number | undefined } | undefined => {
  const facts = text.split("\n")[1]?.trim() ?? text
  const fact = (name: string): string | undefined => new RegExp(`(?:^|;| )${name}=([^;]*);`, "i").exec(facts)?.[1]
  const size = Number(fact("size") ?? "none")
  const mode = Number.parseInt(fact("UNIX\\.mode") ?? "", 8)
  const type = fact("type")?.toLowerCase()
  if (!Number.isSafeInteger(size) || (type !== undefined && type !== "file")) return undefined
  return { size, mode: Number.isNaN(mode) ? undefined : mode }
}

/** The permissions that an answer to MLST tells, of files and directories. */
export const modeOf = (text: string): number | undefined => {
  const mode = Number.parseInt(/(?:;| )UNIX\.mode=([0-7]+);/i.exec(text)?.[1] ?? "", 8)
  return Number.isNaN(mode) ? undefined : mode
}

/** The size that an answer to SIZE tells. */
export const sizeOf = (reply: Reply | undefined): number | undefined => {
  const digits = reply?.code === 213 ? /^213[ -]\s*(\d+)/.exec(reply.text)?.[1] : undefined
  return digits === undefined ? undefined : Number(digits)
}

/** The server does not know the command that was tried: the next one from now on. */
export const learnSize = (session: FtpSession, habits: Habits, code: number): void => {
  if (!isUnknownCommand(code)) return
  habits.size = habits.size === "SIZE" && session.features.has("MLST") ? "MLST" : "LIST"
}

const listed = (session: FtpSession, habits: Habits, patience: number, path: string) =>
  Effect.gen(function* () {
    const name = baseNameOf(path)
    const candidates: Array<string> = []
    const keep = (line: string): void => {
      if (line.includes(name) && candidates.length < 1_000) candidates.push(line)
    }
    const missing = yield* list(session, habits, patience, parentOf(path), "LIST -a", keep).pipe(
      Effect.as(false),
      Effect.catchIf(
        (failure) => failure._tag === "Refused" && failure.code === 550,
        () => Effect.succeed(true),
      ),
    )
    if (missing) return undefined
    const { parseList } = yield* Effect.promise(() => import("basic-ftp"))
    const found = candidates
      .flatMap((line) => {
        try {
          return parseList(line)
        } catch {
          return []
        }
      })
      .find((entry) => entry.name === name && !entry.isDirectory)
    return found === undefined ? undefined : found.size
  })

/** The size of the file at a path; undefined where none is. Tries what the server can, and remembers it. */
export const fileSize = (
  session: FtpSession,
  habits: Habits,
  patience: number,
  path: string,
): Effect.Effect<number | undefined, Failure> => {
  if (habits.size === "LIST") return listed(session, habits, patience, path)
  const command = habits.size
  return Effect.flatMap(
    session.exchange([`${command} ${path}`]),
    ([reply]): Effect.Effect<number | undefined, Failure> => {
      if (reply !== undefined && isPositive(reply)) {
        const size = command === "SIZE" ? sizeOf(reply) : factsOf(reply.text)?.size
        return Effect.succeed(size)
      }
      const refusal = refusalOf("stat", reply, path)
      if (isUnknownCommand(refusal.code)) {
        habits.size = command === "SIZE" && session.features.has("MLST") ? "MLST" : "LIST"
        return fileSize(session, habits, patience, path)
      }
      const isAbsent = refusal.code === 550 || refusal.code === 553 || refusal.code === 450
      if (isAbsent && !isForbidden(refusal.words)) return Effect.succeed(undefined)
      return Effect.fail(refusal)
    },
  )
}

/** Whether a path is a directory. */
export const isDirectory = (session: FtpSession, path: string): Effect.Effect<boolean, Lost> =>
  Effect.map(session.exchange([`CWD ${path}`, `CWD ${session.home || "/"}`]), ([entered]) => isPositive(entered))

/** The server's own words for a directory that is not there. */
export const saysMissing = (reply: Reply | undefined, path: string): boolean =>
  reply !== undefined && /no such|not found|does not exist/i.test(wordsOf(reply, path))
