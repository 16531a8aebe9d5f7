/**
 * Storing objects and parts with the client's own signer and connections, but without the rest of the client: what it does
 * for each request anew (finding the endpoint, building the request from a model, a stack of two dozen wrappers) takes
 * more time than everything else together. Where the bucket is, and how its requests are signed, is what the client
 * found out for an earlier request.
 *
 * @since 1.0.0
 */
import { Buffer } from "node:buffer"
import type { IncomingMessage } from "node:http"
import type { S3Client } from "@aws-sdk/client-s3"
import { S3_ANSWER_BYTES } from "../../../domain/Limits.ts"
import { percentEncode } from "../../../domain/Path.ts"
import type { ObjectHeaders } from "./headers.ts"
import type { Kept } from "./verify.ts"

type Sign = Awaited<ReturnType<S3Client["config"]["signer"]>>["sign"]
type HttpRequest = Parameters<Sign>[0]

/** Where a bucket is and how requests to it are signed. */
export interface Route {
  readonly url: URL
  readonly signingRegion: string
  readonly signingService: string
}

const record = (value: unknown): Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null ? (value as Readonly<Record<string, unknown>>) : {}

/** The route in what the client found out for a request, or undefined: some buckets want other ways of signing. */
export const routeOf = (context: unknown): Route | undefined => {
  const endpoint = record(record(context)["endpointV2"])
  const schemes = record(endpoint["properties"])["authSchemes"]
  const scheme = record(Array.isArray(schemes) ? schemes[0] : undefined)
  const { name, signingName, signingRegion } = scheme
  if (name !== "sigv4" || typeof signingName !== "string" || typeof signingRegion !== "string") return undefined
  return endpoint["url"] instanceof URL
    ? { url: endpoint["url"], signingRegion, signingService: signingName }
    : undefined
}

/** An object to store. Hashes are those of `body`: MD5 in base64, SHA-256 in hex. */
export interface WholeObject {
  readonly key: string
  readonly headers: ObjectHeaders
  readonly body: Buffer
  readonly md5: string
  readonly sha256: string
}

/** A part of an object to store. `md5` is that of `body` in base64. */
export interface ObjectPart {
  readonly key: string
  readonly uploadId: string
  readonly number: number
  readonly body: Buffer
  readonly md5: string
}

/** What goes over the wire. */
interface DirectPut {
  readonly key: string
  readonly query: Record<string, string>
  readonly headers: Record<string, string>
  readonly body: Buffer
}

/** The parameters as the protocol's headers. */
export const wireHeaders = (headers: ObjectHeaders): Record<string, string> => {
  const named: Readonly<Record<string, string | undefined>> = {
    "content-type": headers.ContentType,
    "cache-control": headers.CacheControl,
    expires: headers.Expires?.toUTCString(),
    "content-encoding": headers.ContentEncoding,
    "content-language": headers.ContentLanguage,
    "content-disposition": headers.ContentDisposition,
    "x-amz-website-redirect-location": headers.WebsiteRedirectLocation,
    "x-amz-acl": headers.ACL,
    "x-amz-storage-class": headers.StorageClass,
  }
  const wire: Record<string, string> = {}
  for (const [name, value] of Object.entries(named)) if (value !== undefined) wire[name] = value
  for (const [name, value] of Object.entries(headers.Metadata ?? {})) wire[`x-amz-meta-${name.toLowerCase()}`] = value
  return wire
}

/** The body of an answer; what goes beyond the limit is read and dropped, so that the connection can be used again. */
const textOf = (body: IncomingMessage): Promise<string> =>
  new Promise((resolve, reject) => {
    const chunks: Array<Buffer> = []
    let size = 0
    body.on("data", (chunk: Buffer) => {
      if (size < S3_ANSWER_BYTES) chunks.push(chunk)
      size += chunk.length
    })
    body.once("end", () => resolve(Buffer.concat(chunks).toString("utf8")))
    body.once("error", reject)
    body.once("aborted", () => reject(Object.assign(new Error("socket hang up"), { code: "ECONNRESET" })))
  })

const entities: Readonly<Record<string, string>> = {
  "&lt;": "<",
  "&gt;": ">",
  "&quot;": '"',
  "&apos;": "'",
  "&amp;": "&",
}

const elementOf = (xml: string, name: string): string | undefined =>
  new RegExp(`<${name}>([^<]*)</${name}>`)
    .exec(xml)?.[1]
    ?.replace(/&(?:lt|gt|quot|apos|amp);/g, (entity) => entities[entity] ?? entity)

/** An answer that is no success, in the form in which the client throws it. */
const thrown = (status: number, headers: Readonly<Record<string, string>>, xml: string): Error =>
  Object.assign(new Error(elementOf(xml, "Message") ?? `status ${status}`), {
    name: elementOf(xml, "Code") ?? "Unknown",
    Region: elementOf(xml, "Region"),
    $metadata: { httpStatusCode: status },
    $response: { statusCode: status, headers },
  })

/** Rejects with what the client would reject with. */
const directPut = async (
  client: S3Client,
  route: Route,
  sign: Sign,
  put: DirectPut,
  abortSignal: AbortSignal,
): Promise<Kept> => {
  const { url } = route
  const base = url.pathname.endsWith("/") ? url.pathname : `${url.pathname}/`
  const request = {
    protocol: url.protocol,
    hostname: url.hostname,
    ...(url.port === "" ? {} : { port: Number(url.port) }),
    method: "PUT",
    path: base + percentEncode(put.key),
    query: put.query,
    headers: { host: url.host, ...put.headers, "content-length": String(put.body.length) },
    body: put.body,
  } as HttpRequest
  const signed = await sign(request, {
    signingDate: new Date(Date.now() + client.config.systemClockOffset),
    signingRegion: route.signingRegion,
    signingService: route.signingService,
  })
  const { response } = await client.config.requestHandler.handle(signed as never, { abortSignal })
  const xml = await textOf(response.body as IncomingMessage)
  const headers = response.headers
  if (response.statusCode < 200 || response.statusCode > 299) {
    const theirTime = Date.parse(headers["date"] ?? "")
    const failure = thrown(response.statusCode, headers, xml)
    if (failure.name === "RequestTimeTooSkewed" && !Number.isNaN(theirTime)) {
      client.config.systemClockOffset = theirTime - Date.now()
    }
    throw failure
  }
  return {
    ETag: headers["etag"],
    ServerSideEncryption: headers["x-amz-server-side-encryption"],
    SSECustomerAlgorithm: headers["x-amz-server-side-encryption-customer-algorithm"],
  }
}

/** Stores objects and parts along one route. */
export const makeDirect = (client: S3Client, sign: Sign) => ({
  whole: (route: Route, object: WholeObject, abortSignal: AbortSignal): Promise<Kept> => {
    const headers = {
      ...wireHeaders(object.headers),
      "content-md5": object.md5,
      "x-amz-content-sha256": object.sha256,
    }
    return directPut(client, route, sign, { key: object.key, query: {}, headers, body: object.body }, abortSignal)
  },
  /** The MD5 is signed and stands for the bytes: a SHA-256 of each part would be one more pass over a large file. */
  part: (route: Route, part: ObjectPart, abortSignal: AbortSignal): Promise<Kept> => {
    const headers = { "content-md5": part.md5, "x-amz-content-sha256": "UNSIGNED-PAYLOAD" }
    const query = { partNumber: String(part.number), uploadId: part.uploadId }
    return directPut(client, route, sign, { key: part.key, query, headers, body: part.body }, abortSignal)
  },
})
