// The real processors over real front-end trees (bootstrap, jquery, d3, fontawesome) and generated pictures: files a second,
// how busy the cores are, how long the daemon's event loop is held up; then the same with new times, from the results that
// were kept. At the end the sizes, against the best single tool for each type in the same run.
//   npm run build && node bench/processors.mjs [--css NAME] [--js NAME] [--svg NAME] [--images NAME] [--copies N] [--burn]
//     [--pictures N] [--every N] [--profile DIRECTORY]
// NAME is a processor as a config names it, several separated by "+". --burn: fixtures that burn processor time instead.
// --every 20: of the icons, which are thousands, every 20th. --profile: CPU profiles of the daemon.
// The delay has a control: the same probe in an idle process at the same time. What that sees too is the machine's.
import { spawn } from "node:child_process"
import fs from "node:fs"
import os from "node:os"
import path from "node:path"
import { fileURLToPath } from "node:url"
import { peers } from "./processors.peers.mjs"
import { photo, screen } from "./pictures.mjs"
import { main, temporary } from "./support.mjs"

const { values } = await import("node:util").then(({ parseArgs }) =>
  parseArgs({
    options: {
      css: { type: "string" },
      js: { type: "string" },
      svg: { type: "string" },
      images: { type: "string" },
      copies: { type: "string", default: "1" },
      pictures: { type: "string", default: "8" },
      every: { type: "string", default: "1" },
      profile: { type: "string" },
      burn: { type: "boolean", default: false },
    },
  }),
)
const profile = values.profile
const modules = fileURLToPath(new URL("../node_modules", import.meta.url))
const burner = `${fileURLToPath(new URL("./processors.burner.mjs", import.meta.url))}#Burner`
const given = values.css ?? values.js ?? values.svg ?? values.images
const usual = { css: "minify.CSS", js: "minify.JS", svg: "minify.SVG", images: "image_optimizer.KeepFilename" }
const chains = Object.entries(usual)
  .map(([type, name]) => [type, values[type] ?? (given !== undefined ? undefined : values.burn ? burner : name)])
  .filter(([, chain]) => chain !== undefined)
  .map(([type, chain]) => [type === "images" ? "png:jpg:jpeg:gif" : type, chain])

