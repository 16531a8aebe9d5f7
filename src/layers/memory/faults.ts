/**
 * What goes wrong between the conveyor and an in-memory server.
 *
 * @since 1.0.0
 */
import type { TransportReason } from "../../domain/Errors.ts"
import type { RemotePath } from "../../domain/Path.ts"

/** What the conveyor asks of a server. */
export type Operation = "put" | "remove" | "stat" | "invalidate"

/**
 * - `Fail`: the server refuses, for this reason, before anything took effect.
 * - `Disconnect`: the connection breaks after this many bytes of an upload (of anything else: at once).
 * - `AnswerLost`: it takes effect, but the answer never comes: the connection breaks instead.
 * - `Hang`: the answer never comes and the connection stays.
 */
export type FaultKind =
  | { readonly _tag: "Fail"; readonly reason: TransportReason }
  | { readonly _tag: "Disconnect"; readonly afterBytes: number }
  | { readonly _tag: "AnswerLost" }
  | { readonly _tag: "Hang" }

/** One thing that goes wrong, and when. Without conditions: always. */
export interface ServerFault {
  readonly fault: FaultKind
  readonly operations?: ReadonlyArray<Operation>
  readonly path?: (path: RemotePath) => boolean
  /** Strikes this many times, then never again. */
  readonly times?: number
  /** Strikes with this probability (0 to 1) where the other conditions hold. */
  readonly probability?: number
}

/** How a server is now. */
export interface ServerConditions {
  /** A server that is down is unreachable, in the middle of an upload too. */
  readonly up: boolean
  /** Every operation takes between so many milliseconds. */
  readonly latency: { readonly minimum: number; readonly maximum: number }
  /** Bytes it has room for, uploads under way included. */
  readonly capacity: number
  readonly faults: ReadonlyArray<ServerFault>
}

/** A server that works. */
export const healthy: ServerConditions = {
  up: true,
  latency: { minimum: 0, maximum: 0 },
  capacity: Number.POSITIVE_INFINITY,
  faults: [],
}

/** True where a fault is about this operation on this path. */
export const concerns = (fault: ServerFault, operation: Operation, path: RemotePath): boolean =>
  (fault.operations === undefined || fault.operations.includes(operation)) &&
  (fault.path === undefined || fault.path(path))
