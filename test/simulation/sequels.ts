/**
 * What people do next, and what goes wrong next, more often than chance would have it: an operation is followed soon by one
 * that may make trouble with it.
 */
import type { TransportReason } from "../../src/domain/Errors.ts"
import { packedSuffix, serverNames } from "./config.ts"
import type { Files } from "./files.ts"
import type { Operation, Step } from "./operations.ts"
import type { Chance } from "./random.ts"

export interface Sequels {
  /** What follows this operation; in most cases nothing. */
  readonly after: (operation: Operation) => ReadonlyArray<Step>
  /** Many files change while the program does not run. */
  readonly deploy: () => ReadonlyArray<Step>
}

const now = (operation: Operation): Step => ({ after: 0, operation })
const wait = (millis: number): Step => now({ do: "wait", millis })

export const makeSequels = (chance: Chance, files: Files): Sequels => {
  const { crowd, file, pool, text } = files
  const soon = (most: number, operation: Operation): Step => ({ after: chance.below(most), operation })
  const write = (path: string): Operation => ({ do: "write", path, text: text(path) })
  const sometimes = (probability: number, ...steps: ReadonlyArray<Step>): ReadonlyArray<Step> =>
    chance.happens(probability) ? steps : []

  const deploy = (): ReadonlyArray<Step> => {
    // All of it, or what was added.
    const share = chance.happens(0.4) ? 1 : 0.6
    const some = (paths: ReadonlyArray<string>) => paths.filter(() => share === 1 || chance.happens(share))
    return [
      now({ do: "crash" }),
      ...some(pool).map((path) => now(write(path))),
      ...some(crowd).map((path) => now({ do: "write", path, text: files.short(path) })),
      // What was just written may still be written.
      wait(chance.happens(0.8) ? 30_000 : 5),
      now({ do: "start" }),
    ]
  }

  /** When the one that stood in for it may have been sent. */
  const putBack = (path: string): Step => ({
    after: 10 + chance.below(80),
    operation: { do: "put back", path },
  })

  /** What this server is sent next arrives, and its answer does not. */
  const lost = (server: string): Step =>
    now({
      do: "server fault",
      server,
      fault: { fault: { _tag: "AnswerLost" }, operations: ["put"], times: 1 + chance.below(3) },
    })

  /** The version of before, while nobody knows what the server holds. */
  const takeBack = (path: string): ReadonlyArray<Step> => [
    { after: 20, operation: { do: "set aside", path } },
    putBack(path),
  ]

  /** A deployment whose answers get lost is given up: some of its files are gone before anybody tries them again. */
  const giveUp = (): ReadonlyArray<Step> => [
    ...deploy(),
    { after: 30 + chance.below(400), operation: { do: "wait", millis: 5 } },
    ...(crowd.length > 0 ? crowd : pool).filter(() => chance.happens(0.6)).map((path) => now({ do: "remove", path })),
  ]

  /** The source goes away in the moment after somebody said that what is missing was meant to go. */
  const goAway = (source: string): ReadonlyArray<Step> => [
    ...sometimes(0.5, now({ do: "server", server: chance.pick(serverNames), up: false })),
    soon(20, { do: "unmount", source }),
    ...sometimes(0.7, now({ do: "mount empty", source })),
    soon(40, { do: "wait", millis: chance.pick([60, 1_500, 90_000]) }),
  ]

  /** Files are deleted or written as the config is edited: the program that is started then is the first to see both. */
  const editedMeanwhile = (source: string | undefined): ReadonlyArray<Step> => [
    ...Array.from({ length: 1 + chance.below(2) }, () => {
      const path = files.which((one) => source !== undefined && one.startsWith(`/${source}/`)) ?? file()
      return now(chance.pick<Operation>([{ do: "remove", path }, { do: "touch", path }, write(path)]))
    }),
    now({ do: "reload" }),
    ...sometimes(0.4, soon(20, { do: "crash" }), now({ do: "start" })),
  ]

  /** A link into a directory, which is moved or removed as a whole when the link was published. */
  const linked = (): ReadonlyArray<Step> => {
    const target = file()
    const directory = target.slice(0, target.lastIndexOf("/"))
    if (directory.lastIndexOf("/") === 0) return []
    return [
      now(write(target)),
      now({ do: "link", path: `/${target.split("/")[1]}/${chance.pick(["s.css", "t.txt", "u.png"])}`, target }),
      wait(30_000),
      now(
        chance.happens(0.5)
          ? { do: "remove tree", path: directory }
          : { do: "rename", from: directory, to: "/elsewhere/kept" },
      ),
      soon(80, { do: "wait", millis: chance.pick([60, 30_000]) }),
      ...sometimes(0.3, now({ do: "rename", from: "/elsewhere/kept", to: directory })),
    ]
  }

  /** Somebody puts a packed form beside a file, and takes it away again. */
  const packedByHand = (path: string): ReadonlyArray<Step> => [
    wait(chance.pick([60, 6_000])),
    now(write(`${path}${packedSuffix}`)),
    wait(chance.pick([60, 1_500, 6_000])),
    ...sometimes(0.6, soon(20, { do: "remove", path: `${path}${packedSuffix}` })),
  ]

  /** A server that was down is short of breath when it is back. */
  const comeBack = (server: string): ReadonlyArray<Step> => {
    const reason: TransportReason = { _tag: "Throttled" }
    return [
      now(write(file())),
      wait(chance.pick([1_500, 6_000])),
      now({ do: "server fault", server, fault: { fault: { _tag: "Fail", reason }, operations: ["put"] } }),
      now({ do: "server", server, up: true }),
      wait(chance.pick([6_000, 30_000])),
      now({ do: "heal server", server }),
    ]
  }

  /** A deletion waits for a server while the source goes away and comes back. */
  const deletedMeanwhile = (server: string): ReadonlyArray<Step> => {
    const path = file()
    const source = path.split("/")[1]!
    return [
      now({ do: "remove", path }),
      wait(chance.pick([1_500, 6_000])),
      now({ do: "unmount", source }),
      ...sometimes(0.7, now({ do: "mount empty", source })),
      wait(chance.pick([60, 1_500, 6_000])),
      now({ do: "mount", source }),
      soon(20, { do: "server", server, up: true }),
    ]
  }

  const after = (operation: Operation): ReadonlyArray<Step> => {
    switch (operation.do) {
      case "set aside":
        return chance.happens(0.4)
          ? [lost(chance.pick(serverNames)), putBack(operation.path)]
          : sometimes(0.6, soon(25, { do: "put back", path: operation.path }))
      case "server fault":
        if (operation.fault.fault._tag !== "AnswerLost" || !chance.happens(0.6)) return []
        return chance.happens(0.6) ? takeBack(file()) : giveUp()
      case "server":
        if (operation.up || !chance.happens(0.4)) return []
        return chance.happens(0.5) ? comeBack(operation.server) : deletedMeanwhile(operation.server)
      case "confirm":
        return chance.happens(0.7) ? goAway(operation.source) : []
      case "edit":
        if (!/^(remove|withdraw)/.test(operation.edit.kind) || !chance.happens(0.6)) return []
        return editedMeanwhile("source" in operation.edit ? operation.edit.source : undefined)
      case "link":
        return chance.happens(0.6) ? linked() : []
      case "write":
      case "replace": {
        // A deployment touches what it does not change.
        const sheet = operation.path.endsWith(".png") ? files.which((path) => path.endsWith(".css")) : undefined
        if (sheet !== undefined) return sometimes(0.5, soon(30, { do: "touch", path: sheet }))
        return chance.happens(0.06) ? packedByHand(operation.path) : []
      }
      default:
        return []
    }
  }

  return { after, deploy }
}
