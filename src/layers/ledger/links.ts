/**
 * What deliveries refer to: keeps it with them, and marks those stale whose references lead elsewhere by now.
 *
 * @since 1.0.0
 */
import type { Delivery, DeliveryKey, Target } from "../../domain/Delivery.ts"
import { isOutdated, type Link } from "../../domain/Link.ts"
import { baseNameOf, child, directoryOf, type RelativePath, type RemotePath } from "../../domain/Path.ts"
import type { Database, SqlValue, Statement } from "./driver.ts"
import type { Names } from "./names.ts"
import { toTarget } from "./rows.ts"
import { fromStored, toStored } from "./storedText.ts"

export const linkSql = {
  anyLink: "SELECT EXISTS (SELECT 1 FROM links)",
  link: `INSERT OR REPLACE INTO links (directory, name, server, rule, to_source, to_path, place)
    VALUES (?, ?, ?, ?, ?, ?, ?)`,
  unlink: "DELETE FROM links WHERE directory = ? AND name = ? AND server = ? AND rule = ?",
  linksOf: "SELECT to_source, to_path, place FROM links WHERE directory = ? AND name = ? AND server = ?",
  linksOfDelivery:
    "SELECT to_source, to_path, place FROM links WHERE directory = ? AND name = ? AND server = ? AND rule = ?",
  linksTo: `SELECT directory, name, rule, place FROM links INDEXED BY links_by_file
    WHERE server = ? AND to_source = ? AND to_path = ?`,
  placesOf: "SELECT destination FROM deliveries WHERE directory = ? AND name = ? AND server = ?",
  makeStale: "UPDATE deliveries SET fingerprint = ? WHERE directory = ? AND name = ? AND server = ? AND rule = ?",
  isStale: `SELECT 1 FROM deliveries v WHERE v.directory = ? AND v.name = ? AND v.server = ? AND v.fingerprint = ?
    AND EXISTS (SELECT 1 FROM links l WHERE l.directory = v.directory AND l.name = v.name AND l.server = v.server
      AND l.rule = v.rule) LIMIT 1`,
  staleReferrers: `SELECT DISTINCT d.source, d.path, l.name FROM links l INDEXED BY links_by_file
    CROSS JOIN deliveries v ON v.directory = l.directory AND v.name = l.name AND v.server = l.server AND v.rule = l.rule
    CROSS JOIN directories d ON d.id = l.directory
    WHERE l.server = ? AND l.to_source = ? AND l.to_path = ? AND v.fingerprint = ? LIMIT ?`,
  keep: `UPDATE retirements SET due_at = ?1 WHERE server = ?2 AND +due_at < ?1 AND linked_until IS NULL AND destination IN
    (SELECT place FROM links WHERE directory = ?3 AND name = ?4 AND server = ?2 AND rule = ?5)`,
}

type Sql = Record<keyof typeof linkSql, Statement>

const prepare = (database: Database): Sql =>
  Object.fromEntries(Object.entries(linkSql).map(([name, text]) => [name, database.prepare(text)])) as Sql

const fromStoredPlace = (value: SqlValue | undefined): RemotePath | undefined =>
  value === null || value === undefined ? undefined : (fromStored(value) as RemotePath)

/** A delivery's row: directory, name, server, rule. */
type RowKey = readonly [directory: number, name: SqlValue, server: number, rule: number]

/** Everything here runs inside a write transaction. */
export interface LinkChanges {
  /** To be called first in every transaction. */
  readonly begin: () => void
  /** After a delivery was written; `movedUntil`: when its own old place is to be removed, where it has one. */
  readonly delivered: (
    delivery: Delivery,
    links: ReadonlyArray<Link> | undefined,
    movedUntil: number | undefined,
  ) => void
  /** After a delivery was removed, and before its directory is. */
  readonly forgotten: (key: DeliveryKey, directory: number) => void
}

