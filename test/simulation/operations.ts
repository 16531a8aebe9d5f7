/** What happens to a world: people and programs at work on its disk, faults, edits of the config, crashes. */
import { Effect } from "effect"
import type { TransportReason } from "../../src/domain/Errors.ts"
import type { ServerFault } from "../../src/testing.ts"
import { type Edit, edited, poison, serverNames, someEdit, sourceNames } from "./config.ts"
import type { Chance } from "./random.ts"
import { count, type World } from "./world.ts"

export type Operation =
  | { readonly do: "write"; readonly path: string; readonly text: string }
  | { readonly do: "begin"; readonly path: string; readonly text: string }
  | { readonly do: "append"; readonly path: string; readonly text: string; readonly close: boolean }
  | { readonly do: "truncate"; readonly path: string; readonly size: number }
  | { readonly do: "touch" | "scribble" | "set aside" | "put back"; readonly path: string }
  | { readonly do: "touch back"; readonly path: string; readonly millis: number }
  | { readonly do: "replace"; readonly path: string; readonly text: string }
  /** As a restore does: another inode, the same time and size, other bytes or the same. */
  | { readonly do: "restore"; readonly path: string; readonly other: boolean }
  | { readonly do: "rename"; readonly from: string; readonly to: string }
  | { readonly do: "remove" | "remove tree" | "mkdir" | "swap" | "fifo"; readonly path: string }
  | { readonly do: "link"; readonly path: string; readonly target: string }
  | { readonly do: "wait"; readonly millis: number }
  | { readonly do: "jump"; readonly millis: number }
  | { readonly do: "unmount" | "mount empty" | "mount"; readonly source: string }
  | {
      readonly do: "events"
      readonly drop: number
      readonly double: number
      readonly reorder: number
      readonly delay: number
      readonly queue: number
    }
  | { readonly do: "overflow" | "blind" | "unreadable" | "broken"; readonly path: string }
  | { readonly do: "kill watch"; readonly source: string }
  | { readonly do: "disk"; readonly vanishing: number; readonly latency: number }
  | { readonly do: "server fault"; readonly server: string; readonly fault: ServerFault }
  | { readonly do: "server"; readonly server: string; readonly up: boolean }
  | { readonly do: "latency"; readonly server: string; readonly maximum: number }
  | { readonly do: "capacity"; readonly server: string; readonly bytes: number }
  | { readonly do: "heal server"; readonly server: string }
  | { readonly do: "heal disk" | "heal events" | "retry all" }
  | { readonly do: "edit"; readonly edit: Edit }
  | { readonly do: "reload" | "crash" | "start" }
  | { readonly do: "confirm"; readonly source: string }

/** An operation, and how many steps of the process come before it. */
export interface Step {
  readonly after: number
  readonly operation: Operation
}

const directories = ["", "a/", "b/", "a/c/", "b/d e/", "x/", ".git/"]
const names = ["f.css", "g h.css", "i.txt", "j", "k.drop", "x", "c", "g-h.css", "m.txt"]

/** Operations after which only a reconcile can find what happened: a monitor that says nothing, a disk that hides files. */
export const needsReconcile = ({ operation }: Step): boolean =>
  (operation.do === "events" && operation.drop > 0) || ["blind", "unreadable", "broken"].includes(operation.do)

interface Flavour {
  readonly operations: number
  readonly disk: number
  readonly faults: number
  readonly events: number
  readonly servers: number
  readonly edits: number
  readonly crashes: number
  readonly mounts: number
  readonly time: number
}

/** Worlds differ in what happens much, so that each kind of trouble is met alone and with others. */
const someFlavour = (chance: Chance): Flavour => {
  const weight = (most: number) => (chance.happens(0.45) ? 0 : chance.next() * most)
  return {
    operations: 8 + chance.below(50),
    disk: 6,
    faults: weight(1),
    events: weight(1.5),
    servers: weight(3),
    edits: weight(1.5),
    crashes: weight(2),
    mounts: weight(0.9),
    time: 0.5 + chance.next() * 2,
  }
}

