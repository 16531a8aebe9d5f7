// 20,000 files copied in, moved, and removed under the running daemon; each time the destination must become equal.
//   npm run build && node bench/burst.mjs [files]
import { spawnSync } from "node:child_process"
import fs from "node:fs"
import path from "node:path"
import { daemon, main, makeTree, sleep, temporary, timed, usage, writeConfig } from "./support.mjs"

const files = Number(process.argv[2] ?? 20_000)
const directory = temporary()
const site = path.join(directory, "site")
const out = path.join(directory, "out")
makeTree(site, 20_000)
makeTree(path.join(directory, "new"), files)
const config = writeConfig(directory)
timed(process.execPath, [main, config, "--once"])
const running = daemon(config)
await running.inSync

const follow = async (what, act) => {
  const start = performance.now()
  act()
  const acted = (performance.now() - start) / 1000
  spawnSync(process.execPath, [main, "wait", config], { timeout: 300_000 })
  const inSync = (performance.now() - start) / 1000
  await sleep(500)
  const difference = spawnSync("diff", ["-rq", site, out], { encoding: "utf8" }).stdout
  console.log(
    `${what}: done after ${acted.toFixed(1)} s, in sync after ${inSync.toFixed(1)} s, ${difference === "" ? "equal" : `DIFFERENT\n${difference.slice(0, 500)}`}; rss ${usage(running.pid).rss.toFixed(0)} MB`,
  )
  if (difference !== "") process.exitCode = 1
}
await follow(`${files} files copied in`, () =>
  fs.cpSync(path.join(directory, "new"), path.join(site, "burst"), { recursive: true }),
)
await follow("moved", () => fs.renameSync(path.join(site, "burst"), path.join(site, "moved")))
await follow("removed", () => fs.rmSync(path.join(site, "moved"), { recursive: true }))
await running.stop()
