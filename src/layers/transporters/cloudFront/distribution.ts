/**
 * A new CloudFront distribution in front of a bucket.
 *
 * @since 1.0.0
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { CreateDistributionRequest } from "@aws-sdk/client-cloudfront"
import { TransportError } from "../../../domain/Errors.ts"
import { DISTRIBUTION_POLL_FIRST, DISTRIBUTION_POLL_MAX, DISTRIBUTION_WAIT } from "../../../domain/Limits.ts"
import type { ServerName } from "../../../domain/Path.ts"
import { bucketOf } from "../s3/address.ts"
import type { S3Settings } from "../settings.ts"
import { makeRequests } from "./requests.ts"

/** A distribution as CloudFront made it. */
export interface Distribution {
  readonly id: string
  readonly domainName: string
  readonly isDeployed: boolean
}

/** CloudFront's own cache policy for content that does not depend on cookies, queries or most headers. */
const CACHING_OPTIMIZED = "658327ea-f89d-4fab-a63d-7e88639e58f6"

/** The bucket as CloudFront reaches it. */
const originOf = (settings: S3Settings): string =>
  settings.region === undefined
    ? `${bucketOf(settings)}.s3.amazonaws.com`
    : `${bucketOf(settings)}.s3.${settings.region}.amazonaws.com`

/** The same bucket gives the same reference, so asking twice makes one distribution. */
const requestFor = (settings: S3Settings): CreateDistributionRequest => {
  const bucket = bucketOf(settings)
  return {
    DistributionConfig: {
      CallerReference: `file-conveyor ${bucket}`,
      Comment: `file-conveyor: ${bucket}`,
      Enabled: true,
      Origins: {
        Quantity: 1,
        Items: [{ Id: bucket, DomainName: originOf(settings), S3OriginConfig: { OriginAccessIdentity: "" } }],
      },
      DefaultCacheBehavior: {
        TargetOriginId: bucket,
        ViewerProtocolPolicy: "allow-all",
        CachePolicyId: CACHING_OPTIMIZED,
        Compress: true,
      },
    },
  }
}

/** Makes distributions for a server's bucket and waits for them. */
export const makeDistributions = Effect.fnUntraced(function* (
  server: ServerName,
  settings: S3Settings,
): Effect.fn.Return<
  {
    /** Fails with `Rejected` where there is one already that is no longer as it was made. */
    readonly create: Effect.Effect<Distribution, TransportError>
    /** Returns when CloudFront serves it everywhere, or fails with `Unreachable` after half an hour. */
    readonly deployed: (id: string) => Effect.Effect<void, TransportError>
  },
  never,
  Scope.Scope
> {
  const operation = "create distribution"
  const ask = yield* makeRequests({
    server,
    operation,
    what: `a distribution for bucket "${bucketOf(settings)}"`,
    settings,
  })
  const failure = (reason: TransportError["reason"], detail: string) =>
    new TransportError({ server, operation, reason, detail })

  const create = Effect.gen(function* () {
    const answer = yield* ask("cloudfront:CreateDistribution", ({ client, library }, abortSignal) =>
      client.send(new library.CreateDistributionCommand(requestFor(settings)), { abortSignal }),
    )
    const { DomainName: domainName, Id: id, Status: status } = answer.Distribution ?? {}
    if (id === undefined || domainName === undefined) {
      return yield* failure({ _tag: "Rejected" }, "CloudFront's answer names no distribution")
    }
    return { id, domainName, isDeployed: status === "Deployed" }
  })

  const isDeployed = (id: string) =>
    ask("cloudfront:GetDistribution", ({ client, library }, abortSignal) =>
      client.send(new library.GetDistributionCommand({ Id: id }), { abortSignal }),
    ).pipe(
      Effect.map((answer) => answer.Distribution?.Status === "Deployed"),
      // An answer that fails to come tells nothing about the distribution.
      Effect.catchIf(
        ({ reason }) => reason._tag === "Unreachable" || reason._tag === "Throttled",
        () => Effect.succeed(false),
      ),
    )

  return {
    create,
    deployed: Effect.fnUntraced(function* (id) {
      const until = (yield* Clock.currentTimeMillis) + DISTRIBUTION_WAIT
      let pause = DISTRIBUTION_POLL_FIRST
      while (!(yield* isDeployed(id))) {
        if ((yield* Clock.currentTimeMillis) + pause > until) {
          return yield* failure(
            { _tag: "Unreachable" },
            `${id} was made, but is not deployed after half an hour; look at it in the AWS console`,
          )
        }
        yield* Effect.sleep(pause)
        pause = Math.min(pause * 2, DISTRIBUTION_POLL_MAX)
      }
    }),
  }
})
