/**
 * Runs the simulation: `npm run simulate -- --seeds 10000 --from 1`, `-- --seed 42` for one history in words,
 * `-- --mutants` to see that it catches bugs, `-- --regressions` to see that those of regressions.ts still do. With
 * `--tight`, worlds that go past the product's limits.
 */
import { spawnSync } from "node:child_process"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import path from "node:path"
import { pathToFileURL } from "node:url"
import { bundle } from "./bundle.mjs"

const directory = mkdtempSync(path.join(tmpdir(), "fc-simulate-"))
process.on("exit", () => rmSync(directory, { recursive: true, force: true }))
const given = process.argv.slice(2).filter((word) => word !== "--tight")
const isTight = process.argv.includes("--tight")

const simulate = (file, options, stdio) =>
  spawnSync(process.execPath, ["--enable-source-maps", file, ...options], { stdio, encoding: "utf8" })

/** What a source of the simulation exports. */
const load = async (name) => {
  const file = path.join(directory, `${name}.mjs`)
  await bundle(`test/simulation/${name}.ts`, file)
  return import(pathToFileURL(file).href)
}

const { tightLimits } = await load("tight")

if (given.includes("--mutants")) {
  const { mutants } = await load("mutants")
  const wanted = given.find((word) => !word.startsWith("--"))
  let missed = 0
  console.log("| bug | seeds needed | caught as |\n| --- | --- | --- |")
  for (const mutant of mutants) {
    if (wanted === undefined ? mutant.isRare : !mutant.name.includes(wanted)) continue
    const file = path.join(directory, "mutant.mjs")
    const limits = isTight || mutant.isTight ? tightLimits : {}
    await bundle("test/simulation/simulate.ts", file, { mutant, limits })
    const result = simulate(file, ["--seeds", "2000", "--from", "1", "--until-failure"], "pipe")
    const [needed, failure] = result.stdout.trim().split("\n").slice(-1)[0].split("\t")
    if (failure === undefined) missed++
    console.log(
      `| ${mutant.name} | ${failure === undefined ? "**not caught**" : needed} | ${failure ?? result.stderr.slice(0, 200)} |`,
    )
  }
  process.exitCode = missed === 0 ? 0 : 1
} else if (given.includes("--regressions")) {
  const { mutants } = await load("mutants")
  const { regressions } = await load("regressions")
  for (const [index, { bug, what }] of regressions.entries()) {
    if (bug === undefined) continue
    const mutant = mutants.find(({ name }) => name === bug)
    if (mutant === undefined) throw new Error(`no mutant is called "${bug}"`)
    const file = path.join(directory, "mutant.mjs")
    await bundle("test/simulation/simulate.ts", file, { mutant })
    const failure = simulate(file, ["--regression", `${index}`], "pipe").stdout.trim()
    if (failure === "") process.exitCode = 1
    console.log(`${what}: ${failure === "" ? "**shows it no more**" : failure}`)
  }
} else {
  const file = path.join(directory, "simulate.mjs")
  await bundle("test/simulation/simulate.ts", file, { limits: isTight ? tightLimits : {} })
  process.exitCode = simulate(file, given, "inherit").status ?? 1
}
