/**
 * The contract of whatever makes a CDN forget what it cached of a server.
 *
 * @since 1.0.0
 */
import type * as Effect from "effect/Effect"
import type { TransportError } from "./Errors.ts"
import type { RemotePath } from "./Path.ts"

/** A CDN's memory of one server. Only addresses whose content changed or went away need it, never new ones. */
export interface Invalidator {
  /**
   * Makes the CDN fetch these paths anew. However many there are, it is one request: past a limit whole directories are
   * named instead, so the more paths come together the cheaper it is. Succeeds once the CDN took the order, which it
   * carries out within minutes. Safe to repeat. `Throttled` says how long to wait.
   */
  readonly invalidate: (paths: ReadonlyArray<RemotePath>) => Effect.Effect<void, TransportError>
}
