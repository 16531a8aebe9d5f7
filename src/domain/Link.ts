/**
 * What a delivered file refers to, and when that makes it due again.
 *
 * @since 1.0.0
 */
import type { RemotePath } from "./Path.ts"
import type { FileReference } from "./Reference.ts"

/**
 * A reference of a delivery: the file it leads to, and the place on the server that was used for it; undefined where the
 * reference was left as it is.
 */
export interface Link extends FileReference {
  readonly place: RemotePath | undefined
}

/** True where the file is no longer at the place that was used, or is somewhere though none was. `places`: where it is. */
export const isOutdated = (place: RemotePath | undefined, places: ReadonlyArray<RemotePath>): boolean =>
  place === undefined ? places.length > 0 : !places.includes(place)
