/** Amazon as far as tests need it: a bucket that keeps what it is sent, and CloudFront's calls as a test answers them. */
import { createHash } from "node:crypto"
import type { ServerResponse } from "node:http"
import { type Asked, refuse, startStubStore } from "../layers/transporters/s3/stubStore.ts"

export interface StubAmazon {
  readonly endpoint: string
  /** Objects by path. */
  readonly objects: Map<string, Buffer>
  /** What CloudFront was asked. */
  readonly asked: Array<Asked>
  /** Environment of a program that takes this for Amazon. */
  readonly environment: Readonly<Record<string, string>>
  readonly close: () => Promise<void>
}

const md5 = (bytes: Buffer) => createHash("md5").update(bytes).digest("hex")

const bucket = (objects: Map<string, Buffer>, one: Asked, response: ServerResponse) => {
  const [path = ""] = one.path.split("?")
  const held = objects.get(path)
  if (one.method === "PUT") {
    objects.set(path, one.body)
    response.writeHead(200, { etag: `"${md5(one.body)}"` })
    return response.end()
  }
  if (one.method === "DELETE") {
    objects.delete(path)
    response.writeHead(204)
    return response.end()
  }
  if (held === undefined) return refuse(response, 404, "NoSuchKey")
  response.writeHead(200, { etag: `"${md5(held)}"`, "content-length": held.length })
  return response.end(one.method === "HEAD" ? undefined : held)
}

/** An empty bucket of any name; `answer` is asked for everything that CloudFront is. */
export const startStubAmazon = async (
  answer: (asked: Asked, response: ServerResponse) => void,
): Promise<StubAmazon> => {
  const objects = new Map<string, Buffer>()
  const asked: Array<Asked> = []
  const store = await startStubStore((one, response) => {
    if (!one.path.startsWith("/2020-05-31/")) return bucket(objects, one, response)
    asked.push(one)
    return answer(one, response)
  })
  return {
    endpoint: store.endpoint,
    objects,
    asked,
    environment: { AWS_ENDPOINT_URL_CLOUDFRONT: store.endpoint },
    close: store.close,
  }
}
