/**
 * Which files a rule is about. All given conditions must hold.
 *
 * @since 1.0.0
 */
import { extensionOf, hasDirectoryNamed, isWithin, type RelativePath } from "./Path.ts"

/** The conditions of a `<filter>`; an absent one always holds. */
export interface Filter {
  /** Directories relative to the scan path and anchored there. */
  readonly paths?: ReadonlyArray<string>
  /** Lower-case extensions without dots. */
  readonly extensions?: ReadonlySet<string>
  readonly ignoredDirs?: ReadonlySet<string>
  /** Must match from the start of the absolute path; compiled sticky and Unicode-aware. */
  readonly pattern?: RegExp
  readonly size?: { readonly conditionType: "minimum" | "maximum"; readonly bytes: number }
}

/** A file to be judged. `size` is undefined for a file that no longer exists: then the size condition is not applied. */
export interface Candidate {
  readonly path: RelativePath
  readonly absolutePath: string
  readonly size: number | undefined
}

/** A condition that does not hold, in words; undefined where all hold. Cheapest conditions first. */
export const mismatch = (filter: Filter, file: Candidate): string | undefined => {
  if (filter.extensions !== undefined && !filter.extensions.has(extensionOf(file.path))) {
    const extension = extensionOf(file.path)
    return `its extension ${extension === "" ? "is missing and" : `"${extension}"`} is not one of ${[...filter.extensions].join(", ")}`
  }
  if (filter.size !== undefined && file.size !== undefined) {
    const { bytes, conditionType } = filter.size
    if (conditionType === "minimum" ? file.size <= bytes : file.size >= bytes) {
      return `its size ${file.size} is not ${conditionType === "minimum" ? "over" : "under"} ${bytes} bytes`
    }
  }
  if (filter.paths !== undefined && !filter.paths.some((path) => path !== file.path && isWithin(path, file.path))) {
    return `it is not below any of ${filter.paths.join(", ")}`
  }
  if (filter.ignoredDirs !== undefined && hasDirectoryNamed(file.path, filter.ignoredDirs)) {
    return `it is below an ignored directory (${[...filter.ignoredDirs].join(", ")})`
  }
  if (filter.pattern !== undefined) {
    filter.pattern.lastIndex = 0
    if (!filter.pattern.test(file.absolutePath)) return `its path does not match the pattern ${filter.pattern.source}`
  }
  return undefined
}

/** True where all conditions of the filter hold for this file. */
export const matches = (filter: Filter, file: Candidate): boolean => mismatch(filter, file) === undefined
