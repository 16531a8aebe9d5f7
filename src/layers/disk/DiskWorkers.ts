/**
 * File system work, done by threads of its own with synchronous calls: for many small files that is much faster than the
 * platform's asynchronous calls, and a disk that does not answer blocks a thread instead of the program.
 *
 * @since 1.0.0
 */
import { availableParallelism } from "node:os"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { DISK_CANCEL_WAIT, DISK_SMALL, DISK_WORKERS } from "../../domain/Limits.ts"
import { workerEntry } from "../workerEntry.ts"
import { DiskError } from "./DiskError.ts"
import { Pool } from "./pool.ts"
import type { Input, Operation, Output } from "./protocol.ts"
import type { Outcome } from "./thread.ts"

export class DiskWorkers extends Context.Service<
  DiskWorkers,
  {
    /**
     * Does an operation (see {@link ./protocol.ts}). Interruption gives it up: what was not begun is dropped, what was
     * stops at the next point at which nothing is left behind, and interruption waits for that for a while.
     */
    readonly run: <O extends Operation>(operation: O, input: Input<O>) => Effect.Effect<Output<O>, DiskError>
    /** How many threads run now. */
    readonly threads: Effect.Effect<number>
  }
>()("file-conveyor/layers/disk/DiskWorkers") {}

/** How many threads, and which module they run; both have defaults. */
export interface DiskWorkersOptions {
  readonly size?: number
  readonly entry?: URL
}

const bytesOf = (input: Input<Operation>): number =>
  "sizes" in input
    ? input.sizes.length * DISK_SMALL
    : "from" in input
      ? input.from.version.size
      : "algorithm" in input
        ? input.original.version.size
        : 0

const run =
  (pool: Pool): DiskWorkers["Service"]["run"] =>
  <O extends Operation>(operation: O, input: Input<O>) =>
    Effect.callback<Output<O>, DiskError>((resume) => {
      let over = (outcome: Outcome) =>
        resume(outcome.ok ? Effect.succeed(outcome.value as Output<O>) : Effect.fail(new DiskError({ ...outcome.why })))
      const ticket = pool.submit(operation, input, bytesOf(input), (outcome) => over(outcome))
      return Effect.callback<void>((resume) => {
        if (pool.cancel(ticket)) return resume(Effect.void)
        const timer = setTimeout(() => resume(Effect.void), DISK_CANCEL_WAIT)
        over = () => {
          clearTimeout(timer)
          resume(Effect.void)
        }
      })
    })

/** Disk workers that end with the Scope. They start when they are needed. */
export const layerDiskWorkers = (options?: DiskWorkersOptions): Layer.Layer<DiskWorkers> =>
  Layer.effect(
    DiskWorkers,
    Effect.map(
      Effect.acquireRelease(
        Effect.sync(
          () =>
            new Pool({
              entry: options?.entry ?? workerEntry("layers/disk/disk.worker"),
              size: Math.max(1, options?.size ?? Math.min(DISK_WORKERS, availableParallelism())),
              started: Math.round(performance.timeOrigin),
            }),
        ),
        (pool) => Effect.promise(() => pool.close()),
      ),
      (pool) => DiskWorkers.of({ run: run(pool), threads: Effect.sync(() => pool.threads) }),
    ),
  )
