/**
 * What can go wrong on the way to an FTP server, and what it means.
 *
 * @since 1.0.0
 */
import * as Data from "effect/Data"
import type { TransportReason } from "../../../domain/Errors.ts"
import type { Lost, Meaning, Unfit } from "../shared/failures.ts"

/** The server refused one request. `words` are its own, without the name they are about. */
export class Refused extends Data.TaggedError("Refused")<{
  readonly request: Request
  readonly code: number
  readonly words: string
}> {}

/** The whole file was handed over, and then the control connection was lost before the server confirmed it. */
export class Unconfirmed extends Data.TaggedError("Unconfirmed")<{
  readonly lost: Lost
  /** Where the file is, as it travels. */
  readonly temporary: string
  readonly sha256: string
}> {}

/** What a request was for. */
export type Request = "prepare" | "create" | "transfer" | "rename" | "remove" | "stat" | "directory" | "list"

export type Failure = Refused | Lost | Unfit | Unconfirmed

const attempts: Readonly<Record<Request, string>> = {
  prepare: "open a data connection",
  create: "create a file in the directory",
  transfer: "take the file",
  rename: "move the file to its name",
  remove: "remove it",
  stat: "look at it",
  directory: "make the directory",
  list: "list the directory",
}

/** The server is short of connections, in whatever words it says so. */
export const isThrottled = (code: number, words: string): boolean =>
  code === 421 ||
  /too many|maximum number|max(imum)?\b.*\b(connection|client|login|session|user)s?|(connection|client|login|session|user)s?\b.*\b(limit|maximum)/i.test(
    words,
  )

/** The code says that the server does not know the command, or not in this form. */
export const isUnknownCommand = (code: number): boolean => code === 500 || code === 501 || code === 502 || code === 504

const isNamed = (words: string): boolean =>
  /name[^:]*(too long|not allowed|invalid)|(illegal|invalid) .*name/i.test(words)

/** The words say that the user lacks a right. */
export const isForbidden = (words: string): boolean =>
  /permission|denied|not permitted|forbidden|read-only|not allowed|access/i.test(words)

const mutating: ReadonlySet<Request> = new Set(["create", "directory", "rename", "remove"])

const refused = ({ code, request, words }: Refused): Meaning => {
  const attempt = attempts[request]
  const said = `it said: ${code} ${words}`
  const meaning = (_tag: Exclude<TransportReason["_tag"], "Throttled">, detail: string): Meaning => ({
    reason: { _tag },
    detail: `${detail} (${said})`,
  })
  if (isThrottled(code, words)) {
    return {
      reason: { _tag: "Throttled" },
      detail: `the server asks for less, or has too many connections; lower maxConnections if this stays (${said})`,
    }
  }
  if (code === 452 || code === 552 || /no space|disk full|quota|insufficient/i.test(words)) {
    return meaning("OutOfSpace", "no room is left on the server")
  }
  if (code === 451 && request === "transfer" && /input.output error|writing/i.test(words)) {
    return meaning("OutOfSpace", "the server could not write the file; most likely it has no room left")
  }
  if (code === 530 || code === 532) return meaning("Unauthorized", "the server does not know this user any more")
  if (code === 425 || code === 426 || request === "prepare") {
    const hint = /tls|ssl|session/i.test(words)
      ? "the server did not accept the TLS session of the data connection"
      : "no data connection to the server, or it broke; check that its firewall lets passive connections in"
    return meaning("Unreachable", hint)
  }
  if (isNamed(words)) return meaning("NameRefused", "the server can not store a file of this name")
  const isRefusal = isForbidden(words) || code === 550 || code === 553
  if (request === "rename" && isRefusal && !/no such|not found|exist|not a |is a /i.test(words)) {
    return meaning(
      "PermissionDenied",
      "the user may not rename files, and uploads get their names last, so that nobody sees half a file; let the user rename on the server",
    )
  }
  if (isForbidden(words)) {
    return meaning("PermissionDenied", `the user may not ${attempt}; give it write permission on the server`)
  }
  if (/no such|not found|does not exist/i.test(words)) {
    return meaning("Rejected", `could not ${attempt}: it, or a directory on the way to it, is missing`)
  }
  if ((code === 550 || code === 553) && mutating.has(request) && !/exist|not a|is a/i.test(words)) {
    return meaning("PermissionDenied", `could not ${attempt}; most likely the user may not write there`)
  }
  return meaning("Rejected", `could not ${attempt}`)
}

/** What a failure of an operation on a connection means. */
export const meaningOf = (failure: Failure): Meaning => {
  switch (failure._tag) {
    case "Refused":
      return refused(failure)
    case "Lost":
      if (failure.cause instanceof Refused) return refused(failure.cause)
      return { reason: { _tag: "Unreachable" }, detail: failure.detail }
    case "Unfit":
      return { reason: failure.reason, detail: failure.detail }
    case "Unconfirmed":
      return {
        reason: { _tag: "Unreachable" },
        detail: `the file was sent, but the connection was lost before the server confirmed it: ${failure.lost.detail}`,
      }
  }
}
