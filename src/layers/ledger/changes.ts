/**
 * Writes changes into the ledger's tables. Everything here runs inside a write transaction.
 *
 * @since 1.0.0
 */
import { leftBy, placesOf } from "../../domain/Companion.ts"
import type { Delivery, DeliveryKey, Failure, Retirement, Target } from "../../domain/Delivery.ts"
import type { LedgerChange, PublishedDelivery, Uploads } from "../../domain/Ledger.ts"
import { baseNameOf, directoryOf, type RelativePath, type RemotePath, type SourceName } from "../../domain/Path.ts"
import { makeCompanionChanges, toOccupied, toStoredCompanions } from "./companions.ts"
import type { Database, SqlValue, Statement } from "./driver.ts"
import { invalidationChanges } from "./invalidations.ts"
import { makeLinkChanges } from "./links.ts"
import type { Names } from "./names.ts"
import { outboxChanges } from "./outbox.ts"
import { toStoredInode } from "./rows.ts"
import { textOrder, toStored } from "./storedText.ts"

export interface Changes {
  /** To be called first in every transaction. */
  readonly begin: () => void
  readonly apply: (change: LedgerChange) => void
  /** To be called last in every transaction. */
  readonly end: () => void
  /** Ends the uploads that nobody ended: what their places hold is unknown. */
  readonly endUploads: () => void
}

/** An upload in the text of its row: source, path and destination. */
type StoredUpload = readonly [SourceName, RelativePath, RemotePath]

export const changeSql = {
  waiting: "SELECT EXISTS (SELECT 1 FROM failures), EXISTS (SELECT 1 FROM retirements)",
  deliver: `INSERT INTO deliveries
    (directory, name, server, rule, destination, url, fingerprint, size, mtime, inode, hash, delivered_at, source_deleted,
      companions)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (directory, name, server, rule) DO UPDATE SET destination = excluded.destination, url = excluded.url,
      fingerprint = excluded.fingerprint, size = excluded.size, mtime = excluded.mtime, inode = excluded.inode,
      hash = excluded.hash, delivered_at = excluded.delivered_at, source_deleted = excluded.source_deleted,
      companions = excluded.companions`,
  forget: `DELETE FROM deliveries WHERE directory = ? AND name = ? AND server = ? AND rule = ?
    RETURNING destination, companions`,
  // Left alone, the planner takes the primary key, which is good for the server only.
  postpone: `UPDATE retirements INDEXED BY retirements_by_target SET published_after = ?
    WHERE source = ? AND path = ? AND server = ?`,
  retire: `INSERT OR REPLACE INTO retirements
    (server, destination, source, path, due_at, published_after, linked_until) VALUES (?, ?, ?, ?, ?, ?, ?)`,
  begin: "INSERT OR REPLACE INTO uploads (id, server, remove_at, places) VALUES (?, ?, ?, ?)",
  begun: "SELECT server, remove_at, places FROM uploads WHERE id = ?",
  end: "DELETE FROM uploads WHERE id = ?",
  open: "SELECT id FROM uploads ORDER BY id",
  doubt: "UPDATE deliveries SET fingerprint = ? WHERE server = ? AND destination = ? RETURNING 1",
  retireUnlessKnown: `INSERT OR IGNORE INTO retirements
    (server, destination, source, path, due_at, published_after) VALUES (?, ?, ?, ?, ?, ?)`,
  retired: "DELETE FROM retirements WHERE server = ? AND destination = ?",
  fail: `INSERT OR REPLACE INTO failures
    (source, path, server, reason, attempts, since, next_try) VALUES (?, ?, ?, ?, ?, ?, ?)`,
  clear: "DELETE FROM failures WHERE source = ? AND path = ? AND server = ?",
  sourceDeleted: `UPDATE deliveries SET source_deleted = 1
    WHERE directory = ? AND name = ? AND size = ? AND mtime = ? AND inode = ? AND source_deleted = 0 RETURNING server`,
  hold: "INSERT OR REPLACE INTO holds (source, since, missing, total, reason) VALUES (?, ?, ?, ?, ?)",
  release: "DELETE FROM holds WHERE source = ?",
  rootSeen: "INSERT OR REPLACE INTO roots (source, path, identity) VALUES (?, ?, ?)",
}

