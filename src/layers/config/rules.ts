/**
 * `<rules>`: which files go through what to where.
 *
 * @since 1.0.0
 */
import * as Schema from "effect/Schema"
import type { Source } from "../../domain/Config.ts"
import type { RuleId, ServerName, SourceName } from "../../domain/Path.ts"
import type { ProcessorDefinition } from "../../domain/Processor.ts"
import type { Destination, ProcessorUse, Rule } from "../../domain/Rule.ts"
import type { Context } from "./Context.ts"
import { attribute, childrenNamed, type Element, type Text } from "./Element.ts"
import { decodeAttributes, noAttributes } from "./fields.ts"
import { decodeFilter } from "./filter.ts"
import { fingerprint, siteOf } from "./fingerprint.ts"
import type { Found } from "./found.ts"
import type { Mistakes } from "./mistakes.ts"
import { didYouMean, shown } from "./nearest.ts"
import type { DecodedServer } from "./servers.ts"
import { checkChildren } from "./structure.ts"
import { choice, duration, remoteDirectory, text } from "./values.ts"

/** Seconds in a hundred years: source deletions are kept in the ledger, not in timers. */
const DELETION_DELAY_MAX = 3_155_760_000_000

const ruleAttributes = Schema.Struct({
  for: text,
  label: text,
  fileDeletionDelayAfterSync: Schema.optionalKey(duration("s", DELETION_DELAY_MAX)),
  onFailure: Schema.optionalKey(choice("hold", "original")),
})

const destinationAttributes = Schema.Struct({ server: text, path: Schema.optionalKey(remoteDirectory) })
const processorAttributes = Schema.Struct({ name: text })

/** What rules refer to. */
export interface RuleSurroundings {
  /** Names of all sources and servers in the file, whether or not they are right. */
  readonly sourceNames: ReadonlyArray<Text>
  readonly serverNames: ReadonlyArray<Text>
  readonly servers: ReadonlyArray<DecodedServer>
  readonly sources: ReadonlyArray<Source>
  readonly processor: Found<ProcessorDefinition>
  /** Filled with every processor in use and where it is named. */
  readonly uses: Array<ProcessorAt>
}

/** A processor in use. */
export interface ProcessorAt {
  readonly use: ProcessorUse
  readonly definition: ProcessorDefinition
  readonly name: Text
}

/** A destination and where it is written. */
export interface DecodedDestination {
  readonly destination: Destination
  readonly element: Element
}

/** A rule with its destinations' places. */
export interface DecodedRule {
  readonly rule: Rule
  readonly destinations: ReadonlyArray<DecodedDestination>
}

/** Notes a name that nothing has; true where something has it, or may have it once a mistake in its name is mended. */
const isNamed = (name: Text, names: ReadonlyArray<Text>, kind: string, mistakes: Mistakes): boolean => {
  if (names.some((known) => known.broken || known.value === name.value)) return true
  const valid = names.map(({ written }) => written)
  mistakes.add(name, `there is no ${kind} ${shown(name.written)}`, didYouMean(name.value, valid, `${kind}s`))
  return false
}

const decodeProcessor = (
  element: Element,
  context: Context,
  { processor: found, uses }: RuleSurroundings,
): ProcessorUse | undefined => {
  const { mistakes } = context
  checkChildren(element, {}, mistakes)
  const name = attribute(element, "name")
  if (name === undefined) {
    decodeAttributes(processorAttributes, element, mistakes)
    return undefined
  }
  const definition = found(name, mistakes)
  if (definition === undefined) return undefined
  const settings = decodeAttributes(
    definition.settings ?? noAttributes,
    element,
    mistakes,
    ["name"],
    `processor ${shown(name.written)}`,
    definition.decode,
  )
  const given = element.attributes.filter((candidate) => candidate !== name)
  if (settings === undefined) return undefined
  const use = { name: name.value, settings: Object.fromEntries(given.map((setting) => [setting.name, setting.value])) }
  uses.push({ use, definition, name })
  return use
}

