/**
 * The numbers that stand for names and directories in the ledger's tables.
 *
 * @since 1.0.0
 */
import { LEDGER_DIRECTORY_IDS, LEDGER_URL_BASES } from "../../domain/Limits.ts"
import type { Database, SqlValue } from "./driver.ts"
import { fromStored, toStored } from "./storedText.ts"

export interface Names {
  /** The number of a name, which is added when it is new. Inside a write transaction only. */
  readonly idOf: (name: string) => number
  /** The number of a name, or undefined where the ledger knows nothing of it. */
  readonly find: (name: string) => number | undefined
  readonly nameOf: (id: SqlValue | undefined) => string
  /** The number of a directory, which is added when it is new. Inside a write transaction only. */
  readonly directoryId: (source: number, path: string) => number
  readonly findDirectory: (source: number, path: string) => number | undefined
  /** Forgets a directory that holds no delivery any more. Inside a write transaction only. */
  readonly dropEmptyDirectory: (source: number, path: string, id: number) => void
  /** A URL as it is stored: the number of what stands in front of the destination, or all of it. */
  readonly toStoredUrl: (url: string, destination: string) => SqlValue
  readonly fromStoredUrl: (value: SqlValue | undefined, destination: string) => string
  /** Forgets what is remembered in memory, and reads it again: after a transaction that came to nothing. */
  readonly reload: () => void
}

export const makeNames = (database: Database): Names => {
  const allNames = database.prepare("SELECT id, value FROM names")
  const addName = database.prepare("INSERT INTO names (value) VALUES (?) RETURNING id")
  const findDirectory = database.prepare("SELECT id FROM directories WHERE source = ? AND path = ?")
  const addDirectory = database.prepare("INSERT INTO directories (source, path) VALUES (?, ?) RETURNING id")
  const dropDirectory = database.prepare(
    "DELETE FROM directories WHERE id = ?1 AND NOT EXISTS (SELECT 1 FROM deliveries WHERE directory = ?1)",
  )
  const ids = new Map<string, number>()
  const names = new Map<number, string>()
  const directories = new Map<number, Map<string, number>>()
  const bases = new Set<string>()
  let directoryCount = 0

  const reload = () => {
    ids.clear()
    names.clear()
    bases.clear()
    forgetDirectories()
    for (const [id, value] of allNames.all()) {
      const name = fromStored(value)
      ids.set(name, Number(id))
      names.set(Number(id), name)
    }
  }
  const forgetDirectories = () => {
    directories.clear()
    directoryCount = 0
  }
  const remember = (source: number, path: string, id: number): number => {
    if (directoryCount >= LEDGER_DIRECTORY_IDS) forgetDirectories()
    let ofSource = directories.get(source)
    if (ofSource === undefined) directories.set(source, (ofSource = new Map()))
    ofSource.set(path, id)
    directoryCount++
    return id
  }
  const idOf = (name: string): number => {
    const known = ids.get(name)
    if (known !== undefined) return known
    const id = Number(addName.get(toStored(name))?.[0])
    ids.set(name, id)
    names.set(id, name)
    return id
  }
  const nameOf = (id: SqlValue | undefined): string => names.get(Number(id)) ?? ""
  const find = (source: number, path: string): number | undefined => {
    const known = directories.get(source)?.get(path)
    if (known !== undefined) return known
    const row = findDirectory.get(source, toStored(path))
    return row === undefined ? undefined : remember(source, path, Number(row[0]))
  }

  reload()
  return {
    idOf,
    find: (name) => ids.get(name),
    nameOf,
    directoryId: (source, path) =>
      find(source, path) ?? remember(source, path, Number(addDirectory.get(source, toStored(path))?.[0])),
    findDirectory: find,
    dropEmptyDirectory: (source, path, id) => {
      if (dropDirectory.run(id) === 0) return
      if (directories.get(source)?.delete(path) === true) directoryCount--
    },
    toStoredUrl: (url, destination) => {
      if (!url.endsWith(destination)) return toStored(url)
      const base = url.slice(0, url.length - destination.length)
      if (!bases.has(base)) {
        if (bases.size >= LEDGER_URL_BASES) return toStored(url)
        bases.add(base)
      }
      // As a number it would be stored as a floating point number by Node's own driver, and read back as one.
      return BigInt(idOf(base))
    },
    fromStoredUrl: (value, destination) =>
      typeof value === "bigint" ? nameOf(value) + destination : fromStored(value),
    reload,
  }
}
