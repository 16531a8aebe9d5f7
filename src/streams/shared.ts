/**
 * What the stages of one graph have in common: the config in the form they ask it in, and the ways from one to another.
 *
 * @since 1.0.0
 */
import type { Config, Source } from "../domain/Config.ts"
import type { RelativePath, ServerName, SourceName } from "../domain/Path.ts"
import type { RuleBook } from "../domain/Plan.ts"
import type { Rule } from "../domain/Rule.ts"
import type { RootIdentity } from "../domain/SourceFiles.ts"
import type { ConveyorEvent } from "../domain/Telemetry.ts"
import type { Item } from "./backlog.ts"

/** A source and its rules. */
export interface SourceBook extends RuleBook {
  readonly source: Source
  readonly servers: ReadonlySet<ServerName>
}

/** The arrows between stages. Each is synchronous and never blocks; whoever receives keeps it in bounded memory. */
export interface Shared {
  readonly config: Config
  readonly books: ReadonlyMap<SourceName, SourceBook>
  /** To one server's lane. */
  readonly enqueue: (server: ServerName, item: Item) => void
  /** To the lanes of all servers of the item's source. */
  readonly enqueueAll: (item: Item) => void
  /** To settle: the file changed while it was worked on; look again when it held still for `quiet` milliseconds. */
  readonly unsettled: (source: SourceName, path: RelativePath, quiet: number) => void
  /** To discover: this link was delivered as the file it stands for, and is due again when that one changes. */
  readonly linked: (source: SourceName, link: RelativePath, target: RelativePath) => void
  /** To the guard: delivered files that are no longer there. */
  readonly vanished: (item: Item) => void
  /** From the guard: the root that its last approval was about. */
  readonly approvedRoot: (source: SourceName) => RootIdentity | undefined
  /** To publish: the outbox may hold something. */
  readonly outboxChanged: () => void
  /** To sweep: a file whose source is to be deleted was delivered. */
  readonly deletionDue: () => void
  /** To a lane's agenda: a retry or a retirement was recorded. */
  readonly agendaChanged: (server: ServerName) => void
  /** To whoever waits for quiet: something came to rest. */
  readonly rested: () => void
  readonly emit: (event: ConveyorEvent) => void
}

/** The rules of a config by source. */
export const booksOf = (config: Config): ReadonlyMap<SourceName, SourceBook> => {
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
