/**
 * What follows from a failure: the one place that knows which failures pass, which belong to one file, which to a whole
 * server, and which to nobody but a person.
 *
 * @since 1.0.0
 */
import type { LedgerError, ProcessorError, SourceError, TransportError } from "./Errors.ts"

/** What can fail while one target is worked on. */
export type WorkError = TransportError | ProcessorError | SourceError | LedgerError

/**
 * - `ParkFile`: this file on this server failed; try it again later, the others go on.
 * - `ParkServer`: nothing can be done on this server now; its work waits, other servers go on.
 * - `SlowDown`: the server asks for less at once; `afterMillis` where it said how long to wait.
 * - `DecideAgain`: the source is no longer what was planned for: look at it again, quietly.
 * - `Halt`: the ledger is broken: stop before anything is lost.
 */
export type Disposition =
  | { readonly _tag: "ParkFile" }
  | { readonly _tag: "ParkServer" }
  | { readonly _tag: "SlowDown"; readonly afterMillis?: number }
  | { readonly _tag: "DecideAgain" }
  | { readonly _tag: "Halt" }

const parkFile: Disposition = { _tag: "ParkFile" }
const parkServer: Disposition = { _tag: "ParkServer" }
const decideAgain: Disposition = { _tag: "DecideAgain" }
const halt: Disposition = { _tag: "Halt" }

const ofTransport = (error: TransportError): Disposition => {
  switch (error.reason._tag) {
    case "Unreachable":
    case "Unauthorized":
    case "OutOfSpace":
      return parkServer
    case "Throttled":
      return error.reason.retryAfterMillis === undefined
        ? { _tag: "SlowDown" }
        : { _tag: "SlowDown", afterMillis: error.reason.retryAfterMillis }
    case "SourceChanged":
      return decideAgain
    case "PermissionDenied":
    case "NameRefused":
    case "VerificationFailed":
    case "Rejected":
      return parkFile
  }
}

/** What follows from this failure. */
export const dispositionOf = (error: WorkError): Disposition => {
  switch (error._tag) {
    case "TransportError":
      return ofTransport(error)
    case "ProcessorError":
      return parkFile
    case "SourceError":
      return error.reason === "Vanished" || error.reason === "Changed" ? decideAgain : parkFile
    case "LedgerError":
      return error.reason === "OutOfSpace" ? parkServer : halt
  }
}
