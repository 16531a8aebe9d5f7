/**
 * `explain`: which source and rules are about a file, where it is published, and what it waits for.
 *
 * @since 1.0.0
 */
import * as Effect from "effect/Effect"
import type { Config, Source } from "../domain/Config.ts"
import { placesOf } from "../domain/Companion.ts"
import type { Delivery } from "../domain/Delivery.ts"
import { type FileState, isSame, mtimeMillis } from "../domain/FileState.ts"
import { mismatch } from "../domain/Filter.ts"
import { Ledger } from "../domain/Ledger.ts"
import { directoryOf, display, hasDirectoryNamed, type RelativePath, remotePath } from "../domain/Path.ts"
import type { FileReference } from "../domain/Reference.ts"
import { candidate, type Destination, type Rule } from "../domain/Rule.ts"
import { SourceFiles } from "../domain/SourceFiles.ts"
import { Transporters } from "../domain/Transporter.ts"
import { makeProspect } from "../streams/prospect.ts"
import { booksOf } from "../streams/shared.ts"
import { absolutePath, locate } from "./locate.ts"
import { print } from "./output.ts"

/** Paths, as many as can be read at a glance. */
const named = (files: ReadonlyArray<FileReference>): string => {
  const shown = files.slice(0, NAMES_SHOWN).map(({ path }) => display(path))
  return files.length > shown.length ? `${shown.join(", ")} and ${files.length - shown.length} more` : shown.join(", ")
}

const NAMES_SHOWN = 5

const time = (millis: number): string => new Date(millis).toISOString().replace(/\.\d+Z$/, "Z")

/** Prints the explanation. Returns false when no source holds the path. */
export const explain = Effect.fnUntraced(function* (config: Config, typed: string) {
  const absolute = yield* absolutePath(typed)
  const located = locate(config, absolute)
  if (located.length === 0) {
    yield* print(`${display(absolute)} is in none of the sources:`)
    for (const source of config.sources) yield* print(`  ${source.name}: ${source.root}`)
    return false
  }
  for (const { path, source } of located) yield* explainIn(config, source, path)
  return true
})

const explainIn = Effect.fnUntraced(function* (config: Config, source: Source, path: RelativePath) {
  const files = yield* SourceFiles
  const ledger = yield* Ledger
  yield* print(`${display(path)}\n  source "${source.name}" (${source.root})`)
  if (hasDirectoryNamed(path, source.ignoredDirs)) {
    yield* print(`  it is below an ignored directory (${[...source.ignoredDirs].join(", ")}): no rule looks at it`)
  }
  const state = yield* files.stat(source, path)
  yield* print(
    state === undefined
      ? "  there is no such file now (or it is not a regular file, or a link that is skipped)"
      : `  ${state.size} bytes, changed ${time(mtimeMillis(state))}`,
  )
  const deliveries = yield* ledger.deliveriesOf(source.name, path)
  for (const rule of config.rules.filter((rule) => rule.source === source.name)) {
    yield* explainRule(config, source, path, state, rule, deliveries)
  }
  const wantedBy = new Set(config.rules.map((rule) => rule.id))
  for (const delivery of deliveries.filter((delivery) => !wantedBy.has(delivery.rule))) {
    yield* print(
      `  still on "${delivery.server}" as ${display(delivery.destination)} under a rule that is gone; it will be removed`,
    )
  }
})

const explainRule = Effect.fnUntraced(function* (
  config: Config,
  source: Source,
  path: RelativePath,
  state: FileState | undefined,
  rule: Rule,
  deliveries: ReadonlyArray<Delivery>,
) {
  const reason =
    rule.filter === undefined ? undefined : mismatch(rule.filter, candidate(source.root, path, state?.size))
  if (reason !== undefined) return yield* print(`  rule "${rule.label}" does not apply: ${reason}`)
  const chain = rule.chain.map((use) => use.name).join(" -> ")
  yield* print(`  rule "${rule.label}" applies${chain === "" ? "" : `; chain: ${chain}`}`)
  if (rule.fileDeletionDelayAfterSync !== undefined) {
    yield* print(`    the source file is deleted ${rule.fileDeletionDelayAfterSync} s after every destination has it`)
  }
  for (const destination of rule.destinations) {
    yield* explainDestination(config, source, path, state, rule, destination, deliveries)
  }
})

const explainDestination = Effect.fnUntraced(
  function* (
    config: Config,
    source: Source,
    path: RelativePath,
    state: FileState | undefined,
    rule: Rule,
    destination: Destination,
    deliveries: ReadonlyArray<Delivery>,
  ) {
    const ledger = yield* Ledger
    const transporters = yield* Transporters
    const { server } = destination
    const delivery = deliveries.find((one) => one.rule === rule.id && one.server === server)
    yield* print(`    to "${server}":`)
    if (delivery !== undefined) {
      const standing =
        state === undefined
          ? delivery.sourceDeleted
            ? "delivered; the source file was deleted by the daemon afterwards"
            : "delivered; the source file is gone, so it will be removed"
          : !isSame(delivery.state, state)
            ? "an older version is there; the new one is due"
            : delivery.fingerprint === destination.fingerprint
              ? "delivered, in sync"
              : delivery.fingerprint === ""
                ? "due again: a file it refers to is elsewhere now, or its last upload was not confirmed"
                : "delivered under another configuration; it is due again"
      yield* print(`      ${standing}`)
      yield* print(`      ${delivery.url}  (${display(delivery.destination)}, ${time(delivery.deliveredAt)})`)
      const [, ...companions] = placesOf(delivery)
      if (companions.length > 0) yield* print(`      beside it: ${companions.map(display).join(", ")}`)
    }
    if (
      state !== undefined &&
      (delivery === undefined || delivery.fingerprint !== destination.fingerprint || !isSame(delivery.state, state))
    ) {
      const prospect = yield* makeProspect(config)
      const book = booksOf(config).get(source.name)
      const { awaited, processed } =
        book === undefined
          ? { awaited: [], processed: undefined }
          : yield* prospect({ book, path, state, rule, server })
      if (awaited.length > 0) {
        yield* print(`      it refers to files that are due, and goes after them: ${named(awaited)}`)
      }
      if (processed !== undefined) {
        const place = remotePath(
          [destination.path, directoryOf(path), processed.baseName].filter((part) => part !== "").join("/"),
        )
        if (place !== undefined) {
          yield* print(
            `      ${delivery === undefined ? "not delivered yet; it" : "it"} goes to ${transporters.get(server).url(place)}  (${display(place)})`,
          )
        }
      }
    }
    const failure = yield* ledger.failureOf({ source: source.name, path, server })
    if (failure !== undefined) {
      yield* print(`      failed ${failure.attempts} times since ${time(failure.since)}: ${display(failure.reason)}`)
      yield* print(`      next try: ${time(failure.nextTry)}`)
    }
  },
  Effect.scoped,
  Effect.catchTag("ProcessorError", (error) => print(`      the chain fails: ${display(error.message)}`)),
)
