/**
 * The contract of the ledger: what each server holds, what is still owed to the future, and nothing that can be derived.
 * What is due is never stored: it is the difference between the disk and the deliveries.
 *
 * @since 1.0.0
 */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type { Delivery, DeliveryKey, Failure, Hold, Retirement, Target } from "./Delivery.ts"
import type { LedgerError } from "./Errors.ts"
import type { DeliveredState } from "./FileState.ts"
import type { Link } from "./Link.ts"
import type { RelativePath, RemotePath, RuleId, ServerName, SourceName } from "./Path.ts"
import type { RootIdentity } from "./SourceFiles.ts"

/**
 * One change of the ledger. The changes of one `commit` happen all or not at all.
 *
 * - `Delivered`: the server confirmed this delivery. It replaces the delivery of the same key, ends the target's failure,
 *   and cancels retirements of its places on the server. `retire`: the place where the previous version of this
 *   delivery is, to be removed at `dueAt`, with its companions; companions of the same place that the delivery has no more
 *   are removed at once. `takenFrom`: another file's delivery that held this place: as its own, and its source file is
 *   gone, then it is forgotten; or as a companion's, then it loses that and is stale. `links`: what it refers to; absent:
 *   as it is on record.
 * - `Forgotten`: this delivery is wanted no more; `retireAt` (milliseconds since the epoch) is when its places on the
 *   server may be removed, undefined: never (the server is no longer configured). `linkedUntil`: while deliveries refer to
 *   the place it is kept, but not longer than this; absent: as long as any does. Ends the target's failure.
 * - `Placing`: uploads to these places are about to begin; until `Placed` nobody knows what the places hold.
 * - `Placed`: they ended, and what these places hold nobody knows: a delivery that is recorded at one of them is due again
 *   whatever its file looks like, and a place without one is removed at `removeAt`, unless it is to be removed already.
 *   `Delivered` ends both. Uploads that no `Placed` ended are ended by `evict`, all their places unknown.
 * - `Retired`: the place on the server is empty now.
 * - `Failed`, `Cleared`: a target's work failed, or no longer does.
 * - `SourceDeleted`: the daemon is about to delete, or has deleted, this source file: its absence means nothing.
 * - `Held`, `Released`: the guard holds back the deletions of a source, or no longer does.
 * - `RootSeen`: the root of a source, as it was when it was last scanned.
 * - `Published`: the published map shows everything up to this number (see `outbox`).
 * - `Outdated`: what a CDN remembers of this place goes out of date, where the ledger knows of anything at it: a delivery
 *   or a retirement. A place that was empty needs no invalidation; so where it is `replaced`, a retirement that stems from
 *   `Placing` alone says nothing. Comes in front of the change of the place, in one commit with it. `since` in
 *   milliseconds since the epoch.
 * - `Invalidated`: the CDN of this server took the order for everything up to this number (see `outdated`).
 *
 * Every change of a delivery puts its target into the outbox of the published map. A delivery becomes stale (its fingerprint
 * empty) with the change after which one of its links is outdated, be it a change of the file it refers to or its own. When
 * a delivery gets another place, old places that it referred to are kept at least as long as its own.
 */
export type LedgerChange =
  | {
      readonly _tag: "Delivered"
      readonly delivery: Delivery
      readonly retire?: { readonly destination: RemotePath; readonly dueAt: number }
      readonly takenFrom?: DeliveryKey
      readonly links?: ReadonlyArray<Link>
    }
  | {
      readonly _tag: "Forgotten"
      readonly key: DeliveryKey
      readonly retireAt: number | undefined
      readonly linkedUntil?: number
    }
  | { readonly _tag: "Placing"; readonly uploads: Uploads }
  | { readonly _tag: "Placed"; readonly id: number; readonly unknown: ReadonlyArray<RemotePath> }
  | { readonly _tag: "Retired"; readonly server: ServerName; readonly destination: RemotePath }
  | { readonly _tag: "Failed"; readonly failure: Failure }
  | { readonly _tag: "Cleared"; readonly target: Target }
  | {
      readonly _tag: "SourceDeleted"
      readonly source: SourceName
      readonly path: RelativePath
      readonly state: DeliveredState
    }
  | { readonly _tag: "Held"; readonly hold: Hold }
  | { readonly _tag: "Released"; readonly source: SourceName }
  | { readonly _tag: "RootSeen"; readonly source: SourceName; readonly root: RootRecord }
  | { readonly _tag: "Published"; readonly through: number }
  | {
      readonly _tag: "Outdated"
      readonly server: ServerName
      readonly destination: RemotePath
      readonly by: "replaced" | "removed"
      readonly since: number
    }
  | { readonly _tag: "Invalidated"; readonly server: ServerName; readonly through: number }