export const makeOperations = (chance: Chance): ReadonlyArray<Step> => {
  const flavour = someFlavour(chance)
  // Few names, so that operations meet.
  const pool = Array.from(
    { length: 2 + chance.below(8) },
    () => `/${chance.happens(0.75) ? "site" : "media"}/${chance.pick(directories)}${chance.pick(names)}`,
  )
  // Two names that chains make the same.
  if (chance.happens(0.25)) {
    const directory = `/${chance.pick(["site", "media", "media"])}/${chance.pick(directories)}`
    pool.push(`${directory}g h.css`, `${directory}g-h.css`)
  }
  let written = 0
  const file = () => chance.pick(pool)
  const directory = () => {
    const path = file()
    return path.slice(0, path.lastIndexOf("/"))
  }
  const text = () => {
    written++
    if (chance.happens(0.04)) return `${poison} ${written}`
    if (chance.happens(0.25)) return chance.pick(["same", "twin", ""])
    return `${written}:${"-".repeat(chance.below(90))}`
  }
  const any = () => (chance.happens(0.3) ? directory() : file())
  const source = () => chance.pick(sourceNames)
  const onDisk = (): Operation =>
    chance.weighted<() => Operation>([
      [10, () => ({ do: "write", path: file(), text: text() })],
      [2, () => ({ do: "begin", path: file(), text: text() })],
      [3, () => ({ do: "append", path: file(), text: text(), close: chance.happens(0.6) })],
      [2, () => ({ do: "scribble", path: file() })],
      [1, () => ({ do: "truncate", path: file(), size: chance.below(20) })],
      [2, () => ({ do: "touch", path: file() })],
      [1, () => ({ do: "touch back", path: file(), millis: 1_000 * (1 + chance.below(100_000)) + written })],
      [3, () => ({ do: "replace", path: file(), text: text() })],
      [1.5, () => ({ do: "set aside", path: file() })],
      [1.5, () => ({ do: "put back", path: file() })],
      [1, () => ({ do: "restore", path: file(), other: chance.happens(0.5) })],
      [5, () => ({ do: "rename", from: any(), to: any() })],
      [1, () => ({ do: "rename", from: any(), to: "/elsewhere/kept" })],
      [1, () => ({ do: "rename", from: "/elsewhere/kept", to: any() })],
      [4, () => ({ do: "remove", path: file() })],
      [1.5, () => ({ do: "remove tree", path: directory() })],
      [1, () => ({ do: "mkdir", path: any() })],
      [2, () => ({ do: "swap", path: file() })],
      [0.3, () => ({ do: "fifo", path: file() })],
      [1, () => ({ do: "link", path: file(), target: chance.happens(0.2) ? "/elsewhere/secret" : any() })],
    ])()
  const onServer = (): Operation => {
    const server = chance.pick(serverNames)
    const some = () => (chance.happens(0.7) ? { times: 1 + chance.below(4) } : { probability: 0.4 })
    const reason = chance.pick<TransportReason>([
      { _tag: "Unreachable" },
      { _tag: "Unauthorized" },
      { _tag: "Throttled" },
      { _tag: "Throttled", retryAfterMillis: 3_000 },
      { _tag: "OutOfSpace" },
      { _tag: "PermissionDenied" },
      { _tag: "NameRefused" },
      { _tag: "VerificationFailed" },
      { _tag: "SourceChanged" },
      { _tag: "Rejected" },
    ])
    return chance.weighted<() => Operation>([
      [4, () => ({ do: "server fault", server, fault: { fault: { _tag: "Fail", reason }, ...some() } })],
      [4, () => ({ do: "server fault", server, fault: { fault: { _tag: "AnswerLost" }, ...some() } })],
      [1, () => ({ do: "server fault", server, fault: { fault: { _tag: "Disconnect", afterBytes: 20 }, ...some() } })],
      [1.5, () => ({ do: "server fault", server, fault: { fault: { _tag: "Hang" }, times: 1 + chance.below(6) } })],
      // Until it is healed.
      [
        2,
        () => {
          const operations = [chance.pick(["put", "remove"] as const)]
          // A file that is said to have changed is looked at again at once, and would be without end.
          const lasting: TransportReason = reason._tag === "SourceChanged" ? { _tag: "Rejected" } : reason
          return { do: "server fault", server, fault: { fault: { _tag: "Fail", reason: lasting }, operations } }
        },
      ],
      [2, () => ({ do: "server", server, up: false })],
      [2, () => ({ do: "server", server, up: true })],
      [1, () => ({ do: "latency", server, maximum: chance.pick([5, 500, 20_000]) })],
      [1, () => ({ do: "capacity", server, bytes: chance.pick([50, 200, 1_000]) })],
      [3, () => ({ do: "heal server", server })],
    ])()
  }
  const onEvents = (): Operation =>
    chance.weighted<() => Operation>([
      [
        3,
        () => ({
          do: "events",
          drop: chance.pick([0, 0, 0.2, 1]),
          double: chance.pick([0, 0.5]),
          reorder: chance.pick([0, 0.5]),
          delay: chance.pick([0, 0, 50, 3_000]),
          queue: chance.pick([1, 3, 1_000]),
        }),
      ],
      [2, () => ({ do: "overflow", path: chance.happens(0.3) ? "/" : directory() })],
      [1, () => ({ do: "kill watch", source: source() })],
      [1, () => ({ do: "blind", path: directory() })],
      [2, () => ({ do: "heal events" })],
    ])()
  const faulty = (): Operation =>
    chance.weighted<() => Operation>([
      [1, () => ({ do: "unreadable", path: any() })],
      [1, () => ({ do: "broken", path: any() })],
      [2, () => ({ do: "disk", vanishing: chance.pick([0, 0.3]), latency: chance.pick([0, 5, 300]) })],
      [2, () => ({ do: "heal disk" })],
    ])()
  const operation = (): Operation =>
    chance.weighted<() => Operation>([
      [flavour.disk, onDisk],
      [flavour.faults, faulty],
      [flavour.events, onEvents],
      [flavour.servers, onServer],
      [flavour.edits, () => ({ do: "edit", edit: someEdit(chance) })],
      [flavour.edits * 0.7, () => ({ do: "reload" })],
      [flavour.crashes, () => ({ do: chance.pick(["crash", "crash", "start"]) })],
      [
        flavour.mounts,
        () => ({ do: chance.pick(["unmount", "unmount", "mount empty", "mount", "mount"] as const), source: source() }),
      ],
      [0.1, () => ({ do: "retry all" })],
      [flavour.mounts * 0.2, () => ({ do: "confirm", source: source() })],
      [flavour.time, () => ({ do: "wait", millis: chance.pick([5, 60, 300, 1_500, 6_000, 30_000, 90_000]) })],
      [flavour.time * 0.1, () => ({ do: "jump", millis: chance.pick([1_000, 60_000, 3_600_000, 86_400_000]) })],
    ])()
  const after = () =>
    chance.weighted([
      [4, 0],
      [4, chance.below(12)],
      [3, chance.below(80)],
      [1, 1_000],
    ])
  /** What people do next, more often than chance would have it. */
  const followUp = (operation: Operation): ReadonlyArray<Step> => {
    if (operation.do === "set aside" && chance.happens(0.7)) {
      return [{ after: chance.below(25), operation: { do: "put back", path: operation.path } }]
    }
    if (operation.do === "server fault" && operation.fault.fault._tag === "AnswerLost" && chance.happens(0.4)) {
      const path = file()
      return [
        { after: 20, operation: { do: "set aside", path } },
        { after: chance.below(25), operation: { do: "put back", path } },
      ]
    }
    if (operation.do === "edit" && operation.edit.kind.startsWith("remove") && chance.happens(0.4)) {
      return [
        { after: 0, operation: { do: "remove", path: file() } },
        { after: 0, operation: { do: "reload" } },
      ]
    }
    return []
  }
  const reliable = chance.happens(0.4)
  return Array.from({ length: flavour.operations }, (): ReadonlyArray<Step> => {
    const step = { after: after(), operation: operation() }
    return [step, ...followUp(step.operation)]
  })
    .flat()
    .filter((step) => !reliable || !needsReconcile(step))
}

