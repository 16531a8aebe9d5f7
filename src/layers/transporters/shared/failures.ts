/**
 * What can go wrong on the way to a server that connections are kept to, whatever is spoken on them.
 *
 * @since 1.0.0
 */
import * as Data from "effect/Data"
import type { SourceError, TransportReason } from "../../../domain/Errors.ts"

/** The connection is gone; every request on it fails with this. `silent`: it was given up because nothing came any more. */
export class Lost extends Data.TaggedError("Lost")<{
  readonly detail: string
  readonly silent: boolean
  readonly cause?: unknown
}> {}

/** Something about the upload itself; already in the words of the contract. */
export class Unfit extends Data.TaggedError("Unfit")<{
  readonly reason: TransportReason
  readonly detail: string
  readonly cause?: unknown
}> {}

/** A failure in the words of the contract. */
export interface Meaning {
  readonly reason: TransportReason
  readonly detail: string
}

/** A meaning of a reason that needs no more than its name. */
export const meaning = (_tag: Exclude<TransportReason["_tag"], "Throttled">, detail: string): Meaning => ({
  reason: { _tag },
  detail,
})

/** What a failure to read the source means for its upload. */
export const sourceFailure = (error: SourceError): Unfit =>
  new Unfit({
    reason: { _tag: error.reason === "Vanished" || error.reason === "Changed" ? "SourceChanged" : "Rejected" },
    detail: error.message,
    cause: error,
  })

const sockets: Readonly<Record<string, string>> = {
  ENOTFOUND: "no such host; check <host>",
  EAI_AGAIN: "the name of the host could not be looked up; the network or its name server is down",
  ECONNREFUSED: "nothing listens there; check <host> and <port>, or the server is down",
  ECONNRESET: "the connection was reset",
  ETIMEDOUT: "no answer; check <host>, <port> and firewalls",
  EHOSTUNREACH: "the host can not be reached",
  ENETUNREACH: "the network can not be reached",
  EPIPE: "the connection was closed",
}

/** What a failed connection means below TLS or SSH. `code` is the system's name of the error, `message` serves where it is unknown. */
export const socketMeaning = (address: string, code: string | undefined, message: string): Meaning => {
  const known = code === undefined ? undefined : sockets[code]
  return meaning("Unreachable", `${address}: ${known === undefined ? message : `${known} (${code})`}`)
}