/** Uploads of one server that begin together. `id`: one that no other has until these ended. */
export interface Uploads {
  readonly id: number
  readonly server: ServerName
  /** When what they may have left behind is removed, in milliseconds since the epoch. */
  readonly removeAt: number
  readonly places: ReadonlyArray<Pick<Target, "source" | "path"> & { readonly destination: RemotePath }>
}

/** The root of a source: its absolute path and what directory it was. */
export interface RootRecord {
  readonly path: string
  readonly identity: RootIdentity
}

/** Work that is due by the clock. `nextAt`: when there will be more, if anything is waiting. */
export interface Agenda<A> {
  readonly due: ReadonlyArray<A>
  readonly nextAt: number | undefined
}

/** A rule whose source files are deleted this many milliseconds after the last delivery. */
export interface DeletionRule {
  readonly rule: RuleId
  readonly delay: number
}

/**
 * Places whose CDN is to be told that they changed: the first of `total`, each once. `through` is the number of the last
 * of them, `since` when the one that waits longest went out of date.
 */
export interface OutdatedPlaces {
  readonly places: ReadonlyArray<RemotePath>
  readonly through: number
  readonly total: number
  readonly since: number | undefined
}

/** What the published map shows of a delivery. */
export type PublishedDelivery = Pick<Delivery, "destination" | "url">

/** A target in the outbox. `latest`: what the map has to show, where the last change was a delivery; else ask `latestOf`. */
export interface OwedTarget extends Target {
  readonly latest?: PublishedDelivery
}

/** Totals per server, for the status. */
export interface ServerTotals {
  readonly server: ServerName
  readonly deliveries: number
  readonly failures: number
  readonly retirements: number
}

export interface LedgerShape {
  /**
   * Makes these changes last. Concurrent calls may share one transaction; each returns when its own changes are durable
   * (what "durable" means is written down with each implementation), all of a call's changes or none.
   */
  readonly commit: (changes: ReadonlyArray<LedgerChange>) => Effect.Effect<void, LedgerError>

  /** All deliveries of one file, to all servers. */
  readonly deliveriesOf: (source: SourceName, path: RelativePath) => Effect.Effect<ReadonlyArray<Delivery>, LedgerError>
  /** The same for several files of one source, in their order. */
  readonly deliveriesOfEach: (
    source: SourceName,
    paths: ReadonlyArray<RelativePath>,
  ) => Effect.Effect<ReadonlyArray<ReadonlyArray<Delivery>>, LedgerError>
  /** All deliveries of the files directly in a directory, in the order of their names. */
  readonly deliveriesIn: (
    source: SourceName,
    directory: RelativePath,
  ) => Effect.Effect<ReadonlyArray<Delivery>, LedgerError>
  /**
   * Directories at or below `below` that hold at least one delivered file, in ascending order of their text, at most
   * `limit` of them, after `after`.
   */
  readonly directories: (
    source: SourceName,
    below: RelativePath,
    after: RelativePath | undefined,
    limit: number,
  ) => Effect.Effect<ReadonlyArray<RelativePath>, LedgerError>
  /** How many different files of a source are delivered somewhere and not deleted by the daemon itself. */
  readonly count: (source: SourceName) => Effect.Effect<number, LedgerError>
  /** The deliveries that occupy a place on a server, themselves or by a companion (one, unless a move is under way). */
  readonly occupants: (
    server: ServerName,
    destination: RemotePath,
  ) => Effect.Effect<ReadonlyArray<Delivery>, LedgerError>
  /** For each of these places, in their order, whether any delivery occupies it. */
  readonly areOccupied: (
    server: ServerName,
    destinations: ReadonlyArray<RemotePath>,
  ) => Effect.Effect<ReadonlyArray<boolean>, LedgerError>
  /** The latest delivery of a target, under whatever rule, as the published map shows it. */
  readonly latestOf: (target: Target) => Effect.Effect<PublishedDelivery | undefined, LedgerError>
  /** What the deliveries of a target refer to. */
  readonly linksOf: (target: Target) => Effect.Effect<ReadonlyArray<Link>, LedgerError>
  /**
   * Targets with a delivery that is stale and refers to one of these, and those of these that are stale themselves; each
   * once, at most `limit`. Costs nothing where no delivery refers to anything.
   */
  readonly staleReferrers: (
    targets: ReadonlyArray<Target>,
    limit: number,
  ) => Effect.Effect<ReadonlyArray<Target>, LedgerError>
  /** Retirements of a target, due or not. */
  readonly retirementsOf: (target: Target) => Effect.Effect<ReadonlyArray<Retirement>, LedgerError>
  /**
   * Retirements of a target that may be carried out now: due at `now`, as `agenda` has it, which is asked again because
   * the target may have changed since the agenda was read.
   */
  readonly retirable: (target: Target, now: number) => Effect.Effect<ReadonlyArray<Retirement>, LedgerError>
  readonly failureOf: (target: Target) => Effect.Effect<Failure | undefined, LedgerError>
  /** Failures, oldest first, at most `limit`; of one server if given. */
  readonly failures: (limit: number, server?: ServerName) => Effect.Effect<ReadonlyArray<Failure>, LedgerError>

