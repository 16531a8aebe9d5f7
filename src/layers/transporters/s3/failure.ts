/**
 * What an answer that is no success means, for S3 stores and for CloudFront: the one place that knows their codes.
 *
 * @since 1.0.0
 */
import { TransportError, type TransportReason } from "../../../domain/Errors.ts"

/** What is read of an error of the client library, or of the network below it. */
export interface Refusal {
  /** The service's code, e.g. "AccessDenied"; a class of error where it gave none. */
  readonly code: string
  /** 0 where there was no answer. */
  readonly status: number
  readonly message: string
  readonly retryAfter: string | undefined
  /** The region the service says is the right one. */
  readonly region: string | undefined
}

const record = (value: unknown): Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null ? (value as Readonly<Record<string, unknown>>) : {}

const string = (value: unknown): string | undefined => (typeof value === "string" && value !== "" ? value : undefined)

/** Codes below HTTP, which say more than the name of the error does. */
const network = /^(E[A-Z0-9_]+|ERR_\w+|CERT_\w+|UNABLE_\w+|DEPTH_ZERO\w*|SELF_SIGNED\w*|HOSTNAME_MISMATCH)$/

/** Reads an error of whatever kind. */
export const refusalOf = (error: unknown): Refusal => {
  const thrown = record(error)
  const response = record(thrown["$response"])
  const headers = record(response["headers"])
  const status = record(thrown["$metadata"])["httpStatusCode"] ?? response["statusCode"]
  const code = string(thrown["code"])
  return {
    code: (code !== undefined && network.test(code) ? code : undefined) ?? string(thrown["name"]) ?? "Unknown",
    status: typeof status === "number" ? status : 0,
    message: string(thrown["message"]) ?? code ?? "no reason given",
    retryAfter: string(headers["retry-after"]),
    region: string(headers["x-amz-bucket-region"]) ?? string(thrown["Region"]),
  }
}

/** The connection broke under a request, as it does when the server closed it while it was idle. */
export const isReset = (refusal: Refusal): boolean =>
  refusal.status === 0 &&
  (refusal.code === "ECONNRESET" || refusal.code === "EPIPE" || refusal.message === "socket hang up")

/** Whom the words are about. */
export interface About {
  /** e.g. `bucket "assets"` */
  readonly what: string
  /** e.g. "https://storage.example.com", or "Amazon S3". */
  readonly where: string
  /** Credentials were found on the machine, not in the config. */
  readonly ambient: boolean
}

interface Meaning {
  readonly reason: TransportReason
  readonly words: string
}

const unreachable: TransportReason = { _tag: "Unreachable" }
const unauthorized: TransportReason = { _tag: "Unauthorized" }
const rejected: TransportReason = { _tag: "Rejected" }

const tlsCodes = /^(ERR_TLS\w*|ERR_SSL\w*|EPROTO|CERT_\w+|UNABLE_\w+|DEPTH_ZERO\w*|SELF_SIGNED\w*|HOSTNAME_MISMATCH)$/

const noAnswer = (refusal: Refusal, about: About): Meaning | undefined => {
  const meaning = (words: string): Meaning => ({ reason: unreachable, words })
  switch (refusal.code) {
    case "ECONNREFUSED":
      return meaning(`${about.where} refuses connections: is the address right, and the service running?`)
    case "ENOTFOUND":
      return meaning(`${about.where}: no such host; check the endpoint, the region and the bucket's name`)
    case "EAI_AGAIN":
      return meaning(`${about.where}: the name could not be looked up; check this machine's DNS`)
    case "EHOSTUNREACH":
    case "ENETUNREACH":
    case "EADDRNOTAVAIL":
      return meaning(`${about.where}: there is no way to it from this machine`)
    case "ECONNRESET":
    case "EPIPE":
    case "ECONNABORTED":
      return meaning(`${about.where} broke the connection`)
    case "ETIMEDOUT":
    case "ESOCKETTIMEDOUT":
    case "TimeoutError":
      return meaning(`${about.where} did not answer in time; check the endpoint and firewalls, or raise idleTimeout`)
    default:
      return tlsCodes.test(refusal.code)
        ? meaning(
            `no secure connection to ${about.where} (${refusal.code}): its certificate is not trusted here, or it speaks plain http. NODE_EXTRA_CA_CERTS names a file with further authorities`,
          )
        : undefined
  }
}

