/**
 * Runs the simulation: `npm run simulate -- --seeds 10000 --from 1`, `-- --seed 42` for one history in words, or
 * `-- --mutants` to see that it catches bugs.
 */
import { spawnSync } from "node:child_process"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import path from "node:path"
import { pathToFileURL } from "node:url"
import { bundle } from "./bundle.mjs"

const directory = mkdtempSync(path.join(tmpdir(), "fc-simulate-"))
process.on("exit", () => rmSync(directory, { recursive: true, force: true }))
const given = process.argv.slice(2)

const simulate = (file, options, stdio) =>
  spawnSync(process.execPath, ["--enable-source-maps", file, ...options], { stdio, encoding: "utf8" })

if (given.includes("--mutants")) {
  const list = path.join(directory, "mutants.mjs")
  await bundle("test/simulation/mutants.ts", list)
  const { mutants } = await import(pathToFileURL(list).href)
  const wanted = given.find((word) => !word.startsWith("--"))
  let missed = 0
  console.log("| bug | seeds needed | caught as |\n| --- | --- | --- |")
  for (const mutant of mutants) {
    if (wanted !== undefined && !mutant.name.includes(wanted)) continue
    const file = path.join(directory, "mutant.mjs")
    await bundle("test/simulation/simulate.ts", file, mutant)
    const result = simulate(file, ["--seeds", "2000", "--from", "1", "--until-failure"], "pipe")
    const [needed, failure] = result.stdout.trim().split("\n").slice(-1)[0].split("\t")
    if (failure === undefined) missed++
    console.log(
      `| ${mutant.name} | ${failure === undefined ? "**not caught**" : needed} | ${failure ?? result.stderr.slice(0, 200)} |`,
    )
  }
  process.exitCode = missed === 0 ? 0 : 1
} else {
  const file = path.join(directory, "simulate.mjs")
  await bundle("test/simulation/simulate.ts", file)
  process.exitCode = simulate(file, given, "inherit").status ?? 1
}
