/**
 * Requests about the files of one container, with a token that is renewed when it is refused.
 *
 * @since 1.0.0
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Semaphore from "effect/Semaphore"
import { TransportError } from "../../../domain/Errors.ts"
import type { RemotePath, ServerName } from "../../../domain/Path.ts"
import { objectUrl } from "./address.ts"
import type { Answer, Broken, Exchange, Outgoing } from "./exchange.ts"
import { isReset, type Meaning, meaningOf, meaningOfBroken } from "./failure.ts"
import { hostOf, type Session, type Sessions, Trouble } from "./sessions.ts"

/** A request. Sent twice it does the same as sent once. */
export interface Request {
  readonly operation: TransportError["operation"]
  /** The file it is made for. */
  readonly path: RemotePath
  readonly method: Outgoing["method"]
  /** The object it is about; undefined: the container itself. */
  readonly name?: string
  /** Without its "?". */
  readonly query?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: Uint8Array
  /** Statuses beside 2xx that are an answer and no failure. */
  readonly accept?: ReadonlyArray<number>
}

/** Sends requests to one container. */
export interface Requests {
  readonly server: ServerName
  readonly container: string
  readonly send: (request: Request) => Effect.Effect<Answer, TransportError>
}

/** At most `connections` at once. */
export const makeRequests = (
  exchange: Exchange,
  sessions: Sessions,
  server: ServerName,
  container: string,
  connections: number,
): Requests => {
  const turn = Semaphore.withPermit(Semaphore.makeUnsafe(connections))

  const once = (request: Request, session: Session): Effect.Effect<Answer, Broken> => {
    const { body, headers, method, name, query } = request
    const url = name === undefined ? session.container : objectUrl(session.container, name)
    return exchange({
      method,
      url: query === undefined ? url : `${url}?${query}`,
      headers: { ...headers, "x-auth-token": Redacted.value(session.token) },
      ...(body === undefined ? {} : { body }),
    })
  }

  /**
   * A connection that broke is tried again, once: the server may have closed it while it was idle. It may also have
   * refused the token and not have waited for the body, so one with a body goes with another token.
   */
  const twice = (request: Request, session: Session): Effect.Effect<readonly [Answer, Session], Broken | Trouble> =>
    once(request, session).pipe(
      Effect.map((answer) => [answer, session] as const),
      Effect.catchIf(
        (broken) => isReset(broken),
        () =>
          Effect.flatMap(request.body === undefined ? Effect.succeed(session) : sessions.after(session), (next) =>
            Effect.map(once(request, next), (answer) => [answer, next] as const),
          ),
      ),
    )

  const answered = Effect.fnUntraced(function* (request: Request): Effect.fn.Return<Answer, Trouble> {
    const session = yield* sessions.current
    const about = { container, where: hostOf(session.container), signingIn: false, hasAuthUrl: true }
    const troubled = <A>(effect: Effect.Effect<A, Broken | Trouble>) =>
      Effect.mapError(effect, (error) =>
        error._tag === "Trouble" ? error : new Trouble({ ...meaningOfBroken(error, about), cause: error }),
      )
    const first = yield* troubled(twice(request, session))
    const [answer, used] =
      first[0].status === 401 ? yield* troubled(twice(request, yield* sessions.after(first[1]))) : first
    if ((answer.status >= 200 && answer.status < 300) || request.accept?.includes(answer.status) === true) return answer
    const { detail, reason }: Meaning = meaningOf(answer, about, yield* Clock.currentTimeMillis)
    return yield* new Trouble({ reason, detail: detail.replaceAll(Redacted.value(used.token), "***") })
  })

  return {
    server,
    container,
    send: (request) =>
      Effect.mapError(
        turn(answered(request)),
        ({ cause, detail, reason }) =>
          new TransportError({
            server,
            operation: request.operation,
            path: request.path,
            reason,
            detail,
            ...(cause === undefined ? {} : { cause }),
          }),
      ),
  }
}
