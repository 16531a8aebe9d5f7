/**
 * The contract of a processor: one step of a rule's chain.
 *
 * @since 1.0.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import type { Companion } from "./Companion.ts"
import type { ProcessorError, SourceError } from "./Errors.ts"
import type { FileState } from "./FileState.ts"
import { extensionOf, type RelativePath, type ServerName, type SourceName } from "./Path.ts"
import type { ProcessorUse } from "./Rule.ts"
import type { SettingsDecoder } from "./Settings.ts"
import type { Content } from "./SourceFiles.ts"

/** What a processor is given. Nothing in it may be changed in place; the source file least of all. */
export interface ProcessorJob {
  readonly source: SourceName
  /** The original file, below its source's root, and its state when the job was planned. */
  readonly path: RelativePath
  readonly state: FileState
  /** The base name as the processors before this one left it. */
  readonly baseName: string
  /** The bytes as the processors before this one left them. */
  readonly content: Content
  /** The server this is for; undefined unless the processor is `perServer`. */
  readonly server: ServerName | undefined
  /** What that server can do; undefined unless the processor is `perServer`. */
  readonly serverHas?: { readonly headers: boolean }
  /**
   * What references in the content are to say instead. A reference is given as it is written there (escapes like `%20`,
   * query and fragment included), relative to the file or from the site's root. The answer has those that lead to a file
   * which is on the job's server, with its URL there and the query and fragment the reference had; the others stay as
   * they are. What was asked is remembered: the file is due again when one of them gets another address. While one is
   * about to get there the file waits, and what the processor makes of it now is thrown away. Undefined unless the
   * processor is `perServer`.
   */
  readonly addressesOf?: (
    references: ReadonlyArray<string>,
  ) => Effect.Effect<ReadonlyMap<string, string>, ProcessorError | SourceError>
  /** The whole content in memory. */
  readonly read: Effect.Effect<Uint8Array, ProcessorError | SourceError>
  /** Hash of the content in hex, read as a stream. */
  readonly hash: (algorithm: "md5" | "sha1" | "sha256") => Effect.Effect<string, ProcessorError | SourceError>
  /** Stores bytes as a temporary file that lives until the job's deliveries are done. */
  readonly write: (bytes: Uint8Array) => Effect.Effect<Content, ProcessorError>
  /**
   * A directory of the job's own for external programs, gone when the job's deliveries are done; `adopt` makes a
   * content of a file in it.
   */
  readonly directory: Effect.Effect<string, ProcessorError>
  readonly adopt: (file: string) => Effect.Effect<Content, ProcessorError>
  /** Tells the person who looks after the daemon something about this file that is no failure. */
  readonly warn: (message: string) => Effect.Effect<void>
}

/** What a processor made of it. The base name may change, the directory never does. */
export interface ProcessedFile {
  readonly content: Content
  readonly baseName: string
  /** Headers for servers that have them, e.g. Content-Encoding. Names in lower case. */
  readonly headers?: Readonly<Record<string, string>>
  /** The name promises the content: it may be cached for ever. */
  readonly uniqueName?: boolean
  /**
   * What is published beside the file, each with a suffix of its own. They belong to these very bytes: a later step of the
   * chain that changes the content loses them.
   */
  readonly companions?: ReadonlyArray<Companion>
}

