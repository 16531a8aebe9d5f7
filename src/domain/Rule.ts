/**
 * A rule says which files of a source go through which processors to which servers.
 *
 * @since 1.0.0
 */
import { type Candidate, type Filter, matches } from "./Filter.ts"
import type { RelativePath, RuleId, ServerName, SourceName } from "./Path.ts"

/** One `<processor>`: its name and its other attributes, decoded by the processor's own settings schema. */
export interface ProcessorUse {
  readonly name: string
  readonly settings: Readonly<Record<string, string>>
}

/** One `<destination>` of a rule. */
export interface Destination {
  readonly server: ServerName
  /** Parent directory on the server; empty for the server's root. */
  readonly path: string
  /**
   * Identifies everything that makes this delivery what it is (chain, processor settings, destination path, server
   * settings that matter, without secrets). Another fingerprint means: deliver again.
   */
  readonly fingerprint: string
}

/** A `<rule>`, checked and complete. */
export interface Rule {
  readonly id: RuleId
  readonly label: string
  readonly source: SourceName
  readonly filter: Filter | undefined
  readonly chain: ReadonlyArray<ProcessorUse>
  readonly destinations: ReadonlyArray<Destination>
  /** Seconds after which the source file is deleted once every destination has it; undefined: never. */
  readonly fileDeletionDelayAfterSync: number | undefined
  /**
   * What is published while a processor fails on a file: the previous version (`hold`, where it is not said), or the file as
   * it is (`original`). Either way it is tried again.
   */
  readonly onFailure?: "hold" | "original"
}

/** True where the rule is about this file. */
export const applies = (rule: Rule, file: Candidate): boolean => rule.filter === undefined || matches(rule.filter, file)

/** A file of a source as a candidate for its rules. `root` is the source's absolute root. */
export const candidate = (root: string, path: RelativePath, size: number | undefined): Candidate => ({
  path,
  absolutePath: root === "/" ? `/${path}` : `${root}/${path}`,
  size,
})
