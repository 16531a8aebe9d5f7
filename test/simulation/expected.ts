/** What every server should hold, worked out anew from the disk and the config, without the product's own code. */
import { Buffer } from "node:buffer"
import { createHash } from "node:crypto"
import type { RelativePath, SourceName } from "../../src/domain/Path.ts"
import { fileOf } from "../../src/layers/ledger/memoryState.ts"
import { idOf, packed, packedSuffix, poison, type SimulatedConfig, type SimulatedRule, stamp } from "./config.ts"
import { type Addresses, addressesNow, updatedPattern } from "./styles.ts"
import { stored, textOf, type World } from "./world.ts"

/** What a rule publishes of one version of a file. */
export interface Published {
  /** Undefined where the name depends on what its references became. */
  readonly place: string | undefined
  readonly belongsAt: (place: string) => boolean
  /** Whether a server that holds these bytes holds it. */
  readonly is: (held: Uint8Array) => boolean
  /** The name has a hash of the content, and it is not that of these bytes. */
  readonly isMisnamed: (place: string, held: Uint8Array) => boolean
  /** It, as long as its references stay as they are. */
  readonly bytes: Uint8Array
  /** On servers without headers its packed form is published beside it. */
  readonly isPacked: boolean
}

/** A file that belongs at a place, and what is to be found there; undefined where it can not be processed. */
export interface Claim {
  readonly source: string
  readonly path: string
  readonly rule: SimulatedRule
  readonly result: Published | undefined
}

const extensionOf = (path: string): string => {
  const base = path.slice(path.lastIndexOf("/") + 1)
  const dot = base.lastIndexOf(".")
  return dot <= 0 ? "" : base.slice(dot + 1).toLowerCase()
}

export const wants = (rule: SimulatedRule, path: string, size: number): boolean => {
  if (rule.extension !== undefined && extensionOf(path) !== rule.extension) return false
  if (rule.below !== undefined && !path.startsWith(`${rule.below}/`)) return false
  return rule.minimum === undefined || size > rule.minimum
}

const withSuffix = (name: string, suffix: string): string => {
  const dot = name.lastIndexOf(".")
  return dot <= 0 ? name + suffix : name.slice(0, dot) + suffix + name.slice(dot)
}

/** Stands in a name for a hash that is not known. */
const UNKNOWN = "\0"

const hash = (bytes: Uint8Array): string => createHash("md5").update(bytes).digest("hex")

const equal = (a: Uint8Array, b: Uint8Array): boolean => Buffer.compare(a, b) === 0

/** As `rule` publishes these bytes; undefined where its chain can not process them. */
export const published = (
  rule: SimulatedRule,
  path: string,
  original: Uint8Array,
  mtimeNs: bigint,
  addresses: Addresses = () => undefined,
): Published | undefined => {
  const slash = path.lastIndexOf("/")
  const directory = `${rule.path}/${path.slice(0, slash + 1)}`
  let name = path.slice(slash + 1)
  let bytes = original
  /** Where links were updated: the expression for what came out. */
  let pattern: string | undefined
  let isPacked = false
  for (const step of rule.chain) {
    switch (step) {
      case "filename.SpacesToDashes":
        name = name.replaceAll(" ", "-")
        break
      case "unique_filename.MD5":
        name = withSuffix(name, `_${pattern === undefined ? hash(bytes) : UNKNOWN}`)
        break
      case "unique_filename.Mtime":
        name = withSuffix(name, `_${mtimeNs / 1_000_000_000n}`)
        break
      case "link_updater.CSSURLUpdater": {
        if (extensionOf(name) !== "css") break
        const text = textOf(bytes)
        const updated = updatedPattern(text, addresses)
        if (updated !== updatedPattern(text, () => [])) pattern = updated
        break
      }
      case "simulation.Pack":
        isPacked = true
        break
      case "simulation.Stamp": {
        const text = textOf(bytes)
        if (text.includes(poison)) return rule.onFailure === "original" ? unprocessed(rule, path, original) : undefined
        bytes = new TextEncoder().encode(stamp + text)
        if (pattern !== undefined) pattern = stamp + pattern
        // What was packed is no longer what is published.
        isPacked = false
      }
    }
  }
  const content = pattern === undefined ? undefined : new RegExp(`^(?:${pattern})$`)
  const [before = "", after] = name.split(UNKNOWN)
  return {
    place: after === undefined ? directory + name : undefined,
    belongsAt: (place) =>
      after === undefined
        ? place === directory + name
        : place.startsWith(directory + before) &&
          place.endsWith(after) &&
          /^[0-9a-f]{32}$/.test(place.slice((directory + before).length, place.length - after.length)),
    is: (held) => (content === undefined ? equal(held, bytes) : content.test(textOf(held))),
    isMisnamed: (place, held) => after !== undefined && !place.endsWith(hash(held) + after),
    bytes,
    isPacked,
  }
}

