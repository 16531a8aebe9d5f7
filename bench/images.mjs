// Times image_optimizer.Max over generated pictures, and prints bytes in and out for each kind, beside other tools:
//   npm run build && node bench/images.mjs [scale]
// The same pictures in each run. A peer that is not installed is named and left out. `scale` (default 1) is the
// factor on width and height.
import { spawnSync } from "node:child_process"
import { createHash } from "node:crypto"
import { monitorEventLoopDelay } from "node:perf_hooks"
import gifsicle from "@343dev/gifsicle"
import { Effect, Stream } from "effect"
import sharp from "sharp"
import { photo, screen } from "./pictures.mjs"
import { makeDisk } from "../dist/layers/memory/disk.js"
import { runProcessor } from "../dist/layers/memory/processors.js"
import { makeWorkspace } from "../dist/layers/memory/workspace.js"
import { max } from "../dist/layers/processors/imageOptimizer.js"

const scale = Number(process.argv[2] ?? 1)

const times = (count, make) => Promise.all(Array.from({ length: count }, (_, index) => make(index + 1)))
const side = (pixels) => Math.max(16, Math.round(pixels * scale))
const [wide, high] = [side(1280), side(960)]

const kinds = {
  "JPEG photos": {
    files: await times(4, (seed) =>
      photo(wide, high, seed)
        .jpeg({ quality: 70 + 6 * seed, optimiseCoding: false })
        .toBuffer(),
    ),
  },
  "JPEG photos, progressive": {
    files: await times(2, (seed) =>
      photo(wide, high, seed + 10)
        .jpeg({ quality: 82, progressive: true })
        .toBuffer(),
    ),
  },
  "PNG screenshots": { files: await times(4, (seed) => screen(wide, high, seed).png().toBuffer()) },
  "PNG with alpha": {
    files: await times(3, (seed) => screen(side(600), side(400), seed, 0.5).png().toBuffer()),
  },
  "PNG photos": {
    files: await times(2, (seed) => photo(side(800), side(600), seed, 0.02).png().toBuffer()),
  },
  "GIF, still": { files: await times(4, (seed) => screen(side(500), side(300), seed).gif().toBuffer()) },
  "GIF, animated": {
    files: await times(2, async (seed) => {
      const frames = await times(12, (frame) =>
        screen(side(320), side(240), seed * 100 + Math.ceil(frame / 2))
          .png()
          .toBuffer(),
      )
      return sharp(frames, { join: { animated: true } })
        .gif({ delay: 80, keepDuplicateFrames: true })
        .toBuffer()
    }),
  },
  "WebP, lossless": {
    files: await times(3, (seed) =>
      screen(side(600), side(400), seed, 0.5).webp({ lossless: true, effort: 2 }).toBuffer(),
    ),
  },
}

const ours = (name, bytes) =>
  Effect.gen(function* () {
    const { layer } = yield* makeWorkspace(yield* makeDisk)
    return yield* runProcessor(max, undefined, { path: name, bytes }).pipe(
      Effect.flatMap(({ content }) => Stream.mkUint8Array(content.bytes)),
      Effect.scoped,
      Effect.provide(layer),
    )
  })

/** What the picture is, the processor sees; the name only has to be one that it handles. */
const mine = (bytes) => Effect.runPromise(ours("x.gif", bytes))

const program = (command, words) => (bytes) => {
  const { status, stdout } = spawnSync(command, words, { input: bytes, maxBuffer: 1 << 28 })
  return status === 0 && stdout.length > 0 ? stdout : undefined
}

const exists = (command, words = ["--version"]) => spawnSync(command, words).error === undefined

/** Peers, each with the kinds it is for, and what it makes of one picture. */
const peers = [
  [
    "sharp png({ compressionLevel: 9 })",
    /^PNG|^GIF, still/,
    (bytes) => sharp(bytes).png({ compressionLevel: 9, adaptiveFiltering: true }).toBuffer(),
  ],
  ["sharp gif()", /^GIF, animated/, (bytes) => sharp(bytes, { animated: true }).gif().toBuffer()],
  ["gifsicle -O3", /^GIF, animated/, program(gifsicle, ["-O3", "--no-warnings"])],
  ["sharp webp({ lossless })", /^WebP/, (bytes) => sharp(bytes).webp({ lossless: true, exact: true }).toBuffer()],
  ...[
    ["jpegtran", ["-copy", "none", "-optimize", "-progressive"], /^JPEG/],
    ["optipng", ["-quiet", "-o2", "-stdout", "-"], /^PNG/],
    ["oxipng", ["--stdout", "-q", "-"], /^PNG/],
  ].flatMap(([command, words, applies]) => {
    if (exists(command)) return [[`${command} ${words.join(" ")}`, applies, program(command, words)]]
    console.log(`NOT MEASURED: ${command} is not installed`)
    return []
  }),
]

const samples = async (bytes) =>
  createHash("sha256")
    .update(
      await sharp(bytes, { animated: true, ignoreIcc: true }).toColourspace("srgb").ensureAlpha().raw().toBuffer(),
    )
    .digest("hex")

const delay = monitorEventLoopDelay({ resolution: 5 })

const measure = async (files, make) => {
  if (make === mine) delay.enable()
  const start = performance.now()
  const made = []
  for (const file of files) made.push(await make(file))
  const millis = performance.now() - start
  delay.disable()
  const sizes = made.map((bytes, index) => bytes?.length ?? files[index].length)
  const same = await Promise.all(
    made.map(async (bytes, index) => bytes === undefined || (await samples(bytes)) === (await samples(files[index]))),
  )
  return { bytes: sizes.reduce((sum, one) => sum + one, 0), millis, same: same.filter(Boolean).length }
}

const line = (name, { bytes, millis, same }, before, count) =>
  console.log(
    `  ${name.padEnd(52)} ${String(bytes).padStart(9)}  ${((1 - bytes / before) * 100).toFixed(1).padStart(6)} % saved  ` +
      `${millis.toFixed(0).padStart(6)} ms  ${same === count ? "pixels the same" : `PIXELS DIFFER in ${count - same} of ${count}`}`,
  )

// The libraries load with the first picture; that is not what is measured.
await Effect.runPromise(ours("first.png", await screen(16, 16, 1).png().toBuffer()))

let [before, after, millis] = [0, 0, 0]
for (const [kind, { files }] of Object.entries(kinds)) {
  const total = files.reduce((sum, { length }) => sum + length, 0)
  console.log(`${kind}: ${files.length} files, ${total} bytes`)
  const result = await measure(files, mine)
  line("image_optimizer.Max", result, total, files.length)
  before += total
  after += result.bytes
  millis += result.millis
  for (const [name, applies, make] of peers) {
    if (applies.test(kind)) line(name, await measure(files, make), total, files.length)
  }
}
console.log(
  `\nall: ${before} bytes become ${after} (${((1 - after / before) * 100).toFixed(1)} % saved) in ${(millis / 1000).toFixed(1)} s; ` +
    `event loop delay p99 ${(delay.percentile(99) / 1e6).toFixed(1)} ms, max ${(delay.max / 1e6).toFixed(1)} ms; ` +
    `peak memory ${(process.resourceUsage().maxRSS / 1024).toFixed(0)} MB`,
)
