/**
 * Questions about what servers hold.
 *
 * @since 1.0.0
 */
import { companionOf } from "../../domain/Companion.ts"
import type { Delivery, Target } from "../../domain/Delivery.ts"
import type { PublishedDelivery } from "../../domain/Ledger.ts"
import {
  baseNameOf,
  directoryOf,
  type RelativePath,
  type RemotePath,
  type ServerName,
  type SourceName,
} from "../../domain/Path.ts"
import { companionSql, hasCompanion } from "./companions.ts"
import type { Database, Row } from "./driver.ts"
import type { Names } from "./names.ts"
import { deliveryColumns, toDelivery } from "./rows.ts"
import { codeUnits, firstPlainAfter, fromStored, isPlain, textOrder, toStored } from "./storedText.ts"

export interface DeliveryQueries {
  readonly deliveriesOf: (source: SourceName, path: RelativePath) => ReadonlyArray<Delivery>
  readonly deliveriesOfEach: (
    source: SourceName,
    paths: ReadonlyArray<RelativePath>,
  ) => ReadonlyArray<ReadonlyArray<Delivery>>
  readonly areOccupied: (server: ServerName, destinations: ReadonlyArray<string>) => ReadonlyArray<boolean>
  readonly deliveriesIn: (source: SourceName, directory: RelativePath) => ReadonlyArray<Delivery>
  readonly directories: (
    source: SourceName,
    below: RelativePath,
    after: RelativePath | undefined,
    limit: number,
  ) => ReadonlyArray<RelativePath>
  readonly count: (source: SourceName) => number
  readonly occupants: (server: ServerName, destination: string) => ReadonlyArray<Delivery>
  readonly latestOf: (target: Target) => PublishedDelivery | undefined
}

export const deliverySql = {
  deliveriesOf: `SELECT ${deliveryColumns} FROM directories d CROSS JOIN deliveries v ON v.directory = d.id
    WHERE d.source = ? AND d.path = ? AND v.name = ?`,
  ofName: `SELECT ${deliveryColumns} FROM deliveries v WHERE v.directory = ? AND v.name = ?`,
  deliveriesIn: `SELECT ${deliveryColumns} FROM directories d CROSS JOIN deliveries v ON v.directory = d.id
    WHERE d.source = ? AND d.path = ? ORDER BY v.name`,
  directories: "SELECT path FROM directories WHERE source = ? AND path >= ? AND path < ? ORDER BY path LIMIT ?",
  count: `SELECT sum((SELECT count(*) FROM (SELECT DISTINCT v.name FROM deliveries v
    WHERE v.directory = d.id AND v.source_deleted = 0))) FROM directories d WHERE d.source = ?`,
  isOccupied: "SELECT 1 FROM deliveries WHERE server = ? AND destination = ? LIMIT 1",
  isUsedBelow: "SELECT 1 FROM deliveries WHERE server = ? AND destination >= ? AND destination < ? LIMIT 1",
  latestOf: `SELECT destination, url FROM deliveries WHERE directory = ? AND name = ? AND server = ?
    ORDER BY delivered_at DESC, rule LIMIT 1`,
  occupants: `SELECT ${deliveryColumns}, d.source, d.path FROM deliveries v CROSS JOIN directories d ON d.id = v.directory
    WHERE v.server = ? AND v.destination = ?`,
  isOccupiedBeside: `SELECT 1 FROM deliveries WHERE server = ? AND destination = ? AND ${hasCompanion} LIMIT 1`,
  occupantsBeside: `SELECT ${deliveryColumns}, d.source, d.path FROM deliveries v CROSS JOIN directories d ON d.id = v.directory
    WHERE v.server = ? AND v.destination = ? AND ${hasCompanion}`,
}

/** After every TEXT, before every BLOB but the empty one, which is never stored. */
const END_OF_TEXT = new Uint8Array(0)
/** After every BLOB that is a stored path: 0xFFFF is the greatest code unit, and no path of 4096 bytes holds as many. */
const END = new Uint8Array(4096).fill(0xff)

const nothing: ReadonlyArray<Delivery> = []

const sortedByName = (deliveries: Array<Delivery>): Array<Delivery> => {
  for (let i = 1; i < deliveries.length; i++) {
    const previous = deliveries[i - 1]?.path ?? ""
    const current = deliveries[i]?.path ?? ""
    if (previous > current) return deliveries.sort((a, b) => textOrder(a.path, b.path))
  }
  return deliveries
}

