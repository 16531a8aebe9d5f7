/**
 * Feedback loops: places that the daemon writes to and that lie inside of what it watches.
 *
 * @since 1.0.0
 */
import * as Path from "node:path"
import { isWithin } from "../../domain/Path.ts"
import type { Context } from "./Context.ts"
import { attribute, childrenNamed, type Element } from "./Element.ts"
import { eventualPath } from "./Disk.ts"
import type { Place } from "./mistakes.ts"
import { shown } from "./nearest.ts"
import type { DecodedRule } from "./rules.ts"
import type { DecodedServer } from "./servers.ts"
import type { DecodedSettings } from "./settings.ts"
import type { DecodedSource } from "./sources.ts"

/** A source's name as it may be shown. */
const nameOf = ({ element, source }: DecodedSource): string => shown(attribute(element, "name")?.written ?? source.name)

/** The source that would see a change at `path`, unless it ignores the place. A file's own name ignores nothing. */
const watching = (
  path: string,
  kind: "file" | "directory",
  sources: ReadonlyArray<DecodedSource>,
  context: Context,
): DecodedSource | undefined => {
  const real = eventualPath(context.disk, path)
  return sources.find(({ source }) => {
    if (!isWithin(source.root === "/" ? "" : source.root, real)) return false
    const segments = Path.relative(source.root, real).split(Path.sep)
    const directories = kind === "file" ? segments.slice(0, -1) : segments
    return !directories.some((name) => source.ignoredDirs.has(name))
  })
}

const otherwise = "or name the directory it is in among the ignoredDirs of <sources>"

const checkSettings = (
  { settings, wrong }: DecodedSettings,
  element: Element | undefined,
  sources: ReadonlyArray<DecodedSource>,
  context: Context,
): void => {
  const check = (
    name: string,
    path: string | undefined,
    kind: "file" | "directory",
    what: string,
    written?: Element,
  ) => {
    if (path === undefined || wrong.has(name)) return
    const source = watching(path, kind, sources, context)
    if (source === undefined) return
    const given = written ?? childrenNamed(element, name)[0]
    const place: Place = given ?? { offset: element?.offset ?? 0, element: `settings/${name}` }
    const problem = `${what} is inside of source ${nameOf(source)}: every change there would cause another`
    context.mistakes.add(
      place,
      given === undefined ? `${problem} (it is beside the config file by default)` : problem,
      `Set <${name}> in <settings> to a place outside of every source, ${otherwise}.`,
    )
  }
  const has = (name: string) => childrenNamed(element, name).length > 0
  check("stateDir", settings.stateDir, "directory", "the state directory")
  check("syncedFilesDb", settings.syncedFilesDb, "file", "the published map")
  if (has("workingDir")) check("workingDir", settings.workingDir, "directory", "the working directory")
  check("logFile", settings.logFile, "file", "the log")
  const pidElements = childrenNamed(element, "pidFile")
  settings.pidFiles.forEach((path, index) => check("pidFile", path, "file", "the PID file", pidElements[index]))
}

const localDirectories = ({ definition, server }: DecodedServer): ReadonlyArray<string> => {
  try {
    return definition.localDirectories?.(server.settings) ?? []
  } catch {
    return []
  }
}

const checkServers = (
  servers: ReadonlyArray<DecodedServer>,
  rules: ReadonlyArray<DecodedRule>,
  sources: ReadonlyArray<DecodedSource>,
  context: Context,
): void => {
  for (const decoded of servers) {
    for (const directory of localDirectories(decoded)) {
      const problem = (source: DecodedSource) =>
        `files are put inside of source ${nameOf(source)}: every delivery there would cause another`
      const cure = `Choose a place outside of every source, ${otherwise}.`
      const uses = rules
        .flatMap((rule) => rule.destinations)
        .filter(({ destination }) => destination.server === decoded.server.name)
      const whole = watching(directory, "directory", sources, context)
      if (whole !== undefined) {
        const setting = decoded.element.children.find(
          (child) =>
            child.text.value !== "" && Path.resolve(Path.dirname(context.file), child.text.value) === directory,
        )
        const harmless =
          uses.length > 0 &&
          uses.every(
            ({ destination }) =>
              watching(Path.join(directory, destination.path), "directory", sources, context) === undefined,
          )
        if (!harmless) context.mistakes.add(setting ?? decoded.element, problem(whole), cure)
        continue
      }
      for (const { destination, element } of uses) {
        const source = watching(Path.join(directory, destination.path), "directory", sources, context)
        if (source !== undefined) context.mistakes.add(element, problem(source), cure)
      }
    }
  }
}

/** Notes every feedback loop. */
export const checkFeedback = (
  parts: {
    readonly settings: DecodedSettings
    readonly settingsElement: Element | undefined
    readonly sources: ReadonlyArray<DecodedSource>
    readonly servers: ReadonlyArray<DecodedServer>
    readonly rules: ReadonlyArray<DecodedRule>
  },
  context: Context,
): void => {
  checkSettings(parts.settings, parts.settingsElement, parts.sources, context)
  checkServers(parts.servers, parts.rules, parts.sources, context)
  const holder = watching(context.file, "file", parts.sources, context)
  if (holder !== undefined) {
    context.warnings.push(
      `The config file lies inside of source ${nameOf(holder)}: a rule that matches it would publish it, passwords and all.`,
    )
  }
}