export const makeChanges = (database: Database, names: Names): Changes => {
  const sql = Object.fromEntries(
    Object.entries(changeSql).map(([name, text]) => [name, database.prepare(text)]),
  ) as Record<keyof typeof changeSql, Statement>
  const invalidation = invalidationChanges(database, names)
  const links = makeLinkChanges(database, names)
  const companions = makeCompanionChanges(database, names)
  const outbox = outboxChanges(database, names)
  // Most of the time nothing failed and nothing is to be retired: then a delivery need not look.
  let anyFailure = true
  let anyRetirement = true

  const owe = (source: number, path: RelativePath, server: number, latest?: PublishedDelivery) => {
    outbox.owe(source, path, server, latest)
    if (anyRetirement) sql.postpone.run(outbox.last(), source, toStored(path), server)
  }
  const clear = (source: number, path: SqlValue, server: number) => {
    if (anyFailure) sql.clear.run(source, path, server)
  }
  const retire = (
    target: Pick<Retirement, keyof Target>,
    destination: RemotePath,
    dueAt: number,
    linkedUntil: number | null = null,
  ) => {
    const [source, server, path] = [names.idOf(target.source), names.idOf(target.server), toStored(target.path)]
    sql.retire.run(server, toStored(destination), source, path, dueAt, outbox.last(), linkedUntil)
    anyRetirement = true
  }

  const delivered = (delivery: Delivery) => {
    const source = names.idOf(delivery.source)
    const server = names.idOf(delivery.server)
    const destination = toStored(delivery.destination)
    const url = names.toStoredUrl(delivery.url, delivery.destination)
    sql.deliver.write(
      names.directoryId(source, directoryOf(delivery.path)),
      toStored(baseNameOf(delivery.path)),
      server,
      names.idOf(delivery.rule),
      destination,
      url,
      names.idOf(delivery.fingerprint),
      delivery.state.size,
      delivery.state.mtimeNs,
      toStoredInode(delivery.state.inode),
      toStored(delivery.hash),
      delivery.deliveredAt,
      delivery.sourceDeleted ? 1 : 0,
      toStoredCompanions(delivery.companions),
    )
    owe(source, delivery.path, server, delivery)
    if (anyFailure) clear(source, toStored(delivery.path), server)
    if (delivery.companions !== undefined) companions.written()
    if (anyRetirement) for (const place of placesOf(delivery)) sql.retired.run(server, toStored(place))
  }

  /** Nobody knows what this place holds. */
  const doubt = (server: number, { destination, path, source }: Uploads["places"][number], removeAt: number) => {
    const place = toStored(destination)
    if (sql.doubt.all(names.idOf(""), server, place).length > 0 || companions.doubt(server, destination)) return
    // The map can not name a place that has neither a delivery nor a retirement.
    sql.retireUnlessKnown.run(server, place, names.idOf(source), toStored(path), removeAt, 0)
    anyRetirement = true
  }

  const begin = ({ id, places, removeAt, server }: Uploads) => {
    // Text as JSON has it holds no lone surrogates.
    const text = JSON.stringify(places.map(({ destination, path, source }) => [source, path, destination]))
    sql.begin.run(id, names.idOf(server), removeAt, text)
  }

  const end = (id: number, unknown?: ReadonlyArray<RemotePath>) => {
    if (unknown?.length === 0) return void sql.end.run(id)
    const row = sql.begun.get(id)
    if (row === undefined) return
    sql.end.run(id)
    for (const [source, path, destination] of JSON.parse(String(row[2])) as ReadonlyArray<StoredUpload>) {
      if (unknown !== undefined && !unknown.includes(destination)) continue
      doubt(Number(row[0]), { source, path, destination }, Number(row[1]))
    }
  }

  /** Removes a delivery; the places on the server that it leaves. */
  const forget = (key: DeliveryKey): ReadonlyArray<RemotePath> => {
    const source = names.idOf(key.source)
    const server = names.idOf(key.server)
    const path = toStored(key.path)
    clear(source, path, server)
    const within = directoryOf(key.path)
    const directory = names.findDirectory(source, within)
    if (directory === undefined) return []
    const row = sql.forget.get(directory, toStored(baseNameOf(key.path)), server, names.idOf(key.rule))
    if (row === undefined) return []
    owe(source, key.path, server)
    links.forgotten(key, directory)
    names.dropEmptyDirectory(source, within, directory)
    return placesOf(toOccupied(row))
  }

  const fail = (failure: Failure) => {
    sql.fail.run(
      names.idOf(failure.source),
      toStored(failure.path),
      names.idOf(failure.server),
      toStored(failure.reason),
      failure.attempts,
      failure.since,
      failure.nextTry,
    )
    anyFailure = true
  }

  const sourceDeleted = (change: Extract<LedgerChange, { readonly _tag: "SourceDeleted" }>) => {
    const source = names.idOf(change.source)
    const directory = names.findDirectory(source, directoryOf(change.path))
    if (directory === undefined) return
    const { size, mtimeNs, inode } = change.state
    const name = toStored(baseNameOf(change.path))
    const rows = sql.sourceDeleted.all(directory, name, size, mtimeNs, toStoredInode(inode))
    const servers = [...new Set(rows.map((row) => Number(row[0])))]
    servers.sort((a, b) => textOrder(names.nameOf(a), names.nameOf(b)))
    for (const server of servers) owe(source, change.path, server)
  }

  const apply = (change: LedgerChange): void => {
    switch (change._tag) {
      case "Delivered": {
        const { delivery, takenFrom } = change
        const before = companions.occupied(delivery)
        const taken =
          takenFrom === undefined || companions.take(takenFrom, delivery.destination) ? [] : forget(takenFrom)
        delivered(delivery)
        links.delivered(delivery, change.links, change.retire?.dueAt)
        const isMoved = change.retire !== undefined && change.retire.destination !== delivery.destination
        const now = placesOf(delivery)
        if (takenFrom !== undefined) {
          for (const place of leftBy(taken, now)) retire(takenFrom, place, delivery.deliveredAt)
        }
        const dueAt = isMoved ? change.retire.dueAt : delivery.deliveredAt
        for (const place of leftBy(before === undefined ? [] : placesOf(before).slice(1), now)) {
          retire(delivery, place, dueAt)
        }
        if (isMoved) retire(delivery, change.retire.destination, dueAt)
        return
      }
      case "Forgotten": {
        const left = forget(change.key)
        if (change.retireAt === undefined) return
        for (const place of left) retire(change.key, place, change.retireAt, change.linkedUntil ?? null)
        return
      }
      case "Placing":
        return begin(change.uploads)
      case "Placed":
        return end(change.id, change.unknown)
      case "Retired":
        return void sql.retired.run(names.idOf(change.server), toStored(change.destination))
      case "Failed":
        return fail(change.failure)
      case "Cleared": {
        const { source, path, server } = change.target
        return clear(names.idOf(source), toStored(path), names.idOf(server))
      }
      case "SourceDeleted":
        return sourceDeleted(change)
      case "Held": {
        const { source, since, missing, total, reason } = change.hold
        return void sql.hold.run(names.idOf(source), since, missing, total, toStored(reason))
      }
      case "Released":
        return void sql.release.run(names.idOf(change.source))
      case "RootSeen":
        return void sql.rootSeen.run(
          names.idOf(change.source),
          toStored(change.root.path),
          toStored(change.root.identity),
        )
      case "Published":
        return outbox.published(change.through)
      case "Outdated":
      case "Invalidated":
        return invalidation(change)
    }
  }

  return {
    endUploads: () => {
      for (const [id] of sql.open.all()) end(Number(id))
    },
    begin: () => {
      const [failures, retirements] = sql.waiting.get() ?? []
      anyFailure = failures !== 0n
      anyRetirement = retirements !== 0n
      links.begin()
      companions.begin()
      outbox.begin()
    },
    apply,
    end: outbox.end,
  }
}
