/**
 * `npm run fuzz -- --seconds N [--seed S]`: tries config files and names for as long as asked. Exits 1 on a finding, with
 * the seed that repeats it.
 */
import { mkdtempSync, realpathSync, rmSync } from "node:fs"
import os from "node:os"
import path from "node:path"
import { parseArgs } from "node:util"
import { tryConfig } from "./config.mjs"
import { prepareNames, tryName } from "./names.mjs"
import { randomOf } from "./random.mjs"

const { values } = parseArgs({ options: { seconds: { type: "string", default: "10" }, seed: { type: "string" } } })
const first = values.seed === undefined ? Date.now() % 1_000_000_000 : Number(values.seed)
const seconds = Number(values.seconds)
if (!Number.isFinite(seconds) || !Number.isFinite(first)) {
  console.error("fuzz: --seconds and --seed are numbers")
  process.exit(2)
}

const directory = realpathSync(mkdtempSync(path.join(os.tmpdir(), "conveyor-fuzz-")))
const counts = { config: 0, names: 0 }
let finding

/** Names are quick: many go with each config. One seed is one config and these names. */
const NAMES = 50

const attempt = async (seed) => {
  const random = randomOf(seed)
  const found = await tryConfig(random, directory)
  counts.config++
  if (found !== undefined) return `config: ${found}`
  for (let i = 0; i < NAMES; i++) {
    const name = tryName(random, directory)
    counts.names++
    if (name !== undefined) return `name: ${name}`
  }
  return undefined
}

try {
  prepareNames(directory)
  const end = Date.now() + seconds * 1000
  let seed = first
  do {
    const found = await attempt(seed)
    if (found !== undefined) finding = `seed ${seed}: ${found}`
    seed++
  } while (finding === undefined && Date.now() < end)
  console.log(`fuzz: seeds ${first} to ${seed - 1}: ${counts.config} configs, ${counts.names} names`)
  if (finding !== undefined) console.log(`fuzz: FOUND with ${finding}\nfuzz: again with --seconds 0 --seed ${seed - 1}`)
} finally {
  rmSync(directory, { recursive: true, force: true })
}
process.exitCode = finding === undefined ? 0 : 1
