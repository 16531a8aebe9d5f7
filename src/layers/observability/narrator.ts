/**
 * Tells events as log lines, each piece of news once: what repeats itself goes to the debug log.
 *
 * @since 1.0.0
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import { isGreaterThan } from "effect/LogLevel"
import * as References from "effect/References"
import type { LogLevel } from "../../domain/Config.ts"
import { TOLD_ALIKE, TOLD_FAILURES } from "../../domain/Limits.ts"
import type { Target } from "../../domain/Delivery.ts"
import type { ConveyorEvent } from "../../domain/Telemetry.ts"
import { levelOfName } from "./logEntry.ts"
import { describe, type Line, type Telling } from "./messages.ts"

/** Turns events into lines, remembering within a bound what was told already. */
export interface Narrator {
  readonly tell: (event: ConveyorEvent, telling: Telling) => Line
  /** The line would be for the debug log alone, and telling it changes nothing. */
  readonly isRoutine: (event: ConveyorEvent) => boolean
}

const atLevel = (line: Line, level: LogLevel, more = ""): Line => ({ ...line, level, message: line.message + more })
const quietly = (line: Line): Line => (line.level === "DEBUG" ? line : atLevel(line, "DEBUG"))
const keyOf = (target: Target): string => `${target.source}\0${target.path}\0${target.server}`

const remember = <V>(map: Map<string, V>, key: string, value: V): void => {
  map.delete(key)
  map.set(key, value)
  if (map.size <= TOLD_FAILURES) return
  for (const oldest of map.keys()) {
    map.delete(oldest)
    return
  }
}

/**
 * A narrator. The same failure of the same file is told once, and the end of it; of many files that fail alike on one
 * server the first few are told; a server that stays down, a hold that stays and a sync that was reached again without
 * anything having been wrong are not news.
 */
export const makeNarrator = (): Narrator => {
  const failures = new Map<string, { readonly reason: string; readonly attempts: number }>()
  const alike = new Map<string, number>()
  const down = new Map<string, string>()
  const held = new Map<string, number>()
  const untold = new Map<string, string>()
  const away = new Set<string>()
  let wasInSync = false
  let wrong = false

  const failed = (event: ConveyorEvent & { readonly _tag: "Failed" }, line: Line): Line => {
    const { failure } = event
    wrong = true
    const key = keyOf(failure)
    const known = failures.get(key)?.reason === failure.reason
    remember(failures, key, { reason: failure.reason, attempts: failure.attempts })
    if (known) return quietly(line)
    const kind = `${failure.server}\0${failure.reason.replaceAll(failure.path, "")}`
    const told = (alike.get(kind) ?? 0) + 1
    remember(alike, kind, told)
    if (told < TOLD_ALIKE) return line
    if (told > TOLD_ALIKE) return quietly(line)
    return atLevel(line, line.level, ". More failures of this kind are listed by `file-conveyor status`, not here")
  }

  const delivered = (event: ConveyorEvent & { readonly _tag: "Delivered" }, line: Line): Line => {
    const key = keyOf(event)
    const before = failures.get(key)
    if (before === undefined) return line
    failures.delete(key)
    return atLevel(line, "INFO", `, after ${before.attempts} failed ${before.attempts === 1 ? "attempt" : "attempts"}`)
  }

  const serverUp = (server: string, line: Line): Line => {
    for (const kind of alike.keys()) if (kind.startsWith(`${server}\0`)) alike.delete(kind)
    return down.delete(server) ? line : quietly(line)
  }

  const tell = (event: ConveyorEvent, telling: Telling): Line => {
    const line = describe(event, telling)
    switch (event._tag) {
      case "Failed":
        return failed(event, line)
      case "Delivered":
        return delivered(event, line)
      case "Removed":
        failures.delete(keyOf(event))
        return line
      case "ServerDown": {
        wrong = true
        const known = down.get(event.server) === event.reason
        down.set(event.server, event.reason)
        return known ? quietly(line) : line
      }
      case "ServerUp":
        return serverUp(event.server, line)
      case "InvalidationFailed": {
        wrong = true
        const known = untold.get(event.server) === event.reason
        untold.set(event.server, event.reason)
        return known ? quietly(line) : line
      }
      case "Invalidated":
        return untold.delete(event.server) ? atLevel(line, "INFO") : line
      case "Held": {
        wrong = true
        const known = held.get(event.hold.source) === event.hold.since
        held.set(event.hold.source, event.hold.since)
        return known ? quietly(line) : line
      }
      case "SourceAway": {
        wrong = true
        const known = away.has(event.source)
        away.add(event.source)
        return known ? quietly(line) : line
      }
      case "SourceBack":
        return away.delete(event.source) ? line : quietly(line)
      case "InSync": {
        const news = !wasInSync || wrong
        const again = wasInSync && wrong
        wasInSync = true
        wrong = false
        alike.clear()
        if (!news) return quietly(line)
        return again ? { ...line, message: line.message.replace("in sync", "in sync again") } : line
      }
      case "Scanned":
      case "SourceDeleted":
        return line
    }
  }
  const isRoutine = (event: ConveyorEvent): boolean => event._tag === "Delivered" && failures.size === 0
  return { tell, isRoutine }
}

/** Logs events as a narrator tells them, with their fields as annotations. */
export const narrate = (
  narrator: Narrator,
  configFile: string,
): ((events: ReadonlyArray<ConveyorEvent>) => Effect.Effect<void>) =>
  Effect.fnUntraced(function* (events: ReadonlyArray<ConveyorEvent>) {
    const now = yield* Clock.currentTimeMillis
    // Most lines are of single deliveries and nobody reads them: 100,000 of them must not slow down a first sync.
    const isDebugRead = !isGreaterThan(yield* References.MinimumLogLevel, "Debug")
    for (const event of events) {
      if (!isDebugRead && narrator.isRoutine(event)) continue
      const line = narrator.tell(event, { configFile, now })
      if (line.level === "DEBUG" && !isDebugRead) continue
      yield* Effect.logWithLevel(levelOfName(line.level))(line.message).pipe(Effect.annotateLogs(line.fields))
    }
  })
