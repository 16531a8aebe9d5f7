// Publishes both rows of a file again and again, each time in one change, until it is killed; prints what was published.
import { writeSync } from "node:fs"
import * as Effect from "effect/Effect"
import { Publisher } from "../../../dist/domain/Publisher.js"
import { layerSyncedFiles } from "../../../dist/layers/publishers/syncedFiles.js"

const row = (server, i) => ({
  _tag: "Publish",
  row: { inputFile: "/htdocs/drupal/a", server, transportedFileBasename: "a", url: String(i) },
})

const write = Effect.gen(function* () {
  const publisher = yield* Publisher
  for (let i = 0; ; i++) {
    yield* publisher.apply([row("cdn", i), row("ftp", i)])
    writeSync(1, `${i}\n`)
  }
}).pipe(Effect.provide(layerSyncedFiles({ syncedFilesDb: process.argv[2] })))

Effect.runPromise(write).catch((error) => {
  console.error(error.message)
  process.exit(1)
})
