/** What is wrong though all is calm: every healthy server, its CDN and the published map against what the config asks for. */
import { Buffer } from "node:buffer"
import { placesOf } from "../../src/domain/Companion.ts"
import type { Delivery } from "../../src/domain/Delivery.ts"
import { everyFile } from "../../src/layers/ledger/memoryState.ts"
import { idOf } from "./config.ts"
import { besideOf, type Claim, expectedOn, published, wants } from "./expected.ts"
import { refersTo, wasInCycle } from "./styles.ts"
import { foreign, stored, textOf, type World } from "./world.ts"

export const equal = (a: Uint8Array, b: Uint8Array): boolean => Buffer.compare(a, b) === 0

/** In words. */
export const shown = (bytes: Uint8Array | undefined): string => {
  if (bytes === undefined) return "nothing"
  const text = textOf(bytes.subarray(0, 30))
  return JSON.stringify(bytes.length > 30 ? `${text}... (${bytes.length} bytes)` : text)
}

/** Sentences, empty where nothing is wrong. `servers`: those to look at. */
export const differences = (world: World, servers: ReadonlyArray<string>): ReadonlyArray<string> => [
  ...servers.flatMap((server) => differencesOn(world, server)),
  ...servers.flatMap((server) => cdnDifferences(world, server)),
  ...mapDifferences(world),
  ...world.run(world.servers.violations),
]

function differencesOn(world: World, server: string): ReadonlyArray<string> {
  const sentences: Array<string> = []
  const { config } = world
  const expected = expectedOn(world, config, server)
  const held = world.run(world.servers.get(server).files)
  const deliveries = new Map<string, ReadonlyArray<Delivery>>()
  for (const row of [...everyFile(world.ledger)].flat()) {
    if (row.server !== server) continue
    const others = deliveries.get(row.destination) ?? []
    const other = others.find((one) => one.path !== row.path || one.source !== row.source)
    if (other !== undefined) {
      sentences.push(`${server}:${row.destination} is on record for ${other.path} and ${row.path}`)
    }
    deliveries.set(row.destination, [...others, row])
  }
  /** Deliveries by the places of what is published beside them. */
  const companions = new Map<string, Delivery>()
  for (const row of [...deliveries.values()].flat())
    for (const place of placesOf(row).slice(1)) companions.set(place, row)
  const poisoned = new Set<string>()
  /** Places of files whose copy there is all there is of them. */
  const kept = new Set<string>()
  for (const [place, rows] of deliveries) if (rows.some(isSwept(world))) kept.add(place)
  /** Of several that belong at one place one is there; the others keep what they had. */
  const isContestedAt = (place: string, claims: ReadonlyArray<Claim>) =>
    new Set(claims.map(makingOf)).size > 1 || kept.has(place)
  /** Where its references are not known, what is made of it may be what another rule has a place of that name for. */
  const mayBelongElsewhere = ({ path, result, source }: Claim, here: string) =>
    [...expected].some(
      ([place, claims]) =>
        place !== here &&
        result?.belongsAt(place) === true &&
        claims.some((one) => one.path === path && one.source === source && one.result?.is(result.bytes) === true),
    )
  for (const [place, claims] of expected) {
    const isContested = isContestedAt(place, claims)
    for (const claim of claims) {
      if (claim.result === undefined || isContested) poisoned.add(`${claim.source}\0${claim.path}`)
    }
  }
  /** What belongs beside files that are there: where either will do, undefined. */
  const beside = new Map<string, Uint8Array | undefined>()
  for (const [place, claims] of expected) {
    const able = claims.flatMap((claim) => (claim.result === undefined ? [] : [{ ...claim, result: claim.result }]))
    const [first] = able
    if (first === undefined || kept.has(place)) continue
    const file = held.get(place as never)
    if (file === undefined) sentences.push(`${server} lacks ${place}, which is ${first.source}/${first.path}`)
    else {
      const right = able.find(({ result }) => result.is(file.bytes))
      // A file that can not go where it belongs keeps where it is, also what belongs to another by now.
      const isKept =
        deliveries.get(place)?.some((row) => row.path !== first.path && poisoned.has(`${row.source}\0${row.path}`)) ===
        true
      if (right === undefined && isKept) continue
      if (right === undefined) {
        sentences.push(`${server} holds ${shown(file.bytes)} at ${place} instead of ${shown(first.result.bytes)}`)
      } else if (right.result.isMisnamed(place, file.bytes) && !wasInCycle(world, `/${right.source}/${right.path}`)) {
        sentences.push(`${server} holds ${shown(file.bytes)} at ${place}, which is not its name`)
      }
      const companion = right === undefined ? undefined : besideOf(world, server, right.result, place, file.bytes)
      if (companion !== undefined && !expected.has(companion.place)) {
        // Another file may have the place, or have this one; and a name that was refused once is not asked for again.
        const isOpen =
          isContestedAt(place, claims) ||
          deliveries.has(companion.place) ||
          world.refused.has(`${server}\0${companion.place}`)
        beside.set(companion.place, isOpen ? undefined : companion.bytes)
      }
    }
    if (deliveries.get(place) === undefined) sentences.push(`the ledger knows nothing of ${server}:${place}`)
    for (const row of deliveries.get(place) ?? []) {
      const claim = able.find(
        ({ path, rule, source }) => row.rule === idOf(rule) && row.path === path && row.source === source,
      )
      if (file === undefined || claim === undefined || row.sourceDeleted) continue
      if (row.fingerprint === "" && !isContestedAt(place, claims) && !mayBelongElsewhere(claim, place))
        sentences.push(`${place} is still to be delivered to ${server}`)
      if (claim.result.is(file.bytes)) continue
      sentences.push(`${server} holds ${shown(file.bytes)} at ${place}, on record as of rule "${claim.rule.label}"`)
    }
  }
  for (const [place, bytes] of beside) {
    const file = held.get(place as never)
    if (bytes === undefined || (file !== undefined && equal(bytes, file.bytes) && companions.has(place))) continue
    sentences.push(`${server} holds ${shown(file?.bytes)} at ${place} instead of ${shown(bytes)}`)
  }
  for (const row of companions.values()) {
    // What a place holds where an upload was not confirmed and can not be repeated, nobody knows.
    const wrong = row.fingerprint === "" ? undefined : wrongBeside(world, row)
    if (wrong !== undefined) sentences.push(`${server} does not hold what belongs at ${wrong}`)
  }
  /** Style sheets that can not be made again keep what they refer to. */
  const stuck = [...deliveries].flatMap(([place, rows]) => {
    const isStuck = rows.some(({ path, source, sourceDeleted }) => sourceDeleted || poisoned.has(`${source}\0${path}`))
    const file = isStuck ? held.get(place as never) : undefined
    return file === undefined ? [] : [textOf(file.bytes)]
  })
  for (const place of held.keys()) {
    if (place === foreign || expected.has(place) || beside.has(place) || world.abandoned.has(`${server}\0${place}`))
      continue
    const delivery = deliveries.get(place)?.[0] ?? companions.get(place)
    const target = delivery === undefined ? "" : `${delivery.source}\0${delivery.path}`
    if (delivery !== undefined && poisoned.has(target)) continue
    if (delivery !== undefined && isSwept(world)(delivery)) continue
    if (stuck.some((text) => refersTo(text, world.servers.get(server).transporter.url(place)))) continue
    sentences.push(
      `${server} holds ${place}, which nothing wants${delivery === undefined ? "" : " and the ledger knows"}`,
    )
  }
  for (const place of deliveries.keys()) {
    if (!held.has(place as never)) sentences.push(`the ledger claims ${server}:${place}, which is not there`)
  }
  if (!held.has(foreign as never)) sentences.push(`${server} lost a file that is not ours`)
  for (const [key, swept] of world.swept) {
    const [source, path] = key.split("\0") as [string, string]
    if (swept.config !== config) continue
    for (const rule of config.rules) {
      if (rule.source !== source || !rule.servers.includes(server)) continue
      if (!wants(rule, path, swept.version.bytes.length)) continue
      const right = published(rule, path, swept.version.bytes, 0n)
      if (right === undefined || rule.chain.includes("unique_filename.Mtime")) continue
      if (right.place === undefined || (expected.has(right.place) && !kept.has(right.place))) continue
      const file = held.get(right.place as never)
      if (file === undefined || !right.is(file.bytes)) {
        sentences.push(`${server} lost ${right.place}, whose source file the daemon deleted`)
      }
    }
  }
  return sentences
}

