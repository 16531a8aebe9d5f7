/**
 * Paths on the server as text: below the configured directory, absolute or relative to where the login ends up.
 *
 * @since 1.0.0
 */

/** A path below a directory; "" is where the login ends up. */
export const within = (directory: string, path: string): string =>
  directory === "" ? path : directory.endsWith("/") ? directory + path : `${directory}/${path}`

/** The directory that holds a path; "" or "/" at the top. */
export const parentOf = (path: string): string => {
  const at = path.lastIndexOf("/")
  return at === -1 ? "" : at === 0 ? "/" : path.slice(0, at)
}

/** Nothing is above it that could be made. */
export const isTop = (path: string): boolean => path === "" || path === "/"
