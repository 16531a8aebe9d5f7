/** A source that changes all the time, a destination, and the real program between them. */
import { spawn, spawnSync } from "node:child_process"
import { createHash } from "node:crypto"
import fs from "node:fs"
import { createRequire } from "node:module"
import os from "node:os"
import path from "node:path"
import { fileURLToPath } from "node:url"
import { filesOf, makeDestination } from "./destinations.mjs"

const here = (name) => fileURLToPath(new URL(name, import.meta.url))
export const main = here("../../dist/main.js")

/** Content that tells whether it is whole. */
const contentOf = (random) => {
  const body = random.of(["a", "b", "c"]).repeat(random.chance(0.1) ? random.below(400_000) : random.below(3_000))
  return `${body.length}:${random.below(1e9)}:${body}`
}
const isWhole = (content) => {
  const [length, , body] = content.split(":")
  return body !== undefined && body.length === Number(length)
}

const isTemporary = (name) => /(^|\/)\.fc-/.test(name)

/**
 * Makes one; `stop` removes everything of it. The program may get further `words` before its name and, in the
 * `environment` that is made for the world's directory, further variables. With `telling` it can be killed at named moments.
 */
export const makeWorld = async (kind, random, { environment = () => ({}), telling = false, words = [] } = {}) => {
  const directory = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), "conveyor-crash-")))
  fs.chmodSync(directory, 0o755)
  const at = (...names) => path.join(directory, ...names)
  const destination = await makeDestination(kind, directory, telling)
  fs.mkdirSync(at("site"))
  fs.symlinkSync(here("../../node_modules"), at("node_modules"))
  const destinations = `<destinations><destination server="origin"/></destinations>`
  fs.writeFileSync(
    at("config.xml"),
    `<config>
  <settings><stateDir>state</stateDir><syncedFilesDb>synced_files.db</syncedFilesDb><gracePeriod>1</gracePeriod><maxDeletes>100%</maxDeletes></settings>
  <sources ignoredDirs="CVS"><source name="site" scanPath="site"/></sources>
  <servers>${destination.server}</servers>
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

  /** Places that the ledger knows to be removed, each with when that is due. */
  const owed = () => {
    const { DatabaseSync } = createRequire(import.meta.url)("@photostructure/sqlite")
    const database = new DatabaseSync(at("state", "ledger.db"), { readOnly: true, timeout: 5_000 })
    try {
      const rows = database.prepare("SELECT destination, due_at FROM retirements").all()
      return new Map(rows.map((row) => [String(row.destination), Number(row.due_at)]))
    } finally {
      database.close()
    }
  }

  /**
   * What is different, in words; empty when all is as it should be. What is to be removed after the moment `since` may
   * still be there: old names, and what an upload that was cut off may have left.
   */
  const gap = async (since = Date.now()) => {
    // In this order: whatever the ledger let go of before was removed before.
    const debts = fs.existsSync(at("state", "ledger.db")) ? owed() : new Map()
    const [wanted, found] = [expected(), await destination.files()]
    const lines = []
    for (const [file, content] of wanted) {
      const other = found.get(file)
      if (other === undefined) lines.push(`missing ${file}`)
      else if (other !== content) lines.push(`differs ${file}`)
    }
    const latestIn = (directory) =>
      [...debts].reduce((latest, [file, due]) => (path.dirname(file) === directory ? Math.max(latest, due) : latest), 0)
    for (const file of found.keys()) {
      // Half an upload goes when its directory is used the next time.
      const due = debts.get(file) ?? (isTemporary(file) ? latestIn(path.dirname(file)) || undefined : undefined)
      if (wanted.has(file) || (due !== undefined && due > since)) continue
      lines.push(
        `surplus ${file} (${due === undefined ? "the ledger knows nothing of it" : `due since ${Date.now() - due} ms`})`,
      )
    }
    return lines.slice(0, 10).join("\n")
  }

  /** Published files that are not whole, in words. A link shows what its source is at this moment. */
  const halves = async () =>
    kind === "link"
      ? ""
      : [...(await destination.files())]
          .filter(([file, content]) => !isTemporary(file) && !isWhole(content))
          .map(
            ([file, content]) =>
              `half a file is published: ${file}, ${content.length} bytes, "${content.slice(0, 20)}"`,
          )
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
      child = spawn(process.execPath, [...words, main, at("config.xml")], {
        stdio: ["ignore", "ignore", "pipe"],
        env: { ...process.env, CRASH_PLAN: at("plan"), ...environment(directory) },
      })
      child.stderr.on("data", (chunk) => (log = (log + chunk).slice(-20_000)))
      return child
    },
    /** It ended by itself, which it never should. */
    gaveUp: () => child !== undefined && child.exitCode !== null,
    /** It knows what is due. */
    hasScanned: () => log.includes("scanned "),
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
      await destination.stop()
      fs.rmSync(directory, { recursive: true, force: true, maxRetries: 5 })
    },
  }
}
