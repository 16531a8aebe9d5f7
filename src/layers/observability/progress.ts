/**
 * The progress of the first sync: one line at the bottom of a terminal, and nothing where nobody looks.
 *
 * @since 1.0.0
 */
import { MultiBar } from "cli-progress"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { PROGRESS_FPS } from "../../domain/Limits.ts"
import { StandardError } from "./standardError.ts"
import { count, duration } from "./words.ts"

/** How far the work is, in files. `total` may grow while directories are still being listed. */
export interface Progress {
  readonly done: number
  readonly total: number
}

const BAR_WIDTH = 24
// The pace is that of the last ten seconds.
const PACE_SAMPLES = 10 * PROGRESS_FPS

/** What is known when the line is drawn. `eta` in seconds, undefined while it can not be told. */
export interface Drawing extends Progress {
  readonly elapsedMillis: number
  readonly eta: number | undefined
}

/** The progress line: a bar, files done and in all, files a second, the time that is left. */
export const progressText = (drawing: Drawing): string => {
  const { done, total, elapsedMillis, eta } = drawing
  const share = total === 0 ? 1 : Math.min(1, done / total)
  const filled = Math.floor(share * BAR_WIDTH)
  const bar = `[${"#".repeat(filled)}${".".repeat(BAR_WIDTH - filled)}]`
  const rate = elapsedMillis < 100 ? 0 : (done * 1000) / elapsedMillis
  const pace = `${rate < 10 ? rate.toFixed(1) : count(rate)}/s`
  const left = done >= total || eta === undefined ? "" : `, ${duration(eta * 1000)} left`
  return `${bar} ${count(done)} of ${count(total)} files, ${pace}${left}`
}

/**
 * Shows these values until the stream ends or fails or the effect is interrupted, then clears the line. Where standard
 * error is not a terminal the values are taken and nothing is written.
 */
export const showProgress = <E, R>(values: Stream.Stream<Progress, E, R>): Effect.Effect<void, E, R | StandardError> =>
  Effect.gen(function* () {
    const standardError = yield* StandardError
    if (!standardError.isTerminal) return yield* Stream.runDrain(values)
    const bar = yield* Effect.acquireRelease(
      Effect.sync(() => {
        const bars = new MultiBar({
          stream: standardError.stream,
          fps: PROGRESS_FPS,
          etaBuffer: PACE_SAMPLES,
          etaAsynchronousUpdate: true,
          clearOnComplete: true,
          linewrap: true,
          forceRedraw: true,
          gracefulExit: false,
          format: (_, { value, total, startTime, eta }) =>
            progressText({
              done: value,
              total,
              elapsedMillis: Date.now() - startTime,
              eta: Number.isFinite(Number(eta)) ? Number(eta) : undefined,
            }),
        })
        const bar = bars.create(0, 0)
        // The bar is drawn in the cursor's row, so drawing it anew puts it below what was just written.
        standardError.setFooter({ redraw: () => bars.update() })
        return { bars, bar }
      }),
      ({ bars }) =>
        Effect.sync(() => {
          standardError.setFooter(undefined)
          bars.stop()
        }),
    )
    yield* Stream.runForEach(values, ({ done, total }) =>
      Effect.sync(() => {
        bar.bar.setTotal(total)
        bar.bar.update(done)
      }),
    )
  }).pipe(Effect.scoped)
