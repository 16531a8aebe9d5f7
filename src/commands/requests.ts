/**
 * What the daemon answers on its control socket.
 *
 * @since 1.0.0
 */
import * as Effect from "effect/Effect"
import type { Config } from "../domain/Config.ts"
import { Ledger } from "../domain/Ledger.ts"
import type { RelativePath, RuleId, ServerName, SourceName } from "../domain/Path.ts"
import { plan } from "../domain/Plan.ts"
import { SourceFiles } from "../domain/SourceFiles.ts"
import { ControlError, type ControlRequest } from "../layers/status/controlRequest.ts"
import { encodeStatus } from "../layers/status/statusJson.ts"
import type { Conveyor } from "../streams/conveyor.ts"
import { booksOf } from "../streams/shared.ts"
import { makeRepair, type Wrong } from "./repair.ts"
import { absolutePath, locate, type Located } from "./locate.ts"

const refused = (detail: string) => new ControlError({ reason: "Refused", detail })

const toWrong = (asked: Extract<ControlRequest, { readonly command: "repair" }>["deliveries"][number]): Wrong => ({
  source: asked.source as SourceName,
  path: asked.path as RelativePath,
  server: asked.server as ServerName,
  rule: asked.rule as RuleId,
  deliveredAt: asked.deliveredAt,
})

/** The paths of a request as files of sources; all must be in one. */
const located = Effect.fnUntraced(function* (config: Config, paths: ReadonlyArray<string>) {
  const found: Array<Located> = []
  for (const typed of paths) {
    const places = locate(config, yield* absolutePath(typed))
    if (places.length === 0) return yield* refused(`${typed} is in none of the sources`)
    found.push(...places)
  }
  return found
})

export const makeRequests = Effect.fnUntraced(function* (config: Config, conveyor: Conveyor) {
  const files = yield* SourceFiles
  const ledger = yield* Ledger
  const books = booksOf(config)

  const isInSync = Effect.fnUntraced(function* ({ path, source }: Located) {
    const book = books.get(source.name)
    if (book === undefined) return true
    const state = yield* files.stat(source, path)
    const deliveries = yield* ledger.deliveriesOf(source.name, path)
    if (plan(book, path, state, deliveries).length > 0) return false
    for (const { destination, server } of deliveries) {
      if (yield* ledger.isOutdated(server, destination)) return false
    }
    return true
  })

  const wait = Effect.fnUntraced(function* (paths: ReadonlyArray<string>) {
    const places = yield* located(config, paths)
    for (;;) {
      let inSync = true
      for (const place of places) inSync &&= yield* isInSync(place)
      if (places.length === 0) inSync = yield* conveyor.inSync
      if (inSync) return
      yield* conveyor.progressed
    }
  })

  const repair = yield* makeRepair(conveyor)

  const retry = Effect.fnUntraced(function* (paths: ReadonlyArray<string>) {
    if (paths.length === 0) return conveyor.retryAll()
    for (const { path, source } of yield* located(config, paths)) conveyor.look(source.name, path)
  })

  return (request: ControlRequest): Effect.Effect<unknown, ControlError> => {
    const answer = Effect.gen(function* () {
      switch (request.command) {
        case "status":
          return encodeStatus(yield* conveyor.status)
        case "wait":
          return yield* wait(request.paths)
        case "retry":
          return yield* retry(request.paths)
        case "confirm-deletes": {
          const source = config.sources.find((one) => one.name === request.source)
          if (source === undefined) {
            const names = config.sources.map((one) => one.name).join(", ")
            return yield* refused(`there is no source "${request.source}"; there are: ${names}`)
          }
          return conveyor.confirmDeletes(source.name)
        }
        case "repair":
          return yield* repair(request.deliveries.map(toWrong))
        case "explain":
          return yield* refused("explain reads the ledger itself")
      }
    })
    return Effect.mapError(answer, (error) =>
      error._tag === "ControlError"
        ? error
        : new ControlError({ reason: "Failed", detail: error.message, cause: error }),
    )
  }
})
