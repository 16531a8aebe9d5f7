/**
 * What can go wrong on the way to an SFTP server, and what it means.
 *
 * @since 1.0.0
 */
import * as Data from "effect/Data"
import type { Lost, Meaning, Unfit } from "../shared/failures.ts"
import { status } from "./packets.ts"

/** The server refused one request. `words` are its own, "" where it said nothing. */
export class Refused extends Data.TaggedError("Refused")<{
  readonly request: Request
  readonly code: number
  readonly words: string
}> {}

/** What a request was for. */
export type Request = "create" | "write" | "close" | "rename" | "remove" | "stat" | "directory" | "list" | "change"

export type Failure = Refused | Lost | Unfit

const said = (words: string): string => (words === "" ? "it gave no reason" : `it said: ${words}`)

const attempts: Readonly<Record<Request, string>> = {
  create: "create a file in the directory",
  write: "write",
  close: "finish the file",
  rename: "move the file to its name",
  remove: "remove it",
  stat: "look at it",
  directory: "make the directory",
  list: "list the directory",
  change: "set its permissions",
}

const refused = ({ code, request, words }: Refused): Meaning => {
  const attempt = attempts[request]
  switch (code) {
    case status.permissionDenied:
      return {
        reason: { _tag: "PermissionDenied" },
        detail: `the user may not ${attempt}; give it write permission on the server (${said(words)})`,
      }
    case status.badMessage:
      return {
        reason: { _tag: "NameRefused" },
        detail: `the server can not store a file of this name, it is too long or holds characters it does not take (${said(words)})`,
      }
    case status.noConnection:
    case status.connectionLost:
      return {
        reason: { _tag: "Unreachable" },
        detail: `the server lost its own connection to its files (${said(words)})`,
      }
    case status.noSuchFile:
      return {
        reason: { _tag: "Rejected" },
        detail: `could not ${attempt}: it, or a directory on the way to it, is missing (${said(words)})`,
      }
    default:
      return /no space|disk full|quota/i.test(words)
        ? { reason: { _tag: "OutOfSpace" }, detail: `no room is left on the server (${said(words)})` }
        : { reason: { _tag: "Rejected" }, detail: `could not ${attempt} (status ${code}, ${said(words)})` }
  }
}

/** What a failure of an operation on a connection means. */
export const meaningOf = (failure: Failure): Meaning => {
  switch (failure._tag) {
    case "Refused":
      return refused(failure)
    case "Lost":
      return { reason: { _tag: "Unreachable" }, detail: failure.detail }
    case "Unfit":
      return { reason: failure.reason, detail: failure.detail }
  }
}
