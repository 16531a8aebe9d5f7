/**
 * Rows of the ledger's tables as values of the domain.
 *
 * @since 1.0.0
 */
import type { Delivery, Failure, Target } from "../../domain/Delivery.ts"
import { child, type RelativePath, type RemotePath, type RuleId, type ServerName } from "../../domain/Path.ts"
import type { SourceName } from "../../domain/Path.ts"
import { fromStoredCompanions } from "./companions.ts"
import type { Row, SqlValue } from "./driver.ts"
import type { Names } from "./names.ts"
import { fromStored } from "./storedText.ts"

/** The columns of a delivery that {@link toDelivery} reads, for a table called `v`. */
export const deliveryColumns =
  "v.name, v.server, v.rule, v.destination, v.url, v.fingerprint, v.size, v.mtime, v.inode, v.hash, v.delivered_at, v.source_deleted, v.companions"

/** Inodes use all 64 bits on some file systems, SQLite's numbers have a sign. */
export const toStoredInode = (inode: bigint): bigint => BigInt.asIntN(64, inode)

/** A delivery from {@link deliveryColumns}. */
export const toDelivery = (names: Names, source: SourceName, directory: RelativePath, row: Row): Delivery => {
  const destination = fromStored(row[3]) as RemotePath
  const companions = fromStoredCompanions(row[12])
  return {
    source,
    path: child(directory, fromStored(row[0])),
    server: names.nameOf(row[1]) as ServerName,
    rule: names.nameOf(row[2]) as RuleId,
    destination,
    ...(companions === undefined ? {} : { companions }),
    url: names.fromStoredUrl(row[4], destination),
    fingerprint: names.nameOf(row[5]),
    state: {
      size: Number(row[6]),
      mtimeNs: row[7] as bigint,
      inode: BigInt.asUintN(64, row[8] as bigint),
    },
    hash: fromStored(row[9]),
    deliveredAt: Number(row[10]),
    sourceDeleted: row[11] === 1n,
  }
}

/** A target from its source, path and server. */
export const toTarget = (
  names: Names,
  source: SqlValue | undefined,
  path: SqlValue | undefined,
  server: SqlValue | undefined,
): Target => ({
  source: names.nameOf(source) as SourceName,
  path: fromStored(path) as RelativePath,
  server: names.nameOf(server) as ServerName,
})

/** The columns of a failure that {@link toFailure} reads. */
export const failureColumns = "source, path, server, reason, attempts, since, next_try"

export const toFailure = (names: Names, row: Row): Failure => ({
  ...toTarget(names, row[0], row[1], row[2]),
  reason: fromStored(row[3]),
  attempts: Number(row[4]),
  since: Number(row[5]),
  nextTry: Number(row[6]),
})
