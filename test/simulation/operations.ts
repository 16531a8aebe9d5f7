/** What happens to a world: people and programs at work on its disk, faults, edits of the config, crashes. */
import type { TransportReason } from "../../src/domain/Errors.ts"
import type { ServerFault } from "../../src/testing.ts"
import { type Edit, serverNames, someEdit, sourceNames } from "./config.ts"
import { makeFiles } from "./files.ts"
import type { Chance } from "./random.ts"
import { makeSequels } from "./sequels.ts"

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
  const files = makeFiles(chance)
  const { any, crowd, directory, file, text } = files
  const withText = <A extends string>(what: A) => {
    const path = file()
    return { do: what, path, text: text(path) }
  }
  const source = () => chance.pick(sourceNames)
  const onDisk = (): Operation =>
    chance.weighted<() => Operation>([
      [10, () => withText("write")],
      [2, () => withText("begin")],
      [3, () => ({ ...withText("append"), close: chance.happens(0.6) })],
      [2, () => ({ do: "scribble", path: file() })],
      [1, () => ({ do: "truncate", path: file(), size: chance.below(20) })],
      [2, () => ({ do: "touch", path: file() })],
      [1, () => ({ do: "touch back", path: file(), millis: 1_000 * (1 + chance.below(100_000)) + files.written() })],
      [3, () => withText("replace")],
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
      [flavour.mounts * 0.3, () => ({ do: "confirm", source: source() })],
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
  const sequels = makeSequels(chance, files)
  const reliable = chance.happens(0.4)
  const steps = Array.from({ length: flavour.operations }, (): ReadonlyArray<Step> => {
    const step = { after: after(), operation: operation() }
    return [step, ...sequels.after(step.operation)]
  })
    .flat()
    .filter((step) => !reliable || !needsReconcile(step))
  const isCrowded = crowd.length > 0
  if (isCrowded && chance.happens(0.5)) steps.splice(chance.below(steps.length), 0, ...sequels.deploy())
  return isCrowded || chance.happens(0.1) ? [...sequels.deploy(), ...steps] : steps
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
