import { assert, describe, it } from "@effect/vitest"
import { Data, Deferred, Effect, Exit, Fiber, Result, Stream } from "effect"
import { lastValueFrom, Observable, Subject, take, toArray } from "rxjs"
import {
  fromObservable,
  ObservableFailed,
  ObservableOverflowed,
  toObservable,
} from "../../../src/layers/rx/observable.ts"

class Broken extends Data.TaggedError("Broken")<{ readonly why: string }> {}

describe("toObservable", () => {
  it.live("gives every value and completes; each subscription runs the stream", () =>
    Effect.gen(function* () {
      let runs = 0
      const stream = Stream.unwrap(
        Effect.sync(() => {
          runs += 1
          return Stream.range(1, 10_000)
        }),
      )
      const observable = toObservable(stream)
      assert.strictEqual(runs, 0)
      const [one, two] = yield* Effect.promise(() =>
        Promise.all([lastValueFrom(observable.pipe(toArray())), lastValueFrom(observable.pipe(toArray()))]),
      )
      assert.strictEqual(one.length, 10_000)
      assert.deepStrictEqual(one, two)
      assert.strictEqual(runs, 2)
    }),
  )

  it.live("gives the typed error, and what a defect threw", () =>
    Effect.gen(function* () {
      const broken = new Broken({ why: "x" })
      const defect = new Error("bug")
      const errorOf = <E>(stream: Stream.Stream<number, E>) =>
        Effect.promise(() =>
          lastValueFrom(toObservable(stream)).then(
            () => "no error",
            (error: unknown) => error,
          ),
        )
      assert.strictEqual(yield* errorOf(Stream.concat(Stream.make(1), Stream.fail(broken))), broken)
      assert.strictEqual(yield* errorOf(Stream.die(defect)), defect)
    }),
  )

  it.live("interrupts the stream when it is unsubscribed", () =>
    Effect.gen(function* () {
      const stopped = yield* Deferred.make<void>()
      const started = yield* Deferred.make<void>()
      const stream = Stream.concat(
        Stream.make(1),
        Stream.fromEffect(Effect.andThen(Deferred.succeed(started, undefined), Effect.never)),
      ).pipe(Stream.ensuring(Deferred.succeed(stopped, undefined)))
      const subscription = toObservable(stream).subscribe()
      yield* Deferred.await(started)
      subscription.unsubscribe()
      yield* Deferred.await(stopped)
      const endless = toObservable(Stream.forever(Stream.make("a")))
      assert.deepStrictEqual(yield* Effect.promise(() => lastValueFrom(endless.pipe(take(3), toArray()))), [
        "a",
        "a",
        "a",
      ])
    }),
  )
})

describe("fromObservable", () => {
  it.live("gives every value and ends", () =>
    Effect.gen(function* () {
      const observable = new Observable<number>((subscriber) => {
        for (let n = 0; n < 8; n++) subscriber.next(n)
        subscriber.complete()
      })
      const values = yield* Stream.runCollect(fromObservable(observable, { bufferSize: 8 }))
      assert.deepStrictEqual([...values], [0, 1, 2, 3, 4, 5, 6, 7])
    }),
  )

  it.live("fails with what the observable failed with, after its values", () =>
    Effect.gen(function* () {
      const why = new Error("why")
      const observable = new Observable<number>((subscriber) => {
        subscriber.next(1)
        subscriber.error(why)
      })
      const seen: Array<number> = []
      const exit = yield* fromObservable(observable, { bufferSize: 4 }).pipe(
        Stream.runForEach((value) => Effect.sync(() => seen.push(value))),
        Effect.result,
      )
      assert.deepStrictEqual(seen, [1])
      assert.isTrue(Result.isFailure(exit) && exit.failure instanceof ObservableFailed && exit.failure.cause === why)
    }),
  )

  it.live("says that values were lost rather than losing them in silence", () =>
    Effect.gen(function* () {
      let unsubscribed = 0
      const observable = new Observable<number>((subscriber) => {
        for (let n = 0; n < 100; n++) subscriber.next(n)
        return () => (unsubscribed += 1)
      })
      const seen: Array<number> = []
      const exit = yield* fromObservable(observable, { bufferSize: 4 }).pipe(
        Stream.runForEach((value) => Effect.sync(() => seen.push(value))),
        Effect.result,
      )
      assert.deepStrictEqual(seen, [0, 1, 2, 3])
      assert.isTrue(Result.isFailure(exit) && exit.failure instanceof ObservableOverflowed)
      assert.strictEqual(unsubscribed, 1)
    }),
  )

  it.live("unsubscribes when it is interrupted, and when enough was taken", () =>
    Effect.gen(function* () {
      const subject = new Subject<number>()
      const got = yield* Deferred.make<number>()
      const reading = yield* fromObservable(subject, { bufferSize: 4 }).pipe(
        Stream.runForEach((value) => Deferred.succeed(got, value)),
        Effect.forkChild({ startImmediately: true }),
      )
      assert.isTrue(subject.observed)
      subject.next(7)
      assert.strictEqual(yield* Deferred.await(got), 7)
      const exit = yield* Effect.andThen(Fiber.interrupt(reading), Fiber.await(reading))
      assert.isTrue(Exit.isFailure(exit))
      assert.isFalse(subject.observed)
    }),
  )
})
