/**
 * Clears out what the config no longer knows.
 *
 * @since 1.0.0
 */
import type { DeliveryKey } from "../../domain/Delivery.ts"
import type { LedgerChange } from "../../domain/Ledger.ts"
import { LEDGER_EVICT_BATCH } from "../../domain/Limits.ts"
import { child, type RelativePath, type RuleId, type ServerName, type SourceName } from "../../domain/Path.ts"
import type { Database } from "./driver.ts"
import type { Names } from "./names.ts"
import { fromStored } from "./storedText.ts"

const evictSql = {
  servers:
    "SELECT server FROM deliveries UNION SELECT server FROM failures UNION SELECT server FROM retirements UNION SELECT server FROM invalidations",
  sources: `SELECT source FROM directories UNION SELECT source FROM failures UNION SELECT source FROM holds
    UNION SELECT source FROM roots`,
  onServer: `SELECT d.source, d.path, v.name, v.server, v.rule FROM deliveries v CROSS JOIN directories d ON d.id = v.directory
    WHERE v.server = ? LIMIT ?`,
  ofSource: `SELECT d.source, d.path, v.name, v.server, v.rule FROM directories d CROSS JOIN deliveries v ON v.directory = d.id
    WHERE d.source = ? LIMIT ?`,
  failuresOn: "DELETE FROM failures WHERE server = ?",
  retirementsOn: "DELETE FROM retirements WHERE server = ?",
  invalidationsOn: "DELETE FROM invalidations WHERE server = ?",
  failuresOf: "DELETE FROM failures WHERE source = ?",
  holdsOf: "DELETE FROM holds WHERE source = ?",
  rootsOf: "DELETE FROM roots WHERE source = ?",
}

/** What the config knows. */
export interface Known {
  readonly sources: ReadonlySet<SourceName>
  readonly servers: ReadonlySet<ServerName>
}

/** Forgets what the config no longer knows. Inside a write transaction only; it is seldom needed, so nothing is kept prepared. */
export const evict = (
  database: Database,
  names: Names,
  apply: (change: LedgerChange) => void,
  known: Known,
  now: number,
): { readonly retired: number; readonly forgotten: number } => {
  const unknown = (sql: string, of: ReadonlySet<string>) =>
    database
      .prepare(sql)
      .all()
      .flatMap(([id]) => (of.has(names.nameOf(id)) ? [] : [id as bigint]))
  const forgetAll = (sql: string, id: bigint, retireAt: number | undefined): number => {
    const statement = database.prepare(sql)
    let count = 0
    for (;;) {
      const rows = statement.all(id, LEDGER_EVICT_BATCH)
      if (rows.length === 0) return count
      for (const [source, path, name, server, rule] of rows) {
        const key: DeliveryKey = {
          source: names.nameOf(source) as SourceName,
          path: child(fromStored(path) as RelativePath, fromStored(name)),
          server: names.nameOf(server) as ServerName,
          rule: names.nameOf(rule) as RuleId,
        }
        apply({ _tag: "Forgotten", key, retireAt, ...(retireAt === undefined ? {} : { linkedUntil: retireAt }) })
        count++
      }
    }
  }
  let forgotten = 0
  let retired = 0
  for (const server of unknown(evictSql.servers, known.servers)) {
    forgotten += forgetAll(evictSql.onServer, server, undefined)
    database.prepare(evictSql.failuresOn).run(server)
    // A server of this name may be another place by the time it is configured again.
    database.prepare(evictSql.retirementsOn).run(server)
    database.prepare(evictSql.invalidationsOn).run(server)
  }
  for (const source of unknown(evictSql.sources, known.sources)) {
    retired += forgetAll(evictSql.ofSource, source, now)
    for (const sql of [evictSql.failuresOf, evictSql.holdsOf, evictSql.rootsOf]) database.prepare(sql).run(source)
  }
  return { retired, forgotten }
}
