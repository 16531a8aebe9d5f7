/**
 * Uploads over FTP: the transporter against rclone, same server (ProFTPD), same files, paired runs.
 *
 *     npm run build && node bench/ftp.mjs [small] [large] [memory]
 *
 * It needs ProFTPD and rclone. CONNECTIONS=16 sets the number of connections, ROUNDS=5 how often each is
 * measured, BENCH_DIR where the files are.
 */
import { spawn, spawnSync } from "node:child_process"
import { randomBytes } from "node:crypto"
import * as fs from "node:fs"
import * as net from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import process from "node:process"
import { fileURLToPath } from "node:url"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Scope from "effect/Scope"
import { DiskContent } from "../dist/layers/disk/DiskContent.js"
import { DiskWorkers, layerDiskWorkers } from "../dist/layers/disk/DiskWorkers.js"
import { Transporter } from "../dist/domain/Transporter.js"
import { ftp } from "../dist/layers/transporters/ftp.js"

const RUNS = Number(process.env.ROUNDS ?? 3)
const SMALL = { count: 2_000, bytes: 10_000 }
const LARGE_BYTES = 512 * 1_048_576
const HUGE_BYTES = 2_048 * 1_048_576

const wanted = process.argv.length > 2 ? process.argv.slice(2) : ["small", "large", "memory"]
const root = fs.mkdtempSync(join(process.env.BENCH_DIR ?? tmpdir(), "file-conveyor-bench-"))
fs.chmodSync(root, 0o755)
const server = join(root, "server")
const data = join(server, "data")

const freePort = () =>
  new Promise((resolve) => {
    const probe = net.createServer().listen(0, "127.0.0.1", () => {
      const { port } = probe.address()
      probe.close(() => resolve(port))
    })
  })

const answers = (port) =>
  new Promise((resolve) => {
    const socket = net.connect(port, "127.0.0.1")
    socket.once("data", () => resolve(true) || socket.destroy())
    socket.once("error", () => setTimeout(() => resolve(answers(port)), 50))
  })

const run = (command, args) => {
  const { error, status, stderr, stdout } = spawnSync(command, args, { encoding: "utf8", maxBuffer: 1 << 26 })
  if (error !== undefined || status !== 0) throw new Error(`${command}: ${error ?? stderr}`)
  return stdout.trim()
}

/** A file as the daemon reads it. */
const output = (disk, path) => {
  const { ino: inode, mtimeNs, size } = fs.statSync(path, { bigint: true })
  const version = { size: Number(size), mtimeNs, inode }
  return {
    content: new DiskContent(disk, { location: path, guard: undefined, version }),
    source: "bench",
    path: "file",
    state: { ...version, mode: 0o644 },
    sourceStays: true,
    headers: {},
    uniqueName: false,
  }
}

const port = await freePort()
const script = fileURLToPath(new URL("../test/servers/start/ftp.sh", import.meta.url))
const proftpd = spawn("bash", [script, server, String(port), "proftpd", "none"], { stdio: "inherit" })
await answers(port)

const settings = {
  host: "127.0.0.1",
  port,
  username: "fcftp",
  password: Redacted.make("s3cret"),
  url: "http://127.0.0.1/",
  path: "",
  secure: "none",
  connectTimeout: 20_000,
  idleTimeout: 60_000,
}

/** The daemon has its disk workers before there is anything to send: it listed the source with them. */
const disks = Effect.runSync(Scope.make())
const disk = Context.get(await Effect.runPromise(Layer.buildWithScope(layerDiskWorkers(), disks)), DiskWorkers)