  /**
   * Targets of a server with a retry or a retirement due at `now`, at most `limit`. A retirement is not due while its
   * target is in the outbox: the map must withdraw a URL before the file goes away; nor is it while a delivery refers to
   * the place (see `Forgotten`), nor while a retry of its target is still to come: what fails is not asked for without end.
   */
  readonly agenda: (server: ServerName, now: number, limit: number) => Effect.Effect<Agenda<Target>, LedgerError>
  /** Files delivered under one of these rules whose delay has passed, and that are not marked as deleted. */
  readonly deletable: (
    rules: ReadonlyArray<DeletionRule>,
    now: number,
    limit: number,
  ) => Effect.Effect<Agenda<{ readonly source: SourceName; readonly path: RelativePath }>, LedgerError>
  /** Targets whose row in the published map may be out of date, oldest first, at most `limit`, each once. */
  readonly outbox: (
    limit: number,
  ) => Effect.Effect<{ readonly targets: ReadonlyArray<OwedTarget>; readonly through: number }, LedgerError>

  /** Places of a server that its CDN has to be told about, in the order in which they changed last, at most `limit`. */
  readonly outdated: (server: ServerName, limit: number) => Effect.Effect<OutdatedPlaces, LedgerError>
  /** True where the CDN of this server has still to be told about this place. */
  readonly isOutdated: (server: ServerName, destination: RemotePath) => Effect.Effect<boolean, LedgerError>

  readonly holds: Effect.Effect<ReadonlyArray<Hold>, LedgerError>
  readonly roots: Effect.Effect<ReadonlyMap<SourceName, RootRecord>, LedgerError>
  readonly totals: Effect.Effect<ReadonlyArray<ServerTotals>, LedgerError>
  /** Deliveries in pages, in the order of their keys, for rebuilding what is derived from them. */
  readonly page: (after: DeliveryKey | undefined, limit: number) => Effect.Effect<ReadonlyArray<Delivery>, LedgerError>
  /**
   * To be called before a run begins. Ends uploads that the run before left open, and forgets what the config no longer
   * knows: deliveries to other servers are forgotten, deliveries from other sources are forgotten and their places retired
   * at `now`; failures, invalidations, holds and roots of either go. Returns how many deliveries
   * went.
   */
  readonly evict: (
    known: { readonly sources: ReadonlySet<SourceName>; readonly servers: ReadonlySet<ServerName> },
    now: number,
  ) => Effect.Effect<{ readonly retired: number; readonly forgotten: number }, LedgerError>
}

/** The ledger. One process writes it at a time. */
export class Ledger extends Context.Service<Ledger, LedgerShape>()("file-conveyor/domain/Ledger") {}
