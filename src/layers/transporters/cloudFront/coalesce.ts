/**
 * Which addresses a CloudFront invalidation names.
 *
 * @since 1.0.0
 */

/** How many addresses one invalidation may name, and how many of them may be wildcards. */
export interface Bounds {
  readonly paths: number
  readonly wildcards: number
}

const WILDCARD = "/*"

const isWildcard = (path: string): boolean => path.endsWith(WILDCARD)

const depthOf = (path: string): number => path.split("/").length - 2

/** What lies below one directory, by directory of this depth; 0 is the root. */
const directoriesAt = (paths: ReadonlySet<string>, depth: number): Map<string, Array<string>> => {
  const below = new Map<string, Array<string>>()
  for (const path of paths) {
    const segments = path.split("/")
    if (segments.length - 2 < depth) continue
    const directory = segments.slice(0, depth + 1).join("/")
    const members = below.get(directory)
    if (members === undefined) below.set(directory, [path])
    else members.push(path)
  }
  return below
}

const fits = (paths: ReadonlySet<string>, bounds: Bounds): boolean =>
  paths.size <= bounds.paths && [...paths].filter(isWildcard).length <= bounds.wildcards

/**
 * The same addresses within the bounds: where they are too many, everything below a directory is named instead, the
 * deepest and fullest directories first, in the worst case everything there is. `paths` begin with "/" and are encoded as
 * in a URL. No path goes uncovered.
 */
export const coalesce = (paths: ReadonlyArray<string>, bounds: Bounds): ReadonlyArray<string> => {
  const named = new Set(paths)
  const deepest = paths.reduce((depth, path) => Math.max(depth, depthOf(path)), 0)
  for (let depth = deepest; depth >= 0 && !fits(named, bounds); depth--) {
    const fullest = [...directoriesAt(named, depth)].sort(([, a], [, b]) => b.length - a.length)
    for (const [directory, members] of fullest) {
      if (fits(named, bounds)) break
      if (members.length < 2) continue
      for (const member of members) named.delete(member)
      named.add(`${directory}${WILDCARD}`)
    }
  }
  if (!fits(named, bounds)) return [WILDCARD]
  return [...named].sort()
}

/** Characters that a URL may hold as they are, which this program's addresses hold percent-encoded all the same. */
const needless = /%(?:21|24|26|27|28|29|2B|2C|3A|3B|3D|40)/g

/**
 * The spellings of an address under which readers may have asked for it: as published, and with the characters bare that
 * need no encoding, as other programs write it. CloudFront keeps them apart.
 */
export const spellings = (path: string): ReadonlyArray<string> => {
  const bare = path.replace(needless, (escape) => decodeURIComponent(escape))
  return bare === path ? [path] : [path, bare]
}
