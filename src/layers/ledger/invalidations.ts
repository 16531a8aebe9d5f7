/**
 * Places whose CDN is to be told that they changed.
 *
 * @since 1.0.0
 */
import { companionOf } from "../../domain/Companion.ts"
import type { LedgerChange, OutdatedPlaces } from "../../domain/Ledger.ts"
import type { RemotePath, ServerName } from "../../domain/Path.ts"
import type { Database } from "./driver.ts"
import type { Names } from "./names.ts"
import { fromStored, toStored } from "./storedText.ts"

/** Numbers grow with every change, so that what changes again after it was read is not taken for told. */
export const invalidationsTable = `
CREATE TABLE invalidations (
  server INTEGER NOT NULL,
  destination ANY NOT NULL,
  since INTEGER NOT NULL,
  seq INTEGER NOT NULL,
  PRIMARY KEY (server, destination)
) STRICT, WITHOUT ROWID;
CREATE INDEX invalidations_by_order ON invalidations (server, seq);
CREATE INDEX invalidations_by_age ON invalidations (server, since);
`

export const invalidationSql = {
  outdate: `INSERT INTO invalidations (server, destination, since, seq)
    SELECT ?1, ?2, ?3, (SELECT coalesce(max(seq), 0) + 1 FROM invalidations WHERE server = ?1)
    WHERE EXISTS (SELECT 1 FROM deliveries WHERE server = ?1 AND destination = ?2)
      OR EXISTS (SELECT 1 FROM retirements WHERE server = ?1 AND destination = ?2 AND published_after >= ?4)
      OR EXISTS (SELECT 1 FROM deliveries WHERE server = ?1 AND destination = ?5 AND instr(companions || '.', ?6 || '.') > 0)
    ON CONFLICT (server, destination) DO UPDATE SET seq = excluded.seq`,
  invalidated: "DELETE FROM invalidations WHERE server = ? AND seq <= ?",
  outdated: "SELECT destination, seq FROM invalidations WHERE server = ? ORDER BY seq LIMIT ?",
  outdatedTotal: "SELECT count(*) FROM invalidations WHERE server = ?",
  outdatedSince: "SELECT min(since) FROM invalidations WHERE server = ?",
  isOutdated: "SELECT 1 FROM invalidations WHERE server = ? AND destination = ?",
}

type InvalidationChange = Extract<LedgerChange, { readonly _tag: "Outdated" | "Invalidated" }>

/** Writes changes of them. Inside a write transaction only. */
export const invalidationChanges = (database: Database, names: Names): ((change: InvalidationChange) => void) => {
  const outdate = database.prepare(invalidationSql.outdate)
  const invalidated = database.prepare(invalidationSql.invalidated)
  return (change) => {
    const server = names.idOf(change.server)
    if (change._tag === "Invalidated") return void invalidated.run(server, change.through)
    // A retirement that stems from an upload alone is published after nothing.
    const after = change.by === "replaced" ? 1 : 0
    const host = companionOf(change.destination)
    const beside = host === undefined ? null : toStored(host.place)
    outdate.run(server, toStored(change.destination), change.since, after, beside, host?.suffix ?? null)
  }
}

export interface InvalidationQueries {
  readonly outdated: (server: ServerName, limit: number) => OutdatedPlaces
  readonly isOutdated: (server: ServerName, destination: RemotePath) => boolean
}

export const invalidationQueries = (database: Database, names: Names): InvalidationQueries => {
  const outdated = database.prepare(invalidationSql.outdated)
  const total = database.prepare(invalidationSql.outdatedTotal)
  const since = database.prepare(invalidationSql.outdatedSince)
  const isOutdated = database.prepare(invalidationSql.isOutdated)
  return {
    outdated: (server, limit) => {
      const id = names.find(server)
      if (id === undefined) return { places: [], through: 0, total: 0, since: undefined }
      const rows = outdated.all(id, limit)
      const oldest = since.get(id)?.[0]
      return {
        places: rows.map(([destination]) => fromStored(destination) as RemotePath),
        through: Number(rows.at(-1)?.[1] ?? 0),
        total: Number(total.get(id)?.[0]),
        since: oldest === null || oldest === undefined ? undefined : Number(oldest),
      }
    },
    isOutdated: (server, destination) => {
      const id = names.find(server)
      return id !== undefined && isOutdated.get(id, toStored(destination)) !== undefined
    },
  }
}
