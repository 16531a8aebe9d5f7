/** An S3 store of few words for tests: it answers as it is told to, and checks signatures by itself. */
import { Buffer } from "node:buffer"
import { createHash, createHmac } from "node:crypto"
import { createServer, type IncomingHttpHeaders, type ServerResponse } from "node:http"
import type { AddressInfo, Socket } from "node:net"

/** A request as it came. */
export interface Asked {
  readonly method: string
  readonly path: string
  readonly headers: IncomingHttpHeaders
  readonly body: Buffer
}

export interface StubStore {
  readonly endpoint: string
  readonly asked: Array<Asked>
  /** Connections taken so far, and those that are open. */
  readonly connections: () => number
  readonly open: () => number
  readonly close: () => Promise<void>
}

const hmac = (key: string | Buffer, text: string) => createHmac("sha256", key).update(text).digest()
const sha256 = (bytes: string | Buffer) => createHash("sha256").update(bytes).digest("hex")

/** The signature (version 4) that a request must have, computed from the documents alone. */
export const signatureOf = (asked: Asked, secret: string): string => {
  const authorization = asked.headers.authorization ?? ""
  const [, date = "", region = "", service = ""] =
    /Credential=[^/]+\/(\d{8})\/([^/]+)\/([^/]+)\//.exec(authorization) ?? []
  const signed = /SignedHeaders=([^,]+)/.exec(authorization)?.[1] ?? ""
  const [path = "", query = ""] = asked.path.split("?")
  const headers = signed.split(";").map((name) => `${name}:${String(asked.headers[name]).trim()}\n`)
  const sorted = query
    .split("&")
    .sort()
    .map((pair) => (pair === "" || pair.includes("=") ? pair : `${pair}=`))
    .join("&")
  const payload = asked.headers["x-amz-content-sha256"]
  const canonical = [
    asked.method,
    path,
    sorted,
    headers.join(""),
    signed,
    typeof payload === "string" ? payload : sha256(asked.body),
  ].join("\n")
  const scope = `${date}/${region}/${service}/aws4_request`
  const text = ["AWS4-HMAC-SHA256", String(asked.headers["x-amz-date"]), scope, sha256(canonical)].join("\n")
  const key = ["aws4_request"].reduce(hmac, hmac(hmac(hmac(`AWS4${secret}`, date), region), service))
  return hmac(key, text).toString("hex")
}

/** The signature that a request has. */
export const signatureIn = (asked: Asked): string | undefined =>
  /Signature=([0-9a-f]+)/.exec(asked.headers.authorization ?? "")?.[1]

/** The region that a request is signed for. */
export const regionIn = (asked: Asked): string | undefined =>
  /Credential=[^/]+\/\d+\/([^/]+)\//.exec(asked.headers.authorization ?? "")?.[1]

/** An answer in the form of the protocol's errors. */
export const refuse = (
  response: ServerResponse,
  status: number,
  code: string,
  headers: Record<string, string> = {},
) => {
  response.writeHead(status, { "content-type": "application/xml", ...headers })
  response.end(`<?xml version="1.0"?><Error><Code>${code}</Code><Message>it &lt;is&gt; ${code}</Message></Error>`)
}

/** The answer of a store that took a whole object. */
export const accept = (response: ServerResponse, asked: Asked, headers: Record<string, string> = {}) => {
  response.writeHead(200, { etag: `"${createHash("md5").update(asked.body).digest("hex")}"`, ...headers })
  response.end()
}

/** Starts one on a free port of 127.0.0.1. */
export const startStubStore = (
  answer: (asked: Asked, response: ServerResponse, socket: Socket) => void,
): Promise<StubStore> =>
  new Promise((resolve) => {
    const asked: Array<Asked> = []
    const sockets = new Set<Socket>()
    let connections = 0
    const server = createServer((request, response) => {
      const chunks: Array<Buffer> = []
      request.on("data", (chunk: Buffer) => chunks.push(chunk))
      request.on("end", () => {
        const one: Asked = {
          method: request.method ?? "",
          path: request.url ?? "",
          headers: request.headers,
          body: Buffer.concat(chunks),
        }
        asked.push(one)
        answer(one, response, request.socket)
      })
    })
    server.on("connection", (socket) => {
      connections += 1
      sockets.add(socket)
      socket.once("close", () => sockets.delete(socket))
    })
    server.listen(0, "127.0.0.1", () =>
      resolve({
        endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
        asked,
        connections: () => connections,
        open: () => sockets.size,
        close: () =>
          new Promise((done) => {
            for (const socket of sockets) socket.destroy()
            server.close(() => done())
          }),
      }),
    )
  })
