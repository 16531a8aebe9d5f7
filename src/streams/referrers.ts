/**
 * Looks after files that refer to others: when one of those is elsewhere, they are due again.
 *
 * @since 1.0.0
 */
import * as Effect from "effect/Effect"
import type { Target } from "../domain/Delivery.ts"
import { Ledger } from "../domain/Ledger.ts"
import { STALE_REFERRERS } from "../domain/Limits.ts"
import { root, type ServerName } from "../domain/Path.ts"
import { directory } from "./backlog.ts"
import type { Shared } from "./shared.ts"

export const makeReferrers = Effect.fnUntraced(function* (shared: Shared) {
  const ledger = yield* Ledger

  /** These files got another place on a server, or none. The ledger knows who is due again; their lanes hear of it. */
  return Effect.fnUntraced(function* (server: ServerName, moved: ReadonlyArray<Target>) {
    if (moved.length === 0) return
    const stale = yield* ledger.staleReferrers(moved, STALE_REFERRERS)
    if (stale.length < STALE_REFERRERS) {
      for (const target of stale) shared.stale(target)
      return
    }
    for (const { servers, source } of shared.books.values()) {
      if (servers.has(server)) shared.enqueue(server, directory(source.name, root, "tree"))
    }
  })
})
