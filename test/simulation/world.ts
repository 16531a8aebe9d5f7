/** What outlives a process: the disk, the servers, the ledger's contents, the published map, the config file. */
import { createHash } from "node:crypto"
import { Context, Effect, Scope } from "effect"
import { Clock } from "effect/Clock"
import { Random } from "effect/Random"
import { emptyState, type MemoryState } from "../../src/layers/ledger/memory.ts"
import { emptyMap, type MemoryMap } from "../../src/layers/publishers/memory.ts"
import {
  makeDisk,
  makeServers,
  makeWatcher,
  type MemoryDisk,
  type MemoryServers,
  type MemoryWatcher,
} from "../../src/testing.ts"
import { type Cdns, makeCdns } from "./cdns.ts"
import { type SimulatedConfig, serverNames, sourceNames } from "./config.ts"
import { Engine } from "./engine.ts"
import type { Chance } from "./random.ts"
import { referredBy } from "./styles.ts"

/** Something that must never be. */
export class Violation extends Error {}

/** One version of a file that was on the disk at some time. */
export interface Version {
  readonly bytes: Uint8Array
  readonly hash: string
}

export interface StateLike {
  readonly size: number
  readonly mtimeNs: bigint
  readonly inode: bigint
}

export const stateKey = (state: StateLike): string => `${state.inode}:${state.size}:${state.mtimeNs}`

export const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex")

export const textOf = (bytes: Uint8Array): string => new TextDecoder().decode(bytes)

/** What somebody else keeps on every server: never to be touched. */
export const foreign = "foreign/keep.txt"

export interface World {
  readonly engine: Engine
  readonly chance: Chance
  readonly disk: MemoryDisk
  readonly watcher: MemoryWatcher
  readonly servers: MemoryServers
  readonly ledger: MemoryState
  readonly map: MemoryMap
  /** What is in the config file now. */
  config: SimulatedConfig
  /** Every version that ever was, by size, time and inode. */
  readonly versions: Map<string, Version>
  /** Files that the daemon deleted and nobody made again; with the config of that time. */
  readonly swept: Map<string, { readonly version: Version; readonly config: SimulatedConfig }>
  /** Everything the daemon ever deleted: path and hash. */
  readonly everSwept: Set<string>
  /** What was on a server when the config ceased to name it. */
  readonly abandoned: Set<string>
  /** Files, with their sizes, that were there when their source was taken away; undefined while it is there. */
  readonly away: Map<string, Map<string, number>>
  /** Somebody confirmed the deletions of a source since it went away. */
  readonly confirmed: Set<string>
  /** Places whose names a server refused once. */
  readonly refused: Set<string>
  /** Where on a server anything may ever be written. */
  readonly allowed: Set<string>
  /** Source paths and directories that ever were: what a backlog may name. */
  readonly paths: Set<string>
  /** Links that ever were, by their absolute paths. */
  readonly everLinked: Set<string>
  /** What style sheets ever referred to, by absolute paths. */
  readonly everReferred: Map<string, Set<string>>
  readonly cdns: Cdns
  /** When a path was made or changed last, in steps of the engine. */
  readonly madeAt: Map<string, number>
  readonly counts: Map<string, number>
  readonly run: <A, E>(effect: Effect.Effect<A, E>) => A
}

export const count = (world: World, what: string, times = 1): void =>
  void world.counts.set(what, (world.counts.get(what) ?? 0) + times)

const pathsOf = (event: { readonly path: string } | { readonly to: string }): string =>
  "path" in event ? event.path : event.to

export const makeWorld = (engineChance: Chance, chance: Chance, config: SimulatedConfig): World => {
  const engine = new Engine(engineChance)
  const context = Context.make(Clock, engine.clock).pipe(
    Context.add(Random, {
      nextDoubleUnsafe: chance.next,
      nextIntUnsafe: () => chance.below(Number.MAX_SAFE_INTEGER),
    }),
  )
  const run = Effect.runSyncWith(context)
  const disk = run(makeDisk)
  const world: World = {
    engine,
    chance,
    disk,
    watcher: run(makeWatcher(disk, { closes: chance.happens(0.7) })),
    servers: run(
      makeServers(
        serverNames.map((name) => ({
          name,
          cdn: chance.happens(0.4),
          many: chance.happens(0.6),
          capabilities: { headers: chance.happens(0.4) },
        })),
      ),
    ),
    ledger: emptyState(),
    map: emptyMap(),
    config,
    versions: new Map(),
    swept: new Map(),
    everSwept: new Set(),
    abandoned: new Set(),
    away: new Map(),
    confirmed: new Set(),
    refused: new Set(),
    allowed: new Set(),
    paths: new Set(),
    everLinked: new Set(),
    everReferred: new Map(),
    cdns: makeCdns(),
    madeAt: new Map(),
    counts: new Map(),
    run,
  }
  const refer = (path: string, bytes: Uint8Array) => {
    const [, source = "", ...rest] = path.split("/")
    const referred = world.everReferred.get(path) ?? new Set<string>()
    for (const other of referredBy(textOf(bytes), source, rest.join("/"))) referred.add(other)
    world.everReferred.set(path, referred)
  }
  const remember = (path: string) => {
    if (!path.startsWith("/workspace/")) {
      world.paths.add(path)
      world.madeAt.set(path, engine.steps)
      // Made anew by somebody: what becomes of it now is no part of the accident.
      for (const [source, paths] of world.away) paths.delete(path.slice(source.length + 2))
      for (const key of world.swept.keys()) {
        const swept = key.replace("\0", "/")
        if (`/${swept}` === path || `/${swept}`.startsWith(`${path}/`)) world.swept.delete(key)
      }
    }
    const node = disk.at(path)
    if (node?.kind === "link") world.everLinked.add(path)
    if (node?.kind === "directory") for (const name of node.entries.keys()) remember(`${path}/${name}`)
    if (node?.kind !== "file") return
    if (path.endsWith(".css")) refer(path, node.bytes)
    const key = stateKey({ size: node.bytes.length, mtimeNs: node.mtimeNs, inode: node.inode })
    if (!world.versions.has(key)) world.versions.set(key, { bytes: node.bytes, hash: sha256(node.bytes) })
  }
  run(
    Effect.provideService(
      disk.subscribe((event) =>
        Effect.sync(() => {
          if (event._tag !== "Removed") remember(pathsOf(event))
        }),
      ),
      Scope.Scope,
      Scope.makeUnsafe(),
    ),
  )
  for (const name of sourceNames) run(disk.mkdir(`/${name}`))
  for (const server of world.servers.all) run(server.meddle(foreign as never, new TextEncoder().encode("foreign")))
  return world
}

/** The bytes that a reader of this place gets now. */
export const stored = (world: World, server: string, place: string): Uint8Array | undefined => {
  const found = world.run(world.servers.get(server).read(place as never))
  return found._tag === "Some" ? found.value : undefined
}
