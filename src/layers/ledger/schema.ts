/**
 * The tables of the ledger, and how a file of an earlier version becomes one of this version.
 *
 * Columns for text have no type, so that a BLOB stays one (see storedText.ts). Names that repeat in every row (sources,
 * servers, rules, fingerprints, the common beginning of URLs) are numbers into `names`. A delivery is clustered by its
 * directory, so that all deliveries of a directory are one stretch of the file.
 *
 * @since 1.0.0
 */
import { LedgerError } from "../../domain/Errors.ts"
import { companionsColumn } from "./companions.ts"
import type { Database } from "./driver.ts"
import { invalidationsTable } from "./invalidations.ts"
import { damaged } from "./ledgerError.ts"
import { packs } from "./outbox.ts"

const version1 = `
CREATE TABLE names (
  id INTEGER PRIMARY KEY,
  value ANY NOT NULL UNIQUE
) STRICT;
CREATE TABLE directories (
  id INTEGER PRIMARY KEY,
  source INTEGER NOT NULL,
  path ANY NOT NULL,
  UNIQUE (source, path)
) STRICT;
CREATE TABLE deliveries (
  directory INTEGER NOT NULL,
  name ANY NOT NULL,
  server INTEGER NOT NULL,
  rule INTEGER NOT NULL,
  destination ANY NOT NULL,
  url ANY NOT NULL,
  fingerprint INTEGER NOT NULL,
  size INTEGER NOT NULL,
  mtime INTEGER NOT NULL,
  inode INTEGER NOT NULL,
  hash ANY NOT NULL,
  delivered_at INTEGER NOT NULL,
  source_deleted INTEGER NOT NULL,
  PRIMARY KEY (directory, name, server, rule)
) STRICT, WITHOUT ROWID;
CREATE INDEX deliveries_by_place ON deliveries (server, destination);
CREATE INDEX deliveries_by_age ON deliveries (rule, delivered_at) WHERE source_deleted = 0;
CREATE TABLE retirements (
  server INTEGER NOT NULL,
  destination ANY NOT NULL,
  source INTEGER NOT NULL,
  path ANY NOT NULL,
  due_at INTEGER NOT NULL,
  published_after INTEGER NOT NULL,
  PRIMARY KEY (server, destination)
) STRICT, WITHOUT ROWID;
CREATE INDEX retirements_by_time ON retirements (server, due_at);
CREATE INDEX retirements_by_target ON retirements (source, path, server);
CREATE TABLE failures (
  source INTEGER NOT NULL,
  path ANY NOT NULL,
  server INTEGER NOT NULL,
  reason ANY NOT NULL,
  attempts INTEGER NOT NULL,
  since INTEGER NOT NULL,
  next_try INTEGER NOT NULL,
  PRIMARY KEY (source, path, server)
) STRICT, WITHOUT ROWID;
CREATE INDEX failures_by_time ON failures (server, next_try);
CREATE INDEX failures_by_age ON failures (since);
CREATE INDEX failures_by_server_age ON failures (server, since);
CREATE TABLE outbox (
  seq INTEGER PRIMARY KEY,
  source INTEGER NOT NULL,
  path ANY NOT NULL,
  server INTEGER NOT NULL
) STRICT;
CREATE TABLE holds (
  source INTEGER PRIMARY KEY,
  since INTEGER NOT NULL,
  missing INTEGER NOT NULL,
  total INTEGER NOT NULL,
  reason ANY NOT NULL
) STRICT;
CREATE TABLE roots (
  source INTEGER PRIMARY KEY,
  path ANY NOT NULL,
  identity ANY NOT NULL
) STRICT;
`

/** What the published map has to show of a target, so that nobody has to ask; uploads under way. */
const version2 = `
ALTER TABLE outbox ADD COLUMN destination ANY;
ALTER TABLE outbox ADD COLUMN url ANY;
CREATE TABLE uploads (
  id INTEGER PRIMARY KEY,
  server INTEGER NOT NULL,
  remove_at INTEGER NOT NULL,
  places TEXT NOT NULL
) STRICT;
`

/** What deliveries refer to, and until when a place is kept because they do (null: as long as they do). */
const version4 = `
CREATE TABLE links (
  directory INTEGER NOT NULL,
  name ANY NOT NULL,
  server INTEGER NOT NULL,
  rule INTEGER NOT NULL,
  to_source INTEGER NOT NULL,
  to_path ANY NOT NULL,
  place ANY,
  PRIMARY KEY (directory, name, server, rule, to_source, to_path)
) STRICT, WITHOUT ROWID;
CREATE INDEX links_by_file ON links (server, to_source, to_path);
CREATE INDEX links_by_place ON links (server, place) WHERE place IS NOT NULL;
ALTER TABLE retirements ADD COLUMN linked_until INTEGER;
CREATE INDEX retirements_by_end ON retirements (server, linked_until) WHERE linked_until IS NOT NULL;
`

/** What leads from each version to the next; the first leads from an empty file. */
const migrations: ReadonlyArray<string> = [version1, version2, invalidationsTable, version4, companionsColumn, packs]

/** The version this program writes. */
export const VERSION = migrations.length

const refuse = (detail: string): LedgerError => new LedgerError({ reason: "Failed", detail })

/** Throws a LedgerError for a database that is not a ledger of exactly this version. */
export const requireCurrent = (database: Database): void => {
  const found = Number(database.prepare("PRAGMA user_version").get()?.[0])
  if (found === VERSION) return
  throw refuse(
    `${database.file} has format ${found}, this file-conveyor reads ${VERSION}: the daemon brings an older one up to date when it starts`,
  )
}

/** Brings a database to this version, in one transaction. Throws a LedgerError for one that is not an older ledger. */
export const migrate = (database: Database): void => {
  const found = Number(database.prepare("PRAGMA user_version").get()?.[0])
  if (found > VERSION) {
    throw refuse(
      `${database.file} was written by a newer file-conveyor (format ${found}; this one knows up to ${VERSION}). ` +
        `Run the newer one, or give this one a <stateDir> of its own`,
    )
  }
  if (found === VERSION) return
  if (found === 0 && database.prepare("SELECT 1 FROM sqlite_schema LIMIT 1").get() !== undefined) {
    throw refuse(`${database.file} is another program's database. Move it away, or choose another <stateDir>`)
  }
  database.transaction(() => {
    for (const sql of migrations.slice(found)) database.exec(sql)
    database.exec(`PRAGMA user_version = ${VERSION}`)
  })
}

/** Throws a LedgerError where the file's structure is damaged. Reads all of it once. */
export const check = (database: Database): void => {
  const verdict = database.prepare("PRAGMA quick_check(1)").get()?.[0]
  if (verdict !== "ok") throw damaged(database.file, String(verdict).replaceAll(/\s+/g, " "))
}
