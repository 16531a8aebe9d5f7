/** Knows what must never be, at every step, and what must be when all is calm. */
import { Buffer } from "node:buffer"
import { Effect } from "effect"
import type { TransportError } from "../../src/domain/Errors.ts"
import type { Delivery } from "../../src/domain/Delivery.ts"
import type { LedgerChange } from "../../src/domain/Ledger.ts"
import type { OutputFile, Receipt } from "../../src/domain/Transporter.ts"
import { everyFile, fileOf } from "../../src/layers/ledger/memoryState.ts"
import { idOf, type SimulatedConfig } from "./config.ts"
import { type Claim, expectedOn, filesOf, placeOf, published, wants } from "./expected.ts"
import { refersTo, wasInCycle } from "./styles.ts"
import { count, foreign, stateKey, stored, textOf, type World } from "./world.ts"

export interface Oracle {
  readonly violated: (sentence: string) => void
  /** The first thing that must never be and was. */
  readonly violation: () => string | undefined
  readonly log: () => ReadonlyArray<string>
  readonly started: (config: SimulatedConfig) => void
  readonly ended: () => void
  readonly logged: (level: string, text: string, isDefect: boolean) => void
  readonly beforeCommit: (changes: ReadonlyArray<LedgerChange>) => void
  readonly afterCommit: (changes: ReadonlyArray<LedgerChange>) => void
  readonly beforeSweep: (source: string, path: string) => () => void
  readonly beforeRemove: (server: string, place: string) => void
  readonly onePut: (
    server: string,
    file: OutputFile,
    place: string,
    put: Effect.Effect<Receipt, TransportError>,
  ) => Effect.Effect<Receipt, TransportError>
  readonly published: () => void
  /** What is wrong though all is calm: sentences, empty where nothing is. `servers`: those to look at. */
  readonly differences: (servers: ReadonlyArray<string>) => ReadonlyArray<string>
}

const LOG = 60

const equal = (a: Uint8Array, b: Uint8Array): boolean => Buffer.compare(a, b) === 0

const shown = (bytes: Uint8Array | undefined): string => {
  if (bytes === undefined) return "nothing"
  const text = textOf(bytes.subarray(0, 30))
  return JSON.stringify(bytes.length > 30 ? `${text}... (${bytes.length} bytes)` : text)
}