const whoWeAre = (about: About): string =>
  about.ambient ? "the credentials found on this machine" : "access_key_id and secret_access_key"

const byCode = (refusal: Refusal, about: About): Meaning | undefined => {
  switch (refusal.code) {
    case "CredentialsProviderError":
    case "TokenProviderError":
      return {
        reason: unauthorized,
        words:
          "no credentials: give access_key_id and secret_access_key, or set up the AWS credentials of this machine",
      }
    case "InvalidAccessKeyId":
    case "InvalidClientTokenId":
    case "UnrecognizedClientException":
      return { reason: unauthorized, words: `${about.where} does not know this access key; check ${whoWeAre(about)}` }
    case "SignatureDoesNotMatch":
    case "InvalidSignatureException":
    case "AuthorizationHeaderMalformed":
      return {
        reason: unauthorized,
        words: `the signature is not accepted; check ${whoWeAre(about)}${refusal.region === undefined ? " and the region" : `, and set region to ${refusal.region}`}`,
      }
    case "ExpiredToken":
    case "ExpiredTokenException":
    case "InvalidToken":
    case "TokenRefreshRequired":
      return { reason: unauthorized, words: "the session token is not valid (any more); renew the credentials" }
    case "RequestTimeTooSkewed":
    case "RequestExpired":
      return {
        reason: unauthorized,
        words: "this machine's clock differs from the service's; set it right, e.g. by NTP",
      }
    case "NoSuchBucket":
      return {
        reason: unreachable,
        words: `${about.what} does not exist at ${about.where}; create it, or correct bucket_name`,
      }
    case "PermanentRedirect":
    case "IllegalLocationConstraintException":
      return {
        reason: unreachable,
        words: `${about.what} is in another region${refusal.region === undefined ? "; set region to its own" : `: set region to ${refusal.region}`}`,
      }
    case "AllAccessDisabled":
    case "AccountProblem":
    case "NotSignedUp":
    case "InvalidPayer":
    case "UserSuspended":
      return { reason: unauthorized, words: `the account may not be used (${refusal.code}): ${refusal.message}` }
    case "AccessControlListNotSupported":
      return { reason: rejected, words: `${about.what} takes no ACLs: remove the acl setting and use a bucket policy` }
    case "InvalidStorageClass":
      return { reason: rejected, words: "the storage class is not known there; correct the storageClass setting" }
    case "QuotaExceeded":
    case "XMinioStorageFull":
    case "InsufficientStorage":
    case "InsufficientCapacity":
    case "XMinioAdminBucketQuotaExceeded":
      return { reason: { _tag: "OutOfSpace" }, words: `${about.what} is full (${refusal.code})` }
    case "EntityTooLarge":
      return /quota/i.test(refusal.message)
        ? { reason: { _tag: "OutOfSpace" }, words: `${about.what} is full: ${refusal.message}` }
        : { reason: rejected, words: `the file is larger than ${about.where} takes: ${refusal.message}` }
    case "InvalidBucketName":
      return {
        reason: unreachable,
        words: `${about.where} takes this for no bucket's name; check bucket_name, and that the endpoint has no path`,
      }
    case "KeyTooLongError":
    case "InvalidURI":
    case "InvalidObjectName":
    case "XMinioInvalidObjectName":
      return { reason: { _tag: "NameRefused" }, words: `this name can not be stored there (${refusal.code})` }
    case "BadDigest":
    case "InvalidDigest":
    case "XAmzContentSHA256Mismatch":
    case "XAmzContentChecksumMismatch":
      return { reason: { _tag: "VerificationFailed" }, words: "the bytes that arrived are not those that were sent" }
    case "NoSuchDistribution":
      return { reason: rejected, words: `${about.what} does not exist; correct distribution_id` }
    case "DistributionAlreadyExists":
      return {
        reason: rejected,
        words:
          "there is one for this bucket already, which was changed since; take its domain name and id from the AWS console",
      }
    case "NotImplemented":
      return {
        reason: rejected,
        words: `${about.where} lacks something that was asked of it (${refusal.message}); try checksum when_required, and no acl or storageClass`,
      }
    default:
      return undefined
  }
}

