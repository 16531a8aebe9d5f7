// First sync of many small files by copy, against rsync and rclone, in turns on the same tree.
//   npm run build && node bench/first-sync.mjs [files] [rounds]
import { spawnSync } from "node:child_process"
import fs from "node:fs"
import path from "node:path"
import { main, makeTree, median, spread, temporary, timed, writeConfig } from "./support.mjs"

const files = Number(process.argv[2] ?? 100_000)
const rounds = Number(process.argv[3] ?? 3)
const directory = temporary()
const site = path.join(directory, "site")
makeTree(site, files)
const hasRclone = spawnSync("rclone", ["version"]).status === 0
const times = { conveyor: [], rsync: [], rclone: [] }

for (let round = 0; round < rounds; round++) {
  const fresh = (name) => {
    fs.rmSync(path.join(directory, name), { recursive: true, force: true })
    spawnSync("sync")
    return path.join(directory, name)
  }
  fresh("state")
  fresh("out")
  times.conveyor.push(timed(process.execPath, [main, writeConfig(directory), "--once"]))
  times.rsync.push(timed("rsync", ["-a", `${site}/`, fresh("rsync")]))
  if (hasRclone) times.rclone.push(timed("rclone", ["copy", site, fresh("rclone")]))
}
const same = spawnSync("diff", ["-r", site, path.join(directory, "out")]).status === 0
console.log(
  `${files.toLocaleString("en")} files, ${rounds} rounds; destination ${same ? "equals the source" : "DIFFERS from the source"}`,
)
for (const [name, values] of Object.entries(times)) if (values.length > 0) console.log(`${name}: ${spread(values)} s`)
for (const peer of ["rsync", "rclone"]) {
  if (times[peer].length === 0) continue
  console.log(`conveyor / ${peer}: ${spread(times.conveyor.map((value, i) => value / times[peer][i]))}`)
}
console.log(`files a second: ${(files / median(times.conveyor)).toFixed(0)}`)
process.exitCode = same ? 0 : 1
