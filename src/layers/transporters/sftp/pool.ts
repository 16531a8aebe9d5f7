/**
 * The connections to one SFTP server. Operations share them: another is opened only when all there are carry many, and a
 * new operation goes to the one that carries least. A connection that broke is never used again.
 *
 * @since 1.0.0
 */
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import { SFTP_GROW_RETRY, SFTP_IDLE_CLOSE, SFTP_SHARE } from "../../../domain/Limits.ts"
import type { Unfit } from "../shared/failures.ts"
import type { SftpSession } from "./SftpSession.ts"

interface Member {
  readonly session: SftpSession
  readonly scope: Scope.Closeable
  users: number
  /** Milliseconds since the epoch. */
  unusedSince: number
}

export interface SftpPool {
  /** Runs an operation on a connection that works, as far as can be known. `fresh`: not one that waited for work. */
  readonly use: <A, E>(
    work: (session: SftpSession) => Effect.Effect<A, E>,
    options?: { readonly fresh: boolean },
  ) => Effect.Effect<A, E | Unfit>
}

/** A pool that opens at most this many connections and closes them with its scope. */
export const makePool = (
  open: Effect.Effect<SftpSession, Unfit, Scope.Scope>,
  maximum: number,
): Effect.Effect<SftpPool, never, Scope.Scope> =>
  Effect.gen(function* () {
    const scope = yield* Effect.scope
    const members = new Set<Member>()
    let opening: Deferred.Deferred<void, Unfit> | undefined
    let growAfter = 0

    const discard = (member: Member) =>
      Effect.suspend(() => (members.delete(member) ? Scope.close(member.scope, Exit.void) : Effect.void))

    const discardBroken = Effect.suspend(() =>
      Effect.forEach(
        Array.from(members).filter(({ session }) => session.lost() !== undefined),
        discard,
        { discard: true },
      ),
    )

    const add = Effect.gen(function* () {
      const own = yield* Scope.fork(scope)
      const session = yield* Scope.provide(open, own).pipe(
        Effect.onExit((exit) => (Exit.isSuccess(exit) ? Effect.void : Scope.close(own, exit))),
      )
      members.add({ session, scope: own, users: 0, unusedSince: yield* Clock.currentTimeMillis })
    })

    /** Opens one connection for all who wait; it belongs to the pool, so nobody's interruption ends it. */
    const grow = Effect.suspend(() => {
      if (opening !== undefined) return Effect.succeed(opening)
      const ready = Deferred.makeUnsafe<void, Unfit>()
      opening = ready
      return add.pipe(
        Effect.onExit((exit) =>
          Effect.gen(function* () {
            opening = undefined
            if (Exit.isFailure(exit)) growAfter = (yield* Clock.currentTimeMillis) + SFTP_GROW_RETRY
            yield* Deferred.done(ready, exit)
          }),
        ),
        Effect.exit,
        Effect.forkIn(scope),
        Effect.as(ready),
      )
    })

    const leastUsed = (): Member | undefined => {
      let best: Member | undefined
      for (const member of members) if (best === undefined || member.users < best.users) best = member
      return best
    }

    /** A connection, counted as used by one more. Only waiting for one can be interrupted. */
    const borrow = (
      fresh: boolean,
      restore: <A, E>(effect: Effect.Effect<A, E>) => Effect.Effect<A, E>,
    ): Effect.Effect<Member, Unfit> =>
      Effect.gen(function* () {
        yield* discardBroken
        if (fresh) {
          const unused = Array.from(members).filter(({ users }) => users === 0)
          yield* Effect.forEach(unused, discard, { discard: true })
        }
        const best = leastUsed()
        if (best === undefined) {
          yield* restore(Deferred.await(yield* grow))
          return yield* borrow(false, restore)
        }
        best.users += 1
        if (best.users > SFTP_SHARE && members.size < maximum && opening === undefined) {
          const now = yield* Clock.currentTimeMillis
          if (now >= growAfter) yield* grow
        }
        return best
      })

    const giveBack = (member: Member) =>
      Effect.gen(function* () {
        member.users -= 1
        if (member.session.lost() !== undefined) yield* discard(member)
        else if (member.users === 0) member.unusedSince = yield* Clock.currentTimeMillis
      })

    const closeUnused = Effect.gen(function* () {
      const now = yield* Clock.currentTimeMillis
      yield* discardBroken
      for (const member of members) {
        if (member.users === 0 && now - member.unusedSince >= SFTP_IDLE_CLOSE) yield* discard(member)
      }
    })
    yield* Effect.forkScoped(Effect.forever(Effect.andThen(Effect.sleep(SFTP_IDLE_CLOSE / 2), closeUnused)))

    return {
      use: (work, options) =>
        Effect.uninterruptibleMask((restore) =>
          Effect.flatMap(borrow(options?.fresh === true, restore), (member) =>
            Effect.onExit(restore(work(member.session)), () => giveBack(member)),
          ),
        ),
    }
  })
