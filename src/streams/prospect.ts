/**
 * What would be published of a file, for commands that only look.
 *
 * @since 1.0.0
 */
import * as Effect from "effect/Effect"
import type { Config } from "../domain/Config.ts"
import { urgent } from "./backlog.ts"
import { makeLinks } from "./links.ts"
import { type ChainRequest, makeProcess } from "./process.ts"
import { makeProduce } from "./produce.ts"
import { booksOf } from "./shared.ts"
import { Waits } from "./waits.ts"

export const makeProspect = Effect.fnUntraced(function* (config: Config) {
  const links = yield* makeLinks(booksOf(config))
  const process = yield* makeProcess()
  /** What a request gives now; nothing but the files it has to wait for, where there are some. */
  return Effect.fnUntraced(function* (request: ChainRequest) {
    const waits = new Waits()
    const produce = yield* makeProduce({ server: request.server, process, links, waits })
    const ask = waits.begin(urgent(request.book.source.name, request.path))
    const produced = yield* produce(request, ask)
    return { processed: produced?.processed, awaited: [...ask.awaited.values()] }
  })
})