/** Seconds that these files take, connecting included. */
const conveyor = async (files, target) => {
  const started = performance.now()
  await Effect.runPromise(
    Effect.scoped(
      Effect.gen(function* () {
        const layer = ftp.layer(settings, { name: "bench", maxConnections: Number(process.env.CONNECTIONS ?? 0) })
        const transporter = Context.get(yield* Layer.build(layer), Transporter)
        yield* Effect.forEach(files, ({ name, path }) => transporter.put(output(disk, path), `${target}/${name}`), {
          concurrency: transporter.capabilities.connections,
          discard: true,
        })
      }),
    ),
  )
  return (performance.now() - started) / 1000
}

const password = run("rclone", ["obscure", "s3cret"])
const rclone = (directory, target) => {
  const started = performance.now()
  const remote = `:ftp,host=127.0.0.1,port=${port},user=fcftp,pass=${password}:${target}`
  run("rclone", ["--config", "/dev/null", "copy", "--transfers", "16", directory, remote])
  return (performance.now() - started) / 1000
}

const median = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]
const shown = (values) => values.map((value) => value.toFixed(2)).join(" ")

const compare = async (title, directory, files) => {
  const times = { conveyor: [], rclone: [] }
  const sides = {
    conveyor: () => conveyor(files, "conveyor"),
    rclone: () => rclone(directory, "rclone"),
  }
  for (let i = 0; i < RUNS; i++) {
    // Who comes second meets the disk still busy with the first: they take turns.
    const order = i % 2 === 0 ? ["conveyor", "rclone"] : ["rclone", "conveyor"]
    for (const side of order) {
      run("sync", [])
      times[side].push(await sides[side]())
    }
    run("diff", ["-r", directory, join(data, "conveyor")])
    for (const target of ["rclone", "conveyor"]) fs.rmSync(join(data, target), { recursive: true, force: true })
  }
  console.log(`${title}, seconds:`)
  for (const [name, values] of Object.entries(times)) {
    console.log(`  ${name.padEnd(9)} ${shown(values)}  median ${median(values).toFixed(2)}`)
  }
  const pairs = times.rclone.map((value, i) => value / times.conveyor[i])
  console.log(
    `  speed relative to rclone ${(median(times.rclone) / median(times.conveyor)).toFixed(2)} (by rounds ${shown(pairs)})`,
  )
}

const source = (name) => {
  const directory = join(root, name)
  fs.mkdirSync(directory)
  return directory
}

try {
  if (wanted.includes("small")) {
    const directory = source("small")
    const files = []
    for (let i = 0; i < SMALL.count; i++) {
      const name = `${i % 20}/file-${i}.bin`
      const path = join(directory, name)
      fs.mkdirSync(join(directory, String(i % 20)), { recursive: true })
      fs.writeFileSync(path, randomBytes(SMALL.bytes))
      files.push({ name, path })
    }
    await compare(`${SMALL.count} files of ${SMALL.bytes} bytes`, directory, files)
  }
  if (wanted.includes("large")) {
    const directory = source("large")
    const path = join(directory, "file.bin")
    const handle = fs.openSync(path, "w")
    for (let at = 0; at < LARGE_BYTES; at += 1_048_576) fs.writeSync(handle, randomBytes(1_048_576))
    fs.closeSync(handle)
    await compare(`1 file of ${LARGE_BYTES} bytes`, directory, [{ name: "file.bin", path }])
  }
  if (wanted.includes("memory")) {
    const path = join(source("huge"), "file.bin")
    fs.writeFileSync(path, "")
    fs.truncateSync(path, HUGE_BYTES)
    let most = 0
    const sampler = setInterval(() => (most = Math.max(most, process.memoryUsage.rss())), 20)
    const seconds = await conveyor([{ name: "file.bin", path }], "conveyor")
    clearInterval(sampler)
    console.log(
      `1 file of ${HUGE_BYTES} bytes: ${seconds.toFixed(1)} s, RSS at most ${Math.round(most / 1_048_576)} MiB`,
    )
  }
} finally {
  await Effect.runPromise(Scope.close(disks, Exit.void))
  proftpd.kill()
  fs.rmSync(root, { recursive: true, force: true })
}
