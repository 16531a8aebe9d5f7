/**
 * Forgets what the config no longer names.
 *
 * @since 1.0.0
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type { Config } from "../domain/Config.ts"
import { Ledger } from "../domain/Ledger.ts"

/** To be called before a run begins. Returns whether any delivery went. */
export const evict = Effect.fnUntraced(function* (config: Config) {
  const ledger = yield* Ledger
  const clock = yield* Clock.Clock
  const known = {
    sources: new Set(config.sources.map((source) => source.name)),
    servers: new Set(config.servers.map((server) => server.name)),
  }
  const { forgotten, retired } = yield* ledger.evict(known, clock.currentTimeMillisUnsafe())
  if (forgotten + retired === 0) return false
  yield* Effect.logInfo(
    `the config no longer names some sources or servers: ${retired} published files are removed, ${forgotten} files on servers that are gone are left alone`,
  )
  return true
})
