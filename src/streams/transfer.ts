/**
 * Moves bytes to servers: how many at once over all of them, and how fast.
 *
 * @since 1.0.0
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Semaphore from "effect/Semaphore"
import type { TransporterShape } from "../domain/Transporter.ts"

/** A decorator: the same transporter, taking its turn with all others. */
export type Decorator = (transporter: TransporterShape) => TransporterShape

type PutMany = NonNullable<TransporterShape["putMany"]>

/** Decorates `putMany` where there is one. */
const withMany = (
  { putMany }: TransporterShape,
  decorate: (putMany: PutMany, files: Parameters<PutMany>[0]) => ReturnType<PutMany>,
): Pick<TransporterShape, "putMany"> => (putMany === undefined ? {} : { putMany: (files) => decorate(putMany, files) })

/** No more than `permits` operations at once. */
export const limited = (permits: Semaphore.Semaphore): Decorator => {
  const turn = Semaphore.withPermit(permits)
  return (transporter) => ({
    ...transporter,
    put: (file, to) => turn(transporter.put(file, to)),
    remove: (at) => turn(transporter.remove(at)),
    ...withMany(transporter, (putMany, files) => turn(putMany(files))),
  })
}

/** No more than `bytesPerSecond` on average: a file waits until those before it have had their time. */
export const makePaced = Effect.fnUntraced(function* (bytesPerSecond: number): Effect.fn.Return<Decorator> {
  const clock = yield* Clock.Clock
  let freeAt = 0
  const wait = (size: number) =>
    Effect.suspend(() => {
      const now = clock.currentTimeMillisUnsafe()
      const start = Math.max(now, freeAt)
      freeAt = start + (size * 1000) / bytesPerSecond
      return start > now ? Effect.sleep(start - now) : Effect.void
    })
  return (transporter) => ({
    ...transporter,
    put: (file, to) => Effect.andThen(wait(file.content.size), transporter.put(file, to)),
    ...withMany(transporter, (putMany, files) =>
      Effect.andThen(wait(files.reduce((sum, { file }) => sum + file.content.size, 0)), putMany(files)),
    ),
  })
})
