/** Runs the built program as a user does, in a temporary directory of its own. */
import { type ChildProcess, spawn, spawnSync } from "node:child_process"
import fs from "node:fs"
import os from "node:os"
import path from "node:path"
import { fileURLToPath } from "node:url"
import { Effect } from "effect"
import type { Status } from "../../src/domain/Telemetry.ts"
import { askControl } from "../../src/layers/status/askControl.ts"
import { decodeStatus } from "../../src/layers/status/statusJson.ts"

const main = fileURLToPath(new URL("../../dist/main.js", import.meta.url))

/** A command that has not ended by then never will, in milliseconds. */
const RUN_TIMEOUT = 180_000

export interface Place {
  readonly directory: string
  readonly site: string
  readonly out: string
  readonly config: string
}

export interface PlaceOptions {
  readonly rules?: string
  readonly settings?: string
  readonly mode?: "auto" | "copy"
  readonly source?: string
  /** Further servers. */
  readonly servers?: string
}

const configText = (options: PlaceOptions): string => `<config>
  <settings><stateDir>state</stateDir><syncedFilesDb>synced_files.db</syncedFilesDb>${options.settings ?? ""}</settings>
  <sources ignoredDirs="CVS:.svn"><source name="site" scanPath="site" ${options.source ?? ""}/></sources>
  <servers>
    <server name="origin" transporter="symlink_or_copy">
      <location>out</location><url>http://cdn.example.com/</url><mode>${options.mode ?? "copy"}</mode>
    </server>${options.servers ?? ""}
  </servers>
  <rules>${options.rules ?? '<rule for="site" label="all"><destinations><destination server="origin"/></destinations></rule>'}</rules>
</config>`

/** A directory with a site, an empty destination and a config. */
export const makePlace = (options: PlaceOptions = {}): Place => {
  const directory = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), "fc-e2e-")))
  const place = {
    directory,
    site: path.join(directory, "site"),
    out: path.join(directory, "out"),
    config: path.join(directory, "config.xml"),
  }
  fs.mkdirSync(place.site)
  writeConfig(place, options)
  return place
}

export const writeConfig = (place: Place, options: PlaceOptions): void =>
  fs.writeFileSync(place.config, configText(options))

export const removePlace = (place: Place): void => fs.rmSync(place.directory, { recursive: true, force: true })

/** Runs a command to its end. */
export const run = (...words: ReadonlyArray<string>) => {
  const result = spawnSync(process.execPath, [main, ...words], { encoding: "utf8", timeout: RUN_TIMEOUT })
  return { code: result.status, out: result.stdout, err: result.stderr }
}

/** Runs a command to its end while this process goes on answering; `environment` adds to its own. */
export const runBeside = (
  words: ReadonlyArray<string>,
  environment: Readonly<Record<string, string>> = {},
): Promise<{ readonly code: number | null; readonly out: string; readonly err: string }> =>
  new Promise((resolve) => {
    const child = spawn(process.execPath, [main, ...words], {
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, ...environment },
      timeout: RUN_TIMEOUT,
    })
    let out = ""
    let err = ""
    child.stdout.setEncoding("utf8").on("data", (text: string) => (out += text))
    child.stderr.setEncoding("utf8").on("data", (text: string) => (err += text))
    child.once("close", (code) => resolve({ code, out, err }))
  })

export interface Daemon {
  readonly process: ChildProcess
  /** Everything it has written to standard error. */
  readonly log: () => string
  readonly ended: Promise<number | null>
}

/** Starts the daemon. */
export const daemon = (place: Place, ...words: ReadonlyArray<string>): Daemon =>
  follow(spawn(process.execPath, [main, place.config, ...words], { stdio: ["ignore", "ignore", "pipe"] }))

/** Starts the daemon through another program, which gets the daemon's command line behind its own words. */
export const daemonUnder = (place: Place, [command = "env", ...words]: ReadonlyArray<string>): Daemon =>
  follow(spawn(command, [...words, process.execPath, main, place.config], { stdio: ["ignore", "ignore", "pipe"] }))

/** Starts the daemon bound by the permissions of files: root is not, unless it gives that up. */
export const boundDaemon = (place: Place): Daemon => {
  const without = "-dac_override,-dac_read_search"
  const bound = process.getuid?.() === 0 ? ["setpriv", `--inh-caps=${without}`, `--bounding-set=${without}`] : []
  const [command = process.execPath, ...words] = [...bound, process.execPath, main, place.config]
  return follow(spawn(command, words, { stdio: ["ignore", "ignore", "pipe"] }))
}

const follow = (child: ChildProcess): Daemon => {
  let log = ""
  child.stderr?.on("data", (chunk: Buffer) => {
    log += chunk.toString()
  })
  const ended = new Promise<number | null>((resolve) => child.once("exit", (code) => resolve(code)))
  return { process: child, log: () => log, ended }
}

/** How things stand, as the daemon itself says; undefined before it answers. Starts no program, so it may be asked often. */
export const statusOf = (place: Place): Promise<Status | undefined> =>
  Effect.runPromise(
    askControl(path.join(place.directory, "state"), { command: "status" }).pipe(
      Effect.flatMap(decodeStatus),
      Effect.orElseSucceed(() => undefined),
    ),
  )

/** Returns once `holds` does; fails after `seconds` with what `describe` says. A busy machine is slow, not wrong. */
export const until = async (
  holds: () => boolean | Promise<boolean>,
  describe: () => string = () => "the condition",
  seconds = 90,
): Promise<void> => {
  const deadline = Date.now() + seconds * 1000
  for (;;) {
    const begun = Date.now()
    if (await holds()) return
    if (Date.now() > deadline) throw new Error(`not within ${seconds} s: ${describe()}`)
    // Looking at a large tree takes a while: most of the time belongs to the program.
    await new Promise((resolve) => setTimeout(resolve, Math.max(10, 4 * (Date.now() - begun))))
  }
}

/** Everything below a directory: files (links followed) with their contents, by path as latin-1 text of its bytes. */
export const tree = (directory: string): ReadonlyMap<string, string> => {
  const found = new Map<string, string>()
  const visit = (at: Buffer, relative: string) => {
    let names: Array<Buffer>
    try {
      names = fs.readdirSync(at, { encoding: "buffer" })
    } catch {
      return
    }
    for (const name of names) {
      const full = Buffer.concat([at, Buffer.from("/"), name])
      const key = relative + name.toString("latin1")
      try {
        const stat = fs.statSync(full)
        if (stat.isDirectory()) visit(full, `${key}/`)
        else if (stat.isFile()) found.set(key, fs.readFileSync(full, "latin1"))
      } catch {
        found.set(key, "(unreadable)")
      }
    }
  }
  visit(Buffer.from(directory), "")
  return found
}

/** What is different between two trees, in words; empty when they are equal. */
export const differences = (expected: ReadonlyMap<string, string>, actual: ReadonlyMap<string, string>): string => {
  const lines: Array<string> = []
  for (const [name, content] of expected) {
    const other = actual.get(name)
    if (other === undefined) lines.push(`missing ${JSON.stringify(name)}`)
    else if (other !== content)
      lines.push(`differs ${JSON.stringify(name)}: ${content.length} and ${other.length} bytes`)
  }
  for (const name of actual.keys()) if (!expected.has(name)) lines.push(`surplus ${JSON.stringify(name)}`)
  return lines.slice(0, 20).join("\n")
}
