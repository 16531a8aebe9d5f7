/**
 * The outbox of the published map. Deliveries that are written down together stand in it as one row, a pack: a row for each
 * would cost a third of what the delivery itself does, twice.
 *
 * Every target has a number of its own, in a pack too; a row is found by the last of its numbers, `first` is the first that
 * was not published yet (null for a row of one target).
 *
 * @since 1.0.0
 */
import type { Target } from "../../domain/Delivery.ts"
import type { OwedTarget, PublishedDelivery } from "../../domain/Ledger.ts"
import { OUTBOX_PACK } from "../../domain/Limits.ts"
import type { RelativePath, RemotePath, ServerName, SourceName } from "../../domain/Path.ts"
import type { Database, Row, SqlValue, Statement } from "./driver.ts"
import type { Names } from "./names.ts"
import { toTarget } from "./rows.ts"
import { fromStored, toStored } from "./storedText.ts"

/** What the outbox of an earlier version needs for packs. */
export const packs = "ALTER TABLE outbox ADD COLUMN first INTEGER;"

export const outboxSql = {
  last: "SELECT max(coalesce((SELECT max(seq) FROM outbox), 0), coalesce((SELECT max(published_after) FROM retirements), 0))",
  owe: "INSERT INTO outbox (seq, source, path, server, destination, url, first) VALUES (?, ?, ?, ?, ?, ?, ?)",
  published: "DELETE FROM outbox WHERE seq <= ?",
  partly: "UPDATE outbox SET first = ?1 + 1 WHERE seq = (SELECT min(seq) FROM outbox) AND first <= ?1",
  outbox: "SELECT seq, source, path, server, destination, url, first FROM outbox ORDER BY seq",
}

/** The lowest number in the outbox, as an expression of SQL; null where it is empty. */
export const firstOwed = "(SELECT coalesce(first, seq) FROM outbox ORDER BY seq LIMIT 1)"

/** A target of a pack, in JSON, which holds lone surrogates as escapes; 0: the destination is the path. */
type Packed = readonly [path: RelativePath, destination: RemotePath | 0, url: string | number]

/** Everything here runs inside a write transaction. */
export interface OutboxChanges {
  /** The highest number that was ever given. */
  readonly last: () => number
  /** To be called first in every transaction. */
  readonly begin: () => void
  /** Puts a target into the outbox; with what the map has to show of it, where that is known. */
  readonly owe: (source: number, path: RelativePath, server: number, latest?: PublishedDelivery) => void
  /** To be called last in every transaction. */
  readonly end: () => void
  readonly published: (through: number) => void
}

export const outboxChanges = (database: Database, names: Names): OutboxChanges => {
  const insert = database.prepare(outboxSql.owe)
  const published = database.prepare(outboxSql.published)
  const partly = database.prepare(outboxSql.partly)
  // Numbers of the outbox are never used twice while anybody may still refer to them.
  let last = Number(database.prepare(outboxSql.last).get()?.[0])
  let pack: Array<Packed> = []
  let packSource = 0
  let packServer = 0

  const urlIn = (url: string, destination: RemotePath): string | number => {
    const stored = names.toStoredUrl(url, destination)
    return typeof stored === "bigint" ? Number(stored) : url
  }
  const end = () => {
    const [one] = pack
    if (one === undefined) return
    if (pack.length > 1) {
      insert.write(last, packSource, JSON.stringify(pack), packServer, null, null, last - pack.length + 1)
    } else {
      const [path, destination, url] = one
      const storedUrl = typeof url === "number" ? BigInt(url) : toStored(url)
      insert.write(last, packSource, toStored(path), packServer, toStored(destination || path), storedUrl, null)
    }
    pack = []
  }

  return {
    last: () => last,
    begin: () => {
      pack = []
    },
    owe: (source, path, server, latest) => {
      if (latest === undefined) {
        end()
        insert.write(++last, source, toStored(path), server, null, null, null)
        return
      }
      if (source !== packSource || server !== packServer || pack.length >= OUTBOX_PACK) end()
      packSource = source
      packServer = server
      last++
      const { destination, url } = latest
      pack.push([path, (destination as string) === path ? 0 : destination, urlIn(url, destination)])
    },
    end,
    published: (through) => {
      end()
      published.write(through)
      partly.write(through)
    },
  }
}

/** The targets of a row with their numbers, beginning with the first that was not published yet. */
const targetsOf = (names: Names, row: Row): ReadonlyArray<readonly [number: number, target: OwedTarget]> => {
  const seq = Number(row[0])
  if (row[6] === null) {
    const target = toTarget(names, row[1], row[2], row[3])
    return [[seq, row[4] === null ? target : { ...target, latest: latestIn(names, row[4], row[5]) }]]
  }
  const source = names.nameOf(row[1]) as SourceName
  const server = names.nameOf(row[3]) as ServerName
  const all = JSON.parse(String(row[2])) as ReadonlyArray<Packed>
  const first = Number(row[6])
  return all.slice(all.length - (seq - first + 1)).map(([path, place, stored], index) => {
    const destination = place === 0 ? (path as string as RemotePath) : place
    const url = typeof stored === "number" ? names.nameOf(stored) + destination : stored
    return [first + index, { source, path, server, latest: { destination, url } }]
  })
}

const latestIn = (names: Names, place: SqlValue | undefined, url: SqlValue | undefined): PublishedDelivery => {
  const destination = fromStored(place) as RemotePath
  return { destination, url: names.fromStoredUrl(url, destination) }
}

const keyOf = ({ path, server, source }: Target): string => `${source}\0${server}\0${path}`

/** The oldest targets of the outbox, each once, at most `limit`, and the number of the last. */
export const readOutbox = (
  statement: Statement,
  names: Names,
  limit: number,
): { readonly targets: ReadonlyArray<OwedTarget>; readonly through: number } => {
  const targets = new Map<string, OwedTarget>()
  let through = 0
  for (const row of statement.iterate()) {
    for (const [number, target] of targetsOf(names, row)) {
      const key = keyOf(target)
      if (targets.size >= limit && !targets.has(key)) return { targets: [...targets.values()], through }
      targets.set(key, target)
      through = number
    }
  }
  return { targets: [...targets.values()], through }
}
