/**
 * Small files over SFTP through a link with a round trip of 50 ms: the transporter against rclone, same server, same files,
 * paired runs, each a process of its own from its start to its end.
 *
 *     npm run build && sudo node bench/link.mjs [files] [rounds] [round trip in ms]
 *
 * It makes two network namespaces with a slow link between them and takes them down again. It needs Linux, root, gcc,
 * OpenSSH's server and rclone.
 */
import { spawn, spawnSync } from "node:child_process"
import { randomBytes } from "node:crypto"
import fs from "node:fs"
import net from "node:net"
import path from "node:path"
import process from "node:process"
import { fileURLToPath } from "node:url"
import { median, seconds, sleep, spread, temporary } from "./support.mjs"

const BYTES = 10_000
const PORT = 2222
const SERVER = "10.98.0.2"
const CLIENT = "10.98.0.1"

const self = fileURLToPath(import.meta.url)

/** Milliseconds that it takes to connect: one round trip. */
const trip = () =>
  new Promise((resolve, reject) => {
    const begun = performance.now()
    const socket = net
      .connect(PORT, SERVER, () => {
        resolve(performance.now() - begun)
        socket.destroy()
      })
      .once("error", reject)
  })

/** One run of the transporter, in a process inside of the client's namespace. */
const upload = async (server, directory, target) => {
  const Context = await import("effect/Context")
  const Effect = await import("effect/Effect")
  const Layer = await import("effect/Layer")
  const Redacted = await import("effect/Redacted")
  const { Transporter } = await import("../dist/domain/Transporter.js")
  const { DiskContent } = await import("../dist/layers/disk/DiskContent.js")
  const { DiskWorkers, layerDiskWorkers } = await import("../dist/layers/disk/DiskWorkers.js")
  const { sftp } = await import("../dist/layers/transporters/sftp.js")
  const settings = {
    host: SERVER,
    port: PORT,
    username: fs.readFileSync(path.join(server, "user"), "utf8"),
    url: "http://127.0.0.1/",
    path: "",
    key: Redacted.make(path.join(server, "key")),
    knownHosts: path.join(server, "known_hosts"),
    connectTimeout: 20_000,
    idleTimeout: 60_000,
  }
  const output = (disk, file) => {
    const { ino: inode, mode, mtimeNs, size } = fs.statSync(file, { bigint: true })
    const state = { size: Number(size), mtimeNs, inode, mode: Number(mode & 0o7777n) }
    const content = new DiskContent(disk, { location: file, guard: undefined, version: state })
    return { content, source: "bench", path: "file", state, sourceStays: true, headers: {}, uniqueName: false }
  }
  await Effect.runPromise(
    Effect.scoped(
      Effect.gen(function* () {
        const layers = Layer.merge(sftp.layer(settings, { name: "bench", maxConnections: 0 }), layerDiskWorkers())
        const context = yield* Layer.build(layers)
        const [transporter, disk] = [Context.get(context, Transporter), Context.get(context, DiskWorkers)]
        yield* Effect.forEach(
          fs.readdirSync(directory, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile()),
          ({ name, parentPath }) => {
            const file = path.join(parentPath, name)
            return transporter.put(output(disk, file), path.join(target, path.relative(directory, file)))
          },
          { concurrency: transporter.capabilities.connections, discard: true },
        )
      }),
    ),
  )
}

const run = (command, ...words) => {
  const { error, status, stderr, stdout } = spawnSync(command, words, { encoding: "utf8", maxBuffer: 1 << 26 })
  if (error !== undefined || status !== 0) throw new Error(`${command} ${words.join(" ")}: ${error ?? stderr}`)
  return stdout
}

