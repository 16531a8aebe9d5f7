/**
 * The files that a CMS opens: they are there with all their tables, whole, and readable for everyone.
 *
 * @since 1.0.0
 */
import { renameSync, rmSync, statSync } from "node:fs"
import { dirname } from "node:path"
import { PublisherError } from "../../domain/Errors.ts"
import { MAP_LOCK_WAIT } from "../../domain/Limits.ts"
import { createFile, type Database, open } from "../ledger/driver.ts"
import { isBusy } from "./publisherError.ts"

/** `user_version` of a file while it is written to, and after it was closed with everything on the disk. */
const IN_USE = 1
const CLOSED = 0

/** One of the two files: where it is, what makes its tables, and a question that only they can answer. */
export interface MapFile {
  readonly file: string
  readonly schema: ReadonlyArray<string>
  readonly probe: string
}

/** synced_files.db */
export const syncedFiles = (file: string): MapFile => ({
  file,
  schema: [
    "CREATE TABLE IF NOT EXISTS synced_files(input_file text, transported_file_basename text, url text, server text)",
    "CREATE UNIQUE INDEX IF NOT EXISTS file_unique_per_server ON synced_files (input_file, server)",
  ],
  probe: "SELECT input_file, transported_file_basename, url, server FROM synced_files LIMIT 1",
})

/** persistent_data.db */
export const persistentData = (file: string): MapFile => ({
  file,
  schema: [
    "CREATE TABLE IF NOT EXISTS pipeline_queue(id INTEGER PRIMARY KEY AUTOINCREMENT, item pickle, key CHAR(32))",
    "CREATE UNIQUE INDEX IF NOT EXISTS unique_key ON pipeline_queue (key)",
    "CREATE TABLE IF NOT EXISTS pipeline_list(id INTEGER PRIMARY KEY AUTOINCREMENT, item pickle)",
    "CREATE TABLE IF NOT EXISTS failed_files_list(id INTEGER PRIMARY KEY AUTOINCREMENT, item pickle)",
    "CREATE TABLE IF NOT EXISTS files_to_delete_list(id INTEGER PRIMARY KEY AUTOINCREMENT, item pickle)",
  ],
  probe: "SELECT (SELECT count(id) FROM pipeline_queue), (SELECT count(id) FROM pipeline_list)",
})

export interface OpenMap {
  readonly database: Database
  /** It was not there, or not whole; it is empty now. */
  readonly recreated: boolean
  /** It was not closed as it should have been: what it shows may be older than what was written. */
  readonly abandoned: boolean
  /** Puts everything on the disk, says so in the file, and closes it. */
  readonly close: () => void
}

/** Every write is its own small transaction; the operating system writes it out when it likes (docs/decisions). */
const settings = ["PRAGMA journal_mode = DELETE", "PRAGMA synchronous = OFF"]

const mark = (database: Database, version: number): void => {
  database.exec("PRAGMA synchronous = FULL")
  database.exec(`PRAGMA user_version = ${version}`)
  database.exec("PRAGMA synchronous = OFF")
}

const tryOpen = ({ file, probe, schema }: MapFile): { readonly database: Database; readonly found: number } => {
  const database = open(file, { timeout: MAP_LOCK_WAIT })
  try {
    const verdict = database.prepare("PRAGMA quick_check(1)").get()?.[0]
    if (verdict !== "ok") throw new Error(String(verdict))
    for (const sql of settings) database.exec(sql)
    database.transaction(() => schema.forEach((sql) => database.exec(sql)))
    database.prepare(probe).get()
    const found = Number(database.prepare("PRAGMA user_version").get()?.[0])
    mark(database, IN_USE)
    return { database, found }
  } catch (error) {
    database.close()
    throw error
  }
}

const isEmpty = (file: string): boolean => (statSync(file, { throwIfNoEntry: false })?.size ?? 0) === 0

/** A damaged file is kept beside the new one: it might be somebody else's that the config names by mistake. */
const setAside = (file: string): void => {
  rmSync(`${file}-journal`, { force: true })
  renameSync(file, `${file}.damaged`)
}

const damaged = (error: unknown): boolean => {
  if (isBusy(error)) return false
  const code = error instanceof Error && "errcode" in error ? Number(error.errcode) & 0xff : 0
  // Out of space, read-only, not to be opened, I/O: another file would fare no better.
  return ![8, 10, 13, 14].includes(code)
}

/** Has whoever opens this file next compare it row by row: it holds rows that are somebody else's. */
export const markForRebuild = (file: string): void => {
  const database = open(file, { timeout: MAP_LOCK_WAIT })
  try {
    mark(database, IN_USE)
  } finally {
    database.close()
  }
}

/** Opens one of the two files, made anew where it is missing or damaged. Throws where that can not be done. */
export const openMap = (map: MapFile): OpenMap => {
  const { file } = map
  if (statSync(dirname(file), { throwIfNoEntry: false })?.isDirectory() !== true) {
    throw new PublisherError({ detail: `${dirname(file)} is not a directory: make it, or change <syncedFilesDb>` })
  }
  let recreated = isEmpty(file)
  const openOrCreate = () => {
    createFile(file, 0o644)
    return tryOpen(map)
  }
  const opened = (() => {
    try {
      return openOrCreate()
    } catch (error) {
      if (recreated || !damaged(error)) throw error
      setAside(file)
      recreated = true
      return openOrCreate()
    }
  })()
  const { database, found } = opened
  return {
    database,
    recreated,
    abandoned: found === IN_USE,
    close: () => {
      try {
        mark(database, CLOSED)
      } finally {
        database.close()
      }
    },
  }
}
