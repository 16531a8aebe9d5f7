/**
 * What the operations on one store have in common.
 *
 * @since 1.0.0
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { TransportError } from "../../../domain/Errors.ts"
import type { RemotePath, ServerName } from "../../../domain/Path.ts"
import type { OutputFile } from "../../../domain/Transporter.ts"
import type { ObjectHeaders } from "./headers.ts"
import type { Request, Requests } from "./requests.ts"
import type { Kept } from "./verify.ts"

/** A file on its way. */
export interface Upload {
  readonly file: OutputFile
  readonly to: RemotePath
  readonly key: string
  readonly headers: ObjectHeaders
}

/** An object as the store describes it. */
export interface Described extends Kept {
  readonly size: number
}

/** One bucket. */
export interface Store {
  readonly server: ServerName
  readonly bucket: string
  readonly requests: Requests
  /** What is at this key; none where nothing is. */
  readonly describe: (
    operation: Request["operation"],
    path: RemotePath,
    key: string,
  ) => Effect.Effect<Option.Option<Described>, TransportError>
  /** Fails unless the store holds as many bytes as were sent. */
  readonly verifySize: (upload: Upload) => Effect.Effect<Described, TransportError>
}

/** The bucket of this name. */
export const makeStore = (server: ServerName, bucket: string, requests: Requests): Store => {
  const describe: Store["describe"] = (operation, path, key) =>
    requests
      .attempt({ operation, path, repeatable: true }, ({ client, library }, abortSignal) =>
        client.send(new library.HeadObjectCommand({ Bucket: bucket, Key: key }), { abortSignal }),
      )
      .pipe(
        Effect.map((found) => Option.some<Described>({ ...found, size: found.ContentLength ?? 0 })),
        Effect.catchIf(
          ({ refusal }) => refusal.status === 404,
          () => Effect.succeedNone,
        ),
        Effect.mapError((failed) => failed.error),
      )

  const verifySize: Store["verifySize"] = Effect.fnUntraced(function* ({ file, key, to }) {
    const found = yield* describe("put", to, key)
    if (Option.isSome(found) && found.value.size === file.content.size) return found.value
    return yield* new TransportError({
      server,
      operation: "put",
      path: to,
      reason: { _tag: "VerificationFailed" },
      detail: Option.isNone(found)
        ? "the store took the file and does not have it"
        : `the store has ${found.value.size} bytes of ${file.content.size}`,
    })
  })

  return { server, bucket, requests, describe, verifySize }
}
