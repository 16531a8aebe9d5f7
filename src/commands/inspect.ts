/**
 * Commands that look and change nothing of the daemon's: they read the ledger beside a running daemon.
 *
 * @since 1.0.0
 */
import * as Effect from "effect/Effect"
import type { Config } from "../domain/Config.ts"
import { check } from "./check.ts"
import { dryRun } from "./dryRun.ts"
import { explain } from "./explain.ts"
import { layerReadOnly } from "./world.ts"

/** Returns whether all is well. */
export const inspect = (command: "dry-run" | "check" | "explain", config: Config, rest: ReadonlyArray<string>) => {
  const work = Effect.gen(function* () {
    switch (command) {
      case "dry-run":
        return yield* dryRun(config)
      case "check":
        return yield* check(config)
      case "explain":
        return yield* explain(config, rest[0] ?? "")
    }
  })
  return Effect.provide(Effect.scoped(work), layerReadOnly(config))
}
