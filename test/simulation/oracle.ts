/** Knows what must never be, at every step, and what must be when all is calm. */
import { Effect } from "effect"
import { placesOf } from "../../src/domain/Companion.ts"
import type { TransportError } from "../../src/domain/Errors.ts"
import type { LedgerChange } from "../../src/domain/Ledger.ts"
import type { OutputFile, Receipt } from "../../src/domain/Transporter.ts"
import { everyFile, fileOf } from "../../src/layers/ledger/memoryState.ts"
import { idOf, type SimulatedConfig } from "./config.ts"
import { differences, equal, shown, wrongBeside } from "./differences.ts"
import { filesOf, placeOf, published, wants } from "./expected.ts"
import { refersTo } from "./styles.ts"
import { count, stateKey, stored, textOf, type World } from "./world.ts"

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
      return violated(`I1: ${label} is recorded as ${shown(right.bytes)} while the server holds ${shown(held)}`)
    }
    if (delivery.companions === undefined) return
    if (!right.isPacked) return violated(`${label} is recorded with what is not made of it`)
    const wrong = wrongBeside(world, delivery)
    if (wrong !== undefined) violated(`I1: ${label} is recorded with ${wrong}, which is not what is made of it`)
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
    for (const place of placesOf(delivery)) world.cdns.delivered(server, place)
    keptUntil.delete(key)
    referrers.delete(key)
    if (delivery.companions !== undefined) count(world, "deliveries with companions")
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
              if (rows.some((row) => row.server === server && placesOf(row).includes(destination))) return
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
        for (const row of fileOf(world.ledger, source as never, path as never)) {
          const wrong = wrongBeside(world, row)
          if (wrong !== undefined) violated(`${absolute} was deleted while ${row.server}:${wrong} is not made of it`)
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
        () =>
          Effect.tapError(put, ({ reason }) =>
            Effect.sync(() => {
              if (reason._tag === "NameRefused") world.refused.add(`${server}\0${place}`)
            }),
          ),
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
    differences: (servers) => differences(world, servers),
  }
}
