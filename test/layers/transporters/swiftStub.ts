/** A small service that behaves as Swift does, and misbehaves as it is told to. */
import { Buffer } from "node:buffer"
import { createHash } from "node:crypto"
import * as http from "node:http"
import type { AddressInfo } from "node:net"

export interface StubRequest {
  readonly method: string
  /** As it came: percent-encoded, with its query. */
  readonly path: string
  readonly headers: http.IncomingHttpHeaders
  readonly body: Buffer
}

export interface StubAnswer {
  readonly status: number
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
}

export interface SwiftStub {
  readonly address: string
  readonly seen: ReadonlyArray<StubRequest>
  /** Path in the account to bytes. */
  readonly objects: Map<string, { readonly body: Buffer; readonly headers: http.IncomingHttpHeaders }>
  /** Tokens that are accepted. */
  readonly tokens: Set<string>
  /** How long a token holds, in seconds. */
  life: number
  /** Answers instead where it gives an answer; "break" breaks the connection. Asked when the request is there as a whole. */
  instead: (request: StubRequest) => StubAnswer | "break" | undefined
  readonly close: () => Promise<void>
}

/** Starts one. Its account is at /v1/acc; all three ways to sign in lead there. */
export const startSwiftStub = (): Promise<SwiftStub> => {
  const seen: Array<StubRequest> = []
  const objects: SwiftStub["objects"] = new Map()
  const tokens = new Set<string>()
  let issued = 0

  const issue = (): string => {
    issued += 1
    tokens.add(`token-${issued}`)
    return `token-${issued}`
  }
  const expires = () => new Date(Date.now() + stub.life * 1000).toISOString()

  const answer = (request: StubRequest): StubAnswer => {
    const { body, headers, method } = request
    const url = new URL(request.path, stub.address)
    const storage = `${stub.address}/v1/acc`
    if (url.pathname === "/auth/v1.0") {
      const kept = { "x-auth-token": issue(), "x-storage-url": storage, "x-auth-token-expires": String(stub.life) }
      return { status: 200, headers: kept }
    }
    if (url.pathname === "/identity/v3/auth/tokens") {
      const endpoint = (region: string, at: string) => ({ interface: "public", region, region_id: region, url: at })
      const internal = { interface: "internal", region: "one", region_id: "one", url: "http://internal.invalid" }
      const catalog = [
        { type: "compute", endpoints: [endpoint("one", "http://compute.invalid")] },
        {
          type: "object-store",
          endpoints: [internal, endpoint("one", storage), endpoint("two", "http://two.invalid")],
        },
      ]
      const token = { expires_at: expires(), catalog }
      return { status: 201, headers: { "x-subject-token": issue() }, body: JSON.stringify({ token }) }
    }
    if (url.pathname === "/v2.0/tokens") {
      const catalog = [
        {
          type: "object-store",
          endpoints: [
            { publicURL: storage, region: "LON" },
            { publicURL: "x:", region: "ORD" },
          ],
        },
        { type: "rax:object-cdn", endpoints: [{ publicURL: `${stub.address}/cdn/acc`, region: "LON" }] },
      ]
      const token = { id: issue(), expires: expires() }
      const user = { "RAX-AUTH:defaultRegion": "LON" }
      return { status: 200, body: JSON.stringify({ access: { token, user, serviceCatalog: catalog } }) }
    }
    if (!tokens.has(String(headers["x-auth-token"]))) return { status: 401, body: "<h1>Unauthorized</h1>" }
    if (url.pathname === "/cdn/acc/box") {
      return { status: 204, headers: { "x-cdn-uri": "http://abc.cdn.example", "x-cdn-enabled": "True" } }
    }
    if (url.pathname === "/v1/acc/box") return { status: 200, body: "[]" }
    const name = decodeURIComponent(url.pathname.slice("/v1/acc".length))
    const there = objects.get(name)
    const tag = (bytes: Buffer) => createHash("md5").update(bytes).digest("hex")
    switch (method) {
      case "PUT": {
        if (url.searchParams.get("multipart-manifest") === "put") {
          if (body.toString() === "?") return { status: 400, body: "Manifest must be valid JSON." }
          const segments = JSON.parse(body.toString()) as ReadonlyArray<{ readonly path: string }>
          const parts = segments.map((segment) => objects.get(segment.path)?.body ?? Buffer.alloc(0))
          objects.set(name, { body: Buffer.concat(parts), headers: { ...headers, "x-static-large-object": "True" } })
          return { status: 201, headers: { etag: `"${tag(Buffer.from(parts.map(tag).join("")))}"` } }
        }
        if (headers.etag !== undefined && headers.etag !== tag(body)) return { status: 422 }
        objects.set(name, { body, headers })
        return { status: 201, headers: { etag: tag(body) } }
      }
      case "DELETE":
        return { status: objects.delete(name) ? 204 : 404 }
      default:
        if (there === undefined) return { status: 404 }
        return { status: 200, headers: { etag: tag(there.body), "content-length": String(there.body.length) } }
    }
  }

  const server = http.createServer((incoming, outgoing) => {
    const chunks: Array<Buffer> = []
    incoming.on("data", (chunk: Buffer) => chunks.push(chunk))
    incoming.on("error", () => {})
    incoming.on("end", () => {
      const { headers, method = "", url = "" } = incoming
      const request: StubRequest = { method, path: url, headers, body: Buffer.concat(chunks) }
      seen.push(request)
      const instead = stub.instead(request)
      if (instead === "break") return incoming.socket.destroy()
      const { body = "", headers: told = {}, status } = instead ?? answer(request)
      outgoing.writeHead(status, told)
      return outgoing.end(method === "HEAD" ? "" : body)
    })
  })
  const stub: { -readonly [K in keyof SwiftStub]: SwiftStub[K] } = {
    address: "",
    seen,
    objects,
    tokens,
    life: 86_400,
    instead: () => undefined,
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections()
        server.close(() => resolve())
      }),
  }
  return new Promise((resolve) => {
    server.listen(0, "127.0.0.1", () => {
      stub.address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
      resolve(stub)
    })
  })
}