const compare = async (files, rounds, wanted) => {
  const root = temporary()
  fs.chmodSync(root, 0o755)
  const [near, far] = [`fc-near-${process.pid}`, `fc-far-${process.pid}`]
  const [nearDevice, farDevice] = [`fcn${process.pid}`, `fcf${process.pid}`]
  const within = (space, ...words) => ["ip", "netns", "exec", space, ...words]
  const started = []
  const start = (command, ...words) => {
    const child = spawn(command, words, { stdio: ["ignore", "pipe", "inherit"] })
    started.push(child)
    return child
  }
  try {
    const link = path.join(root, "link")
    run("gcc", "-O2", "-o", link, fileURLToPath(new URL("link.c", import.meta.url)))
    const emulator = start(link, nearDevice, farDevice, String(wanted / 2))
    await new Promise((resolve) => emulator.stdout.once("data", resolve))
    for (const [space, device, own, other] of [
      [near, nearDevice, CLIENT, SERVER],
      [far, farDevice, SERVER, CLIENT],
    ]) {
      run("ip", "netns", "add", space)
      run("ip", "link", "set", device, "netns", space)
      run("ip", "-n", space, "link", "set", "lo", "up")
      run("ip", "-n", space, "addr", "add", own, "peer", other, "dev", device)
      run("ip", "-n", space, "link", "set", device, "up", "txqueuelen", "1000")
    }

    // The script of the tests makes keys and configuration; the server that it starts is replaced by one on the link.
    const server = path.join(root, "server")
    const script = fileURLToPath(new URL("../test/servers/start/sftp.sh", import.meta.url))
    const first = start(...within(far, "bash", script, server, String(PORT)))
    for (let wait = 0; !fs.existsSync(path.join(server, "user")); wait++) {
      if (wait > 400) throw new Error("the SSH server does not start")
      await sleep(50)
    }
    first.kill()
    for (const name of ["sshd_config", "known_hosts"]) {
      const file = path.join(server, name)
      fs.writeFileSync(file, fs.readFileSync(file, "utf8").replaceAll("127.0.0.1", SERVER))
    }
    start(
      ...within(far, "/usr/sbin/sshd", "-D", "-f", path.join(server, "sshd_config"), "-E", path.join(server, "log")),
    )

    const directory = path.join(root, "files")
    for (let i = 0; i < files; i++) {
      fs.mkdirSync(path.join(directory, String(i % 10)), { recursive: true })
      fs.writeFileSync(path.join(directory, String(i % 10), `file-${i}.bin`), randomBytes(BYTES))
    }
    console.log(`round trip: ${run(...within(near, process.execPath, self, "trip")).trim()} ms`)

    const user = fs.readFileSync(path.join(server, "user"), "utf8")
    const remote = `:sftp,host=${SERVER},port=${PORT},user=${user},key_file="${path.join(server, "key")}",known_hosts_file="${path.join(server, "known_hosts")}":`
    const sides = {
      conveyor: () => run(...within(near, process.execPath, self, "upload", server, directory, "conveyor")),
      rclone: () =>
        run(
          ...within(near, "rclone", "--config", "/dev/null", "copy", "--transfers", "16", directory, `${remote}rclone`),
        ),
    }
    const times = { conveyor: [], rclone: [] }
    for (let round = 0; round < rounds; round++) {
      for (const side of round % 2 === 0 ? ["conveyor", "rclone"] : ["rclone", "conveyor"]) {
        times[side].push(seconds(sides[side]))
      }
      for (const side of Object.keys(sides)) {
        run("diff", "-r", directory, path.join(server, "data", side))
        fs.rmSync(path.join(server, "data", side), { recursive: true })
      }
    }
    console.log(`${files} files of ${BYTES} bytes over SFTP, seconds:`)
    for (const [name, values] of Object.entries(times)) console.log(`  ${name.padEnd(9)} ${spread(values)}`)
    console.log(`  speed relative to rclone ${(median(times.rclone) / median(times.conveyor)).toFixed(2)}`)
  } finally {
    for (const child of started) child.kill()
    for (const space of [near, far]) spawnSync("ip", ["netns", "del", space])
  }
}

if (process.argv[2] === "upload") await upload(...process.argv.slice(3))
else if (process.argv[2] === "trip") console.log((await trip()).toFixed(1))
else await compare(Number(process.argv[2] ?? 500), Number(process.argv[3] ?? 3), Number(process.argv[4] ?? 50))
