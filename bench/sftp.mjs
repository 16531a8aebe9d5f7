/**
 * Uploads over SFTP: the transporter against rclone and rsync, same server, same files, paired runs.
 *
 *     npm run build && node bench/sftp.mjs [small] [large] [memory]
 *
 * It needs OpenSSH's server, rclone and rsync. ROUNDS=5 sets how often each is measured, BENCH_DIR where the files are.
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
import { Transporter } from "../dist/domain/Transporter.js"
import { DiskContent } from "../dist/layers/disk/DiskContent.js"
import { DiskWorkers, layerDiskWorkers } from "../dist/layers/disk/DiskWorkers.js"
import { sftp } from "../dist/layers/transporters/sftp.js"

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
  const { error, status, stderr } = spawnSync(command, args, { encoding: "utf8", maxBuffer: 1 << 26 })
  if (error !== undefined || status !== 0) throw new Error(`${command}: ${error ?? stderr}`)
}

/** The file as the daemon has it: read by the disk's threads, compared with its version before and after. */
const output = (disk, path) => {
  const { ino, mode, mtimeNs, size } = fs.statSync(path, { bigint: true })
  const state = { size: Number(size), mtimeNs, inode: ino, mode: Number(mode & 0o7777n) }
  return {
    content: new DiskContent(disk, { location: path, guard: undefined, version: state }),
    source: "bench",
    path: "file",
    state,
    sourceStays: true,
    headers: {},
    uniqueName: false,
  }
}

const port = await freePort()
const script = fileURLToPath(new URL("../test/servers/start/sftp.sh", import.meta.url))
const sshd = spawn("bash", [script, server, String(port)], { stdio: "inherit" })
await answers(port)
const user = fs.readFileSync(join(server, "user"), "utf8")

const settings = {
  host: "127.0.0.1",
  port,
  username: user,
  url: "http://127.0.0.1/",
  path: "",
  key: Redacted.make(join(server, "key")),
  knownHosts: join(server, "known_hosts"),
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
        const layer = sftp.layer(settings, { name: "bench", maxConnections: 0 })
        const transporter = Context.get(yield* Layer.build(layer), Transporter)
        yield* Effect.forEach(files, ({ name, path }) => transporter.put(output(disk, path), `${target}/${name}`), {
          concurrency: Number(process.env.OPERATIONS ?? transporter.capabilities.connections),
          discard: true,
        })
      }),
    ),
  )
  return (performance.now() - started) / 1000
}

const rclone = (directory, target) => {
  const started = performance.now()
  const remote = `:sftp,host=127.0.0.1,port=${port},user=${user},key_file="${join(server, "key")}",known_hosts_file="${join(server, "known_hosts")}":${target}`
  run("rclone", ["--config", "/dev/null", "copy", "--transfers", "16", directory, remote])
  return (performance.now() - started) / 1000
}

const ssh = () =>
  `ssh -p ${port} -i ${join(server, "key")} -o IdentitiesOnly=yes -o UserKnownHostsFile=${join(server, "known_hosts")}`

/** rsync needs a shell on the other side, which this server gives to nobody: a second one does, for this user. */
const rsync = (directory, target) => {
  const started = performance.now()
  run("rsync", ["-a", "-e", rsyncShell, `${directory}/`, `${rsyncUser}@127.0.0.1:${join(data, target)}/`])
  return (performance.now() - started) / 1000
}
const rsyncPort = await freePort()
const rsyncUser = process.getuid() === 0 ? "root" : user
const config = fs
  .readFileSync(join(server, "sshd_config"), "utf8")
  .replace(/^Port .*/m, `Port ${rsyncPort}`)
  .replace(/^ForceCommand .*\n/m, "")
  .replace(/^/, "PermitRootLogin prohibit-password\n")
fs.writeFileSync(join(server, "rsync_config"), config)
const shellSshd = spawn("/usr/sbin/sshd", ["-D", "-f", join(server, "rsync_config"), "-E", join(server, "rsync.log")])
await answers(rsyncPort)
const rsyncShell =
  ssh()
    .replace(`-p ${port}`, `-p ${rsyncPort}`)
    .replace("-o UserKnownHostsFile", "-o StrictHostKeyChecking=no -o UserKnownHostsFile") + ".rsync"

const median = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]
const shown = (values) => values.map((value) => value.toFixed(2)).join(" ")
const clean = (...targets) => {
  for (const target of targets) fs.rmSync(join(data, target), { recursive: true, force: true })
}

const compare = async (title, directory, files) => {
  const times = { conveyor: [], rclone: [], rsync: [] }
  const sides = {
    conveyor: () => conveyor(files, "conveyor"),
    rclone: () => rclone(directory, "rclone"),
    rsync: () => rsync(directory, "rsync"),
  }
  for (let i = 0; i < RUNS; i++) {
    // Who comes second meets the disk still busy with the first: they take turns.
    const order = i % 2 === 0 ? ["rclone", "conveyor", "rsync"] : ["rsync", "conveyor", "rclone"]
    for (const side of order) {
      run("sync", [])
      times[side].push(await sides[side]())
    }
    run("diff", ["-r", directory, join(data, "conveyor")])
    clean("rclone", "conveyor", "rsync")
  }
  const pairs = times.rclone.map((value, i) => value / times.conveyor[i])
  const own = median(times.conveyor)
  console.log(`${title}, seconds:`)
  for (const [name, values] of Object.entries(times))
    console.log(`  ${name.padEnd(9)} ${shown(values)}  median ${median(values).toFixed(2)}`)
  console.log(
    `  speed relative to rclone ${(median(times.rclone) / own).toFixed(2)} (by rounds ${shown(pairs)}), to rsync ${(median(times.rsync) / own).toFixed(2)}`,
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
  sshd.kill()
  shellSshd.kill()
  fs.rmSync(root, { recursive: true, force: true })
}