/** The file as it is, in place of what its processors can not make. */
const unprocessed = (rule: SimulatedRule, path: string, bytes: Uint8Array): Published => ({
  place: `${rule.path}/${path}`,
  belongsAt: (place) => place === `${rule.path}/${path}`,
  is: (held) => equal(held, bytes),
  isMisnamed: () => false,
  bytes,
  isPacked: false,
})

/** What is published beside a file of which a server holds these bytes, and where; undefined where nothing is. */
export const besideOf = (
  world: World,
  server: string,
  { isPacked }: Pick<Published, "isPacked">,
  place: string,
  held: Uint8Array,
): { readonly place: string; readonly bytes: Uint8Array } | undefined => {
  const { headers } = world.servers.get(server).transporter.capabilities
  const text = isPacked && !headers ? packed(textOf(held)) : undefined
  return text === undefined ? undefined : { place: place + packedSuffix, bytes: new TextEncoder().encode(text) }
}

/** Where a server should hold it. Where only the hash of what it became tells, the ledger is asked. */
export const placeOf = (
  world: World,
  result: Published,
  { path, rule, source }: Pick<Claim, "source" | "path" | "rule">,
  server: string,
): string | undefined => {
  if (result.place !== undefined) return result.place
  const rows = fileOf(world.ledger, source as SourceName, path as RelativePath)
  return rows.find((row) => row.server === server && row.rule === idOf(rule) && result.belongsAt(row.destination))
    ?.destination
}

export interface DiskFile {
  readonly path: string
  readonly bytes: Uint8Array
  readonly mtimeNs: bigint
}

/** The files of a source as the policy `inside` sees them. */
export const filesOf = (world: World, source: string): ReadonlyArray<DiskFile> => {
  const found: Array<DiskFile> = []
  const visit = (path: string): void => {
    const node = world.disk.at(`/${source}${path === "" ? "" : `/${path}`}`)
    if (node?.kind === "file") found.push({ path, bytes: node.bytes, mtimeNs: node.mtimeNs })
    if (node?.kind === "link") {
      const target = world.disk.follow(`/${source}/${path}`)
      if (target?.node.kind !== "file" || !target.path.startsWith(`/${source}/`)) return
      if (target.path.split("/").slice(0, -1).includes(".git")) return
      found.push({ path, bytes: target.node.bytes, mtimeNs: target.node.mtimeNs })
    }
    if (node?.kind !== "directory") return
    for (const [name, child] of node.entries) {
      if (child.kind === "directory" && name === ".git") continue
      visit(path === "" ? name : `${path}/${name}`)
    }
  }
  visit("")
  return found
}

/** Calls `visit` for every link at or below a path, with whether it leads to a file. */
export const eachLink = (world: World, path: string, visit: (path: string, leads: boolean) => void): void => {
  const node = world.disk.at(path)
  if (node?.kind === "link") visit(path, world.disk.follow(path)?.node.kind === "file")
  if (node?.kind === "directory") for (const name of node.entries.keys()) eachLink(world, `${path}/${name}`, visit)
}

/** Its place, if that does not depend on what is there, or what is there is right. */
const knownPlace = (world: World, result: Published, claim: Claim, server: string): string | undefined => {
  const place = placeOf(world, result, claim, server)
  const held = place === undefined || result.place !== undefined ? undefined : stored(world, server, place)
  return result.place ?? (held !== undefined && result.is(held) ? place : undefined)
}

/** Claims by place, of one server. */
export const expectedOn = (
  world: World,
  config: SimulatedConfig,
  server: string,
): ReadonlyMap<string, ReadonlyArray<Claim>> => {
  const places = new Map<string, Array<Claim>>()
  const unnamed: Array<Claim> = []
  const add = (place: string, claim: Claim) => {
    const claims = places.get(place)
    if (claims === undefined) places.set(place, [claim])
    else claims.push(claim)
  }
  for (const source of config.sources) {
    const rules = config.rules.filter((rule) => rule.source === source && rule.servers.includes(server))
    if (rules.length === 0) continue
    for (const file of filesOf(world, source)) {
      for (const rule of rules) {
        if (!wants(rule, file.path, file.bytes.length)) continue
        const addresses = addressesNow(world, config.sources, server, source, file.path)
        const result = published(rule, file.path, file.bytes, file.mtimeNs, addresses)
        const claim: Claim = { source, path: file.path, rule, result }
        const known = result === undefined ? undefined : knownPlace(world, result, claim, server)
        if (result === undefined) add(`poison ${rule.label} ${file.path}`, claim)
        else if (known === undefined) unnamed.push(claim)
        else add(known, claim)
      }
    }
  }
  for (const claim of unnamed) {
    // Another rule, or another file, may have the place that would be its.
    const rival = [...places].find(([place]) => claim.result?.belongsAt(place) === true)
    const place = claim.result === undefined ? undefined : placeOf(world, claim.result, claim, server)
    add(rival?.[0] ?? place ?? `a place ${claim.rule.label} ${claim.path}`, claim)
  }
  return places
}
