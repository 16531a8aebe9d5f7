import { assert, describe, it } from "@effect/vitest"
import { inspect } from "node:util"
import { dispositionOf } from "../../../../src/domain/Disposition.ts"
import { type About, failureOf, isReset, meaningOf, refusalOf } from "../../../../src/layers/transporters/s3/failure.ts"

const about: About = { what: 'bucket "b"', where: "https://s3.example", ambient: false }

/** An error as the client throws it. */
const answered = (code: string, status: number, message = "said so", headers: Record<string, string> = {}) =>
  Object.assign(new Error(message), {
    name: code,
    $metadata: { httpStatusCode: status },
    $response: { statusCode: status, headers },
  })

const broken = (code: string, message = code) => Object.assign(new Error(message), { code })

describe("what a refusal of an S3 store means", () => {
  for (const [thrown, reason, words] of [
    [answered("AccessDenied", 403), "PermissionDenied", "policy"],
    [answered("403", 403), "PermissionDenied", "policy"],
    [answered("InvalidAccessKeyId", 403), "Unauthorized", "access_key_id"],
    [answered("SignatureDoesNotMatch", 403), "Unauthorized", "secret_access_key"],
    [answered("ExpiredToken", 400), "Unauthorized", "renew"],
    [answered("RequestTimeTooSkewed", 403), "Unauthorized", "clock"],
    [answered("NoSuchBucket", 404), "Unreachable", "bucket_name"],
    [
      answered("PermanentRedirect", 301, "", { "x-amz-bucket-region": "eu-west-3" }),
      "Unreachable",
      "region to eu-west-3",
    ],
    [
      answered("AuthorizationHeaderMalformed", 400, "", { "x-amz-bucket-region": "eu-west-3" }),
      "Unauthorized",
      "region to eu-west-3",
    ],
    [answered("SlowDown", 503), "Throttled", "less"],
    [answered("ServiceUnavailable", 503), "Throttled", "less"],
    [answered("TooManyRequests", 429), "Throttled", "less"],
    [answered("ThrottlingException", 400), "Throttled", "less"],
    [answered("InternalError", 500), "Rejected", "500"],
    [answered("Unknown", 502), "Unreachable", "502"],
    [answered("QuotaExceeded", 403), "OutOfSpace", "full"],
    [answered("XMinioStorageFull", 507), "OutOfSpace", "full"],
    [answered("EntityTooLarge", 400, "Upload exceeds quota."), "OutOfSpace", "full"],
    [answered("EntityTooLarge", 400), "Rejected", "larger than"],
    [answered("InvalidBucketName", 400), "Unreachable", "the endpoint has no path"],
    [answered("KeyTooLongError", 400), "NameRefused", "name"],
    [answered("BadDigest", 400), "VerificationFailed", "bytes"],
    [answered("AccessControlListNotSupported", 400), "Rejected", "acl"],
    [answered("InvalidStorageClass", 400), "Rejected", "storageClass"],
    [answered("NotImplemented", 501), "Rejected", "when_required"],
    [answered("SyntaxError", 200), "Rejected", "endpoint"],
    [answered("MethodNotAllowed", 405), "Rejected", "405"],
    [Object.assign(new Error("none"), { name: "CredentialsProviderError" }), "Unauthorized", "access_key_id"],
    [broken("ECONNREFUSED"), "Unreachable", "refuses"],
    [broken("ENOTFOUND"), "Unreachable", "no such host"],
    [broken("EAI_AGAIN"), "Unreachable", "DNS"],
    [broken("ECONNRESET", "socket hang up"), "Unreachable", "broke"],
    [broken("EHOSTUNREACH"), "Unreachable", "no way"],
    [Object.assign(new Error("slow"), { name: "TimeoutError" }), "Unreachable", "in time; check the endpoint"],
    [broken("DEPTH_ZERO_SELF_SIGNED_CERT"), "Unreachable", "NODE_EXTRA_CA_CERTS"],
    [broken("EPROTO", "wrong version number"), "Unreachable", "certificate"],
    [broken("ERR_TLS_CERT_ALTNAME_INVALID"), "Unreachable", "certificate"],
    ["a text", "Unreachable", "no reason given"],
  ] as const) {
    const refusal = refusalOf(thrown)
    it(`${refusal.status} ${refusal.code} is ${reason}`, () => {
      const meaning = meaningOf(refusal, about, 0)
      assert.strictEqual(meaning.reason._tag, reason)
      assert.include(meaning.words, words)
    })
  }

  it("how long to wait is taken from Retry-After, in seconds or as a date", () => {
    const wait = (header: string) => {
      const { reason } = meaningOf(
        refusalOf(answered("SlowDown", 503, "", { "retry-after": header })),
        about,
        1_000_000,
      )
      return reason._tag === "Throttled" ? reason.retryAfterMillis : "another reason"
    }
    assert.strictEqual(wait("7"), 7_000)
    assert.strictEqual(wait(new Date(1_030_000).toUTCString()), 30_000)
    assert.isUndefined(wait("soon"))
    assert.isUndefined(wait(new Date(0).toUTCString()))
  })

  it("what belongs to one file parks the file, what belongs to all parks the server", () => {
    const at = { server: "s", operation: "put", path: "p" } as const
    const tag = (thrown: unknown) => dispositionOf(failureOf(refusalOf(thrown), at, about, [], 0))._tag
    assert.strictEqual(tag(answered("AccessDenied", 403)), "ParkFile")
    assert.strictEqual(tag(answered("InternalError", 500)), "ParkFile")
    assert.strictEqual(tag(answered("NoSuchBucket", 404)), "ParkServer")
    assert.strictEqual(tag(answered("SignatureDoesNotMatch", 403)), "ParkServer")
    assert.strictEqual(tag(answered("SlowDown", 503)), "SlowDown")
  })

  it("a broken connection is told from an answer", () => {
    assert.isTrue(isReset(refusalOf(broken("ECONNRESET"))))
    assert.isTrue(isReset(refusalOf(broken("EPIPE"))))
    assert.isFalse(isReset(refusalOf(broken("ECONNREFUSED"))))
    assert.isFalse(isReset(refusalOf(answered("InternalError", 500))))
  })

  it.each(["SignatureDoesNotMatch", "AccessDenied"])(
    "no secret stays in an error, however it is printed: %s",
    (code) => {
      const thrown = Object.assign(answered(code, 403, "key KEYID1 signed with s3cr3t!"), {
        AWSAccessKeyId: "KEYID1",
        StringToSign: "s3cr3t!",
      })
      const error = failureOf(refusalOf(thrown), { server: "s", operation: "put" }, about, ["s3cr3t!", "KEYID1"], 0)
      const printed = inspect(error, { depth: 10, showHidden: true }) + JSON.stringify(error) + error.message
      assert.notInclude(printed, "s3cr3t!")
      assert.notInclude(printed, "KEYID1")
      assert.include(printed, code)
    },
  )
})
