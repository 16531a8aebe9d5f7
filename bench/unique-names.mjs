// What unique names cost: a first sync of many small files through filename.SpacesToUnderscores and unique_filename.MD5,
// against the same without a chain, in turns on the same tree. What the program costs without files is taken off both.
//   npm run build && node bench/unique-names.mjs [files] [rounds]
import { spawnSync } from "node:child_process"
import { createHash } from "node:crypto"
import fs from "node:fs"
import path from "node:path"
import { main, makeTree, median, spread, temporary, timed } from "./support.mjs"

const files = Number(process.argv[2] ?? 10_000)
const rounds = Number(process.argv[3] ?? 5)
const directory = temporary()
makeTree(path.join(directory, "site"), files)
fs.mkdirSync(path.join(directory, "empty"))

const chain =
  '<processorChain><processor name="filename.SpacesToUnderscores"/><processor name="unique_filename.MD5"/></processorChain>'
const kinds = { none: ["site", ""], chain: ["site", chain], start: ["empty", ""] }
const configOf = (kind, [site, processors]) => {
  const file = path.join(directory, `${kind}.xml`)
  fs.writeFileSync(
    file,
    `<config><settings><stateDir>${kind}-state</stateDir><syncedFilesDb>${kind}-state/synced_files.db</syncedFilesDb></settings>
  <sources ignoredDirs="CVS"><source name="site" scanPath="${site}"/></sources>
  <servers><server name="mirror" transporter="symlink_or_copy"><location>${kind}-out</location><url>http://x/</url><mode>copy</mode></server></servers>
  <rules><rule for="site" label="all">${processors}<destinations><destination server="mirror"/></destinations></rule></rules></config>`,
  )
  return file
}

const times = { none: [], chain: [], start: [] }
for (let round = 0; round < rounds; round++) {
  // Who comes first changes: what the machine does beside it must not always meet the same one.
  const order = Object.entries(kinds)
  for (const [kind, what] of round % 2 === 0 ? order : order.reverse()) {
    for (const name of ["state", "out"])
      fs.rmSync(path.join(directory, `${kind}-${name}`), { recursive: true, force: true })
    spawnSync("sync")
    times[kind].push(timed(process.execPath, [main, configOf(kind, what), "--once"]))
  }
}

const published = fs.readdirSync(path.join(directory, "chain-out"), { recursive: true, withFileTypes: true })
const right = published.filter((entry) => {
  if (!entry.isFile()) return false
  const bytes = fs.readFileSync(path.join(entry.parentPath, entry.name))
  return entry.name.endsWith(`_${createHash("md5").update(bytes).digest("hex")}.css`)
}).length
const rates = (kind) => times[kind].map((seconds, round) => files / Math.max(0.01, seconds - times.start[round]))
const ratios = rates("chain").map((rate, round) => rate / rates("none")[round])
console.log(`${files.toLocaleString("en")} files, ${rounds} rounds; ${right} have the name of their content`)
for (const kind of ["none", "chain"])
  console.log(`${kind}: ${spread(times[kind])} s, ${spread(rates(kind), 0)} files a second`)
console.log(`start alone: ${spread(times.start)} s`)
console.log(`chain / none, files a second: ${spread(ratios)}; goal 0.7`)
process.exitCode = right === files && median(ratios) >= 0.7 ? 0 : 1
