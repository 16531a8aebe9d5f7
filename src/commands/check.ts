/**
 * `check`: everything is loaded, and every server is tried; a verdict for each part, and what each server can do.
 *
 * @since 1.0.0
 */
import * as Effect from "effect/Effect"
import type { Config } from "../domain/Config.ts"
import { CHECK_AT_ONCE } from "../domain/Limits.ts"
import { Processors } from "../domain/Processor.ts"
import { printable } from "../layers/observability/printable.ts"
import { table } from "../layers/status/table.ts"
import { type Trial, tryServer } from "./canary.ts"
import { counted, print } from "./output.ts"

const columns = [
  { heading: "Server" },
  { heading: "Transporter" },
  { heading: "Verdict" },
  { heading: "Replaces files" },
  { heading: "Tells of files" },
  { heading: "Headers" },
  { heading: "Directories" },
  { heading: "At once", numeric: true },
  { heading: "CDN" },
]

/** What the server can do, as far as it was found out; nothing of one that was not reached. */
const abilities = ({ failure, transporter }: Trial): ReadonlyArray<string> => {
  if (failure !== undefined) return []
  const { atomicReplace, connections, contentHash, directories, headers } = transporter.capabilities
  return [
    atomicReplace ? "in one step" : "with a gap",
    contentHash ? "size, checksum" : "size",
    headers ? "stored" : "no",
    directories ? "yes" : "no",
    String(connections),
    transporter.invalidator === undefined ? "" : "told of changes",
  ]
}

const report = Effect.fnUntraced(function* (config: Config, trials: ReadonlyArray<Trial>) {
  const kinds = new Map(config.servers.map((server) => [server.name, server.transporter]))
  const [head = "", ...rows] = table(
    columns,
    trials.map((trial) => [
      printable(trial.server),
      kinds.get(trial.server) ?? "",
      trial.failure?.trouble ?? "ok",
      ...abilities(trial),
    ]),
  )
  yield* print("")
  yield* print(head)
  for (const [index, row] of rows.entries()) {
    yield* print(row)
    const failure = trials[index]?.failure
    if (failure !== undefined) yield* print(`    ${printable(failure.detail)}`)
  }
  yield* print("")
})

/** Prints a verdict for each part. Returns whether all is well. */
export const check = Effect.fnUntraced(function* (config: Config) {
  const processors = yield* Processors
  let well = true
  yield* print(
    `${config.file}: ${counted(config.sources.length, "source")}, ${counted(config.servers.length, "server")}, ${counted(config.rules.length, "rule")}`,
  )
  for (const warning of config.warnings) yield* print(`  warning: ${warning}`)
  for (const source of config.sources) yield* print(`source "${source.name}": ${source.root}`)
  const uses = new Map(config.rules.flatMap((rule) => rule.chain.map((use) => [JSON.stringify(use), use] as const)))
  // One that can not do its work is a mistake of the config.
  for (const use of uses.values()) {
    yield* print(`processor ${use.name}: ok${processors.get(use).inline === true ? "" : " (in a process of its own)"}`)
  }
  const trials = yield* Effect.forEach(config.servers, (server) => tryServer(config, server.name), {
    concurrency: CHECK_AT_ONCE,
  })
  if (trials.length > 0) yield* report(config, trials)
  well &&= trials.every((trial) => trial.failure === undefined)
  yield* print(well ? "all is well" : "something has to be put right first")
  return well
})
