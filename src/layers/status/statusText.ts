/**
 * The status for a person.
 *
 * @since 1.0.0
 */
import { STATUS_FAILURES } from "../../domain/Limits.ts"
import type { ServerStatus, SourceStatus, Status } from "../../domain/Telemetry.ts"
import { confirmCommand } from "../observability/messages.ts"
import { printable } from "../observability/printable.ts"
import { ahead, count, counted, duration } from "../observability/words.ts"
import { table } from "./table.ts"

/** `now` in milliseconds since the epoch; `configFile` as it is typed in commands. */
export interface StatusTextOptions {
  readonly now: number
  readonly configFile: string
  readonly colored: boolean
}

type Paint = (text: string) => string
interface Paints {
  readonly good: Paint
  readonly bad: Paint
  readonly strong: Paint
}

const paints = (colored: boolean): Paints => {
  const paint =
    (code: number): Paint =>
    (text) =>
      colored ? `\u001b[${code}m${text}\u001b[0m` : text
  return { good: paint(32), bad: paint(31), strong: paint(1) }
}

const sum = (servers: ReadonlyArray<ServerStatus>, of: (server: ServerStatus) => number): number =>
  servers.reduce((total, server) => total + of(server), 0)

const verdict = (status: Status, options: StatusTextOptions, paint: Paints): string => {
  const since = `for ${duration(options.now - status.since)}`
  if (status.inSync) return paint.good(`In sync ${since}.`)
  const waiting = sum(status.servers, (server) => server.waiting)
  const failed = sum(status.servers, (server) => server.failed)
  const inFlight = sum(status.servers, (server) => server.inFlight)
  const parts = [
    waiting === 0
      ? ""
      : `${status.servers.some((server) => server.atLeast) ? "at least " : ""}${count(waiting)} waiting`,
    inFlight === 0 ? "" : `${count(inFlight)} in flight`,
    failed === 0 ? "" : `${count(failed)} failed`,
  ].filter((part) => part !== "")
  return paint.bad(`Not in sync ${since}${parts.length === 0 ? "" : `: ${parts.join(", ")}`}.`)
}

const sourceNotes = (source: SourceStatus, options: StatusTextOptions): ReadonlyArray<string> => {
  const notes: Array<string> = []
  if (source.state === "away")
    notes.push("Its directory is away. Nothing is deleted; it is taken up again when it is back.")
  if (source.blind > 0) {
    const them = counted(source.blind, "directory", "directories")
    notes.push(`${them} without a watch: scanned every few seconds instead.`)
  }
  for (const { directory, nextTry, reason } of (source.unreadable ?? []).slice(0, STATUS_FAILURES)) {
    const next = nextTry === undefined ? "now" : ahead(nextTry, options.now)
    const name = directory === "" ? "Its directory" : printable(directory)
    notes.push(`${name} can not be read (${printable(reason)}): what was delivered from there stays; next try ${next}.`)
  }
  if (source.overflows > 0) {
    notes.push(`Events were lost ${counted(source.overflows, "time")}; each time the tree was looked at again.`)
  }
  if (source.settling > 0) notes.push(`${counted(source.settling, "file")} still being written.`)
  const { hold } = source
  if (hold !== undefined) {
    notes.push(
      `Deletions held back for ${duration(options.now - hold.since)}: ${printable(hold.reason)}.`,
      `  If they are meant: ${printable(confirmCommand(options.configFile, source.name))}`,
    )
  }
  return notes
}

const sources = (status: Status, options: StatusTextOptions): ReadonlyArray<string> => {
  const [head = "", ...rows] = table(
    [{ heading: "Source" }, { heading: "State" }, { heading: "Monitor" }, { heading: "Directories watched" }],
    status.sources.map((source) => [
      printable(source.name),
      source.state,
      printable(source.monitor),
      `${count(source.watched)} of ${count(source.directories)}`,
    ]),
  )
  const notes = status.sources.map((source) => sourceNotes(source, options))
  return [head, ...rows.flatMap((row, index) => [row, ...(notes[index] ?? []).map((note) => `    ${note}`)])]
}

const invalidationNote = (server: ServerStatus, options: StatusTextOptions): ReadonlyArray<string> => {
  const { invalidation } = server
  if (invalidation === undefined || invalidation.waiting === 0) return []
  const { nextTry, reason, waiting } = invalidation
  const addresses = counted(waiting, "changed address", "changed addresses")
  const why = reason === undefined ? "" : `: ${printable(reason)}`
  const next = nextTry === undefined ? "" : `; next try ${ahead(nextTry, options.now)}`
  return [`    its CDN has still to be told of ${addresses}${why}${next}`]
}

const serverNote = (server: ServerStatus, options: StatusTextOptions): ReadonlyArray<string> => {
  const referring =
    server.referring === 0 ? [] : [`    ${counted(server.referring, "file")} waiting for others that they refer to`]
  const notes = [...referring, ...invalidationNote(server, options)]
  if (server.state === "up") return notes
  const next = server.nextTry === undefined ? "" : `; next try ${ahead(server.nextTry, options.now)}`
  return [`    ${printable(server.reason ?? "no reason is known")}${next}`, ...notes]
}

const servers = (status: Status, options: StatusTextOptions): ReadonlyArray<string> => {
  const [head = "", ...rows] = table(
    [
      { heading: "Server" },
      { heading: "State" },
      { heading: "Waiting", numeric: true },
      { heading: "In flight", numeric: true },
      { heading: "Delivered", numeric: true },
      { heading: "Failed", numeric: true },
    ],
    status.servers.map((server) => [
      printable(server.name),
      server.state,
      `${server.atLeast ? "at least " : ""}${count(server.waiting)}`,
      count(server.inFlight),
      count(server.delivered),
      count(server.failed),
    ]),
  )
  const notes = status.servers.map((server) => serverNote(server, options))
  return [head, ...rows.flatMap((row, index) => [row, ...(notes[index] ?? [])])]
}

const failures = (status: Status, options: StatusTextOptions): ReadonlyArray<string> => {
  const shown = status.failures.slice(0, STATUS_FAILURES)
  const listed = status.failures.length
  const more =
    Math.max(
      listed,
      sum(status.servers, (server) => server.failed),
    ) - shown.length
  return [
    ...shown.flatMap((failure) => [
      `${printable(failure.path)} (${printable(failure.source)}) to ${printable(failure.server)}`,
      `    ${printable(failure.reason)}`,
      `    ${counted(failure.attempts, "attempt")} in ${duration(options.now - failure.since)}, next try ${ahead(failure.nextTry, options.now)}`,
    ]),
    ...(more > 0 ? [`and ${count(more)} more${listed > shown.length ? "; --json lists more" : ""}`] : []),
  ]
}

/** The status as readable text, several lines, the last one ended. */
export const statusText = (status: Status, options: StatusTextOptions): string => {
  const paint = paints(options.colored)
  const block = ([head = "", ...lines]: ReadonlyArray<string>): ReadonlyArray<string> => [
    "",
    paint.strong(head),
    ...lines,
  ]
  return [
    verdict(status, options, paint),
    ...(status.sources.length === 0 ? [] : block(sources(status, options))),
    ...(status.servers.length === 0 ? [] : block(servers(status, options))),
    ...(status.failures.length === 0 ? [] : block(["Failed files", ...failures(status, options)])),
    "",
  ].join("\n")
}
