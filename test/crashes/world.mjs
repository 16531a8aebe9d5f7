/** A source that changes all the time, a destination, and the real program between them. */
import { spawn, spawnSync } from "node:child_process"
import { createHash } from "node:crypto"
import fs from "node:fs"
import { createRequire } from "node:module"
import net from "node:net"
import os from "node:os"
import path from "node:path"
import { fileURLToPath } from "node:url"

const here = (name) => fileURLToPath(new URL(name, import.meta.url))
export const main = here("../../dist/main.js")
export const pause = (millis) => new Promise((resolve) => setTimeout(resolve, millis))

/** Returns once `holds` does; undefined when it did not within `seconds`. */
export const until = async (holds, seconds, step = 25) => {
  const deadline = Date.now() + seconds * 1000
  while (Date.now() < deadline) {
    const found = await holds()
    if (found) return found
    await pause(step)
  }
  return undefined
}

const freePort = () =>
  new Promise((resolve) => {
    const probe = net.createServer()
    probe.listen(0, "127.0.0.1", () => {
      const { port } = probe.address()
      probe.close(() => resolve(port))
    })
  })

const answers = (port) =>
  new Promise((resolve) => {
    const socket = net.connect(port, "127.0.0.1")
    socket.once("data", () => resolve(true))
    socket.once("error", () => resolve(false))
    socket.once("data", () => socket.destroy())
  })

/** Starts a server of test/servers/start; `stop` ends it. */
const startServer = async (script, directory, words) => {
  const port = await freePort()
  const child = spawn("bash", [here(`../servers/start/${script}`), directory, String(port), ...words], {
    stdio: ["ignore", "ignore", "inherit"],
    detached: true,
  })
  if ((await until(() => answers(port), 30)) === undefined) throw new Error(`no server answers on port ${port}`)
  return { port, stop: () => process.kill(-child.pid, "SIGKILL") }
}

/** Kinds of destinations: what `<server>` says, where its files are, what ends it. */
const kinds = {
  copy: async () => ({
    server: `<server name="origin" transporter="symlink_or_copy"><location>out</location><url>http://x/</url><mode>copy</mode></server>`,
    out: "out",
    stop: () => undefined,
  }),
  link: async () => ({
    server: `<server name="origin" transporter="symlink_or_copy"><location>out</location><url>http://x/</url></server>`,
    out: "out",
    stop: () => undefined,
  }),
  telling: async () => ({
    server: `<server name="origin" transporter="${here("telling.mjs")}"><directory>out</directory><plan>plan</plan><url>http://x/</url></server>`,
    out: "out",
    stop: () => undefined,
  }),
  sftp: async (directory) => {
    const { port, stop } = await startServer("sftp.sh", path.join(directory, "server"), [])
    const user = process.getuid?.() === 0 ? "fcsftp" : os.userInfo().username
    return {
      server: `<server name="origin" transporter="sftp"><host>127.0.0.1</host><port>${port}</port><username>${user}</username><key>server/key</key><knownHosts>server/known_hosts</knownHosts><path>${path.join(directory, "server/data")}</path><url>http://x/</url></server>`,
      out: "server/data",
      stop,
    }
  },
  ftp: async (directory) => {
    const { port, stop } = await startServer("ftp.sh", path.join(directory, "server"), ["proftpd", "none"])
    return {
      server: `<server name="origin" transporter="ftp"><host>127.0.0.1</host><port>${port}</port><username>fcftp</username><password>s3cret</password><url>http://x/</url></server>`,
      out: "server/data",
      stop,
    }
  },
}
export const serverKinds = Object.keys(kinds)

/** Whether what a kind takes is installed. */
export const isInstalled = (kind) =>
  kind === "sftp" ? fs.existsSync("/usr/sbin/sshd") : kind === "ftp" ? fs.existsSync("/usr/sbin/proftpd") : true

/** Content that tells whether it is whole. */
const contentOf = (random) => {
  const body = random.of(["a", "b", "c"]).repeat(random.chance(0.1) ? random.below(400_000) : random.below(3_000))
  return `${body.length}:${random.below(1e9)}:${body}`
}
const isWhole = (content) => {
  const [length, , body] = content.split(":")
  return body !== undefined && body.length === Number(length)
}

const filesOf = (directory) => {
  const found = new Map()
  const visit = (at, relative) => {
    let entries
    try {
      entries = fs.readdirSync(at, { withFileTypes: true })
    } catch {
      return
    }
    for (const entry of entries) {
      const [full, name] = [path.join(at, entry.name), relative + entry.name]
      try {
        if (fs.statSync(full).isDirectory()) visit(full, `${name}/`)
        else found.set(name, fs.readFileSync(full, "latin1"))
      } catch {
        // It went away meanwhile.
      }
    }
  }
  visit(directory, "")
  return found
}

const isTemporary = (name) => /(^|\/)\.fc-/.test(name)

