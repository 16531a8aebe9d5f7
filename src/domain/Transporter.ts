/**
 * The contract of a transporter: the way to one server.
 *
 * @since 1.0.0
 */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import type * as Option from "effect/Option"
import type * as Result from "effect/Result"
import type * as Schema from "effect/Schema"
import type { TransportError } from "./Errors.ts"
import type { FileState } from "./FileState.ts"
import type { Invalidator } from "./Invalidator.ts"
import type { RelativePath, RemotePath, ServerName, SourceName } from "./Path.ts"
import type { SettingsDecoder } from "./Settings.ts"
import type { Content } from "./SourceFiles.ts"

/** A file ready to be published. */
export interface OutputFile {
  readonly content: Content
  /** The file of the source it was made from. */
  readonly source: SourceName
  readonly path: RelativePath
  readonly state: FileState
  /** The source file will stay where it is: a server on this machine may refer to it instead of copying it. */
  readonly sourceStays: boolean
  /** Headers for servers that have them. Names in lower case. */
  readonly headers: Readonly<Record<string, string>>
  /** The URL promises the content: it may be cached for ever. */
  readonly uniqueName: boolean
}

/** A file and where it goes. */
export interface Shipment {
  readonly file: OutputFile
  readonly to: RemotePath
}

/** The server's confirmation that it holds these bytes. */
export interface Receipt {
  /** SHA-256 in hex of the bytes that were sent; empty where they were not read (a symbolic link was published). */
  readonly sha256: string
}

/** A file on a server. `hash` where the server tells it without reading the file. */
export interface RemoteFile {
  readonly size: number
  readonly hash?: { readonly algorithm: "md5" | "sha1" | "sha256"; readonly hex: string }
}

/** What a server can do. Generic code consults it; the contract suite tests what is declared. */
export interface TransporterCapabilities {
  /** Replacing a file never shows readers a partial or missing one. */
  readonly atomicReplace: boolean
  /** `stat` tells a hash. */
  readonly contentHash: boolean
  /** Headers such as Content-Type and Cache-Control are stored with a file. */
  readonly headers: boolean
  /** It has directories: empty ones left behind by `remove` are pruned. */
  readonly directories: boolean
  /** How many operations it takes at once where the config sets no limit. */
  readonly connections: number
  /** It is on this machine and needs no connections: maxSimultaneousTransporters does not count it. */
  readonly local?: boolean
}

/** The way to one server. Its Layer owns the connections and closes them. */
export interface TransporterShape {
  readonly capabilities: TransporterCapabilities
  /**
   * Stores exactly these bytes at this path, replacing what was there. Until it succeeds readers see the old file or
   * none, never a prefix. It succeeds only when the server confirmed the whole. Fails with `SourceChanged` when the file
   * changed meanwhile, leaving nothing behind. Safe to repeat. Interruption aborts and removes temporaries.
   */
  readonly put: (file: OutputFile, to: RemotePath) => Effect.Effect<Receipt, TransportError>
  /**
   * Several small files at once, for servers where that costs much less than one by one: each as `put` would do it, on its
   * own whatever becomes of the others. Results in their order.
   */
  readonly putMany?: (
    files: ReadonlyArray<Shipment>,
  ) => Effect.Effect<ReadonlyArray<Result.Result<Receipt, TransportError>>>
  /** Removes the file at this path. What is absent already counts as removed. Never removes a directory that holds anything. */
  readonly remove: (at: RemotePath) => Effect.Effect<void, TransportError>
  /** What is at this path, if anything. Used to check, verify and adopt. */
  readonly stat: (at: RemotePath) => Effect.Effect<Option.Option<RemoteFile>, TransportError>
  /**
   * Whether what is at this path is exactly what `put` would make of this file now, for servers where the bytes themselves
   * can be looked at, such as directories on this machine. Where it is absent `stat` has to do.
   */
  readonly holds?: (file: OutputFile, at: RemotePath) => Effect.Effect<boolean, TransportError>
  /** The public address of the file at this path. */
  readonly url: (at: RemotePath) => string
  /** Where a CDN in front of the server keeps what it served and has to be told what changed. */
  readonly invalidator?: Invalidator
}

/** The service a transporter's Layer provides. */
export class Transporter extends Context.Service<Transporter, TransporterShape>()("file-conveyor/domain/Transporter") {}

/** The server a transporter is made for. */
export interface ServerIdentity {
  readonly name: ServerName
  /** 0: no limit of its own. */
  readonly maxConnections: number
}

/**
 * A transporter, as its module exports it. `S` are its settings, decoded from the child elements of `<server>`: a record
 * of strings. Wrap secrets in `Schema.Redacted...` so that they can not be printed. `R` is what its Layer needs from the
 * host; third-party transporters need nothing.
 */
export interface TransporterDefinition<S = unknown, R = never> {
  /** e.g. "sftp" */
  readonly name: string
  readonly settings: Schema.Decoder<S>
  /** Given by whoever loads a module that has a copy of Effect of its own. */
  readonly decode?: SettingsDecoder<S>
  readonly layer: (settings: S, server: ServerIdentity) => Layer.Layer<Transporter, TransportError, R>
  /**
   * Names of settings that say where files end up: when one changes, everything is delivered again. Absent: all that are
   * not secret.
   */
  readonly identity?: ReadonlyArray<string>
  /** Names of settings that are paths on this machine: relative ones are made relative to the config file before decoding. */
  readonly paths?: ReadonlyArray<string>
  /** Directories on this machine that it writes to: they may not lie inside a source. */
  readonly localDirectories?: (settings: S) => ReadonlyArray<string>
}

/** Gives a transporter definition its types. */
export const defineTransporter = <S, R = never>(definition: TransporterDefinition<S, R>): TransporterDefinition<S, R> =>
  definition

/** The ways to all configured servers. */
export class Transporters extends Context.Service<
  Transporters,
  {
    /** The way to a server; the config was checked, so it exists. Connecting happens on first use. */
    readonly get: (server: ServerName) => TransporterShape
  }
>()("file-conveyor/domain/Transporters") {}
