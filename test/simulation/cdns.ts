/**
 * CDNs that remember every file that somebody could have fetched from their server, until they are told that it changed:
 * the worst that a CDN can do.
 */

export interface Cdns {
  /** A server confirmed what is at this place: it may be fetched, and is. */
  readonly delivered: (server: string, place: string) => void
  /** What is at this place is another than before, or gone. */
  readonly changed: (server: string, place: string, isGone: boolean) => void
  /** The CDN was told so. */
  readonly told: (server: string, places: ReadonlyArray<string>) => void
  /** The config no longer knows the server: nobody tells its CDN anything. */
  readonly leave: (server: string) => void
  /** Places of which old versions are still served. */
  readonly stale: (server: string) => ReadonlyArray<string>
}

export const makeCdns = (): Cdns => {
  const fetched = new Map<string, Set<string>>()
  const stale = new Map<string, Set<string>>()
  const of = (map: Map<string, Set<string>>, server: string): Set<string> => {
    const places = map.get(server) ?? new Set()
    map.set(server, places)
    return places
  }
  return {
    delivered: (server, place) => void of(fetched, server).add(place),
    changed: (server, place, isGone) => {
      if (of(fetched, server).has(place)) of(stale, server).add(place)
      if (isGone) of(fetched, server).delete(place)
    },
    told: (server, places) => {
      for (const place of places) of(stale, server).delete(place)
    },
    leave: (server) => {
      fetched.delete(server)
      stale.delete(server)
    },
    stale: (server) => [...of(stale, server)],
  }
}