const directory = temporary()
const site = path.join(directory, "site")
for (let copy = 0; copy < Number(values.copies); copy++) {
  for (const from of ["bootstrap/dist", "jquery/dist", "d3/dist", "@fortawesome/fontawesome-free"]) {
    fs.cpSync(path.join(modules, from), path.join(site, String(copy), from), { recursive: true, dereference: true })
  }
}
const icons = fs
  .readdirSync(site, { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile() && entry.name.endsWith(".svg"))
icons.forEach(({ name, parentPath }, index) => {
  if (index % Number(values.every) !== 0) fs.rmSync(path.join(parentPath, name))
})
fs.mkdirSync(path.join(site, "pictures"), { recursive: true })
for (let seed = 1; seed <= Number(values.pictures); seed++) {
  const jpeg = photo(1280, 960, seed).jpeg({ quality: 70 + 2 * seed, optimiseCoding: false })
  await jpeg.toFile(path.join(site, "pictures", `photo-${seed}.jpg`))
  await screen(1280, 960, seed)
    .png()
    .toFile(path.join(site, "pictures", `screen-${seed}.png`))
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

/** It starts and ends, and there is nothing in between: no run of processors, so the goal is not about it. */
const idleRun = "nothing changed"

/** In milliseconds: the worst p99 of the runs, and what an idle process beside it saw then. */
let worst = { daemon: 0, idle: 0, ran: 0 }

const inWords = ({ max, p50, p99 }) => `p50 ${p50.toFixed(1)} p99 ${p99.toFixed(1)} max ${max.toFixed(1)} ms`
const percent = (share) => `${(100 * share).toFixed(0)} %`

const probe = fileURLToPath(new URL("./processors.probe.mjs", import.meta.url))

const measure = async (what) => {
  const [report, controlReport] = [path.join(directory, "report.json"), path.join(directory, "control.json")]
  for (const file of [report, controlReport]) fs.rmSync(file, { force: true })
  const [machine, own, start] = [busy(), ticks(), performance.now()]
  const parameters = profile === undefined ? [] : ["--cpu-prof", `--cpu-prof-dir=${profile}`]
  const child = spawn(process.execPath, [...parameters, "--import", probe, main, config, "--once"], {
    stdio: ["ignore", "pipe", "ignore"],
    env: { ...process.env, BENCH_REPORT: report },
    // In a session of its own, as a service is: Linux shares the processor among sessions.
    detached: true,
  })
  const control = spawn(process.execPath, [probe, controlReport], {
    stdio: ["pipe", "inherit", "inherit"],
    detached: true,
  })
  let out = ""
  child.stdout.on("data", (text) => (out += text))
  const code = await new Promise((resolve) => child.once("close", resolve))
  const wall = (performance.now() - start) / 1000
  control.stdin.end()
  await new Promise((resolve) => control.once("close", resolve))
  const cores = os.availableParallelism()
  const spent = ticks() - own
  const machineBusy = (busy() - machine) / (wall * cores)
  console.log(
    `${what}: ${wall.toFixed(2)} s, ${(files.length / wall).toFixed(0)} files a second, ${percent(spent / (wall * cores))} of ${cores} cores by it and its processes (machine ${percent(machineBusy)} busy); ${out.trim().split("\n")[0]}`,
  )
  const idle = JSON.parse(fs.readFileSync(controlReport, "utf8"))
  // Where nothing had to be processed there was nothing to measure.
  if (fs.existsSync(report)) {
    const { late, ran, rss, waited } = JSON.parse(fs.readFileSync(report, "utf8"))
    console.log(`  event loop delay: ${inWords(late)}, rss ${rss.toFixed(0)} MB`)
    console.log(`  of that, work of the main thread: ${inWords(ran)}, ${percent(ran.share)} of the time`)
    console.log(`  and waiting for a core: ${inWords(waited)}, ${percent(waited.share)} of the time`)
    if (what !== idleRun && late.p99 > worst.daemon) worst = { daemon: late.p99, idle: idle.late.p99, ran: ran.p99 }
  }
  console.log(`  event loop delay of an idle process beside it: ${inWords(idle.late)}`)
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
await measure(idleRun)
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

console.log(
  `event loop delay p99, worst of the runs: ${worst.daemon.toFixed(1)} ms, of it own work ${worst.ran.toFixed(1)} ms; an idle process beside it ${worst.idle.toFixed(1)} ms; goal 50`,
)
if (worst.daemon >= 50) process.exitCode = 1
if (given === undefined && !values.burn) {
  const relative = files.map(({ name, parentPath }) => path.relative(site, path.join(parentPath, name)))
  for (const [type, tools] of Object.entries(peers)) {
    const own = relative.filter(
      (name) => name.endsWith(`.${type}`) && !/\.min\./.test(name) && /^(0|pictures)\//.test(name),
    )
    const input = own.map((name) => fs.readFileSync(path.join(site, name)))
    const sum = (contents) => contents.reduce((bytes, content) => bytes + content.length, 0)
    const ours = sum(own.map((name) => fs.readFileSync(path.join(directory, "one", name))))
    const totals = {}
    for (const [tool, make] of Object.entries(tools)) {
      const made = []
      for (const [index, content] of input.entries()) {
        const output = await make(content, own[index])
        made.push(output !== undefined && output.length < content.length ? output : content)
      }
      totals[tool] = sum(made)
    }
    const best = Math.min(ours, ...Object.values(totals))
    const others = Object.entries(totals).map(([tool, bytes]) => `${tool} ${bytes}`)
    console.log(
      `${type}: ${own.length} files, ${sum(input)} bytes, made ${ours}; ${others.join(", ")}; ratio to the best ${(ours / best).toFixed(3)}, goal 1.02`,
    )
  }
}
process.exit()
