/**
 * What the driver's errors mean for the published map.
 *
 * @since 1.0.0
 */
import { PublisherError } from "../../domain/Errors.ts"
import { BUSY, FULL, resultCode } from "../ledger/driver.ts"

/** Another program holds a lock on the file right now. */
export const isBusy = (cause: unknown): boolean => ((resultCode(cause) ?? 0) & 0xff) === BUSY

export const toPublisherError = (file: string, cause: unknown): PublisherError => {
  if (cause instanceof PublisherError) return cause
  const what = cause instanceof Error ? cause.message : String(cause)
  if (isBusy(cause)) {
    return new PublisherError({ detail: `${file} is locked by a program that reads it; it is tried again`, cause })
  }
  if (((resultCode(cause) ?? 0) & 0xff) === FULL) {
    return new PublisherError({ detail: `no room left on the disk of ${file}`, cause })
  }
  return new PublisherError({ detail: `${file}: ${what}`, cause })
}
