// Uploads to a Ceph object gateway, beside `rclone copy` to the same one in the same run:
//   npm run build && node bench/s3.mjs [runs] [small|large|memory]
// 2,000 files of 10 KB, one file of 512 MB, and the memory it takes to send 2 GB. Ratios are rclone's time by ours.
import { execFileSync, spawn } from "node:child_process"
import { randomBytes } from "node:crypto"
import { mkdtemp, open, readdir, readFile, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { Effect, Layer, Redacted } from "effect"
import { SourceFiles } from "../dist/domain/SourceFiles.js"
import { layerDiskWorkers } from "../dist/layers/disk/DiskWorkers.js"
import { layerLocal } from "../dist/layers/sourceFiles/local.js"
import { s3 } from "../dist/layers/transporters/s3.js"
import { Transporter } from "../dist/domain/Transporter.js"

const runs = Number(process.argv[2] ?? 3)
const only = process.argv[3]
const small = { count: 2_000, bytes: 10_000 }
const median = (numbers) => numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)]

const fill = async (file, bytes) => {
  const handle = await open(file, "w")
  const block = randomBytes(4 * 1_048_576)
  for (let written = 0; written < bytes; written += block.length) {
    block.writeUInt32LE(written / block.length, 0)
    await handle.write(block, 0, Math.min(block.length, bytes - written))
  }
  await handle.close()
}

const outputOf = (content, path, state) => ({
  content,
  source: "bench",
  path,
  state,
  sourceStays: true,
  headers: {},
  uniqueName: false,
})

const ours = async (gateway, bucket, directory) => {
  const settings = {
    bucket_name: bucket,
    access_key_id: Redacted.make(gateway.keys.id),
    secret_access_key: Redacted.make(gateway.keys.secret),
    bucket_prefix: "",
    endpoint: gateway.endpoint,
    checksum: "when_required",
    connectTimeout: 20_000,
    idleTimeout: 60_000,
  }
  const source = { name: "bench", root: directory, scanPath: directory, ignoredDirs: new Set(), symlinks: "inside" }
  const world = Layer.mergeAll(
    s3.layer(settings, { name: "bench", maxConnections: 16 }),
    layerLocal.pipe(Layer.provide(layerDiskWorkers())),
  )
  const names = await readdir(directory)
  const begun = performance.now()
  let rss = 0
  const watch = setInterval(() => (rss = Math.max(rss, process.memoryUsage().rss)), 20)
  await Effect.runPromise(
    Effect.gen(function* () {
      const transporter = yield* Transporter
      const files = yield* SourceFiles
      yield* Effect.forEach(
        names,
        Effect.fnUntraced(function* (name) {
          const state = yield* files.stat(source, name)
          yield* transporter.put(outputOf(files.content(source, name, state), name, state), name)
        }),
        { concurrency: 16, discard: true },
      )
    }).pipe(Effect.provide(world)),
  )
  clearInterval(watch)
  return { seconds: (performance.now() - begun) / 1000, rss: rss / 1_048_576 }
}

const rclone = (gateway, bucket, directory) =>
  new Promise((resolve, reject) => {
    const { AWS_CA_BUNDLE: _, ...env } = process.env
    const begun = performance.now()
    const child = spawn("rclone", ["copy", directory, `bench:${bucket}`, "--transfers", "16"], {
      stdio: ["ignore", "ignore", "inherit"],
      env: {
        ...env,
        RCLONE_CONFIG: "/dev/null",
        RCLONE_CONFIG_BENCH_TYPE: "s3",
        RCLONE_CONFIG_BENCH_PROVIDER: "Ceph",
        RCLONE_CONFIG_BENCH_ENDPOINT: gateway.endpoint,
        RCLONE_CONFIG_BENCH_ACCESS_KEY_ID: gateway.keys.id,
        RCLONE_CONFIG_BENCH_SECRET_ACCESS_KEY: gateway.keys.secret,
      },
    })
    child.once("exit", (code) =>
      code === 0 ? resolve({ seconds: (performance.now() - begun) / 1000 }) : reject(new Error(`rclone: ${code}`)),
    )
  })

const root = await mkdtemp(join(tmpdir(), "bench-s3-"))
const script = fileURLToPath(new URL("../test/servers/start/rgw.sh", import.meta.url))
const gatewayDirectory = join(root, "gateway")
const log = join(root, "log")
try {
  execFileSync("bash", ["-c", 'exec bash "$0" start "$1" > "$2"', script, gatewayDirectory, log], { stdio: "ignore" })
  const gateway = {
    endpoint: (await readFile(log, "utf8")).trim().split("\n").at(-1),
    keys: { id: "AKTEST", secret: "SKTEST" },
  }
  process.env["AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED"] ??= "true"
  const { CreateBucketCommand, S3Client } = await import("@aws-sdk/client-s3")
  const client = new S3Client({
    endpoint: gateway.endpoint,
    region: "us-east-1",
    forcePathStyle: true,
    credentials: { accessKeyId: gateway.keys.id, secretAccessKey: gateway.keys.secret },
  })
  let buckets = 0
  const bucket = async () => {
    const name = `bench-${++buckets}`
    await client.send(new CreateBucketCommand({ Bucket: name }))
    return name
  }
  const smallDirectory = await mkdtemp(join(root, "small-"))
  for (let index = 0; index < small.count; index++) {
    await writeFile(join(smallDirectory, `file-${index}.css`), randomBytes(small.bytes))
  }
  const largeDirectory = await mkdtemp(join(root, "large-"))
  await fill(join(largeDirectory, "large.bin"), 512 * 1_048_576)
  const warmDirectory = await mkdtemp(join(root, "warm-"))
  await fill(join(warmDirectory, "warm.bin"), 20 * 1_048_576)
  // The first use of a pool takes the gateway seconds, which are nobody's.
  await ours(gateway, await bucket(), warmDirectory)
  for (const [name, title, directory] of [
    ["small", `${small.count} files of ${small.bytes} bytes`, smallDirectory],
    ["large", "one file of 512 MiB", largeDirectory],
  ]) {
    if (only !== undefined && only !== name) continue
    const pairs = []
    for (let run = 0; run < runs; run++) {
      const theirs = await rclone(gateway, await bucket(), directory)
      const mine = await ours(gateway, await bucket(), directory)
      pairs.push({ theirs, mine, ratio: theirs.seconds / mine.seconds })
      console.log(`${title}: ours ${mine.seconds.toFixed(2)} s, rclone ${theirs.seconds.toFixed(2)} s`)
    }
    const seconds = (side) => median(pairs.map((pair) => pair[side].seconds)).toFixed(2)
    console.log(
      `${title}: median ours ${seconds("mine")} s, rclone ${seconds("theirs")} s, ratio ${median(pairs.map((pair) => pair.ratio)).toFixed(2)}\n`,
    )
  }
  if (only === undefined || only === "memory") {
    const before = process.memoryUsage().rss / 1_048_576
    const hugeDirectory = await mkdtemp(join(root, "huge-"))
    await fill(join(hugeDirectory, "huge.bin"), 2_048 * 1_048_576)
    const huge = await ours(gateway, await bucket(), hugeDirectory)
    console.log(
      `one file of 2 GiB: ${huge.seconds.toFixed(1)} s, RSS before ${before.toFixed(0)} MiB, at most ${huge.rss.toFixed(0)} MiB`,
    )
  }
  client.destroy()
} finally {
  execFileSync("bash", [script, "stop", gatewayDirectory], { stdio: "ignore" })
  await rm(root, { recursive: true, force: true })
}
