// A chain over real front-end trees (bootstrap, jquery, d3, fontawesome): wall time, how busy the cores are, how long the
// daemon's event loop is held up; then the same with new times, from the results that were kept.
//   npm run build && node bench/processors.mjs [--css NAME] [--js NAME] [--svg NAME] [--images NAME] [--copies N]
// NAME is a processor as a config names it, several separated by "+". Without any, fixtures that burn processor time.
import { spawn } from "node:child_process"
import fs from "node:fs"
import os from "node:os"
import path from "node:path"
import { fileURLToPath } from "node:url"
import { main, temporary } from "./support.mjs"

const { values } = await import("node:util").then(({ parseArgs }) =>
  parseArgs({
    options: {
      css: { type: "string" },
      js: { type: "string" },
      svg: { type: "string" },
      images: { type: "string" },
      copies: { type: "string", default: "1" },
    },
  }),
)
const modules = fileURLToPath(new URL("../node_modules", import.meta.url))
const burner = `${fileURLToPath(new URL("./processors.burner.mjs", import.meta.url))}#Burner`
const given = values.css ?? values.js ?? values.svg ?? values.images
const chains = Object.entries({ css: values.css, js: values.js, svg: values.svg, "png:jpg:jpeg:gif": values.images })
  .map(([extensions, chain]) => [extensions, chain ?? (given === undefined ? burner : undefined)])
  .filter(([, chain]) => chain !== undefined)

const directory = temporary()
const site = path.join(directory, "site")
for (let copy = 0; copy < Number(values.copies); copy++) {
  for (const from of ["bootstrap/dist", "jquery/dist", "d3/dist", "@fortawesome/fontawesome-free"]) {
    fs.cpSync(path.join(modules, from), path.join(site, String(copy), from), { recursive: true, dereference: true })
  }
}
const files = fs
  .readdirSync(site, { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile() && /\.(css|js|svg|png|jpe?g|gif)$/i.test(entry.name))

const config = path.join(directory, "config.xml")
const rule = ([extensions, chain]) => `<rule for="site" label="${extensions}">
  <filter><extensions>${extensions}</extensions></filter>
  <processorChain>${chain
    .split("+")
    .map((name) => `<processor name="${name}"/>`)
    .join("")}</processorChain>
  <destinations><destination server="one"/><destination server="two"/></destinations></rule>`
const server = (name) =>
  `<server name="${name}" transporter="symlink_or_copy"><location>${name}</location><url>http://${name}/</url></server>`
fs.writeFileSync(
  config,
  `<config><settings><stateDir>state</stateDir><syncedFilesDb>state/synced_files.db</syncedFilesDb></settings>
  <sources ignoredDirs="CVS"><source name="site" scanPath="site"/></sources>
  <servers>${server("one")}${server("two")}</servers><rules>${chains.map(rule).join("\n")}</rules></config>`,
)

/** Busy time of all cores, in seconds. */
const busy = () => os.cpus().reduce((sum, { times }) => sum + times.user + times.nice + times.sys + times.irq, 0) / 1000
const ticks = () => {
  const fields = fs.readFileSync("/proc/self/stat", "utf8").split(") ")[1].split(" ")
  return (Number(fields[13]) + Number(fields[14])) / 100
}

const measure = async (what) => {
  const report = path.join(directory, "report.json")
  const [machine, own, start] = [busy(), ticks(), performance.now()]
  const probe = fileURLToPath(new URL("./processors.probe.mjs", import.meta.url))
  const child = spawn(process.execPath, ["--import", probe, main, config, "--once"], {
    stdio: ["ignore", "pipe", "inherit"],
    env: { ...process.env, BENCH_REPORT: report },
  })
  let out = ""
  child.stdout.on("data", (text) => (out += text))
  const code = await new Promise((resolve) => child.once("close", resolve))
  const wall = (performance.now() - start) / 1000
  const cores = os.availableParallelism()
  const spent = ticks() - own
  const machineBusy = (busy() - machine) / (wall * cores)
  const delay = JSON.parse(fs.readFileSync(report, "utf8"))
  console.log(
    `${what}: ${wall.toFixed(2)} s, ${((100 * spent) / (wall * cores)).toFixed(0)} % of ${cores} cores by it and its processes (machine ${(100 * machineBusy).toFixed(0)} % busy), ` +
      `event loop delay p50 ${delay.p50.toFixed(1)} p99 ${delay.p99.toFixed(1)} max ${delay.max.toFixed(1)} ms, rss ${delay.rss.toFixed(0)} MB; ${out.trim().split("\n")[0]}`,
  )
  if (code !== 0) {
    console.log(out)
    process.exitCode = 1
  }
}

const size = files.reduce((sum, { name, parentPath }) => sum + fs.statSync(path.join(parentPath, name)).size, 0)
console.log(
  `${files.length} files, ${(size / 1e6).toFixed(1)} MB, ${chains.map(([what, chain]) => `${what}: ${path.basename(chain)}`).join("; ")}`,
)
await measure("first")
await measure("nothing changed")
const now = new Date()
for (const { name, parentPath } of files) fs.utimesSync(path.join(parentPath, name), now, now)
await measure("new times")
for (const name of ["one", "two"]) {
  const sizes = fs
    .readdirSync(path.join(directory, name), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() || entry.isSymbolicLink())
    .map((entry) => fs.statSync(path.join(entry.parentPath, entry.name)).size)
  console.log(`${name}: ${sizes.length} files, ${(sizes.reduce((sum, bytes) => sum + bytes, 0) / 1e6).toFixed(1)} MB`)
}
