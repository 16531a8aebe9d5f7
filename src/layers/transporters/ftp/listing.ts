/**
 * Listings of directories, read line by line.
 *
 * @since 1.0.0
 */
import type { Buffer } from "node:buffer"
import * as Effect from "effect/Effect"
import { FTP_CLEAN_UP, FTP_LISTING_BYTES, FTP_LISTING_LINE_BYTES } from "../../../domain/Limits.ts"
import type { DataConnection } from "./data.ts"
import { Lost, Unfit } from "../shared/failures.ts"
import type { Failure } from "./failures.ts"
import { type FtpSession, isPositive, refusalOf } from "./FtpSession.ts"
import type { Habits } from "./habits.ts"
import { openData } from "./passive.ts"
import { begin } from "./transfer.ts"

/** Reads all that comes. Lines are given without their end. */
const read = (data: DataConnection, session: FtpSession, onLine: (line: string) => void) =>
  Effect.callback<void, Failure>((resume) => {
    let rest = ""
    let bytes = 0
    session.due(1)
    let over = false
    const settle = (result: Effect.Effect<void, Failure>): void => {
      if (over) return
      over = true
      session.due(-1)
      resume(result)
    }
    data.socket.on("data", (chunk: Buffer) => {
      session.moved()
      bytes += chunk.length
      const lines = (rest + chunk.toString("latin1")).split(/\r?\n/)
      rest = lines.pop() ?? ""
      for (const line of lines) onLine(line)
      if (bytes > FTP_LISTING_BYTES || rest.length > FTP_LISTING_LINE_BYTES) {
        const detail = "the server's list of the directory is too long"
        settle(Effect.fail(new Unfit({ reason: { _tag: "Rejected" }, detail })))
      }
    })
    data.socket.once("end", () => {
      if (rest !== "") onLine(rest)
      settle(Effect.void)
    })
    data.whenClosed(() => settle(Effect.fail(data.broken() ?? new Lost({ detail: "", silent: false }))))
    return Effect.sync(() => settle(Effect.void))
  })

/**
 * Lists a directory, hidden files included, with MLSD, or with another command given inside of it: with a path behind
 * them, those take "*" and "-" in it for something else. Fails where it is not there.
 */
export const list = Effect.fnUntraced(function* (
  session: FtpSession,
  habits: Habits,
  patience: number,
  directory: string,
  command: "MLSD" | "NLST -a" | "LIST -a",
  onLine: (line: string) => void,
) {
  const isInside = command !== "MLSD"
  const back = `CWD ${session.home || "/"}`
  if (isInside) {
    const [entered] = yield* session.exchange([`CWD ${directory || "."}`])
    if (!isPositive(entered)) return yield* refusalOf("list", entered, directory)
  }
  const body = Effect.acquireUseRelease(
    openData(session, habits, patience),
    (data) =>
      Effect.gen(function* () {
        const asked = isInside ? command : `${command} ${directory}`
        const transfer = yield* begin(session, data, asked, (reply) => refusalOf("list", reply, directory))
        if (!transfer.isOver()) yield* read(data, session, onLine)
        const reply = yield* transfer.outcome
        if (!isPositive(reply)) return yield* refusalOf("list", reply, directory)
      }),
    (data, exit) =>
      Effect.sync(() => {
        data.close()
        if (exit._tag === "Failure") session.retire()
      }),
  )
  yield* Effect.ensuring(
    body,
    isInside ? session.exchange([back]).pipe(Effect.timeoutOption(FTP_CLEAN_UP), Effect.ignore) : Effect.void,
  )
})
