/**
 * A container of an OpenStack Swift service as a transporter.
 *
 * @since 1.0.0
 */
import { createHash } from "node:crypto"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import { TransportError } from "../../../domain/Errors.ts"
import { CLOUDFILES_BUFFER_BYTES, CLOUDFILES_CONNECTIONS, CLOUDFILES_SINGLE_BYTES } from "../../../domain/Limits.ts"
import type { RemotePath } from "../../../domain/Path.ts"
import type { OutputFile, Receipt, ServerIdentity, TransporterShape } from "../../../domain/Transporter.ts"
import { makeMemory, wholeOf } from "../s3/buffers.ts"
import type { CloudFilesSettings } from "../settings.ts"
import { publicUrl, refusalOf, untoldUrl } from "./address.ts"
import { makeExchange } from "./exchange.ts"
import { objectHeaders } from "./headers.ts"
import { makeLarge } from "./large.ts"
import { type For, forPut, makeObjects } from "./objects.ts"
import { makeRequests } from "./requests.ts"
import { makeProbe, putInSegments } from "./segments.ts"
import { makeSessions } from "./sessions.ts"

/** The transporter; the Scope closes its connections. */
export const makeCloudFiles = Effect.fnUntraced(function* (
  settings: CloudFilesSettings,
  server: ServerIdentity,
): Effect.fn.Return<TransporterShape, never, Scope.Scope> {
  const connections = server.maxConnections > 0 ? server.maxConnections : CLOUDFILES_CONNECTIONS
  const exchange = yield* makeExchange(settings, connections)
  const sessions = yield* makeSessions(settings, exchange)
  const objects = makeObjects(makeRequests(exchange, sessions, server.name, settings.container, connections))
  const large = yield* makeLarge(objects)
  const memory = makeMemory(CLOUDFILES_BUFFER_BYTES)
  const probe = makeProbe(objects)

  const failure = (whom: For, reason: TransportError["reason"], detail: string) =>
    new TransportError({ server: server.name, ...whom, reason, detail })

  /** An operation, unless the name can not be stored, within `totalTimeout`. */
  const operate = <A>(
    operation: For["operation"],
    path: RemotePath,
    work: (whom: For) => Effect.Effect<A, TransportError>,
  ): Effect.Effect<A, TransportError> =>
    Effect.suspend(() => {
      const whom: For = { operation, path }
      const refused = refusalOf(path)
      if (refused !== undefined) return Effect.fail(failure(whom, { _tag: "NameRefused" }, refused))
      if (settings.totalTimeout === undefined) return work(whom)
      return Effect.timeoutOrElse(work(whom), {
        duration: settings.totalTimeout,
        orElse: () => Effect.fail(failure(whom, { _tag: "Unreachable" }, "it took longer than totalTimeout allows")),
      })
    })

  const putWhole = Effect.fnUntraced(function* (
    file: OutputFile,
    to: RemotePath,
  ): Effect.fn.Return<Receipt, TransportError> {
    const bytes = yield* wholeOf(file.content, { server: server.name, path: to })
    yield* objects.store(forPut(to), to, bytes, objectHeaders(file, to))
    return { sha256: createHash("sha256").update(bytes).digest("hex") }
  })

  const put = Effect.fnUntraced(function* (
    file: OutputFile,
    to: RemotePath,
  ): Effect.fn.Return<Receipt, TransportError> {
    const { content } = file
    const whom = forPut(to)
    const isLarge = content.size > CLOUDFILES_SINGLE_BYTES
    const old = yield* large.segmentsAt(whom)
    if (isLarge) yield* probe(to)
    const receipt = yield* isLarge
      ? putInSegments({ objects, large, memory }, { content, to, headers: objectHeaders(file, to) })
      : memory.holding(content.size, putWhole(file, to))
    const isGone = yield* large.discard(whom, old)
    large.is(to, isLarge || !isGone)
    return receipt
  })

  const remove = Effect.fnUntraced(function* (whom: For): Effect.fn.Return<void, TransportError> {
    const old = yield* large.segmentsAt(whom)
    yield* objects.remove(whom, whom.path)
    large.is(whom.path, !(yield* large.discard(whom, old)))
  })

  return {
    capabilities: { atomicReplace: true, contentHash: true, headers: true, directories: false, connections },
    put: (file, to) => operate("put", to, () => put(file, to)),
    remove: (at) => operate("remove", at, remove),
    stat: (at) =>
      operate("stat", at, (whom) =>
        Effect.map(
          objects.describe(whom, at),
          Option.map(({ hash, size }) => ({ size, ...(hash === undefined ? {} : { hash }) })),
        ),
      ),
    url: (at) => {
      const base = sessions.base()
      return base === undefined ? untoldUrl(settings.container, at) : publicUrl(base, at)
    },
  }
})
