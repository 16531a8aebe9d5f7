/**
 * What is published beside deliveries: the suffixes of a delivery are one text, e.g. ".br.gz", so that the place of each is
 * known from the delivery's own.
 *
 * @since 1.0.0
 */
import { companionOf } from "../../domain/Companion.ts"
import type { DeliveryKey } from "../../domain/Delivery.ts"
import { baseNameOf, directoryOf, type RemotePath } from "../../domain/Path.ts"
import type { Database, SqlValue, Statement } from "./driver.ts"
import type { Names } from "./names.ts"
import { fromStored, toStored } from "./storedText.ts"

export const companionsColumn = `
ALTER TABLE deliveries ADD COLUMN companions TEXT;
CREATE INDEX deliveries_with_companions ON deliveries (server) WHERE companions IS NOT NULL;
`

export const toStoredCompanions = (suffixes: ReadonlyArray<string> | undefined): string | null =>
  suffixes === undefined || suffixes.length === 0 ? null : suffixes.join("")

export const fromStoredCompanions = (value: SqlValue | undefined): ReadonlyArray<string> | undefined =>
  typeof value === "string" ? (value.match(/\.[a-z0-9]+/g) ?? undefined) : undefined

/** Of a delivery: a companion with this suffix is beside it. */
export const hasCompanion = "instr(companions || '.', ? || '.') > 0"

export const companionSql = {
  anyCompanion: "SELECT EXISTS (SELECT 1 FROM deliveries WHERE companions IS NOT NULL)",
  occupies:
    "SELECT destination, companions FROM deliveries WHERE directory = ? AND name = ? AND server = ? AND rule = ?",
  doubtCompanion: `UPDATE deliveries SET fingerprint = ? WHERE server = ? AND destination = ? AND ${hasCompanion} RETURNING 1`,
  setCompanions: `UPDATE deliveries SET fingerprint = ?, companions = ?
    WHERE directory = ? AND name = ? AND server = ? AND rule = ?`,
}

/** What a delivery occupies, as it is recorded. */
export interface Occupied {
  readonly destination: RemotePath
  readonly companions?: ReadonlyArray<string>
}

/** {@link Occupied} from a row of destination and companions. */
export const toOccupied = (row: ReadonlyArray<SqlValue>): Occupied => {
  const companions = fromStoredCompanions(row[1])
  return { destination: fromStored(row[0]) as RemotePath, ...(companions === undefined ? {} : { companions }) }
}

/** Everything here runs inside a write transaction. */
export interface CompanionChanges {
  /** To be called first in every transaction. */
  readonly begin: () => void
  /** A delivery with companions was written. */
  readonly written: () => void
  /** What a delivery occupies; undefined where there is none. Asks only where any delivery has companions. */
  readonly occupied: (key: DeliveryKey) => Occupied | undefined
  /** Marks the delivery that has its companion at this place as stale; false where there is none. */
  readonly doubt: (server: number, place: RemotePath) => boolean
  /** Takes this place from the companion of a delivery, which is stale then; false where it has none there. */
  readonly take: (key: DeliveryKey, place: RemotePath) => boolean
}

export const makeCompanionChanges = (database: Database, names: Names): CompanionChanges => {
  const sql = Object.fromEntries(
    Object.entries(companionSql).map(([name, text]) => [name, database.prepare(text)]),
  ) as Record<keyof typeof companionSql, Statement>
  // Most ledgers hold no companion at all: then a delivery need not look.
  let any = true

  const rowOf = (key: DeliveryKey): readonly [number, SqlValue, number, number] | undefined => {
    const directory = names.findDirectory(names.idOf(key.source), directoryOf(key.path))
    if (directory === undefined) return undefined
    return [directory, toStored(baseNameOf(key.path)), names.idOf(key.server), names.idOf(key.rule)]
  }

  const occupied = (key: DeliveryKey): Occupied | undefined => {
    const row = any ? rowOf(key) : undefined
    const found = row === undefined ? undefined : sql.occupies.get(...row)
    return found === undefined ? undefined : toOccupied(found)
  }

  return {
    begin: () => {
      any = sql.anyCompanion.get()?.[0] !== 0n
    },
    written: () => {
      any = true
    },
    occupied,
    doubt: (server, place) => {
      const host = any ? companionOf(place) : undefined
      if (host === undefined) return false
      return sql.doubtCompanion.all(names.idOf(""), server, toStored(host.place), host.suffix).length > 0
    },
    take: (key, place) => {
      const host = companionOf(place)
      const row = rowOf(key)
      const there = occupied(key)
      if (host === undefined || row === undefined || there?.destination !== host.place) return false
      if (there.companions?.includes(host.suffix) !== true) return false
      const left = there.companions.filter((suffix) => suffix !== host.suffix)
      sql.setCompanions.run(names.idOf(""), toStoredCompanions(left), ...row)
      return true
    },
  }
}