/** The first place beside a delivery that does not hold what is made of what its own place holds. */
export function wrongBeside(
  world: World,
  row: Pick<Delivery, "server" | "destination" | "companions">,
): string | undefined {
  const { destination, server } = row
  const held = stored(world, server, destination)
  const companion = held === undefined ? undefined : besideOf(world, server, { isPacked: true }, destination, held)
  return placesOf(row)
    .slice(1)
    .find((place) => {
      const there = stored(world, server, place)
      return place !== companion?.place || there === undefined || !equal(there, companion.bytes)
    })
}

/** The daemon deleted this version of its source file. */
const isSwept =
  (world: World) =>
  ({ hash, path, source, sourceDeleted }: Delivery): boolean =>
    sourceDeleted && world.everSwept.has(`${source}\0${path}\0${hash}`)

function cdnDifferences(world: World, server: string): ReadonlyArray<string> {
  if (world.servers.get(server).transporter.invalidator === undefined) return []
  // What a place holds where an upload was not confirmed and can not be repeated, nobody knows.
  const inDoubt = new Set<string>()
  for (const row of [...everyFile(world.ledger)].flat()) {
    if (row.server === server && row.fingerprint === "") for (const place of placesOf(row)) inDoubt.add(place)
  }
  return world.cdns
    .stale(server)
    .filter((place) => !inDoubt.has(place))
    .map((place) => `the CDN of ${server} was never told that ${place} changed`)
}

/** What makes the content of a place: the same file by the same chain is the same, under whatever rule. */
const makingOf = ({ path, rule, source }: Claim): string => JSON.stringify([source, path, rule.chain, rule.onFailure])

function mapDifferences(world: World): ReadonlyArray<string> {
  const sentences: Array<string> = []
  const latest = new Map<string, { url: string; deliveredAt: number }>()
  for (const directories of world.ledger.deliveries.values()) {
    for (const files of directories.values()) {
      for (const row of [...files.values()].flat()) {
        const key = `${row.server}\0/${row.source}/${row.path}`
        const before = latest.get(key)
        if (before === undefined || before.deliveredAt <= row.deliveredAt) {
          latest.set(key, { url: row.url, deliveredAt: row.deliveredAt })
        }
      }
    }
  }
  for (const [key, row] of world.map.rows) {
    if (!latest.has(key))
      sentences.push(`the published map names ${row.url} of ${row.inputFile}, which is not delivered`)
  }
  for (const [key, { url }] of latest) {
    const row = world.map.rows.get(key)
    if (row === undefined) sentences.push(`the published map lacks ${url}`)
  }
  return sentences
}
