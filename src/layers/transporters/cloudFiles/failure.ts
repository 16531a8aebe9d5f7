/**
 * What an answer that is no success means, and what it means when there is none: the one place that knows.
 *
 * @since 1.0.0
 */
import type { TransportReason } from "../../../domain/Errors.ts"
import type { Answer, Broken } from "./exchange.ts"

/** Whom the words are about. */
export interface About {
  readonly container: string
  /** The host that was asked, e.g. "https://storage.example.com". */
  readonly where: string
  /** It was asked to sign us in; else it was asked about files. */
  readonly signingIn: boolean
  /** The config has an auth_url. */
  readonly hasAuthUrl: boolean
}

/** What went wrong, as the contract tells it. */
export interface Meaning {
  readonly reason: TransportReason
  readonly detail: string
}

const unreachable: TransportReason = { _tag: "Unreachable" }
const unauthorized: TransportReason = { _tag: "Unauthorized" }
const rejected: TransportReason = { _tag: "Rejected" }

/** The connection broke under a request, as it does when the server closed it while it was idle. */
export const isReset = ({ code }: Broken): boolean => code === "ECONNRESET" || code === "EPIPE"

const tlsCodes = /^(ERR_TLS\w*|ERR_SSL\w*|EPROTO|CERT_\w+|UNABLE_\w+|DEPTH_ZERO\w*|SELF_SIGNED\w*|HOSTNAME_MISMATCH)$/

/** What it means that there was no whole answer. */
export const meaningOfBroken = ({ code, words }: Broken, { hasAuthUrl, where }: About): Meaning => {
  const meaning = (detail: string): Meaning => ({ reason: unreachable, detail })
  const check = hasAuthUrl ? "check auth_url" : "check this machine's network"
  switch (code) {
    case "ECONNREFUSED":
      return meaning(`${where} refuses connections: is the address right, and the service running?`)
    case "ENOTFOUND":
      return meaning(`${where}: no such host; ${check}`)
    case "EAI_AGAIN":
      return meaning(`${where}: the name could not be looked up; check this machine's DNS`)
    case "EHOSTUNREACH":
    case "ENETUNREACH":
    case "EADDRNOTAVAIL":
      return meaning(`${where}: there is no way to it from this machine`)
    case "ECONNRESET":
    case "EPIPE":
    case "ECONNABORTED":
      return meaning(`${where} broke the connection`)
    case "ETIMEDOUT":
      return meaning(
        `${where} did not answer in time: ${words}; ${check} and firewalls, or raise connectTimeout or idleTimeout`,
      )
    default:
      return tlsCodes.test(code)
        ? meaning(
            `no secure connection to ${where} (${code}): its certificate is not trusted here, or it speaks plain http. NODE_EXTRA_CA_CERTS names a file with further authorities`,
          )
        : meaning(`${where}: ${words} (${code})`)
  }
}

/** The server's own words on one line: Swift wraps them in HTML. */
const wordsOf = ({ body }: Answer): string =>
  body
    .replace(/<\/h1>/gi, ": ")
    .replace(/<[^>]*>/g, " ")
    // oxlint-disable-next-line no-control-regex -- control characters are what is looked for
    .replace(/[\s\u0000-\u001f\u007f-\u009f]+/g, " ")
    .trim()
    .slice(0, 300)

const retryAfterMillis = (header: string | undefined, now: number): number | undefined => {
  if (header === undefined) return undefined
  const seconds = Number(header)
  const millis = Number.isFinite(seconds) ? seconds * 1000 : Date.parse(header) - now
  return millis >= 0 ? millis : undefined
}

/** What an answer means to somebody who wants to sign in. */
const meaningForSignIn = (answer: Answer, said: string, { hasAuthUrl, where }: About): Meaning => {
  const check = hasAuthUrl ? "check auth_url" : "set auth_url if the account is not one of Rackspace"
  switch (answer.status) {
    case 300:
      return { reason: unreachable, detail: `${where} has several versions: let auth_url end in /v3` }
    case 400:
      return {
        reason: unauthorized,
        detail: `${where} can not sign in with these settings; ${check}, whose path tells which protocol to speak: ${said}`,
      }
    case 401:
    case 403:
      return {
        reason: unauthorized,
        detail: `${where} does not accept username and api_key (nor project and domain, where it knows them): ${said}`,
      }
    case 404:
    case 405:
    case 410:
      return { reason: unreachable, detail: `nobody signs in at this address of ${where}; ${check}` }
    default:
      return { reason: unreachable, detail: `${where} answered ${answer.status}: ${said}; ${check}` }
  }
}

/** What an answer means to somebody who wants to work on files. */
const meaningForFiles = (answer: Answer, said: string, { container, where }: About): Meaning => {
  switch (answer.status) {
    case 401:
      return { reason: unauthorized, detail: `${where} does not accept a token that was just issued: ${said}` }
    case 403:
      return {
        reason: { _tag: "PermissionDenied" },
        detail: `access denied to container "${container}": this user may not do that there; give it write permission. ${said}`,
      }
    case 404:
      return {
        reason: unreachable,
        detail: `container "${container}" does not exist at ${where}; create it, or correct container`,
      }
    case 400:
    case 412:
      return /utf-?8|url|name|character/i.test(said)
        ? { reason: { _tag: "NameRefused" }, detail: `this name can not be stored there: ${said}` }
        : { reason: rejected, detail: `it answered ${answer.status}: ${said}` }
    case 422:
      return {
        reason: { _tag: "VerificationFailed" },
        detail: "the bytes that arrived are not those that were sent",
      }
    case 408:
    case 499:
    case 502:
    case 504:
      return { reason: unreachable, detail: `${where} answered ${answer.status}: ${said}` }
    default:
      return { reason: rejected, detail: `it answered ${answer.status}: ${said}` }
  }
}

/** What an answer means that is no success. `now` is in milliseconds since the epoch. */
export const meaningOf = (answer: Answer, about: About, now: number): Meaning => {
  const { headers, status } = answer
  const said = wordsOf(answer) || "no reason given"
  const after = retryAfterMillis(headers["retry-after"], now)
  if (status === 507 || (status === 413 && /quota/i.test(said))) {
    return { reason: { _tag: "OutOfSpace" }, detail: `no room left for container "${about.container}": ${said}` }
  }
  if (status === 429 || status === 498 || status === 503 || (status === 413 && after !== undefined)) {
    return {
      reason: { _tag: "Throttled", ...(after === undefined ? {} : { retryAfterMillis: after }) },
      detail: `${about.where} asks for less (${status}): ${said}`,
    }
  }
  const location = headers["location"]
  if (status > 300 && status < 400 && location !== undefined) {
    return {
      reason: unreachable,
      detail: `${about.where} sends on to ${location}, where the credentials are not sent; put the right address into auth_url`,
    }
  }
  return about.signingIn ? meaningForSignIn(answer, said, about) : meaningForFiles(answer, said, about)
}
