/**
 * What was learned about one server, so that it is asked for nothing twice.
 *
 * @since 1.0.0
 */

/** How permissions come out: as visitors need them without our doing, or not. */
export type Permissions = "right" | "wrong" | undefined

export interface Habits {
  /** The command for passive mode that led to a data connection. Undefined: none yet. */
  passive: "EPSV" | "PASV" | undefined
  /** Commands may be sent without waiting for answers. */
  together: boolean
  /** How it tells a file's size. */
  size: "SIZE" | "MLST" | "LIST"
  /** How it takes a file's time. Undefined: not asked yet; none: not at all. */
  time: "MFMT" | "MDTM" | "none" | undefined
  filePermissions: Permissions
  directoryPermissions: Permissions
  /** It lets permissions be set. */
  chmod: boolean
  /** A rename replaces what is there. */
  replaces: boolean
}

/** A server nothing is known about yet. */
export const newHabits = (): Habits => ({
  passive: undefined,
  together: true,
  size: "SIZE",
  time: undefined,
  filePermissions: undefined,
  directoryPermissions: undefined,
  chmod: true,
  replaces: true,
})
