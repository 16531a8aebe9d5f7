/**
 * Requests to CloudFront: the library and its client, loaded when they are first needed, and what its refusals mean.
 *
 * @since 1.0.0
 */
import type { CloudFrontClient } from "@aws-sdk/client-cloudfront"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { TransportError } from "../../../domain/Errors.ts"
import { CLOUDFRONT_BUSY, CLOUDFRONT_REQUEST_TOTAL } from "../../../domain/Limits.ts"
import type { ServerName } from "../../../domain/Path.ts"
import { credentialsOf, quietLibrary } from "../s3/client.ts"
import { type About, failureOf, refusalOf } from "../s3/failure.ts"
import type { CloudFrontSettings } from "../settings.ts"

type Library = typeof import("@aws-sdk/client-cloudfront")

/** The library and its client. */
export interface CloudFront {
  readonly library: Library
  readonly client: CloudFrontClient
}

/** What of a server's settings requests to CloudFront need. */
export type RequestSettings = Pick<
  CloudFrontSettings,
  "access_key_id" | "secret_access_key" | "connectTimeout" | "idleTimeout"
>

export interface RequestOptions {
  readonly server: ServerName
  readonly operation: TransportError["operation"]
  /** What the requests are about, in words: e.g. "distribution E1ABC". */
  readonly what: string
  readonly settings: RequestSettings
  /** Another address of the service than its own. */
  readonly endpoint?: string
}

/** One request; `permission` is what it takes, for the case that it is denied. */
export type Ask = <A>(
  permission: string,
  send: (cloudFront: CloudFront, abortSignal: AbortSignal) => Promise<A>,
) => Effect.Effect<A, TransportError>

const load = async (options: RequestOptions): Promise<CloudFront> => {
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

export const makeRequests = Effect.fnUntraced(function* (
  options: RequestOptions,
): Effect.fn.Return<Ask, never, Scope.Scope> {
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
  const about: About = { what: options.what, where: "CloudFront", ambient: credentials === undefined }
  const at = { server: options.server, operation: options.operation }

  const failed = (thrown: unknown, permission: string, now: number): TransportError => {
    const refusal = refusalOf(thrown)
    const retryAfter =
      refusal.code === "TooManyInvalidationsInProgress" ? String(CLOUDFRONT_BUSY / 1000) : refusal.retryAfter
    const error = failureOf({ ...refusal, retryAfter }, at, about, secrets, now)
    return error.reason._tag === "PermissionDenied"
      ? new TransportError({
          ...at,
          reason: error.reason,
          detail: `${error.detail}; it takes the permission ${permission}`,
          cause: error.cause,
        })
      : error
  }

  return (permission, send) =>
    Effect.flatMap(Clock.currentTimeMillis, (now) =>
      Effect.tryPromise({
        try: async (abortSignal) => send(await loaded(), abortSignal),
        catch: (thrown) => failed(thrown, permission, now),
      }),
    ).pipe(
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
})
