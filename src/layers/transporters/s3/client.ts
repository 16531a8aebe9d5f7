/**
 * The library of S3 stores and its one client for a server, loaded when it is first needed.
 *
 * @since 1.0.0
 */
import { Agent as HttpAgent } from "node:http"
import { Agent as HttpsAgent } from "node:https"
import process from "node:process"
import type { S3Client } from "@aws-sdk/client-s3"
import * as Redacted from "effect/Redacted"
import { S3_SOCKET_IDLE } from "../../../domain/Limits.ts"
import type { S3Settings } from "../settings.ts"
import { bucketOf, pathStyle } from "./address.ts"
import { makeDirect, type ObjectPart, type Route, routeOf, type WholeObject } from "./directPut.ts"
import type { Kept } from "./verify.ts"

type Library = typeof import("@aws-sdk/client-s3")

/** The library and its client. */
export interface S3 {
  readonly library: Library
  readonly client: S3Client
  /** Stores an object in one request. */
  readonly put: (object: WholeObject, abortSignal: AbortSignal) => Promise<Kept>
  /** Stores a part of one. */
  readonly putPart: (part: ObjectPart, abortSignal: AbortSignal) => Promise<Kept>
  /** Something that was found out about the store is not so. */
  readonly forget: () => void
}

/** Keys from the config; undefined: the AWS default chain finds some. */
export const credentialsOf = (settings: Pick<S3Settings, "access_key_id" | "secret_access_key">) =>
  settings.access_key_id === undefined || settings.secret_access_key === undefined
    ? undefined
    : {
        accessKeyId: Redacted.value(settings.access_key_id),
        secretAccessKey: Redacted.value(settings.secret_access_key),
      }

/** The library warns about versions of Node that it still works with; its users can do nothing about that. */
export const quietLibrary = (): void => {
  process.env["AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED"] ??= "true"
}

/** Signed with until the store says otherwise, where the config gives no region. */
export const defaultRegion = "us-east-1"

/** What the store's answers told. */
export interface Learned {
  region: string | undefined
}

/** Loads the library and makes the client. */
export const loadS3 = async (settings: S3Settings, connections: number, learned: Learned): Promise<S3> => {
  quietLibrary()
  const [library, { NodeHttpHandler }] = await Promise.all([
    import("@aws-sdk/client-s3"),
    import("@smithy/node-http-handler"),
  ])
  const credentials = credentialsOf(settings)
  const sockets = { keepAlive: true, maxSockets: connections, timeout: S3_SOCKET_IDLE }
  const client = new library.S3Client({
    region: async () => learned.region ?? settings.region ?? defaultRegion,
    ...(settings.endpoint === undefined ? {} : { endpoint: settings.endpoint }),
    ...(credentials === undefined ? {} : { credentials }),
    forcePathStyle: pathStyle(settings),
    maxAttempts: 1,
    cacheMiddleware: true,
    requestChecksumCalculation: settings.checksum === "when_supported" ? "WHEN_SUPPORTED" : "WHEN_REQUIRED",
    responseChecksumValidation: settings.checksum === "when_supported" ? "WHEN_SUPPORTED" : "WHEN_REQUIRED",
    // Stores that never answer 100 Continue would hold up every body.
    expectContinueHeader: false,
    requestHandler: new NodeHttpHandler({
      connectionTimeout: settings.connectTimeout,
      socketTimeout: settings.idleTimeout,
      httpAgent: new HttpAgent(sockets),
      httpsAgent: new HttpsAgent(sockets),
    }),
  })
  let route: Route | undefined
  const direct = settings.checksum === "when_required"
  client.middlewareStack.add(
    (next, context) => (args) => {
      if (direct) route ??= routeOf(context)
      return next(args)
    },
    { step: "build", name: "route" },
  )
  const signer = await client.config.signer()
  const along = makeDirect(client, signer.sign.bind(signer))
  const put: S3["put"] = (object, abortSignal) =>
    route === undefined
      ? client.send(
          new library.PutObjectCommand({
            ...object.headers,
            Bucket: bucketOf(settings),
            Key: object.key,
            Body: object.body,
            ContentLength: object.body.length,
            ContentMD5: object.md5,
          }),
          { abortSignal },
        )
      : along.whole(route, object, abortSignal)
  const putPart: S3["putPart"] = (part, abortSignal) =>
    route === undefined
      ? client.send(
          new library.UploadPartCommand({
            Bucket: bucketOf(settings),
            Key: part.key,
            UploadId: part.uploadId,
            PartNumber: part.number,
            Body: part.body,
            ContentLength: part.body.length,
            ContentMD5: part.md5,
          }),
          { abortSignal },
        )
      : along.part(route, part, abortSignal)
  const forget = () => {
    route = undefined
  }
  return { library, client, put, putPart, forget }
}
