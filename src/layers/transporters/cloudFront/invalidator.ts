/**
 * Invalidations of a CloudFront distribution.
 *
 * @since 1.0.0
 */
import { createHash } from "node:crypto"
import type { CloudFrontClient } from "@aws-sdk/client-cloudfront"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import type * as Scope from "effect/Scope"
import { TransportError } from "../../../domain/Errors.ts"
import type { Invalidator } from "../../../domain/Invalidator.ts"
import {
  CLOUDFRONT_BUSY,
  CLOUDFRONT_PATHS,
  CLOUDFRONT_REQUEST_TOTAL,
  CLOUDFRONT_WILDCARDS,
} from "../../../domain/Limits.ts"
import type { RemotePath, ServerName } from "../../../domain/Path.ts"
import { type About, failureOf, refusalOf } from "../s3/failure.ts"
import { credentialsOf, quietLibrary } from "../s3/client.ts"
import type { CloudFrontSettings } from "../settings.ts"
import { coalesce, spellings } from "./coalesce.ts"

type Library = typeof import("@aws-sdk/client-cloudfront")

interface CloudFront {
  readonly library: Library
  readonly client: CloudFrontClient
}

/** What the invalidator is made of. `endpoint` is another address of the service than its own. */
export interface InvalidatorOptions {
  readonly server: ServerName
  readonly distribution: string
  readonly settings: Pick<CloudFrontSettings, "access_key_id" | "secret_access_key" | "connectTimeout" | "idleTimeout">
  readonly endpoint?: string
  /** The path of a file's public address. */
  readonly pathOf: (path: RemotePath) => string
}

const load = async (options: InvalidatorOptions): Promise<CloudFront> => {
  quietLibrary()
  const [library, { NodeHttpHandler }] = await Promise.all([
    import("@aws-sdk/client-cloudfront"),
    import("@smithy/node-http-handler"),
  ])
  const credentials = credentialsOf(options.settings)
  const client = new library.CloudFrontClient({
    region: "us-east-1",
    ...(options.endpoint === undefined ? {} : { endpoint: options.endpoint }),
    ...(credentials === undefined ? {} : { credentials }),
    maxAttempts: 1,
    requestHandler: new NodeHttpHandler({
      connectionTimeout: options.settings.connectTimeout,
      socketTimeout: options.settings.idleTimeout,
      httpsAgent: { keepAlive: false, maxSockets: 1 },
      httpAgent: { keepAlive: false, maxSockets: 1 },
    }),
  })
  return { library, client }
}

/** The invalidator of a distribution. Nothing is loaded before the first invalidation. */
export const makeInvalidator = Effect.fnUntraced(function* (
  options: InvalidatorOptions,
): Effect.fn.Return<Invalidator, never, Scope.Scope> {
  let loading: Promise<CloudFront> | undefined
  const loaded = (): Promise<CloudFront> => {
    loading ??= load(options).catch((error: unknown) => {
      loading = undefined
      throw error
    })
    return loading
  }
  yield* Effect.addFinalizer(() =>
    Effect.promise(async () => {
      const cloudFront = await loading?.catch(() => undefined)
      cloudFront?.client.destroy()
    }),
  )
  const credentials = credentialsOf(options.settings)
  const secrets = credentials === undefined ? [] : [credentials.secretAccessKey, credentials.accessKeyId]
  const about: About = {
    what: `distribution ${options.distribution}`,
    where: "CloudFront",
    ambient: credentials === undefined,
  }
  const at = { server: options.server, operation: "invalidate" } as const

  const failed = (thrown: unknown, now: number): TransportError => {
    const refusal = refusalOf(thrown)
    const retryAfter =
      refusal.code === "TooManyInvalidationsInProgress" ? String(CLOUDFRONT_BUSY / 1000) : refusal.retryAfter
    const error = failureOf({ ...refusal, retryAfter }, at, about, secrets, now)
    return error.reason._tag === "PermissionDenied"
      ? new TransportError({
          ...at,
          reason: error.reason,
          detail: `${error.detail}; it takes the permission cloudfront:CreateInvalidation`,
          cause: error.cause,
        })
      : error
  }

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
      yield* Effect.tryPromise({
        try: async (abortSignal) => {
          const { client, library } = await loaded()
          return client.send(
            new library.CreateInvalidationCommand({
              DistributionId: options.distribution,
              InvalidationBatch: {
                CallerReference: reference,
                Paths: { Quantity: named.length, Items: [...named] },
              },
            }),
            { abortSignal },
          )
        },
        catch: (thrown) => failed(thrown, now),
      }).pipe(
        Effect.timeoutOrElse({
          duration: CLOUDFRONT_REQUEST_TOTAL,
          orElse: () =>
            Effect.fail(
              new TransportError({
                ...at,
                reason: { _tag: "Unreachable" },
                detail: "CloudFront did not answer in time",
              }),
            ),
        }),
      )
    }),
  }
})
