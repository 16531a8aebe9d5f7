/**
 * Invalidations of a CloudFront distribution.
 *
 * @since 1.0.0
 */
import { createHash } from "node:crypto"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import type * as Scope from "effect/Scope"
import type { Invalidator } from "../../../domain/Invalidator.ts"
import { CLOUDFRONT_PATHS, CLOUDFRONT_WILDCARDS } from "../../../domain/Limits.ts"
import type { RemotePath, ServerName } from "../../../domain/Path.ts"
import type { CloudFrontSettings } from "../settings.ts"
import { coalesce, spellings } from "./coalesce.ts"
import { makeRequests } from "./requests.ts"

/** What the invalidator is made of. `endpoint` is another address of the service than its own. */
export interface InvalidatorOptions {
  readonly server: ServerName
  readonly distribution: string
  readonly settings: Pick<CloudFrontSettings, "access_key_id" | "secret_access_key" | "connectTimeout" | "idleTimeout">
  readonly endpoint?: string
  /** The path of a file's public address. */
  readonly pathOf: (path: RemotePath) => string
}

/** The invalidator of a distribution. Nothing is loaded before the first invalidation. */
export const makeInvalidator = Effect.fnUntraced(function* (
  options: InvalidatorOptions,
): Effect.fn.Return<Invalidator, never, Scope.Scope> {
  const ask = yield* makeRequests({
    server: options.server,
    operation: "invalidate",
    what: `distribution ${options.distribution}`,
    settings: options.settings,
    ...(options.endpoint === undefined ? {} : { endpoint: options.endpoint }),
  })

  return {
    invalidate: Effect.fnUntraced(function* (paths) {
      if (paths.length === 0) return
      const named = coalesce(
        paths.flatMap((path) => spellings(options.pathOf(path))),
        { paths: CLOUDFRONT_PATHS, wildcards: CLOUDFRONT_WILDCARDS },
      )
      const now = yield* Clock.currentTimeMillis
      const salt = yield* Random.next
      // The service takes two orders of one reference for one; each of these is an order of its own.
      const reference = createHash("sha256")
        .update([now, salt, ...named].join("\n"))
        .digest("hex")
      yield* ask("cloudfront:CreateInvalidation", ({ client, library }, abortSignal) =>
        client.send(
          new library.CreateInvalidationCommand({
            DistributionId: options.distribution,
            InvalidationBatch: {
              CallerReference: reference,
              Paths: { Quantity: named.length, Items: [...named] },
            },
          }),
          { abortSignal },
        ),
      )
    }),
  }
})