export const deliveryQueries = (database: Database, names: Names): DeliveryQueries => {
  const of = database.prepare(deliverySql.deliveriesOf)
  const ofName = database.prepare(deliverySql.ofName)
  const within = database.prepare(deliverySql.deliveriesIn)
  const range = database.prepare(deliverySql.directories)
  const count = database.prepare(deliverySql.count)
  const occupants = database.prepare(deliverySql.occupants)
  const isOccupied = database.prepare(deliverySql.isOccupied)
  const isUsedBelow = database.prepare(deliverySql.isUsedBelow)
  const latest = database.prepare(deliverySql.latestOf)
  const isOccupiedBeside = database.prepare(deliverySql.isOccupiedBeside)
  const occupantsBeside = database.prepare(deliverySql.occupantsBeside)
  const anyCompanion = database.prepare(companionSql.anyCompanion)
  const hasAnyCompanion = (): boolean => anyCompanion.get()?.[0] !== 0n

  const isBeside = (server: number, place: string): boolean => {
    const host = companionOf(place)
    return host !== undefined && isOccupiedBeside.get(server, toStored(host.place), host.suffix) !== undefined
  }

  const directories: DeliveryQueries["directories"] = (source, below, after, limit) => {
    const id = names.find(source)
    if (id === undefined) return []
    const found: Array<string> = []
    const include = (rows: ReadonlyArray<Row>) => {
      for (const row of rows) found.push(fromStored(row[0]))
    }
    // "/" is followed by "0": everything below a directory begins with "directory/" and is less than "directory0".
    const first = below === "" ? "" : `${below}/`
    const behind = below === "" ? undefined : `${below}0`
    if (below !== "" && (after === undefined || after < below) && names.findDirectory(id, below) !== undefined) {
      found.push(below)
    }
    if (isPlain(below)) {
      const plainAfter = after === undefined ? first : firstPlainAfter(after)
      include(range.all(id, plainAfter > first ? plainAfter : first, behind ?? END_OF_TEXT, limit))
    }
    const from = after === undefined || after < first ? codeUnits(first) : codeUnits(`${after}\u0001`)
    include(range.all(id, from, behind === undefined ? END : codeUnits(behind), limit))
    return found.sort(textOrder).slice(0, limit) as Array<string> as Array<RelativePath>
  }

  return {
    deliveriesOf: (source, path) => {
      const id = names.find(source)
      if (id === undefined) return []
      const directory = directoryOf(path)
      return of
        .all(id, toStored(directory), toStored(baseNameOf(path)))
        .map((row) => toDelivery(names, source, directory, row))
    },
    deliveriesOfEach: (source, paths) => {
      const id = names.find(source)
      if (id === undefined) return paths.map(() => nothing)
      const directories = new Map<RelativePath, number | undefined>()
      return paths.map((path) => {
        const directory = directoryOf(path)
        if (!directories.has(directory)) directories.set(directory, names.findDirectory(id, directory))
        const known = directories.get(directory)
        if (known === undefined) return nothing
        const rows = ofName.all(known, toStored(baseNameOf(path)))
        return rows.length === 0 ? nothing : rows.map((row) => toDelivery(names, source, directory, row))
      })
    },
    areOccupied: (server, destinations) => {
      const id = names.find(server)
      if (id === undefined) return destinations.map(() => false)
      const used = new Map<string, boolean>()
      /** Whether anything is at or below the directory of a place; many places are in few directories. */
      const isUsed = (place: string): boolean => {
        const directory = place.slice(0, place.lastIndexOf("/") + 1)
        let known = used.get(directory)
        if (known === undefined) {
          // "/" is followed by "0": everything below "directory/" is less than "directory0".
          const behind = directory === "" ? END_OF_TEXT : `${directory.slice(0, -1)}0`
          known = isUsedBelow.get(id, directory, behind) !== undefined
          used.set(directory, known)
        }
        return known
      }
      const anyBeside = hasAnyCompanion()
      return destinations.map(
        (place) =>
          (!isPlain(place) || isUsed(place)) &&
          (isOccupied.get(id, toStored(place)) !== undefined || (anyBeside && isBeside(id, place))),
      )
    },
    deliveriesIn: (source, directory) => {
      const id = names.find(source)
      if (id === undefined) return []
      return sortedByName(within.all(id, toStored(directory)).map((row) => toDelivery(names, source, directory, row)))
    },
    directories,
    count: (source) => {
      const id = names.find(source)
      return id === undefined ? 0 : Number(count.get(id)?.[0])
    },
    occupants: (server, destination) => {
      const id = names.find(server)
      if (id === undefined) return []
      const stored = toStored(destination)
      const toOccupant = (row: Row): Delivery =>
        toDelivery(names, names.nameOf(row[13]) as SourceName, fromStored(row[14]) as RelativePath, row)
      const host = companionOf(destination)
      const beside =
        host === undefined || !hasAnyCompanion() ? [] : occupantsBeside.all(id, toStored(host.place), host.suffix)
      // Nearly every place is free, and asking for one row costs a third of asking for all.
      const own = isOccupied.get(id, stored) === undefined ? [] : occupants.all(id, stored)
      return [...own, ...beside].map(toOccupant)
    },
    latestOf: (target) => {
      const source = names.find(target.source)
      const server = names.find(target.server)
      if (source === undefined || server === undefined) return undefined
      const directory = names.findDirectory(source, directoryOf(target.path))
      if (directory === undefined) return undefined
      const row = latest.get(directory, toStored(baseNameOf(target.path)), server)
      if (row === undefined) return undefined
      const destination = fromStored(row[0]) as RemotePath
      return { destination, url: names.fromStoredUrl(row[1], destination) }
    },
  }
}