/** Makes one; `stop` removes everything of it. */
export const makeWorld = async (kind, random) => {
  const directory = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), "conveyor-crash-")))
  fs.chmodSync(directory, 0o755)
  const at = (...names) => path.join(directory, ...names)
  const destination = await kinds[kind](directory)
  fs.mkdirSync(at("site"))
  fs.symlinkSync(here("../../node_modules"), at("node_modules"))
  const destinations = `<destinations><destination server="origin"/></destinations>`
  const config = destination.server.replaceAll(
    /<(directory|plan)>([^<]*)</g,
    (_, name, value) => `<${name}>${at(value)}<`,
  )
  fs.writeFileSync(
    at("config.xml"),
    `<config>
  <settings><stateDir>state</stateDir><syncedFilesDb>synced_files.db</syncedFilesDb><gracePeriod>1</gracePeriod><maxDeletes>100%</maxDeletes></settings>
  <sources ignoredDirs="CVS"><source name="site" scanPath="site"/></sources>
  <servers>${config}</servers>
  <rules>
    <rule for="site" label="plain"><filter><extensions>txt</extensions></filter>${destinations}</rule>
    <rule for="site" label="named"><filter><extensions>css</extensions></filter><processorChain><processor name="unique_filename.MD5"/></processorChain>${destinations}</rule>
  </rules>
</config>`,
  )
  let child
  let log = ""

  const name = () => `d${random.below(5)}/f${random.below(30)}.${random.of(["txt", "txt", "css"])}`
  const churn = () => {
    const file = at("site", name())
    fs.mkdirSync(path.dirname(file), { recursive: true })
    const choice = random.below(20)
    if (choice < 11) fs.writeFileSync(file, contentOf(random))
    else if (choice < 14) {
      // As careful writers do.
      fs.writeFileSync(at("site", ".new"), contentOf(random))
      fs.renameSync(at("site", ".new"), file)
    } else if (choice < 17) fs.rmSync(file, { force: true })
    else if (choice < 19) {
      if (fs.existsSync(file)) fs.renameSync(file, path.join(path.dirname(file), `moved${random.below(10)}.txt`))
    } else {
      const [one, other] = [at("site", `d${random.below(5)}`), at("site", `e${random.below(3)}`)]
      if (fs.existsSync(one) && !fs.existsSync(other)) fs.renameSync(one, other)
      else fs.rmSync(other, { recursive: true, force: true })
    }
  }

  const expected = () => {
    const files = new Map()
    for (const [file, content] of filesOf(at("site"))) {
      if (file.endsWith(".txt")) files.set(file, content)
      const hash = createHash("md5").update(content, "latin1").digest("hex")
      if (file.endsWith(".css")) files.set(file.replace(/\.css$/, `_${hash}.css`), content)
    }
    return files
  }

  /** Places that the ledger knows to be removed later: what an upload that was cut off may have left there. */
  const owed = () => {
    const { DatabaseSync } = createRequire(import.meta.url)("@photostructure/sqlite")
    const database = new DatabaseSync(at("state", "ledger.db"), { readOnly: true, timeout: 5_000 })
    try {
      const rows = database.prepare("SELECT destination FROM retirements WHERE due_at > ?").all(Date.now())
      return new Set(rows.map((row) => String(row.destination)))
    } finally {
      database.close()
    }
  }

  /** What is different, in words; empty when all is as it should be. */
  const gap = () => {
    const [wanted, found] = [expected(), filesOf(at(destination.out))]
    const lines = []
    for (const [file, content] of wanted) {
      const other = found.get(file)
      if (other === undefined) lines.push(`missing ${file}`)
      else if (other !== content) lines.push(`differs ${file}`)
    }
    const surplus = [...found.keys()].filter((file) => !wanted.has(file))
    const known = surplus.length === 0 ? new Set() : owed()
    for (const file of surplus) if (!known.has(file)) lines.push(`surplus ${file}`)
    return lines.slice(0, 10).join("\n")
  }

  /** Published files that are not whole, in words. A link shows what its source is at this moment. */
  const halves = () =>
    kind === "link"
      ? ""
      : [...filesOf(at(destination.out))]
          .filter(([file, content]) => !isTemporary(file) && !isWhole(content))
          .map(([file]) => `half a file is published: ${file}`)
          .join("\n")

  return {
    directory,
    churn,
    gap,
    halves,
    log: () => log,
    plan: (text) => (text === undefined ? fs.rmSync(at("plan"), { force: true }) : fs.writeFileSync(at("plan"), text)),
    start: () => {
      log = ""
      child = spawn(process.execPath, [main, at("config.xml")], { stdio: ["ignore", "ignore", "pipe"] })
      child.stderr.on("data", (chunk) => (log = (log + chunk).slice(-20_000)))
      return child
    },
    /** It ended by itself, which it never should. */
    gaveUp: () => child !== undefined && child.exitCode !== null,
    isRunning: () => child !== undefined && child.exitCode === null && child.signalCode === null,
    /** kill -9; returns when it is dead. */
    kill: async () => {
      if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
      const ended = new Promise((resolve) => child.once("exit", resolve))
      child.kill("SIGKILL")
      await ended
    },
    command: (...words) => {
      const [command, ...rest] = words
      const result = spawnSync(process.execPath, [main, command, at("config.xml"), ...rest], {
        encoding: "utf8",
        timeout: 120_000,
      })
      return { code: result.status, out: result.stdout, err: result.stderr }
    },
    stop: async () => {
      if (child !== undefined && child.exitCode === null && child.signalCode === null) child.kill("SIGKILL")
      destination.stop()
      fs.rmSync(directory, { recursive: true, force: true, maxRetries: 5 })
    },
  }
}
