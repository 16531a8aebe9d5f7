/**
 * `--dry-run`: what would be put and deleted, and where. Touches nothing.
 *
 * @since 1.0.0
 */
import * as Effect from "effect/Effect"
import type { Config } from "../domain/Config.ts"
import { Ledger } from "../domain/Ledger.ts"
import { SCAN_BATCH } from "../domain/Limits.ts"
import { directoryOf, display, remotePath, root } from "../domain/Path.ts"
import { plan } from "../domain/Plan.ts"
import { Transporters } from "../domain/Transporter.ts"
import { makeProspect } from "../streams/prospect.ts"
import { booksOf, type SourceBook } from "../streams/shared.ts"
import { eachFile, type FileView, makeWalk } from "../streams/walk.ts"
import { counted, print } from "./output.ts"

/** Prints one line for each file and server, then the totals. */
export const dryRun = Effect.fnUntraced(function* (config: Config) {
  const ledger = yield* Ledger
  const transporters = yield* Transporters
  const prospect = yield* makeProspect(config)
  const totals = { put: 0, record: 0, remove: 0, failed: 0 }

  const putLine = Effect.fnUntraced(function* (
    book: SourceBook,
    file: FileView,
    job: Extract<ReturnType<typeof plan>[number], { _tag: "Put" }>,
  ) {
    const { state } = file
    if (state === undefined) return
    const { destination, previous, rule } = job
    const request = { book, path: file.path, state, rule, server: destination.server }
    const { awaited, processed } = yield* prospect(request)
    if (processed === undefined) {
      totals.put++
      const first = awaited[0] === undefined ? "" : `, e.g. ${display(awaited[0].path)}`
      return yield* print(
        `put      ${display(file.path)} -> "${destination.server}", after ${counted(awaited.length, "file")} it refers to${first}`,
      )
    }
    const place = [destination.path, directoryOf(file.path), processed.baseName].filter((part) => part !== "").join("/")
    const remote = remotePath(place)
    const url = remote === undefined ? "" : ` (${transporters.get(destination.server).url(remote)})`
    totals.put++
    yield* print(
      `${previous === undefined ? "put    " : "replace"}  ${display(file.path)} -> "${destination.server}" ${display(place)}${url}`,
    )
    for (const { suffix } of processed.companions)
      yield* print(`         and beside it ${display(`${place}${suffix}`)}`)
    if (previous !== undefined && previous.destination !== place) {
      totals.remove++
      yield* print(
        `delete   "${destination.server}" ${display(previous.destination)} (old name, after the grace period)`,
      )
    }
  }, Effect.scoped)

  const tell = Effect.fnUntraced(function* (book: SourceBook, file: FileView) {
    for (const job of plan(book, file.path, file.state, file.deliveries)) {
      switch (job._tag) {
        case "Put":
          yield* putLine(book, file, job).pipe(
            Effect.catch((error) => {
              totals.failed++
              return print(`fail     ${display(file.path)}: ${error.message}`)
            }),
          )
          break
        case "Compare":
          totals.record++
          yield* print(
            `compare  ${display(file.path)} -> "${job.destination.server}" (same size and time, other inode)`,
          )
          break
        case "Retire": {
          const { destination, path, server } = job.delivery
          totals.remove++
          const reason = job.vanished ? `${display(path)} is gone` : `no rule wants ${display(path)} there`
          yield* print(`delete   "${server}" ${display(destination)} (${reason})`)
        }
      }
    }
  })

  for (const book of booksOf(config).values()) {
    const walk = yield* makeWalk(book.source, root, { recursive: true, batch: SCAN_BATCH }).pipe(
      Effect.provideService(Ledger, ledger),
    )
    for (;;) {
      const views = yield* walk.next
      if (views === undefined) break
      const files: Array<FileView> = []
      for (const view of views) eachFile(view, (file) => files.push(file))
      for (const file of files) yield* tell(book, file)
    }
  }
  yield* print(
    `would put ${counted(totals.put, "file")} and delete ${counted(totals.remove, "file")}` +
      (totals.record > 0 ? `, compare ${counted(totals.record, "file")}` : "") +
      (totals.failed > 0 ? `; ${counted(totals.failed, "file")} could not be processed` : ""),
  )
  return totals.failed === 0
})
