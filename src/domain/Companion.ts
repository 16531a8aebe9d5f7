/**
 * A file that is published beside another one and belongs to it, e.g. its compressed form for web servers that hand that
 * out: it is at the other's place with a suffix behind, and comes and goes with it.
 *
 * @since 1.0.0
 */
import type { Delivery } from "./Delivery.ts"
import { type RemotePath, remotePath } from "./Path.ts"
import type { Content } from "./SourceFiles.ts"

/** What a processor makes to be published beside the file. `suffix`: see {@link isSuffix}. */
export interface Companion {
  readonly suffix: string
  readonly content: Content
}

/** True for a dot and 1 to 16 lower-case letters or digits, e.g. ".br". */
export const isSuffix = (suffix: string): boolean => /^\.[a-z0-9]{1,16}$/.test(suffix)

/** Where the companion of what is at `place` is; undefined where no file can be called so. */
export const companionPlace = (place: RemotePath, suffix: string): RemotePath | undefined =>
  remotePath(`${place}${suffix}`)

/** The only place that this one can be the companion of, and the suffix; undefined where there is none. */
export const companionOf = (place: string): { readonly place: RemotePath; readonly suffix: string } | undefined => {
  const dot = place.lastIndexOf(".")
  const suffix = place.slice(dot)
  if (dot < 1 || place.charCodeAt(dot - 1) === 47 || !isSuffix(suffix)) return undefined
  return { place: place.slice(0, dot) as RemotePath, suffix }
}

/** All that a delivery occupies on its server: its own place first. */
export const placesOf = ({
  companions = [],
  destination,
}: Pick<Delivery, "destination" | "companions">): ReadonlyArray<RemotePath> => [
  destination,
  ...companions.map((suffix) => `${destination}${suffix}` as RemotePath),
]

/** The places that `before` occupied and `after` does not. */
export const leftBy = (
  before: ReadonlyArray<RemotePath>,
  after: ReadonlyArray<RemotePath>,
): ReadonlyArray<RemotePath> => before.filter((place) => !after.includes(place))
