/**
 * One request and its answer over HTTP. The client is loaded with the first request; redirects are not followed, so
 * what is meant for one host never reaches another.
 *
 * @since 1.0.0
 */
import * as ByteSize from "effect/ByteSize"
import * as Context from "effect/Context"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as HttpClient from "effect/http/HttpClient"
import * as HttpClientRequest from "effect/http/HttpClientRequest"
import * as HttpIncomingMessage from "effect/http/HttpIncomingMessage"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import { CLOUDFILES_ANSWER_BYTES, CLOUDFILES_REQUEST_TOTAL, CLOUDFILES_SLOWEST_RATE } from "../../../domain/Limits.ts"
import { type Deadlines, makeAgents } from "./agents.ts"

/** A request. Its body is in memory as a whole, so its length is exact. */
export interface Outgoing {
  readonly method: "GET" | "HEAD" | "PUT" | "POST" | "DELETE"
  readonly url: string
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>
  readonly body?: Uint8Array
}

/** An answer, whatever its status. Names of headers in lower case. */
export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string | undefined>>
  readonly body: string
}

/** There was no whole answer. `code` is that of the network, e.g. "ECONNREFUSED". */
export class Broken extends Data.TaggedError("Broken")<{ readonly code: string; readonly words: string }> {}

/** Exchanges requests for answers. */
export type Exchange = (request: Outgoing) => Effect.Effect<Answer, Broken>

const record = (value: unknown): Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null ? (value as Readonly<Record<string, unknown>>) : {}

/** The client's errors hold the request with its secrets: only the network's own words go on. */
const brokenOf = (error: unknown): Broken => {
  const reason = record(record(error)["reason"])
  const cause = record(reason["cause"])
  const { code, message } = cause
  return new Broken({
    code: typeof code === "string" ? code : String(reason["_tag"] ?? "Unknown"),
    words: typeof message === "string" && message !== "" ? message : "no reason given",
  })
}

/** What a header can not hold. */
const unsendable = /[^\t\x20-\x7e\x80-\xff]/

/** The way to exchange. The Scope closes the connections. */
export const makeExchange = Effect.fnUntraced(function* (
  deadlines: Deadlines,
  connections: number,
): Effect.fn.Return<Exchange, never, Scope.Scope> {
  const scope = yield* Effect.scope
  const client = yield* Effect.gen(function* () {
    const node = yield* Effect.promise(() => import("@effect/platform-node/NodeHttpClient"))
    const agents = Layer.effect(
      node.HttpAgent,
      Effect.acquireRelease(
        Effect.sync(() => makeAgents(deadlines, connections)),
        ({ http, https }) =>
          Effect.sync(() => {
            http.destroy()
            https.destroy()
          }),
      ),
    )
    const context = yield* Layer.buildWithScope(Layer.provide(node.layerNodeHttpNoAgent, agents), scope)
    return Context.get(context, HttpClient.HttpClient)
  }).pipe(Effect.uninterruptible, Effect.cached)

  const send = Effect.fnUntraced(function* (outgoing: Outgoing): Effect.fn.Return<Answer, Broken> {
    const http = yield* client
    const { body, headers, method, url } = outgoing
    const unfit = Object.keys(headers).find((name) => unsendable.test(headers[name] ?? ""))
    if (unfit !== undefined) {
      return yield* new Broken({ code: "ERR_INVALID_CHAR", words: `${unfit} holds a character that can not be sent` })
    }
    const empty = HttpClientRequest.make(method)(url)
    const request = HttpClientRequest.setHeaders(
      body === undefined ? empty : HttpClientRequest.bodyUint8Array(empty, body),
      headers,
    )
    const response = yield* Effect.mapError(http.execute(request), brokenOf)
    const text = yield* Effect.mapError(response.text, brokenOf)
    return { status: response.status, headers: response.headers, body: text }
  })

  return (outgoing) =>
    send(outgoing).pipe(
      Effect.timeoutOrElse({
        duration: CLOUDFILES_REQUEST_TOTAL + ((outgoing.body?.length ?? 0) * 1000) / CLOUDFILES_SLOWEST_RATE,
        orElse: () => Effect.fail(new Broken({ code: "ETIMEDOUT", words: "the request took too long" })),
      }),
      Effect.provideService(HttpIncomingMessage.MaxBodySize, ByteSize.bytes(CLOUDFILES_ANSWER_BYTES)),
      // A span would show the token, and its headers mean nothing to the service.
      Effect.provideService(HttpClient.TracerDisabledWhen, () => true),
    )
})
