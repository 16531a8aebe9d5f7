// One change on disk to the destination, in a tree of 1,000 and of 100,000 files, taken in turns.
//   npm run build && node bench/latency.mjs [changes] [large tree]
import fs from "node:fs"
import path from "node:path"
import { daemon, main, makeTree, median, sleep, spread, temporary, timed, writeConfig } from "./support.mjs"

const changes = Number(process.argv[2] ?? 100)
const large = Number(process.argv[3] ?? 100_000)
const directory = temporary()

const prepare = async (name, files) => {
  makeTree(path.join(directory, name), files)
  const config = writeConfig(directory, { site: name, out: `${name}-out`, state: `${name}-state` })
  timed(process.execPath, [main, config, "--once"])
  const running = daemon(config)
  await running.inSync
  return {
    running,
    site: path.join(directory, name, "d00/s00000"),
    out: path.join(directory, `${name}-out`, "d00/s00000"),
  }
}

/** Milliseconds from the end of the write until the new content can be read at the destination. */
const change = async (world, i) => {
  const name = `changed-${i % 10}.css`
  const text = `change ${i} ${"x".repeat(500)}`
  const target = path.join(world.out, name)
  const watcher = fs.watch(world.out)
  const arrived = new Promise((resolve) => {
    const look = () => {
      try {
        if (fs.readFileSync(target, "utf8") === text) resolve(performance.now())
      } catch {}
    }
    watcher.on("change", look)
  })
  await sleep(30)
  fs.writeFileSync(path.join(world.site, name), text)
  const written = performance.now()
  const at = await Promise.race([arrived, sleep(5_000).then(() => undefined)])
  watcher.close()
  if (at === undefined) throw new Error(`change ${i} did not arrive\n${world.running.log()}`)
  return at - written
}

const small = await prepare("small", 1_000)
const big = await prepare("big", large)
const times = { small: [], big: [] }
for (let i = 0; i < changes + 5; i++) {
  const a = await change(small, i)
  const b = await change(big, i)
  if (i < 5) continue
  times.small.push(a)
  times.big.push(b)
}
console.log(`1,000 files: ${spread(times.small)} ms`)
console.log(`${large.toLocaleString("en")} files: ${spread(times.big)} ms (limit: median 10)`)
console.log(`ratio of medians ${(median(times.big) / median(times.small)).toFixed(2)} (limit 1.2)`)
await small.running.stop()
await big.running.stop()
