/**
 * The objects of one container, one request each.
 *
 * @since 1.0.0
 */
import { createHash } from "node:crypto"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { TransportError } from "../../../domain/Errors.ts"
import { percentEncode, type RemotePath } from "../../../domain/Path.ts"
import type { RemoteFile } from "../../../domain/Transporter.ts"
import type { Answer } from "./exchange.ts"
import type { Request, Requests } from "./requests.ts"

/** Kept with an object that is put together of segments, since its tag tells no hash of its bytes. */
export const SHA256 = "x-object-meta-fc-sha256"

/** An object as the service describes it. */
export interface Described extends RemoteFile {
  /** It is put together of segments. */
  readonly large: boolean
  /** Its entity tag without quotes. */
  readonly tag: string | undefined
}

/** For whom a request is made. */
export type For = Pick<Request, "operation" | "path">

/** The objects of one container. */
export interface Objects {
  readonly requests: Requests
  readonly describe: (whom: For, name: string) => Effect.Effect<Option.Option<Described>, TransportError>
  /** Stores bytes; succeeds when the service confirmed their MD5, which it gives back. */
  readonly store: (
    whom: For,
    name: string,
    bytes: Uint8Array,
    headers: Readonly<Record<string, string>>,
  ) => Effect.Effect<string, TransportError>
  /** What is absent already counts as removed. */
  readonly remove: (whom: For, name: string) => Effect.Effect<void, TransportError>
  /** Names of the segments that an object is put together of, in this container. */
  readonly segments: (whom: For, name: string) => Effect.Effect<ReadonlyArray<string>, TransportError>
  /** A page of names that begin with `prefix` and come after `marker`; empty behind the last. */
  readonly list: (whom: For, prefix: string, marker: string) => Effect.Effect<ReadonlyArray<string>, TransportError>
}

/** An entity tag without quotes. */
export const tagOf = ({ headers }: Answer): string | undefined =>
  headers["etag"]?.replace(/^W\//, "").replaceAll('"', "").toLowerCase()

const hashOf = (answer: Answer, large: boolean): RemoteFile["hash"] => {
  const sha256 = answer.headers[SHA256]
  if (sha256 !== undefined && /^[0-9a-f]{64}$/.test(sha256)) return { algorithm: "sha256", hex: sha256 }
  const tag = tagOf(answer)
  // Objects that others put together have tags that are no hash of their bytes.
  const isHash = !large && answer.headers["x-object-manifest"] === undefined && tag !== undefined
  return isHash && /^[0-9a-f]{32}$/.test(tag) ? { algorithm: "md5", hex: tag } : undefined
}

const describedBy = (answer: Answer): Described => {
  const large = answer.headers["x-static-large-object"]?.toLowerCase() === "true"
  const hash = hashOf(answer, large)
  return {
    size: Number(answer.headers["content-length"] ?? 0),
    large,
    tag: tagOf(answer),
    ...(hash === undefined ? {} : { hash }),
  }
}

const decodeManifest = Schema.decodeUnknownOption(
  Schema.fromJsonString(Schema.Array(Schema.Struct({ name: Schema.String }))),
)

/** The objects that these requests are about. */
export const makeObjects = (requests: Requests): Objects => {
  const { container, send, server } = requests

  const failed = (whom: For, tag: TransportError["reason"]["_tag"], detail: string) =>
    new TransportError({ server, ...whom, reason: { _tag: tag }, detail })

  const describe: Objects["describe"] = (whom, name) =>
    Effect.map(send({ ...whom, method: "HEAD", name, accept: [404] }), (answer) =>
      answer.status === 404 ? Option.none() : Option.some(describedBy(answer)),
    )

  const listed = (whom: For, answer: Answer): Effect.Effect<ReadonlyArray<string>, TransportError> =>
    Option.match(decodeManifest(answer.body), {
      onNone: () => Effect.fail(failed(whom, "Rejected", "the service gave a list that can not be read")),
      onSome: (entries) => Effect.succeed(entries.map((entry) => entry.name)),
    })

  return {
    requests,
    describe,
    store: Effect.fnUntraced(function* (whom, name, bytes, headers) {
      const md5 = createHash("md5").update(bytes).digest("hex")
      const answer = yield* send({ ...whom, method: "PUT", name, body: bytes, headers: { ...headers, etag: md5 } })
      const told = tagOf(answer) ?? Option.getOrUndefined(yield* describe(whom, name))?.tag
      if (told === md5) return md5
      return yield* failed(
        whom,
        "VerificationFailed",
        `what the service keeps has MD5 ${told ?? "(untold)"}, what was sent has ${md5}`,
      )
    }),
    remove: (whom, name) => Effect.asVoid(send({ ...whom, method: "DELETE", name, accept: [404] })),
    segments: (whom, name) =>
      send({ ...whom, method: "GET", name, query: "multipart-manifest=get" }).pipe(
        Effect.flatMap((answer) => listed(whom, answer)),
        Effect.map((names) =>
          names.flatMap((each) => (each.startsWith(`/${container}/`) ? [each.slice(container.length + 2)] : [])),
        ),
      ),
    list: (whom, prefix, marker) =>
      Effect.flatMap(
        send({
          ...whom,
          method: "GET",
          query: `format=json&prefix=${percentEncode(prefix)}&marker=${percentEncode(marker)}`,
        }),
        (answer) => listed(whom, answer),
      ),
  }
}

/** The path of an object as manifests name it. */
export const pathInAccount = (container: string, name: string): string => `/${container}/${name}`

/** Why a file is stored or removed. */
export const forPut = (path: RemotePath): For => ({ operation: "put", path })
