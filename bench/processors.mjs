// The real processors over real front-end trees (bootstrap, jquery, d3, fontawesome) and generated pictures: files a second,
// how busy the cores are, how long the daemon's event loop is held up; then the same with new times, from the results that
// were kept. At the end the sizes, against the best single tool for each type in the same run.
//   npm run build && node bench/processors.mjs [--css NAME] [--js NAME] [--svg NAME] [--images NAME] [--copies N] [--burn]
//     [--pictures N] [--every N]
// NAME is a processor as a config names it, several separated by "+". --burn: fixtures that burn processor time instead.
// --every 20: of the icons, which are thousands, every 20th.
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
      burn: { type: "boolean", default: false },
    },
  }),
)
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

/** The worst of the runs, in milliseconds. */
let worst = 0

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
    `${what}: ${wall.toFixed(2)} s, ${(files.length / wall).toFixed(0)} files a second, ${((100 * spent) / (wall * cores)).toFixed(0)} % of ${cores} cores by it and its processes (machine ${(100 * machineBusy).toFixed(0)} % busy), ` +
      `event loop delay p50 ${delay.p50.toFixed(1)} p99 ${delay.p99.toFixed(1)} max ${delay.max.toFixed(1)} ms, rss ${delay.rss.toFixed(0)} MB; ${out.trim().split("\n")[0]}`,
  )
  worst = Math.max(worst, delay.p99)
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

console.log(`event loop delay p99, worst of the runs: ${worst.toFixed(1)} ms; goal 50`)
if (worst >= 50) process.exitCode = 1
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
