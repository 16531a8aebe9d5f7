/**
 * What the daemon and a process for processors say to each other. Everything is plain data.
 *
 * @since 1.0.0
 */
import { ProcessorError, SourceError } from "../../../domain/Errors.ts"
import type { FileState } from "../../../domain/FileState.ts"
import type { ProcessorJob } from "../../../domain/Processor.ts"
import type { ProcessorUse } from "../../../domain/Rule.ts"
import type { Original } from "../../disk/protocol.ts"

/** A file for a processor, and where what it makes of it goes. */
export interface FileWork {
  readonly _tag: "File"
  readonly use: ProcessorUse
  readonly source: string
  readonly path: string
  readonly state: FileState
  readonly baseName: string
  readonly server: string | undefined
  readonly serverHas: ProcessorJob["serverHas"]
  readonly original: Original
  readonly directory: string
}

/** The question whether a processor can do its work on this machine. */
export interface AvailableWork {
  readonly _tag: "Available"
  readonly use: ProcessorUse
}

export type Work = FileWork | AvailableWork

/** What a processor made of a file. `location` is in the work's directory; undefined: the content as it was. */
export interface Made {
  readonly location: string | undefined
  readonly baseName: string
  readonly headers: Readonly<Record<string, string>> | undefined
  readonly uniqueName: boolean | undefined
  /** What is published beside it; `location` as above. */
  readonly companions: ReadonlyArray<{ readonly suffix: string; readonly location: string | undefined }>
  /** It looked at the state of the file, so what it made depends on more than the content. */
  readonly usedState: boolean
}

/** A failure as it travels. */
export type Told =
  | { readonly _tag: "ProcessorError"; readonly processor: string; readonly path: string; readonly detail: string }
  | {
      readonly _tag: "SourceError"
      readonly path: string
      readonly reason: SourceError["reason"]
      readonly detail: string
    }

/** An answer to a question of a job. */
export type Answer = { readonly ok: true; readonly value: unknown } | { readonly ok: false; readonly error: Told }

export type ToChild =
  | { readonly _tag: "Work"; readonly work: Work }
  /** Nobody waits for the work any more: end it, with what it started. */
  | { readonly _tag: "Cancel" }
  | { readonly _tag: "Answer"; readonly question: number; readonly answer: Answer }

export type FromChild =
  /** It has the work and begins with it. */
  | { readonly _tag: "Begun" }
  | { readonly _tag: "Question"; readonly question: number; readonly name: string; readonly argument: unknown }
  /** It is done with the work and holds so many bytes of memory now. */
  | { readonly _tag: "Done"; readonly made: Made | undefined; readonly memory: number }
  | { readonly _tag: "Failed"; readonly error: Told; readonly memory: number }

/** In front of what the watchdog prints before it ends a process that takes too much memory. */
export const MEMORY_MARK = "\0file-conveyor: memory "

/** A failure made fit for travelling. */
export const told = (error: ProcessorError | SourceError): Told =>
  error._tag === "SourceError"
    ? { _tag: "SourceError", path: error.path, reason: error.reason, detail: error.detail }
    : { _tag: "ProcessorError", processor: error.processor, path: error.path, detail: error.detail }

/** The failure that was told. */
export const untold = (error: Told): ProcessorError | SourceError => {
  if (error._tag === "SourceError") {
    return new SourceError({ path: error.path, reason: error.reason, detail: error.detail })
  }
  return new ProcessorError({ processor: error.processor, path: error.path, detail: error.detail })
}
