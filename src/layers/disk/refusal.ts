/**
 * Failures inside a disk worker.
 *
 * @since 1.0.0
 */
import type { Refused } from "./protocol.ts"

/** Stops an operation with a code of our own (see {@link ./DiskError.ts}). */
export class Refusal extends Error {
  readonly code: string
  constructor(code: string, detail: string) {
    super(detail)
    this.code = code
  }
}

/** The system's code of a failure, e.g. "ENOENT"; empty where it has none. */
export const codeOf = (error: unknown): string =>
  error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : ""

/** The failure as it travels. */
export const refused = (error: unknown): Refused => ({
  code: codeOf(error),
  detail: error instanceof Error ? error.message : String(error),
})

/** What one of many gives ("" for nothing), or why not: it does not keep the others from theirs. */
export const attempt = (one: () => string | undefined): string | Refused => {
  try {
    return one() ?? ""
  } catch (error) {
    return refused(error)
  }
}

/** There is nothing at that path. */
export const isAbsent = (error: unknown): boolean => {
  const code = codeOf(error)
  return code === "ENOENT" || code === "ENOTDIR"
}

/** The result, or undefined where there is nothing at that path. */
export const orAbsent = <A>(attempt: () => A): A | undefined => {
  try {
    return attempt()
  } catch (error) {
    if (isAbsent(error)) return undefined
    throw error
  }
}

/** For cleaning up after a failure that is about to be told: a second one adds nothing. */
export const quietly = (attempt: () => void): void => {
  try {
    attempt()
  } catch {
    return
  }
}
