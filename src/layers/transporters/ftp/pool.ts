/**
 * The connections to one FTP server. Each carries one operation at a time. One that broke, or was left in the middle of
 * something, is never used again. When the server does not take as many as it might, those there are do the work.
 *
 * @since 1.0.0
 */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import { FTP_GROW_RETRY, FTP_IDLE_CLOSE } from "../../../domain/Limits.ts"
import type { Unfit } from "../shared/failures.ts"
import type { FtpSession } from "./FtpSession.ts"

interface Member {
  readonly session: FtpSession
  readonly scope: Scope.Closeable
  /** Milliseconds since the epoch. */
  unusedSince: number
}

export interface FtpPool {
  /** Runs an operation on a connection of its own. `fresh`: not one that waited for work. */
  readonly use: <A, E>(
    work: (session: FtpSession) => Effect.Effect<A, E>,
    options?: { readonly fresh: boolean },
  ) => Effect.Effect<A, E | Unfit>
}

type Restore = <A, E>(effect: Effect.Effect<A, E>) => Effect.Effect<A, E>

/** A pool that opens at most this many connections and closes them with its scope. */
export const makePool = (
  open: Effect.Effect<FtpSession, Unfit, Scope.Scope>,
  maximum: number,
): Effect.Effect<FtpPool, never, Scope.Scope> =>
  Effect.gen(function* () {
    const scope = yield* Effect.scope
    const unused: Array<Member> = []
    const waiting: Array<(failure?: Unfit) => void> = []
    let busy = 0
    let opening = 0
    let refusedAt = 0
    let growAfter = 0

    const close = (member: Member) => Scope.close(member.scope, Exit.void)

    const wakeOne = (): void => waiting.shift()?.()
    const wakeAll = (failure?: Unfit): void => {
      for (const wake of waiting.splice(0)) wake(failure)
    }

    /** Ends when a connection may be free, or fails when none came about for anybody. */
    const turn: Effect.Effect<void, Unfit> = Effect.callback((resume) => {
      const wake = (failure?: Unfit): void => resume(failure === undefined ? Effect.void : Effect.fail(failure))
      waiting.push(wake)
      return Effect.sync(() => {
        const at = waiting.indexOf(wake)
        if (at === -1) wakeOne()
        else waiting.splice(at, 1)
      })
    })

    const openOne = Effect.gen(function* () {
      const own = yield* Scope.fork(scope)
      const session = yield* Scope.provide(open, own).pipe(
        Effect.onExit((exit) => (Exit.isSuccess(exit) ? Effect.void : Scope.close(own, exit))),
      )
      return { session, scope: own, unusedSince: 0 }
    })

    const grow = (restore: Restore): Effect.Effect<Member, Unfit> =>
      Effect.suspend(() => {
        opening += 1
        return restore(openOne).pipe(
          Effect.onExit((exit) =>
            Effect.sync(() => {
              opening -= 1
              if (Exit.isSuccess(exit)) {
                busy += 1
                return wakeAll()
              }
              const failure = Cause.findErrorOption(exit.cause)
              if (failure._tag === "Some" && busy + unused.length === 0) wakeAll(failure.value)
              else wakeOne()
            }),
          ),
        )
      })

    /** Until one connection came about, no second is tried: all who wait share what becomes of it. */
    const limit = (now: number): number => {
      if (busy + unused.length === 0) return 1
      return now < growAfter ? Math.min(maximum, Math.max(refusedAt, 1)) : maximum
    }

    /** A connection nobody else uses. Only opening and waiting for one can be interrupted. */
    const borrow = (fresh: boolean, restore: Restore): Effect.Effect<Member, Unfit> =>
      Effect.gen(function* () {
        const stale = unused.filter(({ session }) => fresh || session.isRetired())
        for (const member of stale) {
          unused.splice(unused.indexOf(member), 1)
          yield* close(member)
        }
        const member = unused.pop()
        if (member !== undefined) {
          busy += 1
          return member
        }
        const now = yield* Clock.currentTimeMillis
        if (busy + opening >= limit(now)) {
          yield* restore(turn)
          return yield* borrow(false, restore)
        }
        return yield* grow(restore).pipe(
          Effect.catch((failure) =>
            Effect.gen(function* () {
              const there = busy + unused.length
              if (there === 0) return yield* failure
              refusedAt = there
              growAfter = (yield* Clock.currentTimeMillis) + FTP_GROW_RETRY
              yield* Effect.logDebug(`stays at ${there} connections: ${failure.detail}`)
              return yield* borrow(false, restore)
            }),
          ),
        )
      })

    const giveBack = (member: Member) =>
      Effect.gen(function* () {
        busy -= 1
        if (member.session.isRetired()) yield* close(member)
        else {
          member.unusedSince = yield* Clock.currentTimeMillis
          unused.push(member)
        }
        wakeOne()
      })

    const closeUnused = Effect.gen(function* () {
      const now = yield* Clock.currentTimeMillis
      const old = unused.filter(
        ({ session, unusedSince }) => session.isRetired() || now - unusedSince >= FTP_IDLE_CLOSE,
      )
      for (const member of old) {
        unused.splice(unused.indexOf(member), 1)
        yield* close(member)
      }
    })
    yield* Effect.forkScoped(Effect.forever(Effect.andThen(Effect.sleep(FTP_IDLE_CLOSE / 2), closeUnused)))

    return {
      use: (work, options) =>
        Effect.uninterruptibleMask((restore) =>
          Effect.flatMap(borrow(options?.fresh === true, restore), (member) =>
            Effect.onExit(restore(work(member.session)), () => giveBack(member)),
          ),
        ),
    }
  })
