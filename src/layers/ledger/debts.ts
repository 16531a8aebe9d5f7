/**
 * Questions about what is owed: retries, retirements, deletions of source files, rows of the published map.
 *
 * @since 1.0.0
 */
import type { Failure, Retirement, Target } from "../../domain/Delivery.ts"
import type { Agenda, DeletionRule, OwedTarget } from "../../domain/Ledger.ts"
import { child, type RelativePath, type RemotePath, type ServerName, type SourceName } from "../../domain/Path.ts"
import { fileKey } from "../../domain/Reference.ts"
import type { Database, Row, Statement } from "./driver.ts"
import type { Names } from "./names.ts"
import { firstOwed, outboxSql, readOutbox } from "./outbox.ts"
import { failureColumns, toFailure, toTarget } from "./rows.ts"
import { fromStored, toStored } from "./storedText.ts"

/** A file of a source. */
export interface SourceFile {
  readonly source: SourceName
  readonly path: RelativePath
}

export interface DebtQueries {
  readonly retirementsOf: (target: Target) => ReadonlyArray<Retirement>
  readonly retirable: (target: Target, now: number) => ReadonlyArray<Retirement>
  readonly failureOf: (target: Target) => Failure | undefined
  readonly failures: (limit: number, server?: ServerName) => ReadonlyArray<Failure>
  readonly agenda: (server: ServerName, now: number, limit: number) => Agenda<Target>
  readonly deletable: (rules: ReadonlyArray<DeletionRule>, now: number, limit: number) => Agenda<SourceFile>
  readonly outbox: (limit: number) => { readonly targets: ReadonlyArray<OwedTarget>; readonly through: number }
}

/**
 * The last delivery of a file under a rule, on whatever server: the delay counts from it. The signs keep the planner from
 * looking through all later deliveries of the rule instead of the few of the file.
 */
const isLast = `NOT EXISTS (SELECT 1 FROM deliveries o WHERE o.directory = v.directory AND o.name = v.name
  AND +o.rule = v.rule AND +o.delivered_at > v.delivered_at AND o.source_deleted = 0)`

/** Of a retirement `r`: no delivery refers to its place, or that is no reason any more. */
const isFree = `(r.linked_until <= ? OR NOT EXISTS (SELECT 1 FROM links l INDEXED BY links_by_place
  WHERE l.server = r.server AND l.place = r.destination))`

export const debtSql = {
  // Left alone, the planner takes the primary key, which is good for the server only.
  retirementsOf: `SELECT destination, due_at FROM retirements INDEXED BY retirements_by_target
    WHERE source = ? AND path = ? AND server = ?`,
  retirable: `SELECT destination, due_at FROM retirements r INDEXED BY retirements_by_target
    WHERE source = ? AND path = ? AND server = ? AND due_at <= ? AND ${isFree}
    AND published_after < coalesce(${firstOwed}, 9223372036854775807)`,
  failureOf: `SELECT ${failureColumns} FROM failures WHERE source = ? AND path = ? AND server = ?`,
  failures: `SELECT ${failureColumns} FROM failures ORDER BY since LIMIT ?`,
  failuresOn: `SELECT ${failureColumns} FROM failures WHERE server = ? ORDER BY since LIMIT ?`,
  retries: "SELECT next_try, source, path FROM failures WHERE server = ? AND next_try <= ? ORDER BY next_try",
  nextRetry: "SELECT min(next_try) FROM failures WHERE server = ? AND next_try > ?",
  // Every change of a target's deliveries moves `published_after` to its newest number in the outbox.
  retirements: `SELECT due_at, source, path FROM retirements r WHERE server = ? AND due_at <= ?
    AND published_after < coalesce(${firstOwed}, 9223372036854775807)
    AND ${isFree} AND NOT EXISTS (SELECT 1 FROM failures f WHERE f.source = r.source AND f.path = r.path AND f.server = r.server
      AND f.next_try > ?) ORDER BY due_at`,
  nextRetirement: "SELECT min(due_at) FROM retirements WHERE server = ? AND due_at > ?",
  nextUnlinked: "SELECT min(linked_until) FROM retirements WHERE server = ? AND linked_until > ?",
  deletable: `SELECT v.delivered_at, d.source, d.path, v.name FROM deliveries v CROSS JOIN directories d ON d.id = v.directory
    WHERE v.rule = ? AND v.source_deleted = 0 AND v.delivered_at <= ? AND ${isLast} ORDER BY v.delivered_at`,
  nextDeletable: `SELECT v.delivered_at FROM deliveries v
    WHERE v.rule = ? AND v.source_deleted = 0 AND v.delivered_at > ? AND ${isLast} ORDER BY v.delivered_at LIMIT 1`,
}