const throttling =
  /^(SlowDown|SlowDownRead|SlowDownWrite|Throttling|ThrottlingException|TooManyRequests|TooManyRequestsException|RequestLimitExceeded|BandwidthLimitExceeded|ServiceUnavailable|Busy|TooManyInvalidationsInProgress|RequestThrottled)$/

const retryAfterMillis = (header: string | undefined, now: number): number | undefined => {
  if (header === undefined) return undefined
  const seconds = Number(header)
  const millis = Number.isFinite(seconds) ? seconds * 1000 : Date.parse(header) - now
  return millis >= 0 ? millis : undefined
}

const byStatus = (refusal: Refusal, about: About): Meaning => {
  const said = `${refusal.message}${refusal.code === "Unknown" ? "" : ` (${refusal.code})`}`
  switch (refusal.status) {
    case 0:
      return { reason: unreachable, words: `${about.where}: ${said}` }
    case 401:
      return { reason: unauthorized, words: `${about.where} did not accept ${whoWeAre(about)}` }
    case 403:
      return {
        reason: { _tag: "PermissionDenied" },
        words: `access denied to ${about.what}: the policy of these credentials or of the bucket does not allow it; ${said}`,
      }
    case 301:
    case 307:
      return {
        reason: unreachable,
        words: `${about.what} is at another address or in another region; set region or endpoint`,
      }
    case 408:
    case 502:
    case 504:
      return { reason: unreachable, words: `${about.where} answered ${refusal.status}: ${said}` }
    case 507:
      return { reason: { _tag: "OutOfSpace" }, words: `${about.what} is full` }
    default:
      return refusal.status >= 200 && refusal.status < 300
        ? {
            reason: rejected,
            words: `${about.where} gave an answer that is none of this protocol; check the endpoint: ${said}`,
          }
        : { reason: rejected, words: `it answered ${refusal.status}: ${said}` }
  }
}

/** What a refusal means. `now` is in milliseconds since the epoch. */
export const meaningOf = (refusal: Refusal, about: About, now: number): Meaning => {
  if (refusal.status === 429 || refusal.status === 503 || refusal.status === 509 || throttling.test(refusal.code)) {
    const after = retryAfterMillis(refusal.retryAfter, now)
    return {
      reason: { _tag: "Throttled", ...(after === undefined ? {} : { retryAfterMillis: after }) },
      words: `it asks for less (${refusal.code})`,
    }
  }
  const known = byCode(refusal, about)
  if (known !== undefined) return known
  if (refusal.status === 0) {
    const broken = isReset(refusal) ? noAnswer({ ...refusal, code: "ECONNRESET" }, about) : noAnswer(refusal, about)
    if (broken !== undefined) return broken
  }
  return byStatus(refusal, about)
}

/** The library's errors hold the signed request: only these words of theirs go on. */
const plainCause = (refusal: Refusal): Error => {
  const cause = new Error(refusal.message)
  cause.name = refusal.code
  return cause
}

/** A refusal as the contract tells it. None of `secrets` stays in it. */
export const failureOf = (
  refusal: Refusal,
  at: Pick<TransportError, "server" | "operation"> & { readonly path?: string },
  about: About,
  secrets: ReadonlyArray<string>,
  now: number,
): TransportError => {
  const hide = (text: string): string =>
    secrets.reduce((shown, secret) => (secret === "" ? shown : shown.replaceAll(secret, "***")), text)
  const { reason, words } = meaningOf({ ...refusal, message: hide(refusal.message) }, about, now)
  return new TransportError({
    ...at,
    reason,
    detail: words,
    cause: plainCause({ ...refusal, message: hide(refusal.message) }),
  })
}
