/**
 * Every way in which work can fail, as values. {@link ./Disposition.ts} says what follows from each.
 *
 * Messages are for people: what happened, to what, and what would cure it. They never hold a secret.
 *
 * @since 1.0.0
 */
import * as Data from "effect/Data"

/** Reasons for which talking to a server can fail. */
export type TransportReason =
  /** No answer, refused, reset, name not found, timed out: the server as a whole is out of reach. */
  | { readonly _tag: "Unreachable" }
  /** The server did not accept who we are. */
  | { readonly _tag: "Unauthorized" }
  /** The server asks for less (503, 421, too many connections). `retryAfterMillis` where it said when. */
  | { readonly _tag: "Throttled"; readonly retryAfterMillis?: number }
  /** No room left on the server. */
  | { readonly _tag: "OutOfSpace" }
  /** This path may not be written or removed. */
  | { readonly _tag: "PermissionDenied" }
  /** The server can not store a file of this name. */
  | { readonly _tag: "NameRefused" }
  /** What the server holds after the upload is not what was sent. */
  | { readonly _tag: "VerificationFailed" }
  /** The source file changed, shrank or vanished while it was sent; nothing was left behind. */
  | { readonly _tag: "SourceChanged" }
  /** The server answered something that fits none of the above. */
  | { readonly _tag: "Rejected" }

/** A server did not do what was asked. `operation` is what was attempted; `detail` is the server's own words. */
export class TransportError extends Data.TaggedError("TransportError")<{
  readonly server: string
  readonly operation: "connect" | "put" | "remove" | "stat" | "invalidate" | "create distribution"
  readonly path?: string
  readonly reason: TransportReason
  readonly detail: string
  readonly cause?: unknown
}> {
  override get message(): string {
    const what = this.path === undefined ? this.operation : `${this.operation} ${this.path}`
    return `${what} on "${this.server}": ${this.detail}`
  }
}

/** A processor could not do its work on a file. */
export class ProcessorError extends Data.TaggedError("ProcessorError")<{
  readonly processor: string
  readonly path: string
  readonly detail: string
  readonly cause?: unknown
}> {
  override get message(): string {
    return `${this.processor} on ${this.path}: ${this.detail}`
  }
}

/**
 * A source file or directory could not be read or removed.
 * `Vanished`: it is not there (any more). `Unreadable`: it is there, but may not be read. `Changed`: it is another version by now.
 */
export class SourceError extends Data.TaggedError("SourceError")<{
  readonly path: string
  readonly reason: "Vanished" | "Unreadable" | "Changed" | "Failed"
  readonly detail: string
  readonly cause?: unknown
}> {
  override get message(): string {
    return `${this.path}: ${this.detail}`
  }
}

/** The monitor of a source stopped working as a whole; it is restarted and the source is scanned again. */
export class WatcherError extends Data.TaggedError("WatcherError")<{
  readonly root: string
  readonly detail: string
  readonly cause?: unknown
}> {
  override get message(): string {
    return `watching ${this.root}: ${this.detail}`
  }
}

/**
 * The ledger can not be read or written. `OutOfSpace` passes by itself; anything else stops the daemon, since without
 * its ledger it can not know what a server holds.
 */
export class LedgerError extends Data.TaggedError("LedgerError")<{
  readonly reason: "OutOfSpace" | "Corrupt" | "Failed"
  readonly detail: string
  readonly cause?: unknown
}> {
  override get message(): string {
    return `ledger: ${this.detail}`
  }
}

/** Another process works on this state directory. */
export class StateDirectoryHeld extends Data.TaggedError("StateDirectoryHeld")<{
  readonly directory: string
  readonly holder: string
}> {
  override get message(): string {
    return `${this.directory} is in use by another file-conveyor (${this.holder}). Stop it first, or give this one a <stateDir> of its own.`
  }
}

/** The published map (synced_files.db) could not be written; what it owes stays in the ledger and is tried again. */
export class PublisherError extends Data.TaggedError("PublisherError")<{
  readonly detail: string
  readonly cause?: unknown
}> {
  override get message(): string {
    return `published map: ${this.detail}`
  }
}

/** One mistake in a config file: where, what is wrong, what would be right. Line and column count from 1. */
export interface ConfigMistake {
  readonly line?: number
  readonly column?: number
  /** The element or attribute, e.g. `rules/rule[2]/filter/size/@conditionType`. */
  readonly element: string
  readonly problem: string
  readonly cure?: string
}

/** The config can not be used. All mistakes are listed, not the first only. */
export class ConfigError extends Data.TaggedError("ConfigError")<{
  readonly file: string
  readonly mistakes: ReadonlyArray<ConfigMistake>
}> {
  override get message(): string {
    const lines = this.mistakes.map((mistake) => {
      const place = mistake.line === undefined ? this.file : `${this.file}:${mistake.line}:${mistake.column ?? 1}`
      return `${place}  ${mistake.element}: ${mistake.problem}${mistake.cure === undefined ? "" : `\n    ${mistake.cure}`}`
    })
    return lines.join("\n")
  }
}
