/**
 * The signals that concern a daemon.
 *
 * @since 1.0.0
 */
import process from "node:process"
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import * as Stream from "effect/Stream"
import { SIGNALS_PENDING } from "../domain/Limits.ts"

/** SIGTERM and SIGINT ask to stop, SIGHUP to read the config again. */
export type Signal = "SIGTERM" | "SIGINT" | "SIGHUP"

const all: ReadonlyArray<Signal> = ["SIGTERM", "SIGINT", "SIGHUP"]

/** The signals this process gets, as they come. While the stream runs they have no other effect. Never ends. */
export const signals: Stream.Stream<Signal> = Stream.callback<Signal>(
  (queue) =>
    Effect.acquireRelease(
      Effect.sync(() => {
        const listeners = all.map((signal) => ({ signal, listener: () => void Queue.offerUnsafe(queue, signal) }))
        for (const { signal, listener } of listeners) process.on(signal, listener)
        return listeners
      }),
      (listeners) =>
        Effect.sync(() => {
          for (const { signal, listener } of listeners) process.off(signal, listener)
        }),
    ),
  { bufferSize: SIGNALS_PENDING, strategy: "sliding" },
)
