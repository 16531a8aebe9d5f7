/**
 * A bucket of an S3 store as a transporter.
 *
 * @since 1.0.0
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import { TransportError } from "../../../domain/Errors.ts"
import { S3_BUFFER_BYTES, S3_CONNECTIONS, S3_SINGLE_BYTES } from "../../../domain/Limits.ts"
import type { RemotePath } from "../../../domain/Path.ts"
import type { RemoteFile, ServerIdentity, TransporterShape } from "../../../domain/Transporter.ts"
import type { S3Settings } from "../settings.ts"
import { bucketOf, keyOf, publicAddress } from "./address.ts"
import { makeMemory } from "./buffers.ts"
import { objectHeaders } from "./headers.ts"
import { makeOrphans } from "./orphans.ts"
import { putInParts } from "./parts.ts"
import { makeRequests } from "./requests.ts"
import { putWhole } from "./single.ts"
import { type Described, makeStore, type Upload } from "./store.ts"
import { md5Of } from "./verify.ts"

const remoteFile = (described: Described): RemoteFile => {
  const md5 = md5Of(described)
  return { size: described.size, ...(md5 === undefined ? {} : { hash: { algorithm: "md5", hex: md5 } }) }
}

/** The transporter; the Scope closes its connections. */
export const makeS3 = Effect.fnUntraced(function* (
  settings: S3Settings,
  server: ServerIdentity,
): Effect.fn.Return<TransporterShape, never, Scope.Scope> {
  const connections = server.maxConnections > 0 ? server.maxConnections : S3_CONNECTIONS
  const requests = yield* makeRequests(settings, server, connections)
  const store = makeStore(server.name, bucketOf(settings), requests)
  const orphans = makeOrphans(store)
  const memory = makeMemory(S3_BUFFER_BYTES)

  const failure = (
    operation: TransportError["operation"],
    path: RemotePath,
    reason: TransportError["reason"],
    detail: string,
  ) => new TransportError({ server: server.name, operation, path, reason, detail })

  const withKey = <A>(
    operation: TransportError["operation"],
    path: RemotePath,
    use: (key: string) => Effect.Effect<A, TransportError>,
  ): Effect.Effect<A, TransportError> =>
    Effect.suspend(() => {
      const found = keyOf(path)
      return "key" in found
        ? use(found.key)
        : Effect.fail(failure(operation, path, { _tag: "NameRefused" }, found.refused))
    })

  const inTime = <A>(
    operation: TransportError["operation"],
    path: RemotePath,
    effect: Effect.Effect<A, TransportError>,
  ): Effect.Effect<A, TransportError> =>
    settings.totalTimeout === undefined
      ? effect
      : Effect.timeoutOrElse(effect, {
          duration: settings.totalTimeout,
          orElse: () =>
            Effect.fail(failure(operation, path, { _tag: "Unreachable" }, "it took longer than totalTimeout allows")),
        })

  return {
    capabilities: { atomicReplace: true, contentHash: true, headers: true, directories: false, connections },
    put: (file, to) =>
      withKey("put", to, (key) => {
        const upload: Upload = { file, to, key, headers: objectHeaders(file, to, settings) }
        return inTime(
          "put",
          to,
          file.content.size <= S3_SINGLE_BYTES
            ? memory.holding(file.content.size, putWhole(store, upload))
            : putInParts(store, memory, orphans, upload),
        )
      }),
    remove: (at) =>
      withKey("remove", at, (key) =>
        inTime(
          "remove",
          at,
          requests
            .attempt({ operation: "remove", path: at, repeatable: true }, ({ client, library }, abortSignal) =>
              client.send(new library.DeleteObjectCommand({ Bucket: bucketOf(settings), Key: key }), { abortSignal }),
            )
            .pipe(
              Effect.catchIf(
                ({ refusal }) => refusal.code === "NoSuchKey",
                () => Effect.void,
              ),
              Effect.mapError((failed) => failed.error),
              Effect.asVoid,
            ),
        ),
      ),
    stat: (at) =>
      withKey("stat", at, (key) =>
        inTime("stat", at, Effect.map(store.describe("stat", at, key), Option.map(remoteFile))),
      ),
    url: (at) => publicAddress(settings, at),
  }
})