/** An operation that the disk refuses did not happen. */
const attempt = (world: World, effect: Effect.Effect<unknown, unknown>): boolean =>
  world.run(Effect.match(effect, { onFailure: () => false, onSuccess: () => true }))

const isRoot = (path: string): boolean => path.lastIndexOf("/") === 0

const restore = (world: World, path: string, other: boolean): void => {
  const node = world.disk.at(path)
  if (node?.kind !== "file") return
  const { mtimeNs } = node
  const bytes = node.bytes.slice()
  if (other && bytes.length > 0) bytes[bytes.length - 1] = 35 + ((bytes[bytes.length - 1] ?? 0) % 60)
  attempt(world, world.disk.write("/elsewhere/restored", bytes))
  attempt(world, world.disk.touch("/elsewhere/restored", mtimeNs))
  attempt(world, world.disk.rename("/elsewhere/restored", path))
}

/** Changes the last bytes in place, as a database does. */
const scribble = (world: World, path: string): void => {
  const node = world.disk.at(path)
  if (node?.kind !== "file" || node.bytes.length === 0) return
  const bytes = node.bytes.slice()
  bytes[bytes.length - 1] = 35 + ((bytes[bytes.length - 1] ?? 0) % 60)
  attempt(world, world.disk.write(path, bytes))
}

