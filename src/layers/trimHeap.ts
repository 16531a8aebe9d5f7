/**
 * Gives memory back after a scan. The young generation of the heap grows to tens of megabytes while a whole tree is
 * listed; the engine shrinks it at its next full collection, which for a program that then has nothing to do may come
 * hours later.
 *
 * @since 1.0.0
 */
import { setFlagsFromString } from "node:v8"
import { runInNewContext } from "node:vm"
import * as Effect from "effect/Effect"

/** The engine's own collector; undefined where it can not be had. */
const collector = (): (() => void) | undefined => {
  setFlagsFromString("--expose-gc")
  const collect: unknown = runInNewContext("globalThis.gc")
  // Only the context made above has it: no other code may call it.
  setFlagsFromString("--no-expose-gc")
  return typeof collect === "function" ? () => void Reflect.apply(collect, undefined, []) : undefined
}

/** Collects garbage once; takes some tens of milliseconds. */
export const trimHeap: Effect.Effect<void> = Effect.sync(() => collector()?.())
