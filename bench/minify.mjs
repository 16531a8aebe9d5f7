// Sizes of what minify.* makes of real front-end packages, against other tools in the same run.
//   npm run build && node bench/minify.mjs
// "correct": it keeps what the file means. The others are listed with what they break, and are part of "any" only.
import fs from "node:fs"
import { fileURLToPath } from "node:url"
import { gzipSync } from "node:zlib"
import * as esbuild from "esbuild"
import { minify as htmlMinifier } from "html-minifier-next"
import * as lightningcss from "lightningcss"
import * as swc from "@swc/core"
import * as svgo from "svgo"
import { minify as terser } from "terser"

const built = (path) => import(new URL(`../dist/layers/processors/minify/${path}`, import.meta.url).href)
const [{ minifyCss }, { minifyJavaScript }, { minifySvg }, { minifyHtml }] = await Promise.all(
  ["css.js", "javascript.js", "svg.js", "html.js"].map(built),
)
const packages = fileURLToPath(new URL("../node_modules/", import.meta.url))
const fontAwesome = "@fortawesome/fontawesome-free"

/** Files of a directory, every `step`th. */
const below = (directory, pattern, step = 1) =>
  fs
    .readdirSync(packages + directory, { recursive: true })
    .filter((file) => pattern.test(file) && !/\.min\./.test(file))
    .sort()
    .filter((_, index) => index % step === 0)
    .map((file) => `${directory}/${file}`)

const isModule = (path) => /\.esm\.|\.mjs$/.test(path)
const licences = { format: { comments: "some", ascii_only: true } }
const drop = { compress: { drop_debugger: false } }

/** A page as a template engine writes it, with what packages bring as style sheet, script and pictures. */
const page = () => {
  const rows = Array.from({ length: 120 }, (_, row) => {
    const icon = fs.readFileSync(`${packages}${fontAwesome}/svgs/solid/house.svg`, "utf8")
    return `        <!-- row ${row} -->\n        <tr class="row">\n          <td>  ${row} </td>\n          <td title="cell">${icon}</td>\n        </tr>\n`
  })
  const css = fs.readFileSync(`${packages}bootstrap/dist/css/bootstrap-reboot.css`, "utf8")
  const script = fs.readFileSync(`${packages}bootstrap/js/dist/dom/data.js`, "utf8")
  return `<!DOCTYPE html>\n<html lang="en">\n  <head>\n    <meta charset="utf-8">\n    <title>A page</title>\n    <style>\n${css}\n    </style>\n  </head>\n  <body>\n    <table>\n      <tbody>\n${rows.join("")}      </tbody>\n    </table>\n    <script>\n${script}\n    </script>\n  </body>\n</html>\n`
}

const types = {
  css: {
    files: [...below("bootstrap/dist/css", /\.css$/), ...below(`${fontAwesome}/css`, /\.css$/)],
    ours: (text, path) => minifyCss(text, path),
    correct: {
      esbuild: async (text) => (await esbuild.transform(text, { loader: "css", minify: true })).code,
    },
    others: {
      "lightningcss (drops fallbacks, escapes of icons)": (text) =>
        lightningcss.transform({ code: Buffer.from(text), filename: "a.css", minify: true }).code.toString(),
    },
  },
  js: {
    files: [
      "jquery/dist/jquery.js",
      "d3/dist/d3.js",
      ...below("bootstrap/dist/js", /\.js$/),
      ...below(`${fontAwesome}/js`, /\.js$/),
    ],
    ours: (text, path) => minifyJavaScript(text, path),
    correct: {
      "esbuild (with syntax of later browsers)": async (text) =>
        (await esbuild.transform(text, { minify: true, legalComments: "inline" })).code,
    },
    others: {
      "swc (drops strict mode, folds constants wrongly)": async (text, path) =>
        (await swc.minify(text, { ...licences, ...drop, mangle: true, module: isModule(path) })).code,
      "terser (assumes that no getter or conversion does anything)": async (text, path) =>
        (await terser(text, { ...licences, ...drop, module: isModule(path) })).code,
    },
  },
  svg: {
    files: below(`${fontAwesome}/svgs-full`, /\.svg$/, 20),
    ours: (text) => minifySvg(text),
    correct: {},
    others: {
      "svgo as it comes (moves pixels, drops ids)": (text) => svgo.optimize(text, { multipass: true }).data,
    },
  },
  html: {
    text: page(),
    ours: (text) => minifyHtml(text, { whitespace: "collapse", inline: "minify" }),
    correct: {
      "html-minifier-next, conservative": (text) =>
        htmlMinifier(text, { preset: "conservative", minifyJS: true, minifyCSS: true }),
    },
    others: {
      "html-minifier-next, comprehensive (drops tags and quotes)": (text) =>
        htmlMinifier(text, { preset: "comprehensive" }),
    },
  },
}

const show = (name, [size, packed, millis], before) =>
  console.log(
    `  ${name.padEnd(62)} ${String(size).padStart(9)} ${((100 * size) / before).toFixed(1).padStart(6)} %  gzip ${String(packed).padStart(8)} ${millis.toFixed(0).padStart(7)} ms`,
  )

for (const [type, { correct, files = [], ours, others, text }] of Object.entries(types)) {
  const inputs =
    text === undefined ? files.map((path) => [path, fs.readFileSync(packages + path, "utf8")]) : [["page.html", text]]
  const before = inputs.reduce((sum, [, input]) => sum + Buffer.byteLength(input), 0)
  console.log(`\n${type}: ${inputs.length} files, ${before} bytes`)
  const measured = {}
  for (const [name, tool] of Object.entries({ [`minify.${type.toUpperCase()}`]: ours, ...correct, ...others })) {
    const sum = [0, 0, 0]
    for (const [path, input] of inputs) {
      const start = performance.now()
      const output = (await tool(input, path)) ?? input
      sum[2] += performance.now() - start
      // What is not smaller is published as it was.
      const bytes = Buffer.from(output.length < input.length ? output : input)
      sum[0] += bytes.length
      sum[1] += gzipSync(bytes, { level: 9 }).length
    }
    measured[name] = sum
    show(name, sum, before)
  }
  const [own] = Object.values(measured)
  const best = (names, at) => Math.min(...names.map((name) => measured[name][at]), own[at])
  const any = [...Object.keys(correct), ...Object.keys(others)]
  const ratio = (names, at) => (own[at] / best(names, at)).toFixed(3)
  console.log(
    `  ratio to the best correct ${ratio(Object.keys(correct), 0)} (gzip ${ratio(Object.keys(correct), 1)}); to the best of any ${ratio(any, 0)} (gzip ${ratio(any, 1)}); goal 1.02`,
  )
}
await esbuild.stop()