const swap = (world: World, path: string): void => {
  if (world.disk.at(path)?.kind === "directory") {
    attempt(world, world.disk.rmdir(path, { recursive: true }))
    attempt(world, world.disk.write(path, "was a directory"))
  } else {
    attempt(world, world.disk.remove(path))
    attempt(world, world.disk.write(`${path}/n.css`, "was a file"))
  }
}

const faultName = (fault: ServerFault): string =>
  fault.fault._tag === "Fail" ? fault.fault.reason._tag : fault.fault._tag

/** Files of a source, however deep. */
const present = (world: World, source: string): Set<string> => new Set(world.run(world.disk.files(`/${source}`)).keys())

/** Does what is not about the process itself. */
export const perform = (world: World, operation: Operation): void => {
  const { disk, servers, watcher } = world
  switch (operation.do) {
    case "write":
      return void attempt(world, disk.write(operation.path, operation.text))
    case "begin":
      return void attempt(world, disk.write(operation.path, operation.text, { close: false }))
    case "append":
      return void attempt(world, disk.append(operation.path, operation.text, { close: operation.close }))
    case "truncate":
      return void attempt(world, disk.truncate(operation.path, operation.size))
    case "touch":
      return void attempt(world, disk.touch(operation.path))
    case "scribble":
      return scribble(world, operation.path)
    // The very version that was there before another, as a deployment that is taken back.
    case "set aside":
      if (world.disk.at(`/aside${operation.path}`) !== undefined) return
      if (!attempt(world, disk.rename(operation.path, `/aside${operation.path}`))) return
      return void attempt(world, disk.write(operation.path, `instead of ${operation.path}`))
    case "put back":
      return void attempt(world, disk.rename(`/aside${operation.path}`, operation.path))
    case "touch back":
      return void attempt(
        world,
        disk.touch(operation.path, BigInt(world.engine.wallTime - operation.millis) * 1_000_000n),
      )
    case "replace":
      attempt(world, disk.write(`${operation.path}~`, operation.text))
      return void attempt(world, disk.rename(`${operation.path}~`, operation.path))
    case "restore":
      return restore(world, operation.path, operation.other)
    case "rename":
      if (isRoot(operation.from) || isRoot(operation.to)) return
      return void attempt(world, disk.rename(operation.from, operation.to))
    case "remove":
      return void attempt(world, disk.remove(operation.path))
    case "remove tree":
      if (isRoot(operation.path)) return
      return void attempt(world, disk.rmdir(operation.path, { recursive: true }))
    case "mkdir":
      return void attempt(world, disk.mkdir(operation.path))
    case "swap":
      return swap(world, operation.path)
    case "fifo":
      return void attempt(world, disk.fifo(operation.path))
    case "link":
      return void attempt(world, disk.symlink(operation.target, operation.path))
    case "wait":
      return world.engine.advance(operation.millis)
    case "jump":
      count(world, "clock jumps")
      return world.engine.jump(operation.millis)
    case "unmount": {
      if (world.away.has(operation.source)) return
      const before = present(world, operation.source)
      if (!attempt(world, disk.rename(`/${operation.source}`, `/away/${operation.source}`))) return
      count(world, "sources taken away")
      world.away.set(operation.source, before)
      return void world.confirmed.delete(operation.source)
    }
    case "mount empty":
      if (world.away.has(operation.source)) attempt(world, disk.mkdir(`/${operation.source}`))
      return
    case "mount":
      return mount(world, operation.source)
    case "events": {
      const { do: _, ...faults } = operation
      count(world, "watch faults")
      return world.run(watcher.setFaults(faults))
    }
    case "overflow":
      count(world, "overflows")
      return world.run(watcher.overflow(operation.path))
    case "kill watch":
      count(world, "watch faults")
      return killWatch(world, operation.source)
    case "blind":
      count(world, "watch faults")
      return world.run(watcher.setFaults({ blind: new Set([operation.path]) }))
    case "unreadable":
      count(world, "disk faults")
      return world.run(disk.setFaults({ unreadable: new Set([operation.path]) }))
    case "broken":
      count(world, "disk faults")
      return world.run(disk.setFaults({ broken: new Set([operation.path]) }))
    case "disk":
      count(world, "disk faults")
      return world.run(disk.setFaults({ vanishing: operation.vanishing, latency: operation.latency }))
    case "server fault":
      count(world, `server: ${faultName(operation.fault)}`)
      return world.run(servers.get(operation.server).inject(operation.fault))
    case "server":
      if (!operation.up) count(world, "server: down")
      return world.run(servers.get(operation.server).set({ up: operation.up }))
    case "latency":
      count(world, "server: slow")
      return world.run(servers.get(operation.server).set({ latency: { minimum: 0, maximum: operation.maximum } }))
    case "capacity":
      count(world, "server: full")
      return world.run(servers.get(operation.server).set({ capacity: operation.bytes }))
    case "heal server":
      return world.run(servers.get(operation.server).heal)
    case "heal disk":
      return healDisk(world)
    case "heal events":
      return healEvents(world)
    case "edit":
      count(world, "config edits")
      world.config = edited(world.config, operation.edit)
      return
    case "reload":
    case "crash":
    case "start":
    case "retry all":
    case "confirm":
      return
  }
}

const killWatch = (world: World, source: string): void =>
  world.run(world.watcher.kill({ name: source, root: `/${source}` } as never, "the monitor died"))

export const healDisk = (world: World): void =>
  world.run(world.disk.setFaults({ unreadable: new Set(), broken: new Set(), vanishing: 0, latency: 0 }))

export const healEvents = (world: World): void =>
  world.run(world.watcher.setFaults({ drop: 0, double: 0, reorder: 0, delay: 0, blind: new Set(), queue: 1_000 }))

/** A source that was taken away is put back. */
export const mount = (world: World, source: string): void => {
  if (!world.away.has(source)) return
  attempt(world, world.disk.rmdir(`/${source}`, { recursive: true }))
  attempt(world, world.disk.rename(`/away/${source}`, `/${source}`))
  world.away.delete(source)
}

/** An operation in words. */
export const describe = (operation: Operation): string => {
  const { do: what, ...rest } = operation
  const words = Object.entries(rest).map(([name, value]) => {
    const text = typeof value === "string" ? value : JSON.stringify(value)
    return `${name} ${text.length > 70 ? `${text.slice(0, 60)}... (${text.length})` : text}`
  })
  return [what, ...words].join(", ")
}
