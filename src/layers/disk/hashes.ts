/**
 * Hashes of files on disk. Those of small files that are asked for in one turn go to a disk worker together: their names
 * would cost more on the way than their bytes there.
 *
 * @since 1.0.0
 */
import * as Effect from "effect/Effect"
import * as FiberSet from "effect/FiberSet"
import type * as Scope from "effect/Scope"
import { BATCH_FILE_BYTES, HASHES_TOGETHER } from "../../domain/Limits.ts"
import { DiskError } from "./DiskError.ts"
import type { DiskWorkers } from "./DiskWorkers.ts"
import type { Algorithm, Input, Original } from "./protocol.ts"

export type Hash = (original: Original, algorithm: Algorithm) => Effect.Effect<string, DiskError>

/** Somebody who waits for a hash. */
interface Waiting {
  readonly original: Original
  readonly resume: (answer: Effect.Effect<string, DiskError>) => void
}

/** Files of one source for one kind of hash. */
interface Group {
  readonly guard: Original["guard"]
  readonly algorithm: Algorithm
  readonly waiting: Set<Waiting>
}

const packed = ({ algorithm, guard }: Group, waiting: ReadonlyArray<Waiting>): Input<"hashMany"> => ({
  algorithm,
  guard,
  locations: waiting.map(({ original }) => original.location).join("\0"),
  sizes: Float64Array.from(waiting, ({ original }) => original.version.size),
  mtimes: BigInt64Array.from(waiting, ({ original }) => original.version.mtimeNs),
  inodes: BigUint64Array.from(waiting, ({ original }) => original.version.inode),
})

const lost = new DiskError({ code: "Crashed", detail: "the file system work was lost" })

/** Hashes by these workers. What is waited for when the Scope closes is given up. */
export const makeHashes = Effect.fnUntraced(function* (
  disk: DiskWorkers["Service"],
): Effect.fn.Return<Hash, never, Scope.Scope> {
  const fork = yield* FiberSet.makeRuntime<never>()
  let groups: Array<Group> = []

  const ask = Effect.fnUntraced(function* (group: Group, waiting: ReadonlyArray<Waiting>) {
    const answers = yield* Effect.result(disk.run("hashMany", packed(group, waiting)))
    waiting.forEach(({ resume }, index) => {
      const answer = answers._tag === "Success" ? answers.success[index] : answers.failure
      if (typeof answer === "string") resume(Effect.succeed(answer))
      else resume(Effect.fail(answer === undefined ? lost : new DiskError({ ...answer })))
    })
  })

  const flush = () => {
    const gathered = groups
    groups = []
    for (const group of gathered) {
      const waiting = [...group.waiting]
      for (let at = 0; at < waiting.length; at += HASHES_TOGETHER) {
        fork(ask(group, waiting.slice(at, at + HASHES_TOGETHER)))
      }
    }
  }

  return (original, algorithm) => {
    const { guard } = original
    if (original.version.size > BATCH_FILE_BYTES) return disk.run("hash", { original, algorithm })
    return Effect.callback<string, DiskError>((resume) => {
      if (groups.length === 0) queueMicrotask(flush)
      let group = groups.find((one) => one.guard === guard && one.algorithm === algorithm)
      if (group === undefined) groups.push((group = { guard, algorithm, waiting: new Set() }))
      const { waiting } = group
      const one: Waiting = { original, resume }
      waiting.add(one)
      return Effect.sync(() => waiting.delete(one))
    })
  }
})
