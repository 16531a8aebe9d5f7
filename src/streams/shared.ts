/**
 * What the stages of one graph have in common: the config in the form they ask it in, and the ways from one to another.
 *
 * @since 1.0.0
 */
import type * as Effect from "effect/Effect"
import type { Config, Source } from "../domain/Config.ts"
import type { Target } from "../domain/Delivery.ts"
import type { RelativePath, ServerName, SourceName } from "../domain/Path.ts"
import type { RuleBook } from "../domain/Plan.ts"
import type { FileReference } from "../domain/Reference.ts"
import type { Rule } from "../domain/Rule.ts"
import type { ConveyorEvent } from "../domain/Telemetry.ts"
import type { Item } from "./backlog.ts"

/** A source and its rules. */
export interface SourceBook extends RuleBook {
  readonly source: Source
  readonly servers: ReadonlySet<ServerName>
}

/** The sources of a config and their rules, by their names. */
export type Books = ReadonlyMap<SourceName, SourceBook>

/** The arrows between stages ({@link ./arrows.ts}). Each is synchronous and never blocks; whoever receives keeps it in bounded memory. */
export interface Shared {
  readonly config: Config
  readonly books: Books
  /** A number for uploads that begin together; see the ledger. */
  readonly nextUpload: () => number
  /** To one server's lane. */
  readonly enqueue: (server: ServerName, item: Item) => void
  /** To its server's lane: a file it refers to is elsewhere now. */
  readonly stale: (target: Target) => void
  /** This file may be about to come to the lanes: its source is being looked at, or it is still written. */
  readonly comes: (file: FileReference) => boolean
  /** To the lanes of all servers of the item's source. */
  readonly enqueueAll: (item: Item) => void
  /** Keeps all lanes from a file until `leave`. False, and nothing is kept, where one of them is busy with it. */
  readonly take: (item: Item) => boolean
  /** Of files that were taken: what lanes heard of them meanwhile they look at now. */
  readonly leave: (items: ReadonlyArray<Item>) => void
  /** The files of a source that lanes are busy with. */
  readonly busyWith: (source: SourceName) => ReadonlyArray<Item>
  /** To all lanes, also of servers that no rule sends this source to and that may hold something of it all the same. */
  readonly lookAgain: (item: Item) => void
  /** To sweep: one that was busy with this file is not any more. */
  readonly left: (item: Item) => void
  /** Returns when the lanes of this source have room for more than a listing found. */
  readonly room: (source: SourceName) => Effect.Effect<void>
  /** To settle: the file changed while it was worked on; look again when it held still for `quiet` milliseconds. */
  readonly unsettled: (source: SourceName, path: RelativePath, quiet: number) => void
  /** Somebody writes this file now: it comes again when it holds still. */
  readonly isWritten: (source: SourceName, path: RelativePath) => boolean
  /** To discover: this directory is to be scanned again, with all that is below it. */
  readonly scan: (source: SourceName, directory: RelativePath) => void
  /** To discover: this link was delivered as the file it stands for, and is due again when that one changes. */
  readonly linked: (source: SourceName, link: RelativePath, target: RelativePath) => void
  /** To the guard: delivered files that are no longer there. */
  readonly vanished: (item: Item) => void
  /** To publish: the outbox may hold something. */
  readonly outboxChanged: () => void
  /** To sweep: a file whose source is to be deleted was delivered. */
  readonly deletionDue: () => void
  /** True where a CDN in front of this server has to be told what changed. */
  readonly invalidates: (server: ServerName) => boolean
  /** To invalidate: a place of this server may have gone out of date in the memory of its CDN. */
  readonly invalidationDue: (server: ServerName) => void
  /** To a lane's agenda: a retry or a retirement was recorded. */
  readonly agendaChanged: (server: ServerName) => void
  /** To whoever waits for quiet: something came to rest. */
  readonly rested: () => void
  readonly emit: (event: ConveyorEvent) => void
}

/** The rules of a config by source. */
export const booksOf = (config: Config): Books => {
  const rulesBySource = new Map<SourceName, Array<Rule>>()
  for (const rule of config.rules) {
    const rules = rulesBySource.get(rule.source)
    if (rules === undefined) rulesBySource.set(rule.source, [rule])
    else rules.push(rule)
  }
  return new Map(
    config.sources.map((source) => {
      const rules = rulesBySource.get(source.name) ?? []
      const servers = new Set(rules.flatMap((rule) => rule.destinations.map((destination) => destination.server)))
      return [source.name, { source, root: source.root, rules, servers }]
    }),
  )
}
