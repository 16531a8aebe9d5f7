/**
 * `import`: takes over the files that a classic installation published, so that nothing is uploaded twice.
 *
 * @since 1.0.0
 */
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { realpathSync } from "node:fs"
import path from "node:path"
import type { Config } from "../domain/Config.ts"
import { Ledger } from "../domain/Ledger.ts"
import { IMPORT_EXAMPLES, IMPORT_REASONS, VERIFY_AT_ONCE } from "../domain/Limits.ts"
import type { PublishedRow } from "../domain/Publisher.ts"
import { printable } from "../layers/observability/printable.ts"
import { showProgress } from "../layers/observability/progress.ts"
import { readClassicMap } from "../layers/publishers/classicMap.ts"
import { markForRebuild } from "../layers/publishers/mapFile.ts"
import { counted, print } from "./output.ts"
import { makeTakeOver, type TakenOver } from "./takeOver.ts"
import { layerLedgerOnly } from "./world.ts"

/** The progress line is brought up to date this often, in milliseconds. */
const PROGRESS_INTERVAL = 250

/** Files by what became of them, with a few names each. */
class Groups {
  private readonly groups = new Map<string, { count: number; readonly examples: Array<string> }>()
  total = 0

  add(row: PublishedRow, reason: string): void {
    this.total++
    const described = `"${row.server}": ${reason}`
    const key =
      this.groups.has(described) || this.groups.size < IMPORT_REASONS ? described : `any server: other reasons`
    const group = this.groups.get(key) ?? { count: 0, examples: [] }
    group.count++
    if (group.examples.length < IMPORT_EXAMPLES) group.examples.push(row.inputFile)
    this.groups.set(key, group)
  }

  lines(): ReadonlyArray<string> {
    return [...this.groups].flatMap(([reason, { count, examples }]) => {
      const rest = count > examples.length ? ", ..." : ""
      return [`  ${counted(count, "file")} on ${printable(reason)}`, `    ${examples.map(printable).join(", ")}${rest}`]
    })
  }
}

const realFile = (file: string): string => {
  try {
    return realpathSync(file)
  } catch {
    return file
  }
}

const takeOverAll = Effect.fnUntraced(function* (config: Config, directory: string) {
  const ledger = yield* Ledger
  const map = yield* readClassicMap(directory)
  const takeOver = yield* makeTakeOver(config)
  const counts = { taken: 0, known: 0 }
  const older = new Groups()
  const leftAlone = new Groups()
  const unanswered = new Groups()
  let done = 0

  const count = (row: PublishedRow, found: TakenOver) => {
    done++
    switch (found._tag) {
      case "Taken":
        counts.taken++
        return
      case "Known":
        counts.known++
        return
      case "Older":
        return older.add(row, found.reason)
      case "Left":
        return leftAlone.add(row, found.reason)
      case "Unanswered":
        return unanswered.add(row, found.reason)
    }
  }

  const rows = Stream.runForEach(map.pages, (page) =>
    Effect.gen(function* () {
      const found = yield* Effect.forEach(page, (row) => Effect.map(takeOver(row), (one) => [row, one] as const), {
        concurrency: VERIFY_AT_ONCE,
      })
      const deliveries = found.flatMap(([, one]) =>
        one._tag === "Taken" || one._tag === "Older" ? one.deliveries : [],
      )
      yield* ledger.commit(deliveries.map((delivery) => ({ _tag: "Delivered" as const, delivery })))
      for (const [row, one] of found) count(row, one)
    }),
  )
  const progress = Stream.fromEffectRepeat(
    Effect.delay(
      Effect.sync(() => ({ done, total: map.total })),
      PROGRESS_INTERVAL,
    ),
  )
  yield* Effect.raceFirst(rows, Effect.andThen(showProgress(progress), Effect.never))
  // Rows that nobody took over must not stay in a map that is ours from now on.
  const { syncedFilesDb } = config.settings
  if (realFile(map.file) === realFile(syncedFilesDb)) yield* Effect.sync(() => markForRebuild(syncedFilesDb))

  yield* print(`taken over: ${counted(counts.taken, "file")}`)
  if (counts.known > 0) yield* print(`known already: ${counted(counts.known, "file")}`)
  const tell = Effect.fnUntraced(function* (what: string, groups: Groups) {
    if (groups.total === 0) return
    yield* print(`${what}: ${counted(groups.total, "file")}`)
    for (const line of groups.lines()) yield* print(line)
  })
  yield* tell("taken over as out of date, to be delivered again", older)
  yield* tell("not taken over", leftAlone)
  yield* tell("not taken over, since the server could not be asked; import again when it can", unanswered)
  return unanswered.total === 0
})

/** Takes over what the classic installation in `directory` published. Returns whether every server could be asked. */
export const importClassic = (config: Config, directory: string) =>
  Effect.provide(Effect.scoped(takeOverAll(config, path.resolve(directory))), layerLedgerOnly(config))
