/** Starts a Ceph object gateway for a test, and ends it. */
import { execFile } from "node:child_process"
import { existsSync, mkdtempSync, openSync, readFileSync, closeSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"

/** A running gateway. `other` are the keys of a user who may do nothing in the buckets of the first. */
export interface Gateway {
  readonly endpoint: string
  readonly port: number
  readonly keys: { readonly id: string; readonly secret: string }
  readonly other: { readonly id: string; readonly secret: string }
  /** The id of one of its processes: "client.rgw", "osd.0", "mon.a". */
  readonly pid: (name: string) => number
  /** Runs one of its programs with its config, e.g. radosgw-admin. */
  readonly administer: (program: string, ...args: ReadonlyArray<string>) => Promise<void>
  /** Ends the gateway itself without warning; what it stored stays. */
  readonly kill: () => void
  /** Starts it again. */
  readonly restart: () => Promise<void>
  readonly stop: () => Promise<void>
}

/** What has to be installed, and how. */
export const gatewayInstall = "apt-get install -y --no-install-recommends $(cat .ci/packages-s3.txt)"

/** True where the gateway's programs are installed. */
export const gatewayInstalled = (): boolean =>
  ["radosgw", "ceph-mon", "ceph-osd"].every((program) => existsSync(`/usr/bin/${program}`))

const script = fileURLToPath(new URL("./rgw.sh", import.meta.url))

const run = (program: string, args: ReadonlyArray<string>): Promise<string> =>
  new Promise((resolve, reject) => {
    // Daemons keep what they print to open for ever: a file instead of a pipe lets the script's end be the end.
    const own = mkdtempSync(join(tmpdir(), "rgw-log-"))
    const file = join(own, "log")
    const log = openSync(file, "w")
    const child = execFile("bash", ["-c", 'exec "$@" > "$0" 2>&1', file, program, ...args])
    child.once("error", reject)
    child.once("exit", (code) => {
      closeSync(log)
      const output = readFileSync(file, "utf8")
      rmSync(own, { recursive: true })
      if (code === 0) resolve(output)
      else reject(new Error(`${program} ${args.join(" ")} ended with ${code}: ${output}`))
    })
  })

/** Starts one; it takes about 15 seconds. */
export const startGateway = async (): Promise<Gateway> => {
  const directory = mkdtempSync(join(tmpdir(), "rgw-"))
  const stop = async (): Promise<void> => void (await run("bash", [script, "stop", directory]))
  const output = await run("bash", [script, "start", directory]).catch(async (error: unknown) => {
    await stop()
    throw error
  })
  const endpoint = output.trim().split("\n").at(-1) ?? ""
  const pid = (name: string) => Number(readFileSync(join(directory, "run", `${name}.pid`), "utf8"))
  const config = ["-c", join(directory, "ceph.conf"), "-n", "client.rgw"]
  const answers = (): Promise<boolean> =>
    fetch(endpoint).then(
      () => true,
      () => false,
    )
  return {
    endpoint,
    port: Number(new URL(endpoint).port),
    keys: { id: "AKTEST", secret: "SKTEST" },
    other: { id: "AKOTHER", secret: "SKOTHER" },
    pid,
    administer: async (program, ...args) => void (await run("timeout", ["60", program, ...config, ...args])),
    kill: () => void process.kill(pid("client.rgw"), "SIGKILL"),
    restart: async () => {
      await run("radosgw", config)
      const until = Date.now() + 60_000
      while (!(await answers())) {
        if (Date.now() > until) throw new Error("the gateway does not come up again")
        await new Promise((resolve) => setTimeout(resolve, 100))
      }
    },
    stop,
  }
}
