// A transporter of one's own: HTTP PUT, as WebDAV servers and many stores take it. config.xml says where to.
import { createHash } from "node:crypto"
import { Effect, Layer, Option, Schema, Stream } from "effect"
import { defineTransporter, Path, Transporter, TransportError } from "file-conveyor"

const reasons = { 401: "Unauthorized", 403: "PermissionDenied", 503: "Throttled", 507: "OutOfSpace" }

export default defineTransporter({
  name: "put",
  settings: Schema.Struct({ address: Schema.NonEmptyString, url: Schema.NonEmptyString }),
  layer: ({ address, url }, { name: server }) => {
    const fail = (operation, path, _tag, detail) =>
      new TransportError({ server, operation, path, detail, reason: { _tag } })

    const ask = Effect.fnUntraced(function* (operation, path, method, body) {
      const request = { method, body }
      const response = yield* Effect.tryPromise({
        try: (signal) => fetch(Path.urlOf(address, path), { ...request, signal }),
        catch: (cause) => fail(operation, path, "Unreachable", String(cause.cause ?? cause)),
      })
      yield* Effect.promise(() => response.arrayBuffer().catch(() => undefined))
      if (response.ok || (response.status === 404 && method !== "PUT")) return response
      return yield* fail(operation, path, reasons[response.status] ?? "Rejected", `${method}: ${response.statusText}`)
    })

    return Layer.succeed(Transporter, {
      capabilities: { atomicReplace: true, contentHash: false, headers: false, directories: false, connections: 4 },
      url: (at) => Path.urlOf(url, at),
      remove: (at) => Effect.asVoid(ask("remove", at, "DELETE")),
      stat: (at) =>
        Effect.map(ask("stat", at, "HEAD"), ({ headers, ok }) =>
          ok ? Option.some({ size: Number(headers.get("content-length")) }) : Option.none(),
        ),
      // The whole file is read before any of it is sent, so one that changes meanwhile is never stored in part.
      put: Effect.fnUntraced(function* (file, to) {
        const read = Stream.mkUint8Array(file.content.bytes)
        const bytes = yield* Effect.mapError(read, ({ message }) => fail("put", to, "SourceChanged", message))
        yield* ask("put", to, "PUT", bytes)
        return { sha256: createHash("sha256").update(bytes).digest("hex") }
      }),
    })
  },
})
