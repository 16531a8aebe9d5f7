/**
 * The SQLite driver: Node's own `node:sqlite` where it can do all that is needed (since 22.16, without a flag), else the
 * package that offers the same interface.
 *
 * @since 1.0.0
 */
import { chmodSync, closeSync, openSync } from "node:fs"
import { createRequire } from "node:module"

/** What SQLite stores. */
export type SqlValue = null | number | bigint | string | Uint8Array

/** A row, in the order of the columns asked for. */
export type Row = ReadonlyArray<SqlValue>

interface NativeStatement {
  run(...parameters: ReadonlyArray<SqlValue>): { readonly changes: number | bigint }
  get(...parameters: ReadonlyArray<SqlValue>): unknown
  all(...parameters: ReadonlyArray<SqlValue>): ReadonlyArray<unknown>
  iterate(...parameters: ReadonlyArray<SqlValue>): IterableIterator<unknown>
  setReturnArrays(enabled: boolean): void
  setReadBigInts(enabled: boolean): void
}

interface NativeDatabase {
  readonly isTransaction: boolean
  exec(sql: string): void
  prepare(sql: string): NativeStatement
  close(): void
}

interface Driver {
  readonly DatabaseSync: new (
    location: string,
    options: { readonly timeout: number; readonly readOnly: boolean },
  ) => NativeDatabase
  readonly StatementSync: { readonly prototype: object }
}

/** A prepared statement. It gives rows as arrays and whole numbers as BigInt, so that 64 bits survive. */
export interface Statement {
  readonly run: (...parameters: ReadonlyArray<SqlValue>) => number
  /** For statements that give no rows: the same without the number of changes, which costs as much as a small insert. */
  readonly write: (...parameters: ReadonlyArray<SqlValue>) => void
  readonly get: (...parameters: ReadonlyArray<SqlValue>) => Row | undefined
  readonly all: (...parameters: ReadonlyArray<SqlValue>) => ReadonlyArray<Row>
  readonly iterate: (...parameters: ReadonlyArray<SqlValue>) => IterableIterator<Row>
}

/** An open database. All calls are synchronous and throw the driver's own errors. */
export interface Database {
  readonly file: string
  readonly exec: (sql: string) => void
  readonly prepare: (sql: string) => Statement
  /** Runs `body` in one write transaction: all of it or, when it throws, nothing. */
  readonly transaction: <A>(body: () => A) => A
  readonly close: () => void
}

const experimentalWarning = (warning: unknown, kind: unknown): boolean =>
  kind === "ExperimentalWarning" && String(warning).includes("SQLite")

/** Node announces on standard error that its driver may change; that is no news for whoever runs the daemon. */
const loadOwn = (): Driver | undefined => {
  const emit = process.emitWarning
  process.emitWarning = ((...warning: Parameters<typeof emit>) => {
    if (!experimentalWarning(warning[0], warning[1])) emit.apply(process, warning)
  }) as typeof emit
  try {
    return process.getBuiltinModule("node:sqlite") as unknown as Driver | undefined
  } finally {
    process.emitWarning = emit
  }
}

const load = (): Driver => {
  const own = loadOwn()
  if (own !== undefined && "setReturnArrays" in own.StatementSync.prototype) return own
  return createRequire(import.meta.url)("@photostructure/sqlite") as Driver
}

let loaded: Driver | undefined

const statement = (native: NativeStatement): Statement => {
  native.setReturnArrays(true)
  native.setReadBigInts(true)
  return {
    run: (...parameters) => Number(native.run(...parameters).changes),
    write: (...parameters) => void native.get(...parameters),
    get: (...parameters) => native.get(...parameters) as Row | undefined,
    all: (...parameters) => native.all(...parameters) as ReadonlyArray<Row>,
    iterate: (...parameters) => native.iterate(...parameters) as IterableIterator<Row>,
  }
}

/**
 * Gives a file this mode, and makes it when it is missing; SQLite gives the same mode to the files it puts beside it. A
 * file that is there is not opened: closing it again would end the locks this process has on it.
 */
export const createFile = (file: string, mode: number): void => {
  try {
    closeSync(openSync(file, "wx", mode))
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "EEXIST")) throw error
  }
  chmodSync(file, mode)
}

/** Opens a database; `timeout` is how many milliseconds a call may block while another connection holds a lock. */
export const open = (
  file: string,
  options: { readonly timeout: number; readonly readOnly?: boolean } = { timeout: 0 },
): Database => {
  loaded ??= load()
  // The database must stay referenced as long as its statements are used: the closures below see to that.
  const database = new loaded.DatabaseSync(file, { timeout: options.timeout, readOnly: options.readOnly ?? false })
  return {
    file,
    exec: (sql) => database.exec(sql),
    prepare: (sql) => statement(database.prepare(sql)),
    transaction: (body) => {
      database.exec("BEGIN IMMEDIATE")
      try {
        const result = body()
        database.exec("COMMIT")
        return result
      } catch (error) {
        // A full disk makes SQLite roll back by itself.
        if (database.isTransaction) database.exec("ROLLBACK")
        throw error
      }
    },
    close: () => database.close(),
  }
}

/** Result code of an error that the driver threw (sqlite.org/rescode.html), undefined for any other error. */
export const resultCode = (error: unknown): number | undefined =>
  error instanceof Error && "errcode" in error && typeof error.errcode === "number" ? error.errcode : undefined

/** Result codes that matter here. */
export const FULL = 13
export const CORRUPT = 11
export const NOT_A_DATABASE = 26
export const BUSY = 5
export const SHARED_MEMORY_FULL = 4874
