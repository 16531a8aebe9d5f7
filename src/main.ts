#!/usr/bin/env node
/**
 * The command line: picks a command and its Layers, and turns the outcome into an exit code.
 *
 * @since 1.0.0
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import { readFileSync } from "node:fs"
import process from "node:process"
import { type Invocation, parseArguments } from "./commands/arguments.ts"
import { print } from "./commands/output.ts"
import type { Config } from "./domain/Config.ts"
import { loadConfig } from "./layers/config/loadConfig.ts"
import { loggingLayer } from "./layers/observability/loggers.ts"
import { layerStandardError } from "./layers/observability/standardError.ts"

const exitCodes = { fine: 0, failed: 1, usage: 2, held: 3 } as const

/** Commands that run processors: whether these can do their work is found out first. */
const works: ReadonlySet<Invocation["command"]> = new Set(["run", "once", "dry-run", "check"] as const)

const verdict = <E, R>(work: Effect.Effect<boolean, E, R>) =>
  Effect.map(work, (well) => (well ? exitCodes.fine : exitCodes.failed))

/** Commands are loaded when they are run, so that none pays for another. */
const perform = Effect.fnUntraced(function* (invocation: Invocation, config: Config) {
  const { rest } = invocation
  switch (invocation.command) {
    case "run": {
      const { runDaemon } = yield* Effect.promise(() => import("./commands/daemon.ts"))
      return yield* Effect.as(runDaemon(config), exitCodes.fine)
    }
    case "once": {
      const { runToQuiet } = yield* Effect.promise(() => import("./commands/once.ts"))
      return yield* verdict(runToQuiet(config))
    }
    case "dry-run":
    case "check":
    case "explain": {
      const { inspect } = yield* Effect.promise(() => import("./commands/inspect.ts"))
      return yield* verdict(inspect(invocation.command, config, rest))
    }
    case "status":
    case "wait":
    case "retry":
    case "confirm-deletes": {
      const ask = yield* Effect.promise(() => import("./commands/ask.ts"))
      if (invocation.command === "status") return yield* verdict(ask.showStatus(config, invocation.json))
      if (invocation.command === "wait") return yield* Effect.as(ask.waitFor(config, rest), exitCodes.fine)
      if (invocation.command === "retry") return yield* Effect.as(ask.retry(config, rest), exitCodes.fine)
      return yield* Effect.as(ask.confirmDeletes(config, rest[0] ?? ""), exitCodes.fine)
    }
  }
})

const version = (): string => {
  const manifest: unknown = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8"))
  return typeof manifest === "object" && manifest !== null && "version" in manifest ? String(manifest.version) : ""
}

const program = Effect.fnUntraced(function* (words: ReadonlyArray<string>) {
  const invocation = yield* parseArguments(words)
  if (invocation === "version") return yield* Effect.as(print(version()), exitCodes.fine)
  const config = yield* loadConfig(invocation.config, works.has(invocation.command) ? {} : { available: undefined })
  const logging = loggingLayer({ ...config.settings, format: invocation.logFormat })
  return yield* Effect.provide(perform(invocation, config), logging)
})

/** What a person is told when a command fails, and the exit code. Defects keep their cause. */
const report = (cause: Cause.Cause<unknown>): { readonly text: string; readonly code: number } => {
  const error = Cause.squash(cause)
  const tag = typeof error === "object" && error !== null && "_tag" in error ? error._tag : undefined
  if (Cause.hasDies(cause) || !(error instanceof Error)) return { text: Cause.pretty(cause), code: exitCodes.failed }
  const code =
    tag === "ConfigError" || tag === "UsageError"
      ? exitCodes.usage
      : tag === "StateDirectoryHeld"
        ? exitCodes.held
        : exitCodes.failed
  return { text: error.message, code }
}

const main = program(process.argv.slice(2)).pipe(
  Effect.catchTag("UsageError", (error) =>
    error.isHelp ? Effect.as(print(error.message), exitCodes.fine) : Effect.fail(error),
  ),
  Effect.provide(layerStandardError),
  Effect.scoped,
  Effect.exit,
)

// Worker threads and sockets do not keep the process alive, so that none of them can hinder its end; this does.
const alive = setInterval(() => undefined, 2 ** 30)

const finish = (exit: Effect.Success<typeof main>): number => {
  clearInterval(alive)
  if (exit._tag === "Success") return exit.value
  const { code, text } = report(exit.cause)
  process.stderr.write(`${text}\n`)
  return code
}

process.exitCode = finish(await Effect.runPromise(main))