/** A processor, as its module exports it. `S` are its settings: the attributes of `<processor>` besides `name`. */
export interface ProcessorDefinition<S = unknown> {
  /** e.g. "unique_filename.MD5" */
  readonly name: string
  /** Lower-case extensions it handles; undefined: all. Files of another extension pass through untouched. */
  readonly extensions?: ReadonlySet<string>
  /** Its output depends on the server: it runs once for each. */
  readonly perServer?: boolean
  /**
   * It runs in the daemon's own thread: only for quick work, and for what leaves the work to a program of its own. Every
   * other runs in a process that is stopped when it takes too long or too much memory, and whose crash fails one file and
   * nothing else.
   */
  readonly inline?: boolean
  /** It gives files another name or headers, and never another content. */
  readonly renames?: boolean
  /** It may make an empty file of one that is not; of any other an empty result is a failure. */
  readonly mayEmpty?: boolean
  /**
   * Whether a result may be used again for the same content under the same path and base name with the same settings.
   * Yes unless it is said, but for processors that are `inline` or `perServer`, and for those in a file beside the config,
   * which may change at any time; never for results that looked at `state`. A `perServer` processor may say so only where
   * `serverHas` is all that it looks at of the server, and it asks for no addresses. A function says what else
   * the result depends on (e.g. the version of a program), undefined: do not keep it.
   */
  readonly cached?: boolean | ((settings: S) => Effect.Effect<string | undefined>)
  /** Milliseconds that one file may take; undefined: as `<processorTimeout>` says. */
  readonly timeLimit?: (settings: S) => number | undefined
  /**
   * Whether such a file takes minutes or more, by itself or waiting for its turn: meanwhile it takes up no place among the
   * files that its servers take at once.
   */
  readonly long?: (settings: S, baseName: string) => boolean
  /** Attributes it takes; without a schema it takes none. */
  readonly settings?: Schema.Decoder<S>
  /** Given by whoever loads a module that has a copy of Effect of its own. */
  readonly decode?: SettingsDecoder<S>
  /** Unless it is `inline`, its Scope closes when it returns; what has to stay is written or adopted. */
  readonly process: (
    job: ProcessorJob,
    settings: S,
  ) => Effect.Effect<ProcessedFile, ProcessorError | SourceError, Scope.Scope>
  /** Fails with what is missing and how to get it; run at start and by `check`. */
  readonly available?: Effect.Effect<void, ProcessorError>
  /** The same for what depends on its settings, e.g. a program that they name. */
  readonly availableWith?: (settings: S) => Effect.Effect<void, ProcessorError>
}

/** Gives a processor definition its types. */
export const defineProcessor = <S = unknown>(definition: ProcessorDefinition<S>): ProcessorDefinition<S> => definition

/** True where the processor handles a file of this base name; another passes through untouched. */
export const handles = (definition: Pick<ProcessorDefinition, "extensions">, baseName: string): boolean =>
  definition.extensions === undefined || definition.extensions.has(extensionOf(baseName))

/**
 * Members of a job that only the daemon can answer: functions of one argument that is plain data, as their answer is. Those
 * of a processor in a process of its own are passed on to the daemon.
 */
export const askedOfDaemon: ReadonlyArray<keyof ProcessorJob> = ["warn", "addressesOf"]

/** A processor that only renames. `rename` gets the base name and what it may depend on. */
export const renaming = (
  name: string,
  rename: (job: ProcessorJob) => Effect.Effect<string, ProcessorError | SourceError>,
  options?: { readonly uniqueName?: boolean },
): ProcessorDefinition => ({
  name,
  inline: true,
  renames: true,
  process: (job) => {
    const renamed = rename(job)
    return Effect.map(renamed, (baseName) => ({
      content: job.content,
      baseName,
      ...(options?.uniqueName === true ? { uniqueName: true } : {}),
    }))
  },
})

/** The processors that a config names, loaded and ready. */
export class Processors extends Context.Service<
  Processors,
  {
    /** The definition for a use in a chain; the config was checked, so it exists. */
    readonly get: (use: ProcessorUse) => ProcessorDefinition
    /** Its settings, decoded when the config was. */
    readonly settings: (use: ProcessorUse) => unknown
    /**
     * Runs it where its definition says, as many at once as the config allows. The result's content is there until the
     * Scope closes.
     */
    readonly run: (
      use: ProcessorUse,
      job: ProcessorJob,
    ) => Effect.Effect<ProcessedFile, ProcessorError | SourceError, Scope.Scope>
  }
>()("file-conveyor/domain/Processors") {}

/** Temporary files of jobs. */
export class Workspace extends Context.Service<
  Workspace,
  {
    /** A place for one job, gone when the Scope closes, whatever happens. */
    readonly open: Effect.Effect<WorkspacePlace, ProcessorError, Scope.Scope>
    readonly hash: (
      content: Content,
      algorithm: "md5" | "sha1" | "sha256",
    ) => Effect.Effect<string, ProcessorError | SourceError>
  }
>()("file-conveyor/domain/Workspace") {}

/** One job's temporary files. The directory is made when it is first needed. */
export interface WorkspacePlace {
  readonly write: (bytes: Uint8Array) => Effect.Effect<Content, ProcessorError>
  readonly directory: Effect.Effect<string, ProcessorError>
  readonly adopt: (file: string) => Effect.Effect<Content, ProcessorError>
}
