/** Values for tests of ledgers. */
import type { Delivery, DeliveryKey, Failure, Target } from "../../src/domain/Delivery.ts"
import type { LedgerChange } from "../../src/domain/Ledger.ts"
import type { RelativePath, RemotePath, RuleId, ServerName, SourceName } from "../../src/domain/Path.ts"

export const site = "site" as SourceName
export const cdn = "cdn" as ServerName
export const ftp = "ftp push cdn" as ServerName
export const all = "site/all" as RuleId

export const path = (text: string) => text as RelativePath
export const place = (text: string) => text as RemotePath

export const target = (file: string, server: ServerName = cdn, source: SourceName = site): Target => ({
  source,
  path: path(file),
  server,
})

/** The targets of an outbox alone. */
export const plain = (targets: ReadonlyArray<Target>): Array<Target> =>
  targets.map(({ path, server, source }) => ({ source, path, server }))

export const key = (file: string, more: Partial<DeliveryKey> = {}): DeliveryKey => ({
  source: site,
  path: path(file),
  server: cdn,
  rule: all,
  ...more,
})

export const delivery = (file: string, more: Partial<Delivery> = {}): Delivery => ({
  ...key(file),
  destination: place(`static/${file}`),
  url: `http://cdn.example.com/static/${file}`,
  fingerprint: "f1",
  state: { size: 12, mtimeNs: 1_700_000_000_123_456_789n, inode: 42n },
  hash: "ab".repeat(32),
  deliveredAt: 1_000,
  sourceDeleted: false,
  ...more,
})

export const delivered = (file: string, more: Partial<Delivery> = {}): LedgerChange => ({
  _tag: "Delivered",
  delivery: delivery(file, more),
})

export const forgotten = (file: string, retireAt?: number, more: Partial<DeliveryKey> = {}): LedgerChange => ({
  _tag: "Forgotten",
  key: key(file, more),
  retireAt,
})

export const failure = (file: string, more: Partial<Failure> = {}): Failure => ({
  ...target(file),
  reason: "put refused",
  attempts: 1,
  since: 500,
  nextTry: 2_000,
  ...more,
})

export const failed = (file: string, more: Partial<Failure> = {}): LedgerChange => ({
  _tag: "Failed",
  failure: failure(file, more),
})

/** Names that are hard to store or to sort: bytes that are not UTF-8, characters beyond U+FFFF and right before that. */
export const hardNames: ReadonlyArray<string> = [
  "plain",
  "with space",
  "caf\u00e9",
  "\udce9t\udce9", // bytes E9 74 E9
  "\u{1f600} smile",
  "\uff21 full width",
  "\ue000 private",
  "a\udc80",
  "\ufffd",
  "quote'\"%_",
  "new\nline",
]
