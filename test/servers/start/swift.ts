/** Starts an OpenStack Swift for a test, and ends it. */
import { execFile } from "node:child_process"
import { closeSync, existsSync, mkdtempSync, openSync, readFileSync, rmSync } from "node:fs"
import * as net from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { percentEncode } from "../../../src/domain/Path.ts"

/** A running service, and what its owner can do there without the code that is tested. */
export interface Swift {
  readonly endpoint: string
  readonly port: number
  readonly authUrl: string
  readonly user: { readonly name: string; readonly key: string }
  /** May do only what a container allows everybody. */
  readonly stranger: { readonly name: string; readonly key: string }
  /** Address of a container. */
  readonly containerUrl: (container: string) => string
  /** Makes a container that everybody may read. */
  readonly makeContainer: (container: string) => Promise<void>
  /** Asks about a container or, with a name, an object. */
  readonly ask: (
    method: string,
    container: string,
    name?: string,
    some?: { readonly headers?: Record<string, string>; readonly query?: string; readonly body?: Uint8Array | string },
  ) => Promise<Response>
  /** Bytes of an object as the public gets them; undefined where there is none. */
  readonly read: (container: string, name: string) => Promise<Uint8Array | undefined>
  /** Names of all objects. */
  readonly names: (container: string) => Promise<ReadonlyArray<string>>
  /** Makes the service forget all tokens it issued. */
  readonly forgetTokens: () => Promise<void>
  /** Kills the process that clients talk to, and starts it again. */
  readonly down: () => Promise<void>
  readonly up: () => Promise<void>
  /** Starts a Keystone, and one more proxy that asks it who is who; `stop` ends them as well. Takes about 15 seconds. */
  readonly keystone: () => Promise<{ readonly identity: string; readonly storage: string }>
  readonly stop: () => Promise<void>
}

/** What has to be installed, and how. */
export const swiftInstall = "apt-get install -y --no-install-recommends $(cat .ci/packages-cloudfiles.txt)"

/** True where Keystone and what lets Swift ask it are installed. */
export const keystoneInstalled = (): boolean =>
  ["/usr/bin/keystone-wsgi-public", "/usr/lib/python3/dist-packages/keystonemiddleware"].every(existsSync)

/** True where the service's programs are installed. */
export const swiftInstalled = (): boolean =>
  ["swift-proxy-server", "swift-object-server", "swift-container-server", "swift-account-server", "memcached"].every(
    (program) => existsSync(`/usr/bin/${program}`),
  )

const script = fileURLToPath(new URL("./swift.sh", import.meta.url))

const order = async (...args: ReadonlyArray<string>): Promise<void> => {
  await run(...args)
}

const run = (...args: ReadonlyArray<string>): Promise<string> =>
  new Promise((resolve, reject) => {
    // Daemons keep what they print to open for ever: a file instead of a pipe lets the script's end be the end.
    const directory = mkdtempSync(join(tmpdir(), "swift-log-"))
    const file = join(directory, "log")
    const log = openSync(file, "w")
    const child = execFile("bash", ["-c", 'exec bash "$@" > "$0" 2>&1', file, script, ...args])
    child.once("error", reject)
    child.once("exit", (code) => {
      closeSync(log)
      const output = readFileSync(file, "utf8")
      rmSync(directory, { recursive: true })
      if (code === 0) resolve(output)
      else reject(new Error(`swift.sh ${args.join(" ")} ended with ${code}: ${output}`))
    })
  })

/** Has memcached, where tokens are, forget everything. */
const flush = (port: number): Promise<void> =>
  new Promise((resolve, reject) => {
    const socket = net.connect(port, "127.0.0.1", () => socket.write("flush_all\r\n"))
    socket.once("error", reject)
    socket.once("data", () => {
      socket.destroy()
      resolve()
    })
  })

/** Starts one; it takes about 15 seconds. */
export const startSwift = async (): Promise<Swift> => {
  const directory = mkdtempSync(join(tmpdir(), "swift-"))
  const stop = () => order("stop", directory)
  const output = await run("start", directory).catch(async (error: unknown) => {
    await stop()
    throw error
  })
  const endpoint = output.trim().split("\n").at(-1) ?? ""
  const authUrl = `${endpoint}/auth/v1.0`
  const user = { name: "test:tester", key: "testing" }
  const containerUrl = (container: string) => `${endpoint}/v1/AUTH_test/${container}`
  const token = async (): Promise<string> => {
    const answer = await fetch(authUrl, { headers: { "x-auth-user": user.name, "x-auth-key": user.key } })
    return answer.headers.get("x-auth-token") ?? ""
  }
  const ask: Swift["ask"] = async (method, container, name, some = {}) => {
    const url = containerUrl(container) + (name === undefined ? "" : `/${percentEncode(name)}`)
    return fetch(some.query === undefined ? url : `${url}?${some.query}`, {
      method,
      headers: { ...some.headers, "x-auth-token": await token() },
      ...(some.body === undefined ? {} : { body: some.body as string }),
    })
  }
  const expect = async (answer: Promise<Response>): Promise<Response> => {
    const { ok, status, url } = await answer
    if (!ok) throw new Error(`${url} answered ${status}`)
    return answer
  }
  return {
    endpoint,
    port: Number(new URL(endpoint).port),
    authUrl,
    user,
    stranger: { name: "test:reader", key: "reading" },
    containerUrl,
    makeContainer: async (container) => {
      await expect(ask("PUT", container, undefined, { headers: { "x-container-read": ".r:*" } }))
    },
    ask,
    read: async (container, name) => {
      const answer = await fetch(`${containerUrl(container)}/${percentEncode(name)}`)
      if (answer.status === 404) return undefined
      if (!answer.ok) throw new Error(`reading ${name} was answered with ${answer.status}`)
      return new Uint8Array(await answer.arrayBuffer())
    },
    names: async (container) => {
      const answer = await expect(ask("GET", container, undefined, { query: "format=json" }))
      return ((await answer.json()) as ReadonlyArray<{ readonly name: string }>).map((entry) => entry.name)
    },
    forgetTokens: () => flush(Number(readFileSync(join(directory, "run", "memcached.port"), "utf8"))),
    keystone: async () => {
      const [identity = "", storage = ""] = (await run("keystone", directory)).trim().split("\n").slice(-2)
      return { identity, storage }
    },
    down: () => order("down", directory),
    up: () => order("up", directory),
    stop,
  }
}
