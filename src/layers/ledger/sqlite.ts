/**
 * The ledger in SQLite: `ledger.db` in the state directory, readable by its owner alone.
 *
 * What "durable" means here: a commit that returned survives the end of this process by whatever means, kill -9 included.
 * A power cut or a crash of the operating system can take the newest transactions back, all of them from some moment on,
 * never parts of one, and never leaves the file damaged; work is then done again, which every transporter allows. The one
 * thing that could not be done again is not left to that: a transaction with `SourceDeleted`, and with it all before it,
 * has reached the disk when the commit returns.
 *
 * @since 1.0.0
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { existsSync, mkdirSync, renameSync } from "node:fs"
import { join } from "node:path"
import type { LedgerError } from "../../domain/Errors.ts"
import { Ledger, type LedgerChange, type LedgerShape } from "../../domain/Ledger.ts"
import { LEDGER_CACHE_KIB, LEDGER_LOCK_WAIT, LEDGER_WAL_PAGES } from "../../domain/Limits.ts"
import { makeChanges } from "./changes.ts"
import { debtQueries } from "./debts.ts"
import { deliveryQueries } from "./deliveries.ts"
import { createFile, type Database, open } from "./driver.ts"
import { evict } from "./evict.ts"
import { makeGroupCommit } from "./groupCommit.ts"
import { invalidationQueries } from "./invalidations.ts"
import { toLedgerError } from "./ledgerError.ts"
import { linkQueries } from "./links.ts"
import { makeNames } from "./names.ts"
import { overviewQueries } from "./overview.ts"
import { check, migrate, requireCurrent } from "./schema.ts"

/** The ledger's file within a state directory. */
export const ledgerFile = (directory: string): string => join(directory, "ledger.db")

type Open = typeof open

const openLedger = (open: Open, directory: string): Database => {
  const file = ledgerFile(directory)
  mkdirSync(directory, { recursive: true, mode: 0o700 })
  createFile(file, 0o600)
  const database = open(file, { timeout: LEDGER_LOCK_WAIT })
  try {
    database.exec(`PRAGMA cache_size = -${LEDGER_CACHE_KIB}`)
    database.exec("PRAGMA temp_store = MEMORY")
    check(database)
    migrate(database)
    database.exec("PRAGMA journal_mode = WAL")
    database.exec("PRAGMA synchronous = NORMAL")
    database.exec(`PRAGMA wal_autocheckpoint = ${LEDGER_WAL_PAGES}`)
    return database
  } catch (error) {
    database.close()
    throw error
  }
}

const isDamage = (error: LedgerError): boolean => error.reason === "Corrupt"

/** Moves a damaged ledger away, for whoever wants to look into it; its new name. */
const setAside = (directory: string): string => {
  const file = ledgerFile(directory)
  const aside = `${file}.damaged`
  for (const part of ["", "-wal", "-shm", "-journal"]) {
    if (existsSync(file + part)) renameSync(file + part, aside + part)
  }
  return aside
}

/** The ledger as it is, for commands that only look; a daemon may be writing it meanwhile. */
const openReadOnly = (open: Open, directory: string): Database => {
  const database = open(ledgerFile(directory), { timeout: LEDGER_LOCK_WAIT, readOnly: true })
  try {
    requireCurrent(database)
    return database
  } catch (error) {
    database.close()
    throw error
  }
}

const needsDisk = (change: LedgerChange): boolean => change._tag === "SourceDeleted"

