/**
 * What operations share while a worker works off one message.
 *
 * @since 1.0.0
 */
export interface Turn {
  /**
   * Directories found to be what they seem (no symbolic link on the way), by root and path. Forgotten with the message:
   * whoever swaps a directory for a link is noticed with the next one.
   */
  readonly real: Map<string, string>
  /** Nobody waits for this operation any more. */
  readonly cancelled: () => boolean
  /** Called between the pieces of long operations: small requests pass by. */
  readonly between: () => void
}
