/**
 * What every part of the decoding works with.
 *
 * @since 1.0.0
 */
import * as Path from "node:path"
import type { Disk } from "./Disk.ts"
import type { Mistakes } from "./mistakes.ts"

export interface Context {
  /** Absolute path of the config file. */
  readonly file: string
  readonly disk: Disk
  /** Cores of this machine. */
  readonly cores: number
  readonly mistakes: Mistakes
  readonly warnings: Array<string>
}

/** A path of the config as an absolute one: relative paths are relative to the config file. */
export const absolute = (context: Context, path: string): string => Path.resolve(Path.dirname(context.file), path)

/** The directory of the config file. */
export const directoryOfConfig = (context: Context): string => Path.dirname(context.file)