export const makeLinkChanges = (database: Database, names: Names): LinkChanges => {
  const sql = prepare(database)
  // Most ledgers hold no link at all: then a delivery need not look.
  let anyLink = true

  const placesOf = (source: number, path: RelativePath, server: number): ReadonlyArray<RemotePath> => {
    const directory = names.findDirectory(source, directoryOf(path))
    if (directory === undefined) return []
    const rows = sql.placesOf.all(directory, toStored(baseNameOf(path)), server)
    return rows.map((row) => fromStored(row[0]) as RemotePath)
  }

  const makeStale = (row: readonly [SqlValue, SqlValue, SqlValue, SqlValue]) =>
    sql.makeStale.run(names.idOf(""), ...row)

  /** The places of a file changed: whoever refers to it may be stale. */
  const placed = ({ path, server, source }: Target) => {
    const [sourceId, serverId] = [names.idOf(source), names.idOf(server)]
    const rows = sql.linksTo.all(serverId, sourceId, toStored(path))
    if (rows.length === 0) return
    const places = placesOf(sourceId, path, serverId)
    for (const [directory = null, name = null, rule = null, place] of rows) {
      if (isOutdated(fromStoredPlace(place), places)) makeStale([directory, name, BigInt(serverId), rule])
    }
  }

  const replace = (key: RowKey, links: ReadonlyArray<Link>) => {
    sql.unlink.run(...key)
    for (const { path, place, source } of links) {
      sql.link.run(...key, names.idOf(source), toStored(path), place === undefined ? null : toStored(place))
    }
  }

  /** A delivery may be made with links that were outdated before it was written down. */
  const check = (key: RowKey, links: ReadonlyArray<Link>) => {
    const outdated = links.some(({ path, place, source }) =>
      isOutdated(place, placesOf(names.idOf(source), path, key[2])),
    )
    if (outdated) makeStale(key)
  }

  return {
    begin: () => {
      anyLink = sql.anyLink.get()?.[0] !== 0n
    },
    delivered: (delivery, links, movedUntil) => {
      if (!anyLink && (links === undefined || links.length === 0)) return
      const directory = names.directoryId(names.idOf(delivery.source), directoryOf(delivery.path))
      const name = toStored(baseNameOf(delivery.path))
      const key: RowKey = [directory, name, names.idOf(delivery.server), names.idOf(delivery.rule)]
      if (movedUntil !== undefined) sql.keep.run(movedUntil, key[2], key[0], key[1], key[3])
      if (links !== undefined) replace(key, links)
      anyLink = true
      placed(delivery)
      check(key, links ?? sql.linksOfDelivery.all(...key).map((row) => toLink(names, row)))
    },
    forgotten: (key, directory) => {
      if (!anyLink) return
      sql.unlink.run(directory, toStored(baseNameOf(key.path)), names.idOf(key.server), names.idOf(key.rule))
      placed(key)
    },
  }
}

const toLink = (names: Names, row: ReadonlyArray<SqlValue>): Link => {
  const { path, source } = toTarget(names, row[0], row[1], undefined)
  return { source, path, place: fromStoredPlace(row[2]) }
}

export interface LinkQueries {
  readonly linksOf: (target: Target) => ReadonlyArray<Link>
  readonly staleReferrers: (targets: ReadonlyArray<Target>, limit: number) => ReadonlyArray<Target>
}

export const linkQueries = (database: Database, names: Names): LinkQueries => {
  const sql = prepare(database)

  const rowsOf = (target: Target) => {
    const source = names.find(target.source)
    const server = names.find(target.server)
    if (source === undefined || server === undefined) return undefined
    const directory = names.findDirectory(source, directoryOf(target.path))
    return { source, server, directory, name: toStored(baseNameOf(target.path)) }
  }

  return {
    linksOf: (target) => {
      const rows = rowsOf(target)
      if (rows?.directory === undefined) return []
      const links = new Map<string, Link>()
      for (const row of sql.linksOf.all(rows.directory, rows.name, rows.server)) {
        const link = toLink(names, row)
        links.set(`${link.source}\0${link.path}\0${link.place ?? ""}`, link)
      }
      return [...links.values()]
    },
    staleReferrers: (targets, limit) => {
      const stale = names.find("")
      if (stale === undefined || targets.length === 0 || sql.anyLink.get()?.[0] === 0n) return []
      const found = new Map<string, Target>()
      const add = (target: Target) => {
        const key = `${target.source}\0${target.server}\0${target.path}`
        if (found.size < limit) found.set(key, target)
      }
      for (const target of targets) {
        const rows = rowsOf(target)
        if (rows === undefined) continue
        const { directory, name, server, source } = rows
        if (directory !== undefined && sql.isStale.get(directory, name, server, stale) !== undefined) add(target)
        for (const row of sql.staleReferrers.all(server, source, toStored(target.path), stale, limit)) {
          const { path, source } = toTarget(names, row[0], row[1], undefined)
          add({ source, path: child(path, fromStored(row[2])), server: target.server })
        }
        if (found.size >= limit) break
      }
      return [...found.values()]
    },
  }
}
