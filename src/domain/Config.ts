/**
 * A config file, decoded: every value checked, every default filled in, every path absolute.
 *
 * @since 1.0.0
 */
import type { Rule } from "./Rule.ts"
import type { ServerName, SourceName } from "./Path.ts"

/** How a source is watched. `auto` takes the native monitor, or polling on network file systems. */
export type Monitor = "auto" | "native" | "chokidar" | "polling"

/** What is done with symbolic links: see docs/configuration.md. */
export type Symlinks = "inside" | "follow" | "skip"

/** A `<source>`. */
export interface Source {
  readonly name: SourceName
  /** As written, made absolute. */
  readonly scanPath: string
  /** `scanPath` with all symbolic links resolved: every path of the source is below it. */
  readonly root: string
  readonly documentRoot: string | undefined
  readonly basePath: string | undefined
  /** documentRoot + basePath does not exist on disk: the base path lives in URLs only. */
  readonly logicalBasePath: boolean
  /** Names of directories that are never entered, at any depth. */
  readonly ignoredDirs: ReadonlySet<string>
  readonly monitor: Monitor
  readonly symlinks: Symlinks
}

/** A `<server>`. `settings` was decoded by its transporter's schema and is meant for that transporter alone; secrets in it are Redacted. */
export interface Server {
  readonly name: ServerName
  /** `s3`, `sftp`, ... or a module specifier. */
  readonly transporter: string
  /** 0: no limit of its own. */
  readonly maxConnections: number
  readonly settings: unknown
}

/** The mass-delete guard: more than this share of a source missing at once is held back. 1 turns it off. */
export interface MaxDeletes {
  readonly share: number
}

export type LogLevel = "DEBUG" | "INFO" | "WARNING" | "ERROR" | "CRITICAL"

/** `<settings>`. Times are in milliseconds, paths absolute. */
export interface Settings {
  readonly stateDir: string
  readonly syncedFilesDb: string
  readonly workingDir: string
  readonly logFile: string | undefined
  readonly fileLogLevel: LogLevel
  readonly consoleLogLevel: LogLevel
  readonly pidFiles: ReadonlyArray<string>
  readonly maxFilesInPipeline: number
  readonly maxSimultaneousProcessorChains: number
  readonly maxSimultaneousTransporters: number
  readonly retryInterval: number
  /** Undefined: 0 where the monitor sees the writer close the file, 50 ms elsewhere. */
  readonly settle: number | undefined
  readonly reconcileInterval: number
  readonly monitor: Monitor
  readonly symlinks: Symlinks
  readonly maxDeletes: MaxDeletes
  /** Bytes per second over all servers; undefined: none. */
  readonly bandwidthLimit: number | undefined
  /** Address of the status page, e.g. "127.0.0.1:8080"; undefined: off. */
  readonly status: string | undefined
  /** How long an old name stays on a server after the file got a new one. */
  readonly gracePeriod: number
  /** Longest time that a processor may take for one file. */
  readonly processorTimeout: number
  /** Bytes of memory that a processor may take for one file; undefined: by the memory of the machine. */
  readonly processorMemory: number | undefined
  /** Bytes of results of processors that are kept; 0: none. */
  readonly processorCache: number
}

/** Everything a config file says. */
export interface Config {
  readonly file: string
  readonly settings: Settings
  readonly sources: ReadonlyArray<Source>
  readonly servers: ReadonlyArray<Server>
  readonly rules: ReadonlyArray<Rule>
  /** Things that are allowed but probably not meant, in words for a log line. */
  readonly warnings: ReadonlyArray<string>
}
