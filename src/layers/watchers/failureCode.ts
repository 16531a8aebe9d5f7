/**
 * Failures of the file system, as `node:fs` throws them.
 *
 * @since 1.0.0
 */

/** e.g. "ENOENT"; empty where it is no failure of a system call. */
export const failureCode = (cause: unknown): string =>
  cause instanceof Error && "code" in cause && typeof cause.code === "string" ? cause.code : ""

/** In words, for people. */
export const failureText = (cause: unknown): string => (cause instanceof Error ? cause.message : String(cause))

/** The path leads to nothing that is a directory. */
export const isAbsence = (code: string): boolean => code === "ENOENT" || code === "ENOTDIR" || code === "ELOOP"
