/**
 * The edge for programs that do not use Effect: streams as Observables, and back.
 *
 * @since 1.0.0
 */
import * as Cause from "effect/Cause"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Queue from "effect/Queue"
import * as Stream from "effect/Stream"
import { Observable } from "rxjs"

/** An Observable ended with an error; `cause` is what it gave. */
export class ObservableFailed extends Data.TaggedError("ObservableFailed")<{ readonly cause: unknown }> {
  override get message(): string {
    return this.cause instanceof Error ? this.cause.message : String(this.cause)
  }
}

/**
 * An Observable gave more than its reader could take. What fitted was read before this error; to go on without a gap,
 * look at the source of the values again (for hints: scan).
 */
export class ObservableOverflowed extends Data.TaggedError("ObservableOverflowed")<{ readonly bufferSize: number }> {
  override get message(): string {
    return `more than ${this.bufferSize} values were waiting to be read`
  }
}

/**
 * A stream as a cold Observable: each subscription runs the stream once, unsubscribing interrupts it. A failure of the
 * stream arrives as `error` with the typed error, a defect with what was thrown. The stream is pulled as fast as the
 * subscriber returns, so nothing is buffered in between.
 */
export const toObservable = <A, E>(stream: Stream.Stream<A, E>): Observable<A> =>
  new Observable<A>((subscriber) => {
    const fiber = Effect.runFork(Stream.runForEach(stream, (value) => Effect.sync(() => subscriber.next(value))))
    fiber.addObserver((exit) => {
      if (Exit.isSuccess(exit)) subscriber.complete()
      else if (!Cause.hasInterruptsOnly(exit.cause)) subscriber.error(Cause.squash(exit.cause))
      else subscriber.complete()
    })
    return () => fiber.interruptUnsafe()
  })

/**
 * An Observable as a stream: subscribed to while the stream runs, unsubscribed when it ends or is interrupted. An
 * Observable can not be asked to wait, so at most `bufferSize` values are kept for a slow reader; one more fails the
 * stream with ObservableOverflowed after those, rather than losing values in silence. An `error` of the Observable fails
 * it with ObservableFailed.
 */
export const fromObservable = <A>(
  observable: Observable<A>,
  options: { readonly bufferSize: number },
): Stream.Stream<A, ObservableFailed | ObservableOverflowed> =>
  Stream.callback<A, ObservableFailed | ObservableOverflowed>(
    (queue) =>
      Effect.acquireRelease(
        Effect.sync(() =>
          observable.subscribe({
            next: (value) => {
              if (Queue.offerUnsafe(queue, value)) return
              Queue.failCauseUnsafe(queue, Cause.fail(new ObservableOverflowed({ bufferSize: options.bufferSize })))
            },
            error: (cause: unknown) => Queue.failCauseUnsafe(queue, Cause.fail(new ObservableFailed({ cause }))),
            complete: () => Queue.endUnsafe(queue),
          }),
        ),
        (subscription) => Effect.sync(() => subscription.unsubscribe()),
      ),
    { bufferSize: options.bufferSize, strategy: "dropping" },
  )
