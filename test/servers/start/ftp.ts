/** Starts an FTP server for a test, and ends it. */
import { type ChildProcess, execFileSync, spawn } from "node:child_process"
import { chmodSync, existsSync, mkdtempSync, rmSync } from "node:fs"
import * as net from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { freePort } from "./freePort.ts"

export type FtpKind = "proftpd" | "vsftpd"
/** "lenient": data connections need not resume the TLS session of the control connection. */
export type FtpTls = "none" | "explicit" | "explicit-lenient" | "implicit"

export interface FtpServer {
  readonly port: number
  readonly user: string
  readonly password: string
  /** A file with its certificate. */
  readonly certificate: string
  /** Where a login ends up. */
  readonly data: string
  /** Kills the server and everyone who is logged in. */
  readonly kill: () => Promise<void>
  /** Kills everyone who is logged in, not the server. */
  readonly hangUp: () => void
  /** Starts it again on the same port; with other lines for its configuration where they are given. */
  readonly restart: (more?: string) => Promise<void>
  readonly stop: () => Promise<void>
}

/** vsftpd and ProFTPD can not be installed beside each other, so one of them is unpacked only. */
const vsftpd = process.env["VSFTPD"] ?? ["/usr/sbin/vsftpd", "/opt/vsftpd/usr/sbin/vsftpd"].find(existsSync)

/** What has to be installed, and how. */
export const ftpInstall: Readonly<Record<FtpKind, string>> = {
  proftpd: "apt-get install -y --no-install-recommends $(cat .ci/packages-ftp.txt)",
  vsftpd: "apt-get download vsftpd && dpkg -x vsftpd_*.deb /opt/vsftpd",
}

/** True where the server's program is installed. */
export const ftpInstalled = (kind: FtpKind): boolean =>
  kind === "vsftpd" ? vsftpd !== undefined : existsSync("/usr/sbin/proftpd")

const script = fileURLToPath(new URL("./ftp.sh", import.meta.url))

const listens = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = net.connect(port, "127.0.0.1")
    socket.once("connect", () => {
      socket.destroy()
      resolve(true)
    })
    socket.once("error", () => setTimeout(() => resolve(false), 25))
  })

const childrenOf = (pid: number): ReadonlyArray<number> => {
  try {
    const found = execFileSync("pgrep", ["-P", String(pid)], { encoding: "utf8" })
      .trim()
      .split("\n")
      .map(Number)
    return [...found, ...found.flatMap(childrenOf)]
  } catch {
    return []
  }
}

const end = (pid: number): void => {
  try {
    process.kill(pid, "SIGKILL")
  } catch {
    // It ended meanwhile.
  }
}

/** Starts one. `more` are lines for its configuration. */
export const startFtpServer = async (kind: FtpKind, tls: FtpTls, more = ""): Promise<FtpServer> => {
  const parent = mkdtempSync(join(tmpdir(), "ftpd-"))
  chmodSync(parent, 0o755)
  const directory = join(parent, "server")
  const port = await freePort()
  let child: ChildProcess | undefined

  const start = async (some: string) => {
    child = spawn("bash", [script, directory, String(port), kind, tls, some], {
      stdio: ["ignore", "ignore", "inherit"],
      env: { ...process.env, VSFTPD: vsftpd },
    })
    const deadline = Date.now() + 20_000
    while (!(await listens(port))) {
      if (Date.now() > deadline) throw new Error(`no FTP server answers on port ${port}`)
    }
  }
  const kill = async () => {
    const running = child
    child = undefined
    if (running?.pid === undefined || running.exitCode !== null) return
    const ended = new Promise((resolve) => running.once("exit", resolve))
    const sessions = childrenOf(running.pid)
    end(running.pid)
    sessions.forEach(end)
    await ended
  }
  await start(more)
  return {
    port,
    user: kind === "vsftpd" ? "anonymous" : "fcftp",
    password: "s3cret",
    certificate: join(directory, "cert.pem"),
    data: join(directory, "data"),
    kill,
    hangUp: () => {
      if (child?.pid !== undefined) childrenOf(child.pid).forEach(end)
    },
    restart: (some) => start(some ?? more),
    stop: async () => {
      await kill()
      rmSync(parent, { recursive: true, force: true })
    },
  }
}
