/**
 * The way to one S3 store: bounded connections, a deadline on everything, and what is tried once more at once.
 *
 * @since 1.0.0
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Semaphore from "effect/Semaphore"
import type { TransportError } from "../../../domain/Errors.ts"
import { S3_REQUEST_TOTAL, S3_SLOWEST_RATE } from "../../../domain/Limits.ts"
import type { RemotePath } from "../../../domain/Path.ts"
import type { ServerIdentity } from "../../../domain/Transporter.ts"
import type { S3Settings } from "../settings.ts"
import { bucketOf } from "./address.ts"
import { credentialsOf, defaultRegion, type Learned, loadS3, type S3 } from "./client.ts"
import { type About, failureOf, isReset, type Refusal, refusalOf } from "./failure.ts"

/** What a request is about. */
export interface Request {
  readonly operation: TransportError["operation"]
  readonly path: RemotePath
  /** Bytes it carries: it may take longer the more there are. */
  readonly bytes?: number
  /** Sent twice it does the same as sent once: a connection that broke while idle is replaced silently. */
  readonly repeatable: boolean
}

/** A failed request: what the caller is told, and what was read of the answer. */
export interface Failed {
  readonly error: TransportError
  readonly refusal: Refusal
}

/** Sends requests to one store. */
export interface Requests {
  /** Interruption and the deadline break the connection. */
  readonly attempt: <A>(request: Request, call: (s3: S3, signal: AbortSignal) => Promise<A>) => Effect.Effect<A, Failed>
  /** The same, for callers who need the contract's error alone. */
  readonly send: <A>(
    request: Request,
    call: (s3: S3, signal: AbortSignal) => Promise<A>,
  ) => Effect.Effect<A, TransportError>
}

/** The way to the store that these settings describe. Nothing is loaded or connected before the first request. */
export const makeRequests = Effect.fnUntraced(function* (
  settings: S3Settings,
  server: ServerIdentity,
  connections: number,
): Effect.fn.Return<Requests, never, Scope.Scope> {
  const clock = yield* Clock.Clock
  const turn = Semaphore.withPermit(Semaphore.makeUnsafe(connections))
  const learned: Learned = { region: undefined }
  let loading: Promise<S3> | undefined
  const loaded = (): Promise<S3> => {
    loading ??= loadS3(settings, connections, learned).catch((error: unknown) => {
      loading = undefined
      throw error
    })
    return loading
  }
  yield* Effect.addFinalizer(() =>
    Effect.promise(async () => {
      const s3 = await loading?.catch(() => undefined)
      s3?.client.destroy()
    }),
  )

  const credentials = credentialsOf(settings)
  const secrets = credentials === undefined ? [] : [credentials.secretAccessKey, credentials.accessKeyId]
  const about: About = {
    what: `bucket "${bucketOf(settings)}"`,
    where: settings.endpoint ?? "Amazon S3",
    ambient: credentials === undefined,
  }

  /** Whether the very same request may succeed now: on a fresh connection, with the right region, or the corrected clock. */
  const mayWork = (request: Request, refusal: Refusal, usedRegion: string): boolean => {
    if (refusal.code === "RequestTimeTooSkewed") return true
    const { region } = refusal
    if (region !== undefined && settings.region === undefined && region !== usedRegion) {
      learned.region = region
      void loading?.then((s3) => s3.forget())
      return true
    }
    return request.repeatable && isReset(refusal)
  }

  const once = <A>(request: Request, call: (s3: S3, signal: AbortSignal) => Promise<A>): Effect.Effect<A, Failed> =>
    Effect.tryPromise({
      try: async (signal) => call(await loaded(), signal),
      catch: (thrown): Failed => {
        const refusal = refusalOf(thrown)
        const at = { server: server.name, operation: request.operation, path: request.path }
        return { refusal, error: failureOf(refusal, at, about, secrets, clock.currentTimeMillisUnsafe()) }
      },
    })

  const late = (request: Request): Failed => {
    const refusal: Refusal = {
      code: "TimeoutError",
      status: 0,
      message: "the request took too long",
      retryAfter: undefined,
      region: undefined,
    }
    const at = { server: server.name, operation: request.operation, path: request.path }
    return { refusal, error: failureOf(refusal, at, about, secrets, clock.currentTimeMillisUnsafe()) }
  }

  const twice: Requests["attempt"] = (request, call) =>
    Effect.suspend(() => {
      const usedRegion = learned.region ?? defaultRegion
      return once(request, call).pipe(
        Effect.catchIf(
          (failed) => mayWork(request, failed.refusal, usedRegion),
          () => once(request, call),
        ),
      )
    })

  const attempt: Requests["attempt"] = (request, call) =>
    turn(
      twice(request, call).pipe(
        Effect.timeoutOrElse({
          duration: S3_REQUEST_TOTAL + ((request.bytes ?? 0) * 1000) / S3_SLOWEST_RATE,
          orElse: () => Effect.fail(late(request)),
        }),
      ),
    )

  return { attempt, send: (request, call) => Effect.mapError(attempt(request, call), (failed) => failed.error) }
})
