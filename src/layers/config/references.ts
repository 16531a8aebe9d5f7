/**
 * `${env:NAME}` and `${file:/path}` in values, so that no secret needs to be in the config file.
 *
 * @since 1.0.0
 */
import * as Path from "node:path"
import { CONFIG_VALUE_BYTES } from "../../domain/Limits.ts"
import { didYouMean, shown } from "./nearest.ts"
import type { Disk } from "./Disk.ts"

/** Where values may come from. */
export interface ReferenceSources {
  readonly env: Readonly<Record<string, string | undefined>>
  readonly disk: Disk
  /** Directory that relative file names are relative to. */
  readonly directory: string
}

const reference = /\$?\$\{([A-Za-z]+):([^{}]*)\}/g
const decoder = new TextDecoder("utf-8", { fatal: true })

const utf8 = (bytes: Uint8Array): string | undefined => {
  try {
    return decoder.decode(bytes)
  } catch {
    return undefined
  }
}

/**
 * `text` with its references replaced; `problem` hears of each that can not be, by name and never by value.
 * `$${env:NAME}` stands for the text `${env:NAME}` itself.
 */
export const replaceReferences = (
  text: string,
  sources: ReferenceSources,
  problem: (problem: string, cure: string) => void,
): string =>
  text.replace(reference, (all: string, kind: string, name: string) => {
    if (all.startsWith("$$")) return all.slice(1)
    if (kind === "env") {
      const value = Object.hasOwn(sources.env, name) ? sources.env[name] : undefined
      if (value !== undefined) return value
      problem(`needs the environment variable ${shown(name)}, which is not set`, "Set it where the daemon is started.")
      return ""
    }
    if (kind === "file") {
      const read = sources.disk.readFile(Path.resolve(sources.directory, name), CONFIG_VALUE_BYTES)
      if (read._tag === "Unreadable") {
        problem(`needs the file ${shown(name)}, which ${read.why}`, "Name a file that the daemon's user can read.")
        return ""
      }
      const value = utf8(read.bytes)
      if (value !== undefined) return value.replace(/\r?\n$/, "")
      problem(`needs the file ${shown(name)}, which is not UTF-8 text`, "Name a text file.")
      return ""
    }
    problem(
      `refers to ${shown(kind)}, which is no place that values come from`,
      `${didYouMean(kind, ["env", "file"], "places")} Write $\${...} for the characters themselves.`,
    )
    return ""
  })

/** `text` so that {@link replaceReferences} gives it back. */
export const escapeReferences = (text: string): string => text.replace(reference, (all) => `$${all}`)