export const makeOracle = (world: World): Oracle => {
  let first: string | undefined
  /** The config of the running process. */
  let running: SimulatedConfig = world.config
  const log: Array<string> = []
  const inFlight = new Set<string>()
  /** Bytes that servers confirmed of what refers to others, by server and place. */
  const referrers = new Map<string, Uint8Array>()
  /** Until when a place that no delivery wants is kept for those that refer to it. */
  const keptUntil = new Map<string, number>()
  const urlOf = (server: string, place: string) => world.servers.get(server).transporter.url(place as never)

  const violated = (sentence: string) => {
    if (first === undefined) first = sentence
    log.push(`!! ${sentence}`)
  }

  const allow = (config: SimulatedConfig) => {
    for (const rule of config.rules) world.allowed.add(rule.path)
  }

  const checkDelivered = (change: Extract<LedgerChange, { _tag: "Delivered" }>) => {
    const { delivery } = change
    if (delivery.sourceDeleted) return
    const rule = running.rules.find((one) => idOf(one) === delivery.rule)
    const version = world.versions.get(stateKey(delivery.state))
    const label = `${delivery.path} at ${delivery.server}:${delivery.destination}`
    if (rule === undefined) return violated(`a delivery of ${label} is recorded under a rule that is not there`)
    if (version === undefined) return violated(`the recorded state of ${label} never was on the disk`)
    if (version.hash !== delivery.hash) {
      return violated(`the recorded hash of ${label} is not that of the recorded version of the file`)
    }
    const right = published(rule, delivery.path, version.bytes, delivery.state.mtimeNs)
    if (right === undefined) return violated(`${label} is recorded although it can not be processed`)
    if (!right.belongsAt(delivery.destination)) return violated(`${label} belongs at ${right.place ?? "another place"}`)
    const held = stored(world, delivery.server, delivery.destination)
    if (held === undefined || !right.is(held)) {
      violated(`I1: ${label} is recorded as ${shown(right.bytes)} while the server holds ${shown(held)}`)
    }
  }

  const checkForgotten = (change: Extract<LedgerChange, { _tag: "Forgotten" }>) => {
    const { path, rule, server, source } = change.key
    const before = world.away.get(source)
    const size = before?.get(path)
    if (size === undefined || world.confirmed.has(source)) return
    // Where new files came meanwhile the guard counts; where there is nothing it holds whatever the count.
    if (filesOf(world, source).length > 0) return
    // A rule that goes by size may have been right a moment before.
    const wanted = running.rules.some(
      (one) =>
        one.minimum === undefined && idOf(one) === rule && one.servers.includes(server) && wants(one, path, size),
    )
    if (wanted) violated(`guard: ${path} is deleted from ${server} although its source was taken away as a whole`)
  }

  const remember = ({ delivery, links = [] }: Extract<LedgerChange, { _tag: "Delivered" }>) => {
    const { destination, path, rule, server, source } = delivery
    const key = `${server}\0${destination}`
    world.cdns.delivered(server, destination)
    keptUntil.delete(key)
    referrers.delete(key)
    if (links.length === 0) return
    count(world, "deliveries that refer to others")
    const row = fileOf(world.ledger, source, path).find((one) => one.server === server && one.rule === rule)
    const held = stored(world, server, destination)
    // What moved while it was on its way may be gone before it is made again.
    if (row?.fingerprint !== "" && held !== undefined) referrers.set(key, held)
  }

  /** Old versions go last: what a server confirmed to hold, and holds, refers to nothing that is removed. */
  const checkReferrers = (server: string, place: string) => {
    const until = keptUntil.get(`${server}\0${place}`)
    if (until !== undefined && until <= world.engine.wallTime) return
    for (const row of [...everyFile(world.ledger)].flat()) {
      const bytes = row.server === server ? referrers.get(`${server}\0${row.destination}`) : undefined
      const held = bytes === undefined ? undefined : stored(world, server, row.destination)
      if (bytes === undefined || held === undefined || !equal(bytes, held)) continue
      if (!refersTo(textOf(held), urlOf(server, place))) continue
      violated(`${server}:${place} is removed while ${row.path} at ${row.destination} refers to it`)
    }
  }

  return {
    violated,
    violation: () => first,
    log: () => log,
    started: (config) => {
      running = config
      allow(config)
      for (const server of world.servers.all) {
        if (config.servers.includes(server.name)) continue
        world.cdns.leave(server.name)
        for (const place of world.run(server.files).keys()) world.abandoned.add(`${server.name}\0${place}`)
      }
    },
    ended: () => inFlight.clear(),
    logged: (level, text, isDefect) => {
      log.push(`${level}: ${text}`)
      if (log.length > LOG) log.splice(0, log.length - LOG)
      if (isDefect || text.startsWith("unexpected failure")) violated(`a defect: ${text}`)
    },
    beforeCommit: (changes) => {
      for (const change of changes) {
        if (change._tag === "Delivered") checkDelivered(change)
        else if (change._tag === "Forgotten") {
          checkForgotten(change)
          const { path, rule, server, source } = change.key
          const row = fileOf(world.ledger, source, path).find((one) => one.server === server && one.rule === rule)
          if (row === undefined) continue
          keptUntil.set(`${server}\0${row.destination}`, change.linkedUntil ?? Number.POSITIVE_INFINITY)
        }
      }
    },
    afterCommit: (changes) => {
      for (const change of changes) {
        if (change._tag === "SourceDeleted") {
          // From here on it does not matter who deletes it.
          const version = world.versions.get(stateKey(change.state))
          if (version !== undefined) world.everSwept.add(`${change.source}\0${change.path}\0${version.hash}`)
        }
        if (change._tag === "Delivered") remember(change)
        if (change._tag !== "Retired") continue
        const { destination, server } = change
        if (stored(world, server, destination) === undefined) continue
        for (const directories of world.ledger.deliveries.values()) {
          for (const files of directories.values()) {
            for (const rows of files.values()) {
              if (rows.some((row) => row.server === server && row.destination === destination)) return
            }
          }
        }
        violated(`${server}:${destination} is recorded as removed and is still there`)
      }
    },
    beforeSweep: (source, path) => {
      const file = filesOf(world, source).find((one) => one.path === path)
      if (file === undefined) return () => undefined
      const absolute = `/${source}/${path}`
      const node = world.disk.at(absolute)
      const rules = running.rules.filter((rule) => rule.source === source && wants(rule, path, file.bytes.length))
      const config = running
      return () => {
        if (world.disk.at(absolute) !== undefined) return
        const key = `${source}\0${path}`
        if (node?.kind === "file") {
          const version = world.versions.get(
            stateKey({ size: node.bytes.length, mtimeNs: node.mtimeNs, inode: node.inode }),
          )
          if (version !== undefined) {
            world.swept.set(key, { version, config })
            world.everSwept.add(`${key}\0${version.hash}`)
          }
        }
        if (!rules.some((rule) => rule.deletion !== undefined)) {
          violated(`${absolute} was deleted although no rule asks for it`)
        }
        for (const rule of rules) {
          const result = published(rule, path, file.bytes, file.mtimeNs)
          for (const server of rule.servers) {
            const place = result === undefined ? undefined : placeOf(world, result, { source, path, rule }, server)
            const held = place === undefined ? undefined : stored(world, server, place)
            if (result === undefined || held === undefined || !result.is(held)) {
              violated(`${absolute} was deleted while ${server} holds ${shown(held)} of it`)
            }
          }
        }
      }
    },
    beforeRemove: (server, place) => {
      if (!world.allowed.has(place.slice(0, place.indexOf("/")))) {
        violated(`${server}:${place} is removed, which is not ours`)
      }
      if (stored(world, server, place) === undefined) return
      const url = urlOf(server, place)
      for (const row of world.map.rows.values()) {
        if (row.url === url) violated(`${url} is removed while the published map names it`)
      }
      checkReferrers(server, place)
    },
    onePut: (server, file, place, put) => {
      const key = `${server}\0${file.source}\0${file.path}`
      return Effect.acquireUseRelease(
        Effect.sync(() => {
          if (inFlight.has(key)) violated(`I2: ${file.path} is in flight to ${server} twice`)
          inFlight.add(key)
          if (!world.allowed.has(place.slice(0, place.indexOf("/")))) violated(`${server}:${place} is written`)
        }),
        () => put,
        () => Effect.sync(() => void inFlight.delete(key)),
      )
    },
    published: () => {
      for (const row of world.map.rows.values()) {
        const base = urlOf(row.server, "x").slice(0, -1)
        const place = decodeURIComponent(row.url.slice(base.length))
        if (stored(world, row.server, place) === undefined) {
          violated(`the published map names ${row.url}, which can not be fetched`)
        }
      }
    },
    differences: (servers) => [
      ...servers.flatMap((server) => differencesOn(world, server)),
      ...servers.flatMap((server) => cdnDifferences(world, server)),
      ...mapDifferences(world),
      ...world.run(world.servers.violations),
    ],
  }
}

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
  const poisoned = new Set<string>()
  /** Places of files whose copy there is all there is of them. */
  const kept = new Set<string>()
  for (const [place, rows] of deliveries) if (rows.some(isSwept(world))) kept.add(place)
  for (const [place, claims] of expected) {
    // Of several that belong at one place one is there; the others keep what they had.
    const isContested = new Set(claims.map(makingOf)).size > 1 || kept.has(place)
    for (const claim of claims) {
      if (claim.result === undefined || isContested) poisoned.add(`${claim.source}\0${claim.path}`)
    }
  }
  for (const [place, claims] of expected) {
    const able = claims.flatMap((claim) => (claim.result === undefined ? [] : [{ ...claim, result: claim.result }]))
    const [first] = able
    if (first === undefined || kept.has(place)) continue
    const file = held.get(place as never)
    if (file === undefined) sentences.push(`${server} lacks ${place}, which is ${first.source}/${first.path}`)
    else {
      const right = able.find(({ result }) => result.is(file.bytes))
      if (right === undefined) {
        sentences.push(`${server} holds ${shown(file.bytes)} at ${place} instead of ${shown(first.result.bytes)}`)
      } else if (right.result.isMisnamed(place, file.bytes) && !wasInCycle(world, `/${right.source}/${right.path}`)) {
        sentences.push(`${server} holds ${shown(file.bytes)} at ${place}, which is not its name`)
      }
    }
    if (deliveries.get(place) === undefined) sentences.push(`the ledger knows nothing of ${server}:${place}`)
    for (const row of deliveries.get(place) ?? []) {
      const claim = able.find(
        ({ path, rule, source }) => row.rule === idOf(rule) && row.path === path && row.source === source,
      )
      if (file === undefined || claim === undefined || row.sourceDeleted || claim.result.is(file.bytes)) continue
      sentences.push(`${server} holds ${shown(file.bytes)} at ${place}, on record as of rule "${claim.rule.label}"`)
    }
  }
  /** Style sheets that can not be made again keep what they refer to. */
  const stuck = [...deliveries].flatMap(([place, rows]) => {
    const isStuck = rows.some(({ path, source, sourceDeleted }) => sourceDeleted || poisoned.has(`${source}\0${path}`))
    const file = isStuck ? held.get(place as never) : undefined
    return file === undefined ? [] : [textOf(file.bytes)]
  })
  for (const place of held.keys()) {
    if (place === foreign || expected.has(place) || world.abandoned.has(`${server}\0${place}`)) continue
    const delivery = deliveries.get(place)?.[0]
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
    if (row.server === server && row.fingerprint === "") inDoubt.add(row.destination)
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
