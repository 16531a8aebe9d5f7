// What the benchmarks share: a tree of files, a config, the built program, and honest statistics.
import { spawn, spawnSync } from "node:child_process"
import fs from "node:fs"
import os from "node:os"
import path from "node:path"
import { fileURLToPath } from "node:url"

export const main = fileURLToPath(new URL("../dist/main.js", import.meta.url))

/** A temporary directory, gone when the process ends. `BENCH_DIR` says where. */
export const temporary = () => {
  const directory = fs.mkdtempSync(path.join(process.env.BENCH_DIR ?? os.tmpdir(), "fc-bench-"))
  process.on("exit", () => fs.rmSync(directory, { recursive: true, force: true }))
  return directory
}

/** `files` files of 200 to 2,000 bytes, 20 in a directory. */
export const makeTree = (root, files) => {
  let seed = 1
  const random = (limit) => (seed = (seed * 1103515245 + 12345) % 2147483648) % limit
  const bytes = Buffer.alloc(2000)
  for (let i = 0; i < bytes.length; i++) bytes[i] = random(256)
  for (let d = 0; d * 20 < files; d++) {
    const directory = path.join(root, `d${String(d % 50).padStart(2, "0")}`, `s${String(d).padStart(5, "0")}`)
    fs.mkdirSync(directory, { recursive: true })
    for (let f = 0; f < 20 && d * 20 + f < files; f++) {
      fs.writeFileSync(
        path.join(directory, `file-${String(f).padStart(2, "0")}.css`),
        bytes.subarray(0, 200 + random(1800)),
      )
    }
  }
}

/** Writes a config that copies `site` to `out`, with its state in `state`. */
export const writeConfig = (directory, { site = "site", out = "out", state = "state" } = {}) => {
  const file = path.join(directory, `${state}.xml`)
  fs.writeFileSync(
    file,
    `<config>
  <settings><stateDir>${state}</stateDir><syncedFilesDb>${state}/synced_files.db</syncedFilesDb></settings>
  <sources ignoredDirs="CVS"><source name="site" scanPath="${site}"/></sources>
  <servers><server name="mirror" transporter="symlink_or_copy"><location>${out}</location><url>http://x/</url><mode>copy</mode></server></servers>
  <rules><rule for="site" label="all"><destinations><destination server="mirror"/></destinations></rule></rules>
</config>`,
  )
  return file
}

export const seconds = (work) => {
  const start = performance.now()
  work()
  return (performance.now() - start) / 1000
}

/** Runs a program to its end and returns the seconds it took. */
export const timed = (command, words) =>
  seconds(() => {
    const { status, stderr } = spawnSync(command, words, { encoding: "utf8", maxBuffer: 1 << 28 })
    if (status !== 0) throw new Error(`${command} ${words.join(" ")}: exit ${status}\n${stderr}`)
  })

export const median = (values) => {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.floor(sorted.length / 2)]
}

export const spread = (values, digits = 2) =>
  `median ${median(values).toFixed(digits)} (min ${Math.min(...values).toFixed(digits)}, max ${Math.max(...values).toFixed(digits)})`

/** The daemon; `live` resolves with the seconds from its start to its first scan's end, `inSync` when it is in sync. */
export const daemon = (config) => {
  const start = performance.now()
  const child = spawn(process.execPath, [main, config, "--log-format", "logfmt"], {
    stdio: ["ignore", "ignore", "pipe"],
  })
  let log = ""
  const waiting = []
  child.stderr.on("data", (chunk) => {
    log += chunk
    for (const one of waiting) if (one.pattern.test(log)) one.resolve((performance.now() - start) / 1000)
  })
  const seen = (pattern) => new Promise((resolve) => waiting.push({ pattern, resolve }))
  const ended = new Promise((resolve) => child.once("exit", resolve))
  return {
    pid: child.pid,
    live: seen(/scanned/),
    inSync: seen(/in sync/),
    log: () => log,
    stop: () => (child.kill("SIGTERM"), ended),
  }
}

/** Resident memory in MB and CPU seconds of a process. */
export const usage = (pid) => {
  const status = fs.readFileSync(`/proc/${pid}/status`, "utf8")
  const fields = fs.readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1].split(" ")
  return { rss: Number(/VmRSS:\s+(\d+)/.exec(status)[1]) / 1024, cpu: (Number(fields[11]) + Number(fields[12])) / 100 }
}

/** inotify watches of a process. */
export const watches = (pid) => {
  let count = 0
  for (const fd of fs.readdirSync(`/proc/${pid}/fdinfo`)) {
    try {
      count += (fs.readFileSync(`/proc/${pid}/fdinfo/${fd}`, "utf8").match(/^inotify/gm) ?? []).length
    } catch {}
  }
  return count
}

export const sleep = (millis) => new Promise((resolve) => setTimeout(resolve, millis))
