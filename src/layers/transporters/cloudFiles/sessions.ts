/**
 * Who we are to the service: signed in once for all, and again when a token has had its time or is refused.
 *
 * @since 1.0.0
 */
import * as Clock from "effect/Clock"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import { CLOUDFILES_RENEW_BEFORE } from "../../../domain/Limits.ts"
import type { CloudFilesSettings } from "../settings.ts"
import { containerUrl } from "./address.ts"
import type { Answer, Broken, Exchange, Outgoing } from "./exchange.ts"
import { type About, type Meaning, meaningOf, meaningOfBroken } from "./failure.ts"
import { type Access, signInOf } from "./identity.ts"
import { shared } from "./shared.ts"

/** A token, and what it opens. */
export interface Session {
  readonly token: Redacted.Redacted
  /** Address of the container. */
  readonly container: string
  /** Public address of the container. */
  readonly base: string
  /** From then on another token is asked for, in milliseconds since the epoch. */
  readonly renewAt: number
}

/** Something went wrong, told without naming a file. */
export class Trouble extends Data.TaggedError("Trouble")<Meaning & { readonly cause?: Broken }> {}

/** The sessions of one server, one at a time. */
export interface Sessions {
  /** One that should be accepted. */
  readonly current: Effect.Effect<Session, Trouble>
  /** Another one than `refused`. */
  readonly after: (refused: Session) => Effect.Effect<Session, Trouble>
  /** Public address of the container, once it is known. */
  readonly base: () => string | undefined
}

/** The host of an address, which words may name. */
export const hostOf = (url: string): string => (URL.canParse(url) ? new URL(url).origin : "the service")

/** Signs in as these settings say. */
export const makeSessions = Effect.fnUntraced(function* (
  settings: CloudFilesSettings,
  exchange: Exchange,
): Effect.fn.Return<Sessions, never, Scope.Scope> {
  const scope = yield* Effect.scope
  const signIn = signInOf(settings)
  const secret = Redacted.value(settings.api_key)
  let session: Session | undefined
  let isTold = false

  const about = (url: string, signingIn: boolean): About => ({
    container: settings.container,
    where: hostOf(url),
    signingIn,
    hasAuthUrl: settings.auth_url !== undefined,
  })

  const ask = (request: Outgoing, signingIn: boolean): Effect.Effect<Answer, Trouble> =>
    Effect.mapError(
      exchange(request),
      (broken) => new Trouble({ ...meaningOfBroken(broken, about(request.url, signingIn)), cause: broken }),
    )

  const signedIn = Effect.gen(function* () {
    const answer = yield* ask(signIn.request, true)
    if (answer.status < 200 || answer.status > 299) {
      const { detail, reason } = meaningOf(answer, about(signIn.request.url, true), yield* Clock.currentTimeMillis)
      return yield* new Trouble({ reason, detail: detail.replaceAll(secret, "***") })
    }
    const access = signIn.read(answer)
    if ("lacking" in access) return yield* new Trouble({ reason: { _tag: "Unauthorized" }, detail: access.lacking })
    if (URL.canParse(access.storage)) return access
    return yield* new Trouble({ reason: { _tag: "Unreachable" }, detail: `"${access.storage}" is no address of files` })
  })

  /** The address at which a CDN serves the container, where one does. */
  const cdnBase = Effect.fnUntraced(function* ({ cdn, token }: Access): Effect.fn.Return<string | undefined, Trouble> {
    if (cdn === undefined) return undefined
    const url = containerUrl(cdn, settings.container)
    const answer = yield* ask({ method: "HEAD", url, headers: { "x-auth-token": Redacted.value(token) } }, false)
    if (answer.status >= 500 || answer.status === 429) {
      return yield* new Trouble(meaningOf(answer, about(url, false), yield* Clock.currentTimeMillis))
    }
    const { "x-cdn-enabled": enabled, "x-cdn-uri": uri } = answer.headers
    return answer.status < 300 && enabled?.toLowerCase() !== "false" ? uri : undefined
  })

  const renewed = shared(
    Effect.gen(function* () {
      const access = yield* signedIn
      const { life, storage, token } = access
      const container = containerUrl(storage, settings.container)
      if (signIn.request.url.startsWith("https:") && storage.startsWith("http:") && !isTold) {
        isTold = true
        yield* Effect.logWarning(
          `${hostOf(signIn.request.url)} names ${hostOf(storage)} as the place of the files, which is not encrypted: whoever is on the way can read the token.`,
        )
      }
      const base = settings.url ?? (yield* cdnBase(access)) ?? container
      const now = yield* Clock.currentTimeMillis
      const renewAt =
        life === undefined || life < 2 * CLOUDFILES_RENEW_BEFORE
          ? Number.POSITIVE_INFINITY
          : now + life - CLOUDFILES_RENEW_BEFORE
      session = { token, container, base, renewAt }
      return session
    }),
    scope,
  )

  return {
    current: Effect.flatMap(Clock.currentTimeMillis, (now) =>
      session === undefined || now >= session.renewAt ? renewed : Effect.succeed(session),
    ),
    after: (refused) =>
      Effect.suspend(() => (session === undefined || session === refused ? renewed : Effect.succeed(session))),
    base: () => settings.url ?? session?.base,
  }
})