const decodeDestinations = (
  rule: Element,
  chain: ReadonlyArray<ProcessorUse>,
  site: Source | undefined,
  context: Context,
  surroundings: RuleSurroundings,
): ReadonlyArray<DecodedDestination> => {
  const { mistakes } = context
  const [holder] = childrenNamed(rule, "destinations")
  if (holder === undefined) return []
  checkChildren(holder, { destination: "some" }, mistakes)
  decodeAttributes(noAttributes, holder, mistakes)
  const used = new Set<string>()
  return childrenNamed(holder, "destination").flatMap((element) => {
    checkChildren(element, {}, mistakes)
    const given = decodeAttributes(destinationAttributes, element, mistakes)
    const server = attribute(element, "server")
    if (server === undefined || server.broken || server.value === "") return []
    if (!isNamed(server, surroundings.serverNames, "server", mistakes)) return []
    if (used.has(server.value)) {
      mistakes.add(
        server,
        `this rule has another destination on server ${shown(server.written)}`,
        "Put the second destination into a rule of its own, or define the server a second time under another name.",
      )
      return []
    }
    used.add(server.value)
    const decoded = surroundings.servers.find((candidate) => candidate.server.name === server.value)
    if (given === undefined || decoded === undefined) return []
    const path = given.path ?? ""
    const destination: Destination = {
      server: given.server as ServerName,
      path,
      fingerprint: fingerprint({
        chain,
        path,
        transporter: decoded.server.transporter,
        settings: decoded.server.settings,
        identity: decoded.definition.identity,
        site: site && siteOf(site, surroundings.sources),
      }),
    }
    return [{ destination, element }]
  })
}

const decodeRule = (
  element: Element,
  context: Context,
  surroundings: RuleSurroundings,
  ids: Set<string>,
): DecodedRule | undefined => {
  const { mistakes } = context
  checkChildren(element, { filter: "optional", processorChain: "optional", destinations: "once" }, mistakes)
  const given = decodeAttributes(ruleAttributes, element, mistakes)
  const source = attribute(element, "for")
  if (source !== undefined && !source.broken && source.value !== "") {
    isNamed(source, surroundings.sourceNames, "source", mistakes)
  }
  const [filterElement] = childrenNamed(element, "filter")
  const filter = filterElement === undefined ? undefined : decodeFilter(filterElement, mistakes)
  const [chainElement] = childrenNamed(element, "processorChain")
  if (chainElement !== undefined) {
    checkChildren(chainElement, { processor: "any" }, mistakes)
    decodeAttributes(noAttributes, chainElement, mistakes)
  }
  const chain = childrenNamed(chainElement, "processor").flatMap(
    (processor) => decodeProcessor(processor, context, surroundings) ?? [],
  )
  const asksReferences = surroundings.uses.some((at) => chain.includes(at.use) && at.definition.perServer === true)
  const site = asksReferences ? surroundings.sources.find((one) => one.name === source?.value) : undefined
  const destinations = decodeDestinations(element, chain, site, context, surroundings)
  if (given === undefined) return undefined
  const base = `${given.for}/${given.label}`
  let id = base
  for (let repeat = 2; ids.has(id); repeat++) id = `${base}#${repeat}`
  ids.add(id)
  const delay = given.fileDeletionDelayAfterSync
  const rule: Rule = {
    id: id as RuleId,
    label: given.label,
    source: given.for as SourceName,
    filter,
    chain,
    destinations: destinations.map(({ destination }) => destination),
    fileDeletionDelayAfterSync: delay === undefined ? undefined : delay / 1000,
    ...(given.onFailure === "original" ? { onFailure: "original" } : {}),
  }
  return { rule, destinations }
}

/** The rules of `<rules>`; mistakes are noted. */
export const decodeRules = (
  element: Element,
  context: Context,
  surroundings: RuleSurroundings,
): ReadonlyArray<DecodedRule> => {
  checkChildren(element, { rule: "some" }, context.mistakes)
  decodeAttributes(noAttributes, element, context.mistakes)
  const ids = new Set<string>()
  return childrenNamed(element, "rule").flatMap((child) => decodeRule(child, context, surroundings, ids) ?? [])
}
