/**
 * Why no connection to an FTP server came about, in words a person can act on.
 *
 * @since 1.0.0
 */
import { type Meaning, meaning, socketMeaning } from "../shared/failures.ts"
import { isThrottled } from "./failures.ts"

/** How far the connection got. */
export type Phase = "greeting" | "encryption" | "login"

/** What the client tells: `code` is a number where the server answered, else the name of a system or TLS error. */
export interface ConnectProblem {
  readonly phase: Phase
  readonly message: string
  readonly code?: string | number | undefined
}

/** What was tried. */
export interface ConnectAttempt {
  readonly address: string
  readonly username: string
  readonly secure: "none" | "explicit" | "implicit"
}

const certificates: Readonly<Record<string, string>> = {
  DEPTH_ZERO_SELF_SIGNED_CERT: "is signed by itself; name a file with it in <ca> to trust it",
  SELF_SIGNED_CERT_IN_CHAIN: "comes from an authority that is not known; name a file with the authority's in <ca>",
  UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    "comes from an authority that is not known; name a file with the authority's in <ca>",
  UNABLE_TO_GET_ISSUER_CERT: "comes from an authority that is not known; name a file with the authority's in <ca>",
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    "comes from an authority that is not known; name a file with the authority's in <ca>",
  ERR_TLS_CERT_ALTNAME_INVALID: "is for another host; write in <host> the name that it is for",
  CERT_HAS_EXPIRED: "has expired; the server needs a new one",
  CERT_NOT_YET_VALID: "is not valid yet; check the clocks of both machines",
  CERT_REVOKED: "was revoked",
}

const answered = (code: number, { message, phase }: ConnectProblem, attempt: ConnectAttempt): Meaning => {
  const { address, secure, username } = attempt
  if (isThrottled(code, message)) {
    return {
      reason: { _tag: "Throttled" },
      detail: `${address} has too many connections; lower maxConnections (it said: ${message})`,
    }
  }
  if (phase === "encryption") {
    return meaning("Unreachable", `${address} offers no encryption (it said: ${message}); check <secure> and <port>`)
  }
  if (secure === "none" && /tls|ssl|encrypt|secure/i.test(message)) {
    return meaning("Unauthorized", `${address} wants encryption; write <secure>explicit</secure> (it said: ${message})`)
  }
  if (phase === "login") {
    const detail = `${address} did not let user "${username}" in: check <username> and <password> (it said: ${message})`
    return meaning("Unauthorized", detail)
  }
  return meaning("Unreachable", `${address} turned us away (it said: ${message})`)
}

/** What a failed attempt to connect means. */
export const connectMeaning = (problem: ConnectProblem, attempt: ConnectAttempt): Meaning => {
  const { code, message } = problem
  const { address } = attempt
  if (typeof code === "number") return answered(code, problem, attempt)
  const certificate = code === undefined ? undefined : certificates[code]
  if (certificate !== undefined) {
    return meaning("Unauthorized", `the certificate of ${address} ${certificate} (${code})`)
  }
  if (code === "EPROTO" || code?.startsWith("ERR_SSL_") === true || code?.startsWith("ERR_TLS_") === true) {
    const detail = `${address} does not speak TLS, or none that is safe; check <secure> and <port> (${message})`
    return meaning("Unreachable", detail)
  }
  return socketMeaning(address, code, message)
}
