/**
 * The forms of a log line. In every one of them a text from outside (a file name, a server's answer) stays within its
 * entry: whatever it holds, it can not look like another entry.
 *
 * @since 1.0.0
 */
import type { LogLevel } from "../../domain/Config.ts"
import { LOG_LINE_CHARS } from "../../domain/Limits.ts"
import type { LogEntry } from "./logEntry.ts"
import { printable } from "./printable.ts"

/** How log lines look: for people, or for programs. */
export type LogFormat = "pretty" | "json" | "logfmt"

/** The format where nobody chose one. */
export const defaultLogFormat = (isTerminal: boolean): LogFormat => (isTerminal ? "pretty" : "logfmt")

const cut = (text: string): string =>
  text.length <= LOG_LINE_CHARS ? text : `${text.slice(0, LOG_LINE_CHARS)}... (cut off)`

const colors: Readonly<Record<LogLevel, string>> = {
  DEBUG: "\u001b[2m",
  INFO: "\u001b[32m",
  WARNING: "\u001b[33m",
  ERROR: "\u001b[31m",
  CRITICAL: "\u001b[1;31m",
}
const faint = "\u001b[2m"
const plain = "\u001b[0m"

const wordCharacter = /[\p{L}\p{N}_]/u

// A value that the message says already, as a word of its own, is not said twice.
const says = (message: string, value: string): boolean => {
  if (value === "") return true
  for (let at = message.indexOf(value); at !== -1; at = message.indexOf(value, at + 1)) {
    const before = message[at - 1]
    const after = message[at + value.length]
    if (!(before !== undefined && wordCharacter.test(before)) && !(after !== undefined && wordCharacter.test(after))) {
      return true
    }
  }
  return false
}

const two = (value: number): string => String(value).padStart(2, "0")

/** The time of day, `HH:MM:SS`, where the machine is. */
export const timeOfDay = (at: Date): string => `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`

const bare = /^[^\s"=\\]+$/

const human = (entry: LogEntry, time: string, colored: boolean): string => {
  const paint = (color: string, text: string): string => (colored ? `${color}${text}${plain}` : text)
  const fields = entry.fields
    .filter(([, value]) => !says(entry.message, value))
    .map(([name, value]) => {
      const text = printable(value)
      return `${printable(name)}=${bare.test(text) ? text : JSON.stringify(text)}`
    })
  const [message = "", ...continued] = cut(entry.message).split("\n")
  const head = [paint(faint, time), paint(colors[entry.level], entry.level.padEnd(8)), printable(message)]
  if (fields.length > 0) head.push(paint(faint, cut(fields.join(" "))))
  // Entries begin with their time, and nothing else does: what takes more than a line is marked as such.
  const rest = [...continued, ...entry.causes.flatMap((cause) => cut(cause).split("\n"))]
  return head.join(" ") + rest.map((line) => `\n    | ${printable(line)}`.trimEnd()).join("")
}

/** For a person at a terminal: time of day, level, message, what else is known; causes on indented lines. */
export const prettyFormat =
  (colored: boolean) =>
  (entry: LogEntry): string =>
    human(entry, timeOfDay(entry.at), colored)

/** For a person reading a file: as {@link prettyFormat}, with the date (UTC). */
export const plainFormat = (entry: LogEntry): string => human(entry, entry.at.toISOString(), false)

// JSON leaves these as they are; terminals and line readers do not.
const unescaped = /[\u007f-\u009f\u2028\u2029\u202A-\u202E\u2066-\u2069]/g
const quoted = (value: unknown): string =>
  JSON.stringify(value).replace(unescaped, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`)

/** One JSON object a line: `time`, `level`, `message`, `error` (an array, where something failed), then the fields. */
export const jsonFormat = (entry: LogEntry): string => {
  const own = { time: entry.at.toISOString(), level: entry.level, message: cut(entry.message) }
  const error = entry.causes.length === 0 ? {} : { error: entry.causes.map(cut) }
  const fields: Record<string, string> = {}
  for (const [name, value] of entry.fields)
    fields[name in own || name === "error" ? `field_${name}` : name] = cut(value)
  return quoted({ ...own, ...error, ...fields })
}

const key = (name: string): string => name.replace(/[^A-Za-z0-9_.-]/g, "_") || "_"
const pair = (name: string, value: string): string => {
  const text = cut(value)
  return `${key(name)}=${bare.test(text) && printable(text) === text ? text : quoted(text)}`
}

/** `name=value` pairs on one line: `time`, `level`, `message`, `error`, then the fields. */
export const logfmtFormat = (entry: LogEntry): string =>
  [
    pair("time", entry.at.toISOString()),
    pair("level", entry.level),
    pair("message", entry.message),
    ...entry.causes.map((cause) => pair("error", cause)),
    ...entry.fields.map(([name, value]) => pair(name, value)),
  ].join(" ")
