/**
 * Commands that ask the running daemon.
 *
 * @since 1.0.0
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import path from "node:path"
import process from "node:process"
import type { Config } from "../domain/Config.ts"
import { askControl } from "../layers/status/askControl.ts"
import { decodeStatus } from "../layers/status/statusJson.ts"
import { statusText } from "../layers/status/statusText.ts"
import { print } from "./output.ts"

const absolute = (paths: ReadonlyArray<string>): ReadonlyArray<string> => paths.map((typed) => path.resolve(typed))

/** Prints how the daemon stands. Returns whether it is in sync. */
export const showStatus = Effect.fnUntraced(function* (config: Config, json: boolean) {
  const answer = yield* askControl(config.settings.stateDir, { command: "status" })
  const status = yield* decodeStatus(answer)
  if (json) yield* print(JSON.stringify(answer, undefined, 2))
  else {
    const now = yield* Clock.currentTimeMillis
    yield* print(statusText(status, { now, configFile: config.file, colored: process.stdout.isTTY === true }))
  }
  return status.inSync
})

/** Returns when these files (all, when none are named) are in sync. */
export const waitFor = (config: Config, paths: ReadonlyArray<string>) =>
  askControl(config.settings.stateDir, { command: "wait", paths: absolute(paths) })

/** Has these files (all, when none are named) tried now. */
export const retry = (config: Config, paths: ReadonlyArray<string>) =>
  askControl(config.settings.stateDir, { command: "retry", paths: absolute(paths) })

/** Lets the deletions of a source pass that the guard holds back. */
export const confirmDeletes = (config: Config, source: string) =>
  askControl(config.settings.stateDir, { command: "confirm-deletes", source })
