/** Does in a world what an operation says. */
import { Effect } from "effect"
import type { ServerFault } from "../../src/testing.ts"
import { edited } from "./config.ts"
import type { Operation } from "./operations.ts"
import { count, type World } from "./world.ts"

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

/** What was made within so many steps may have been missing when it was looked for. */
const JUST_NOW = 300

/** The sizes of the files of a source, however deep. */
const present = (world: World, source: string): Map<string, number> =>
  new Map(
    Array.from(world.run(world.disk.files(`/${source}`)), ([path, { length }]): [string, number] => [
      path,
      length,
    ]).filter(([path]) => world.engine.steps - (world.madeAt.get(`/${source}/${path}`) ?? 0) > JUST_NOW),
  )

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
