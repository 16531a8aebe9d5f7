/**
 * Commands that move data: the server says when to begin, and at the end what came of it.
 *
 * @since 1.0.0
 */
import * as Effect from "effect/Effect"
import type { DataConnection } from "./data.ts"
import { Lost } from "../shared/failures.ts"
import type { Failure, Refused } from "./failures.ts"
import { type FtpSession, isPositive, type Reply } from "./FtpSession.ts"

/** How a command that moves data goes on. */
export interface Transfer {
  /** The server's last word about it. */
  readonly outcome: Effect.Effect<Reply, Lost>
  readonly isOver: () => boolean
  /** Ends it in order, complete or not; the data connection is closed with the server's last word. */
  readonly giveUp: () => void
}

/**
 * Sends a command that uses a data connection. Ends when the server begins; a refusal before that fails with it, a later
 * one breaks the data connection with it.
 */
export const begin = (
  session: FtpSession,
  data: DataConnection,
  command: string,
  refusal: (reply: Reply, begun: boolean) => Refused,
): Effect.Effect<Transfer, Failure> =>
  Effect.callback((resume) => {
    let last: Reply | Lost | undefined
    let begun = false
    let told: ((last: Reply | Lost) => void) | undefined
    let given = false
    const transfer: Transfer = {
      isOver: () => last !== undefined,
      giveUp: () => {
        given = true
        if (last === undefined) data.abort()
        else data.close()
      },
      outcome: Effect.callback((resume) => {
        const tell = (last: Reply | Lost): void => {
          if (last instanceof Lost) resume(Effect.fail(last))
          else resume(Effect.succeed(last))
        }
        if (last !== undefined) tell(last)
        else told = tell
      }),
    }
    session.post(
      command,
      (answer) => {
        last = answer
        told?.(answer)
        if (given) data.close()
        if (answer instanceof Lost) {
          if (begun && !data.isComplete()) data.breakWith(answer)
          else resume(Effect.fail(answer))
        } else if (!isPositive(answer)) {
          if (begun) data.breakWith(refusal(answer, true))
          else resume(Effect.fail(refusal(answer, false)))
        } else if (!begun) resume(Effect.succeed(transfer))
      },
      () => {
        if (begun) return
        begun = true
        resume(Effect.succeed(transfer))
      },
    )
  })