const retirementOf =
  ({ path, server, source }: Target) =>
  (row: Row): Retirement => ({
    source,
    path,
    server,
    destination: fromStored(row[0]) as RemotePath,
    dueAt: Number(row[1]),
  })

/** A row of something that is due, with the moment since when. */
interface Due<A> {
  readonly at: number
  readonly identity: string
  readonly value: A
}

/** The first `limit` different ones of a list that is already in order. */
const collect = <A>(rows: Iterable<Row>, limit: number, read: (row: Row) => Due<A>): ReadonlyArray<Due<A>> => {
  const found = new Map<string, Due<A>>()
  for (const row of rows) {
    if (found.size >= limit) break
    const due = read(row)
    if (!found.has(due.identity)) found.set(due.identity, due)
  }
  return [...found.values()]
}

/** Several such lists as one: the longest due first, each once. */
const merge = <A>(lists: ReadonlyArray<ReadonlyArray<Due<A>>>, limit: number): ReadonlyArray<A> => {
  const merged = new Map<string, A>()
  for (const due of lists.flat().sort((a, b) => a.at - b.at)) {
    if (merged.size >= limit) break
    if (!merged.has(due.identity)) merged.set(due.identity, due.value)
  }
  return [...merged.values()]
}

const earliest = (moments: ReadonlyArray<number | undefined>): number | undefined =>
  moments.reduce((a, b) => (a === undefined ? b : b === undefined ? a : Math.min(a, b)), undefined)

const moment = (statement: Statement, id: number, now: number): number | undefined => {
  const value = statement.get(id, now)?.[0]
  return value === undefined || value === null ? undefined : Number(value)
}

export const debtQueries = (database: Database, names: Names): DebtQueries => {
  const statements = Object.fromEntries(
    Object.entries(debtSql).map(([name, sql]) => [name, database.prepare(sql)]),
  ) as Record<keyof typeof debtSql, Statement>

  const outbox = database.prepare(outboxSql.outbox)

  const targetKey = (target: Target): readonly [number, string | Uint8Array, number] | undefined => {
    const source = names.find(target.source)
    const server = names.find(target.server)
    return source === undefined || server === undefined ? undefined : [source, toStored(target.path), server]
  }

  return {
    retirementsOf: (target) => {
      const key = targetKey(target)
      return key === undefined ? [] : statements.retirementsOf.all(...key).map(retirementOf(target))
    },
    retirable: (target, now) => {
      const key = targetKey(target)
      return key === undefined ? [] : statements.retirable.all(...key, now, now).map(retirementOf(target))
    },
    failureOf: (target) => {
      const key = targetKey(target)
      const row = key === undefined ? undefined : statements.failureOf.get(...key)
      return row === undefined ? undefined : toFailure(names, row)
    },
    failures: (limit, server) => {
      if (server === undefined) return statements.failures.all(limit).map((row) => toFailure(names, row))
      const id = names.find(server)
      return id === undefined ? [] : statements.failuresOn.all(id, limit).map((row) => toFailure(names, row))
    },
    agenda: (server, now, limit) => {
      const id = names.find(server)
      if (id === undefined) return { due: [], nextAt: undefined }
      const read = (row: Row): Due<Target> => {
        const target = toTarget(names, row[1], row[2], BigInt(id))
        return { at: Number(row[0]), identity: fileKey(target), value: target }
      }
      const retries = collect(statements.retries.iterate(id, now), limit, read)
      const retirements = collect(statements.retirements.iterate(id, now, now, now), limit, read)
      const next = [statements.nextRetry, statements.nextRetirement, statements.nextUnlinked]
      const nextAt = earliest(next.map((statement) => moment(statement, id, now)))
      return { due: merge([retries, retirements], limit), nextAt }
    },
    deletable: (rules, now, limit) => {
      const lists: Array<ReadonlyArray<Due<SourceFile>>> = []
      const next: Array<number | undefined> = []
      for (const { rule, delay } of rules) {
        const id = names.find(rule)
        if (id === undefined) continue
        lists.push(
          collect(statements.deletable.iterate(id, now - delay), limit, (row) => {
            const source = names.nameOf(row[1]) as SourceName
            const path = child(fromStored(row[2]) as RelativePath, fromStored(row[3]))
            return { at: Number(row[0]) + delay, identity: fileKey({ source, path }), value: { source, path } }
          }),
        )
        const deliveredAt = moment(statements.nextDeletable, id, now - delay)
        next.push(deliveredAt === undefined ? undefined : deliveredAt + delay)
      }
      return { due: merge(lists, limit), nextAt: earliest(next) }
    },
    outbox: (limit) => readOutbox(outbox, names, limit),
  }
}
