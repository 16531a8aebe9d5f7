/**
 * Group commit: calls that come while the machine is busy share one transaction; a call that comes alone has one of its
 * own at once. Nobody waits for a timer: the queue is written when everything that is runnable now has run.
 *
 * @since 1.0.0
 */
import * as Effect from "effect/Effect"
import { LedgerError } from "../../domain/Errors.ts"
import type { LedgerChange } from "../../domain/Ledger.ts"
import { COMMIT_BATCH } from "../../domain/Limits.ts"

type Changes = ReadonlyArray<LedgerChange>

interface Call {
  readonly changes: Changes
  readonly resume: (result: Effect.Effect<void, LedgerError>) => void
}

export interface GroupCommit {
  readonly commit: (changes: Changes) => Effect.Effect<void, LedgerError>
  /** Writes what is queued, now; every later commit fails. */
  readonly close: () => void
}

/**
 * `write` makes the changes of several calls last in one transaction, or throws and leaves nothing of them. When a shared
 * transaction fails, each of its calls gets one of its own, so that a call fails for its own sake only.
 */
export const makeGroupCommit = (
  write: (calls: ReadonlyArray<Changes>) => void,
  toError: (cause: unknown) => LedgerError,
): GroupCommit => {
  let queue: Array<Call> = []
  let scheduled = false
  let closed = false

  const writeOne = (call: Call) => {
    try {
      write([call.changes])
    } catch (cause) {
      return call.resume(Effect.fail(toError(cause)))
    }
    call.resume(Effect.void)
  }

  const writeBatch = (calls: ReadonlyArray<Call>) => {
    const [first] = calls
    if (calls.length === 1 && first !== undefined) return writeOne(first)
    try {
      write(calls.map((call) => call.changes))
    } catch {
      return calls.forEach(writeOne)
    }
    for (const call of calls) call.resume(Effect.void)
  }

  /** As many calls from the head of the queue as one transaction takes; at least one. */
  const next = (): ReadonlyArray<Call> => {
    let size = 0
    let end = 0
    for (const call of queue) {
      size += call.changes.length
      if (end > 0 && size > COMMIT_BATCH) break
      end++
    }
    const calls = queue.slice(0, end)
    queue = queue.slice(end)
    return calls
  }

  const flush = () => {
    scheduled = false
    if (queue.length === 0) return
    writeBatch(next())
    if (queue.length === 0) return
    scheduled = true
    // Between two transactions the event loop turns once.
    setImmediate(flush)
  }

  return {
    commit: (changes) =>
      Effect.uninterruptible(
        Effect.callback<void, LedgerError>((resume) => {
          if (changes.length === 0) return resume(Effect.void)
          if (closed) {
            return resume(Effect.fail(new LedgerError({ reason: "Failed", detail: "written to after it was closed" })))
          }
          queue.push({ changes, resume })
          if (scheduled) return
          scheduled = true
          // Fibers that the same message woke run before the next turn of the event loop, and share the transaction.
          setImmediate(flush)
        }),
      ),
    close: () => {
      closed = true
      while (queue.length > 0) writeBatch(next())
    },
  }
}
