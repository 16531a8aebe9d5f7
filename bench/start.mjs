// 100,000 unchanged files: how soon the daemon is live, what it takes while it idles.
//   npm run build && node bench/start.mjs [files] [rounds]
import fs from "node:fs"
import path from "node:path"
import {
  daemon,
  main,
  makeTree,
  median,
  sleep,
  spread,
  temporary,
  timed,
  usage,
  watches,
  writeConfig,
} from "./support.mjs"

const files = Number(process.argv[2] ?? 100_000)
const rounds = Number(process.argv[3] ?? 5)
const directory = temporary()
makeTree(path.join(directory, "site"), files)
const config = writeConfig(directory)
timed(process.execPath, [main, config, "--once"])
const directories =
  fs
    .readdirSync(path.join(directory, "site"), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isDirectory()).length + 1

// Memory that the scan needed is given back in the first seconds after it; idle is what comes then.
const SETTLE_SECONDS = 16
const IDLE_SECONDS = 40

const live = []
const find = []
const allowed = []
for (let round = 0; round < rounds; round++) {
  find.push(timed("find", [path.join(directory, "site"), "-printf", "%T@ %s %p\n"]))
  const running = daemon(config)
  live.push(await running.live)
  allowed.push(2 + 2 * find.at(-1))
  if (round === rounds - 1) {
    await sleep(SETTLE_SECONDS * 1_000)
    const before = usage(running.pid)
    await sleep(IDLE_SECONDS * 1_000)
    const after = usage(running.pid)
    console.log(`rss ${after.rss.toFixed(0)} MB (limit 130)`)
    console.log(`idle cpu ${(((after.cpu - before.cpu) / IDLE_SECONDS) * 100).toFixed(2)} % (limit 0.5)`)
    console.log(`inotify watches ${watches(running.pid)} for ${directories} directories`)
  }
  await running.stop()
}
console.log(`find -printf: ${spread(find)} s`)
console.log(
  `live after: ${spread(live)} s; allowed 2 + 2 x find: ${spread(allowed)} s; ratio ${median(live.map((value, i) => value / allowed[i])).toFixed(2)}`,
)
