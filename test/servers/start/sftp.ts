/** Starts an OpenSSH server for a test, and ends it. */
import { type ChildProcess, spawn } from "node:child_process"
import { chmodSync, existsSync, mkdtempSync, readFileSync, readdirSync, rmSync } from "node:fs"
import * as net from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { freePort } from "./freePort.ts"

export interface SshServer {
  readonly port: number
  readonly user: string
  /** Undefined where the server can not check passwords, since it does not run as root. */
  readonly password: string | undefined
  /** Files: a key without passphrase, one with, and the server's keys. */
  readonly key: string
  readonly lockedKey: string
  readonly passphrase: string
  readonly knownHosts: string
  /** The server's keys, as ssh-keygen writes public keys. */
  readonly hostKeys: { readonly ed25519: string; readonly rsa: string }
  /** Where a login ends up. */
  readonly data: string
  /** Kills the server and everyone who is logged in. */
  readonly kill: () => Promise<void>
  /** Starts it again on the same port. */
  readonly restart: (options?: string) => Promise<void>
  readonly stop: () => Promise<void>
}

/** What has to be installed, and how. */
export const sshInstall = "apt-get install -y --no-install-recommends $(cat .ci/packages-sftp.txt)"

/** True where the server's programs are installed. */
export const sshInstalled = (): boolean => existsSync("/usr/sbin/sshd") && existsSync("/usr/bin/ssh-keygen")

const script = fileURLToPath(new URL("./sftp.sh", import.meta.url))

const greeting = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = net.connect(port, "127.0.0.1")
    socket.once("data", () => {
      socket.destroy()
      resolve(true)
    })
    socket.once("error", () => setTimeout(() => resolve(false), 25))
  })

/** Waits until the server greets. */
const greets = async (port: number): Promise<void> => {
  const deadline = Date.now() + 20_000
  while (!(await greeting(port))) {
    if (Date.now() > deadline) throw new Error(`no SSH server answers on port ${port}`)
  }
}

/** A process and all that came from it. */
const family = (pid: number): ReadonlyArray<number> => {
  const children = new Map<number, Array<number>>()
  for (const entry of readdirSync("/proc")) {
    if (!/^\d+$/.test(entry)) continue
    try {
      const stat = readFileSync(`/proc/${entry}/stat`, "utf8")
      const parent = Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1])
      children.set(parent, [...(children.get(parent) ?? []), Number(entry)])
    } catch {
      // It ended meanwhile.
    }
  }
  const found = [pid]
  for (const each of found) found.push(...(children.get(each) ?? []))
  return found
}

/** Starts one. `options` are those of internal-sftp, e.g. "-P posix-rename" to withhold it. */
export const startSshServer = async (options = ""): Promise<SshServer> => {
  const parent = mkdtempSync(join(tmpdir(), "sshd-"))
  chmodSync(parent, 0o755)
  const directory = join(parent, "server")
  const port = await freePort()
  let child: ChildProcess | undefined

  const start = async (some: string) => {
    child = spawn("bash", [script, directory, String(port), some], { stdio: ["ignore", "ignore", "inherit"] })
    await greets(port)
  }
  const kill = async () => {
    const running = child
    child = undefined
    if (running?.pid === undefined || running.exitCode !== null) return
    const ended = new Promise((resolve) => running.once("exit", resolve))
    for (const pid of family(running.pid)) {
      try {
        process.kill(pid, "SIGKILL")
      } catch {
        // It ended meanwhile.
      }
    }
    await ended
  }
  await start(options)
  return {
    port,
    user: readFileSync(join(directory, "user"), "utf8"),
    password: process.getuid?.() === 0 ? "s3cret" : undefined,
    key: join(directory, "key"),
    lockedKey: join(directory, "locked_key"),
    passphrase: "open sesame",
    knownHosts: join(directory, "known_hosts"),
    hostKeys: {
      ed25519: readFileSync(join(directory, "host_ed25519.pub"), "utf8"),
      rsa: readFileSync(join(directory, "host_rsa.pub"), "utf8"),
    },
    data: join(directory, "data"),
    kill,
    restart: (some) => start(some ?? options),
    stop: async () => {
      await kill()
      rmSync(parent, { recursive: true, force: true })
    },
  }
}