const make = (database: Database, readOnly: boolean): { readonly ledger: LedgerShape; readonly close: () => void } => {
  const names = makeNames(database)
  const changes = makeChanges(database, names)
  const deliveries = deliveryQueries(database, names)
  const debts = debtQueries(database, names)
  const links = linkQueries(database, names)
  const overview = overviewQueries(database, names)
  const invalidations = invalidationQueries(database, names)

  const write = <A>(body: () => A, toDisk: boolean): A => {
    if (toDisk) database.exec("PRAGMA synchronous = FULL")
    try {
      return database.transaction(() => {
        changes.begin()
        const result = body()
        changes.end()
        return result
      })
    } catch (error) {
      names.reload()
      throw error
    } finally {
      if (toDisk) database.exec("PRAGMA synchronous = NORMAL")
    }
  }
  const toError = (cause: unknown) => toLedgerError(database.file, cause)
  const { commit, close } = makeGroupCommit(
    (calls) =>
      write(
        () => calls.forEach((call) => call.forEach(changes.apply)),
        calls.some((call) => call.some(needsDisk)),
      ),
    toError,
  )
  const ask = <A>(question: () => A): Effect.Effect<A, LedgerError> => Effect.try({ try: question, catch: toError })

  return {
    ledger: {
      commit,
      deliveriesOf: (source, path) => ask(() => deliveries.deliveriesOf(source, path)),
      deliveriesOfEach: (source, paths) => ask(() => deliveries.deliveriesOfEach(source, paths)),
      deliveriesIn: (source, directory) => ask(() => deliveries.deliveriesIn(source, directory)),
      directories: (source, below, after, limit) => ask(() => deliveries.directories(source, below, after, limit)),
      count: (source) => ask(() => deliveries.count(source)),
      occupants: (server, destination) => ask(() => deliveries.occupants(server, destination)),
      areOccupied: (server, destinations) => ask(() => deliveries.areOccupied(server, destinations)),
      latestOf: (target) => ask(() => deliveries.latestOf(target)),
      linksOf: (target) => ask(() => links.linksOf(target)),
      staleReferrers: (targets, limit) => ask(() => links.staleReferrers(targets, limit)),
      retirementsOf: (target) => ask(() => debts.retirementsOf(target)),
      retirable: (target, now) => ask(() => debts.retirable(target, now)),
      failureOf: (target) => ask(() => debts.failureOf(target)),
      failures: (limit, server) => ask(() => debts.failures(limit, server)),
      agenda: (server, now, limit) => ask(() => debts.agenda(server, now, limit)),
      deletable: (rules, now, limit) => ask(() => debts.deletable(rules, now, limit)),
      outbox: (limit) => ask(() => debts.outbox(limit)),
      outdated: (server, limit) => ask(() => invalidations.outdated(server, limit)),
      isOutdated: (server, destination) => ask(() => invalidations.isOutdated(server, destination)),
      holds: ask(overview.holds),
      roots: ask(overview.roots),
      totals: ask(overview.totals),
      page: (after, limit) => ask(() => overview.page(after, limit)),
      evict: (known, now) =>
        ask(() =>
          write(() => {
            changes.endUploads()
            return evict(database, names, changes.apply, known, now)
          }, false),
        ),
    },
    close: () => {
      close()
      if (readOnly) return
      // Everything moves into the one file: the driver keeps the connection, and with it the log, until its statements
      // are collected as garbage.
      database.exec("PRAGMA journal_mode = DELETE")
    },
  }
}

/**
 * The ledger of a state directory (made when missing). Fails with `Corrupt` when its file is damaged, and with `Failed`
 * when it was written by a newer version or is something else. One process may write it: hold the directory first (lock.ts).
 * With `readOnly` nothing is made or migrated, and every commit fails.
 */
export const layerSqlite = (options: LedgerOptions): Layer.Layer<Ledger, LedgerError> => layerOf(open, options)

export interface LedgerOptions {
  readonly directory: string
  readonly readOnly?: boolean
  /** A damaged ledger is set aside, beside it, and an empty one takes its place. */
  readonly renew?: boolean
}

/** The same with another way to open databases, for tests that listen in. */
export const layerOf = (open: Open, options: LedgerOptions): Layer.Layer<Ledger, LedgerError> => {
  const toError = (cause: unknown) => toLedgerError(ledgerFile(options.directory), cause)
  const acquire = Effect.try({
    try: () => {
      const readOnly = options.readOnly === true
      const database = readOnly ? openReadOnly(open, options.directory) : openLedger(open, options.directory)
      return { database, ...make(database, readOnly) }
    },
    catch: toError,
  })
  const renewed = Effect.catchIf(acquire, isDamage, (error) =>
    options.renew === true
      ? Effect.try({ try: () => setAside(options.directory), catch: toError }).pipe(
          Effect.tap((aside) =>
            Effect.logWarning(`the ledger was damaged; it is kept as ${aside} and a new one begins`),
          ),
          Effect.andThen(acquire),
        )
      : Effect.fail(error),
  )
  return Layer.effect(
    Ledger,
    Effect.map(
      Effect.acquireRelease(renewed, ({ database, close }) =>
        Effect.try({ try: close, catch: toError }).pipe(
          Effect.catch((error) => Effect.logWarning(error.message)),
          Effect.andThen(Effect.sync(() => database.close())),
        ),
      ),
      ({ ledger }) => ledger,
    ),
  )
}
