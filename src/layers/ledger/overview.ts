/**
 * Questions about the ledger as a whole.
 *
 * @since 1.0.0
 */
import type { Delivery, DeliveryKey, Hold } from "../../domain/Delivery.ts"
import type { RootRecord, ServerTotals } from "../../domain/Ledger.ts"
import { baseNameOf, directoryOf, type RelativePath, type ServerName, type SourceName } from "../../domain/Path.ts"
import type { Database, Row, SqlValue } from "./driver.ts"
import type { Names } from "./names.ts"
import { deliveryColumns, toDelivery } from "./rows.ts"
import { fromStored, storedOrder, textOrder, toStored } from "./storedText.ts"

export interface OverviewQueries {
  readonly holds: () => ReadonlyArray<Hold>
  readonly roots: () => ReadonlyMap<SourceName, RootRecord>
  readonly totals: () => ReadonlyArray<ServerTotals>
  readonly page: (after: DeliveryKey | undefined, limit: number) => ReadonlyArray<Delivery>
}

export const overviewSql = {
  holds: "SELECT source, since, missing, total, reason FROM holds",
  roots: "SELECT source, path, identity FROM roots",
  deliveryTotals: "SELECT server, count(*) FROM deliveries GROUP BY server",
  failureTotals: "SELECT server, count(*) FROM failures GROUP BY server",
  retirementTotals: "SELECT server, count(*) FROM retirements GROUP BY server",
  nextDirectory: "SELECT id, path FROM directories WHERE source = ? AND path > ? ORDER BY path LIMIT 1",
  firstDirectory: "SELECT id, path FROM directories WHERE source = ? ORDER BY path LIMIT 1",
  page: `SELECT ${deliveryColumns} FROM deliveries v CROSS JOIN names s ON s.id = v.server CROSS JOIN names r ON r.id = v.rule
    WHERE v.directory = ?1 AND v.name >= ?2 AND NOT (v.name = ?2 AND (s.value, r.value) <= (?3, ?4))
    ORDER BY v.name, s.value, r.value LIMIT ?5`,
  sources: "SELECT DISTINCT source FROM directories",
}

export const overviewQueries = (database: Database, names: Names): OverviewQueries => {
  const holds = database.prepare(overviewSql.holds)
  const roots = database.prepare(overviewSql.roots)
  const nextDirectory = database.prepare(overviewSql.nextDirectory)
  const firstDirectory = database.prepare(overviewSql.firstDirectory)
  const page = database.prepare(overviewSql.page)
  const sources = database.prepare(overviewSql.sources)
  const totals = {
    deliveries: database.prepare(overviewSql.deliveryTotals),
    failures: database.prepare(overviewSql.failureTotals),
    retirements: database.prepare(overviewSql.retirementTotals),
  }

  return {
    holds: () =>
      holds
        .all()
        .map(([source, since, missing, total, reason]): Hold => ({
          source: names.nameOf(source) as SourceName,
          since: Number(since),
          missing: Number(missing),
          total: Number(total),
          reason: fromStored(reason),
        }))
        .sort((a, b) => textOrder(a.source, b.source)),
    roots: () =>
      new Map(
        roots
          .all()
          .map(([source, path, identity]) => [
            names.nameOf(source) as SourceName,
            { path: fromStored(path), identity: fromStored(identity) },
          ]),
      ),
    totals: () => {
      const servers = new Map<string, { deliveries: number; failures: number; retirements: number }>()
      for (const kind of ["deliveries", "failures", "retirements"] as const) {
        for (const [server, count] of totals[kind].all()) {
          const name = names.nameOf(server)
          const entry = servers.get(name) ?? { deliveries: 0, failures: 0, retirements: 0 }
          entry[kind] = Number(count)
          servers.set(name, entry)
        }
      }
      return [...servers]
        .map(([server, counts]) => ({ server: server as ServerName, ...counts }))
        .sort((a, b) => textOrder(a.server, b.server))
    },
    page: (after, limit) => {
      const found: Array<Delivery> = []
      const take = (source: SourceName, directory: Row, from: readonly [SqlValue, SqlValue, SqlValue]) => {
        const path = fromStored(directory[1]) as RelativePath
        const id = directory[0] as bigint
        for (const row of page.all(id, ...from, limit - found.length)) found.push(toDelivery(names, source, path, row))
      }
      const fromStart: readonly [SqlValue, SqlValue, SqlValue] = ["", "", ""]
      const ordered = sources
        .all()
        .map(([id]) => ({ id: Number(id), name: names.nameOf(id) as SourceName }))
        .sort((a, b) => storedOrder(a.name, b.name))
      for (const { id, name } of ordered) {
        let directory: Row | undefined
        if (after === undefined || storedOrder(name, after.source) > 0) {
          directory = firstDirectory.get(id)
          if (directory !== undefined) take(name, directory, fromStart)
        } else if (name === after.source) {
          const path = directoryOf(after.path)
          const same = names.findDirectory(id, path)
          directory = [BigInt(same ?? 0), toStored(path)]
          if (same !== undefined) {
            take(name, directory, [toStored(baseNameOf(after.path)), toStored(after.server), toStored(after.rule)])
          }
        }
        while (directory !== undefined && found.length < limit) {
          directory = nextDirectory.get(id, directory[1] ?? "")
          if (directory !== undefined) take(name, directory, fromStart)
        }
        if (found.length >= limit) break
      }
      return found
    },
  }
}
