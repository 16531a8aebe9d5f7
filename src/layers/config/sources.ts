/**
 * `<sources>`: what is watched.
 *
 * @since 1.0.0
 */
import * as Schema from "effect/Schema"
import type { Source } from "../../domain/Config.ts"
import type { SourceName } from "../../domain/Path.ts"
import { absolute, type Context } from "./Context.ts"
import { attribute, childrenNamed, type Element } from "./Element.ts"
import { decodeAttributes } from "./fields.ts"
import { directoryNames } from "./lists.ts"
import { shown } from "./nearest.ts"
import { monitor, symlinks } from "./settings.ts"
import { checkChildren, uniqueName } from "./structure.ts"
import { localPath, matching, VALUE, value, Wrong } from "./values.ts"

const basePath = value<string>(
  (input) =>
    input.startsWith("/") && input.endsWith("/")
      ? input
      : new Wrong(`is ${VALUE}`, 'It begins and ends with "/", e.g. "/drupal/".'),
  (input) => input,
)

const sourceAttributes = Schema.Struct({
  name: matching(/^[a-zA-Z0-9_-]+$/, `is ${VALUE}`, "Use letters, digits, - and _ only."),
  scanPath: localPath,
  documentRoot: Schema.optionalKey(localPath),
  basePath: Schema.optionalKey(basePath),
  monitor: Schema.optionalKey(monitor),
  symlinks: Schema.optionalKey(symlinks),
})

const sourcesAttributes = Schema.Struct({
  ignoredDirs: Schema.optionalKey(directoryNames),
})

const existing = (
  context: Context,
  element: Element,
  name: "scanPath" | "documentRoot",
  path: string,
): string | undefined => {
  const given = attribute(element, name) ?? element
  if (context.disk.isDirectory(path)) return path
  const found = context.disk.realPath(path) !== undefined
  context.mistakes.add(
    { offset: given.offset, element: `${element.element}/@${name}` },
    found ? `${name} is not a directory` : `${name} does not exist, or this user can not see it`,
    "Create the directory, or correct the path. Relative paths are relative to the config file.",
  )
  return undefined
}

const decodeSource = (
  element: Element,
  context: Context,
  shared: Pick<Source, "ignoredDirs" | "monitor" | "symlinks">,
): Source | undefined => {
  checkChildren(element, {}, context.mistakes)
  const given = decodeAttributes(sourceAttributes, element, context.mistakes)
  if (given === undefined) return undefined
  const scanPath = existing(context, element, "scanPath", absolute(context, given.scanPath))
  const documentRoot =
    given.documentRoot === undefined
      ? undefined
      : existing(context, element, "documentRoot", absolute(context, given.documentRoot))
  if (scanPath === undefined) return undefined
  const root = context.disk.realPath(scanPath) ?? scanPath
  if (context.disk.isSymbolicLink(scanPath)) {
    context.warnings.push(
      `Source ${shown(attribute(element, "name")?.written ?? "")}: its scanPath is a symbolic link. When the link is pointed elsewhere, restart the daemon.`,
    )
  }
  const logicalBasePath =
    documentRoot !== undefined &&
    given.basePath !== undefined &&
    context.disk.realPath(absolute(context, documentRoot + given.basePath)) === undefined
  if (logicalBasePath) {
    context.warnings.push(
      `Source ${shown(attribute(element, "name")?.written ?? "")}: documentRoot and basePath together do not exist on disk, so the base path is taken to live in URLs only.`,
    )
  }
  return {
    name: given.name as SourceName,
    scanPath,
    root,
    documentRoot,
    basePath: given.basePath,
    logicalBasePath,
    ignoredDirs: shared.ignoredDirs,
    monitor: given.monitor ?? shared.monitor,
    symlinks: given.symlinks ?? shared.symlinks,
  }
}

/** A source and the element it was read from. */
export interface DecodedSource {
  readonly source: Source
  readonly element: Element
}

/** The sources of `<sources>` that are right; mistakes are noted. */
export const decodeSources = (
  element: Element,
  context: Context,
  shared: Pick<Source, "monitor" | "symlinks">,
): ReadonlyArray<DecodedSource> => {
  checkChildren(element, { source: "some" }, context.mistakes)
  const ignored = attribute(element, "ignoredDirs")
  const empty = ignored !== undefined && ignored.value === "" && !ignored.broken
  const given = decodeAttributes(sourcesAttributes, element, context.mistakes, empty ? ["ignoredDirs"] : [])
  const names = new Set<string>()
  const found: Array<DecodedSource> = []
  for (const child of childrenNamed(element, "source")) {
    const free = uniqueName(names, attribute(child, "name"), "source", context.mistakes)
    const source = decodeSource(child, context, { ...shared, ignoredDirs: given?.ignoredDirs ?? new Set() })
    if (source !== undefined && free) found.push({ source, element: child })
  }
  return found
}
