/**
 * Data connections are always opened from here (passive mode).
 *
 * The server only names a port: the address it may name with PASV is not used, since it is wrong behind address
 * translation and could point anywhere.
 *
 * @since 1.0.0
 */
import * as Effect from "effect/Effect"
import { connect, type DataConnection, dataLost } from "./data.ts"
import { type Lost, Unfit } from "../shared/failures.ts"
import type { Failure, Refused } from "./failures.ts"
import { type FtpSession, isPositive, refusalOf } from "./FtpSession.ts"
import type { Habits } from "./habits.ts"

type Passive = NonNullable<Habits["passive"]>

/** The port that an answer names. */
export const portOf = (passive: Passive, text: string): number | undefined => {
  if (passive === "EPSV") {
    const port = Number(/([|!])\1\1(\d{1,5})\1/.exec(text)?.[2] ?? "none")
    return port > 0 && port < 65_536 ? port : undefined
  }
  const numbers = /(?<![\d,])\d{1,3}(?:,\d{1,3}){3},(\d{1,3}),(\d{1,3})(?![\d,])/.exec(text)
  if (numbers === null) return undefined
  const [high, low] = [Number(numbers[1]), Number(numbers[2])]
  return high < 256 && low < 256 && high + low > 0 ? high * 256 + low : undefined
}

/** Ends when the connection is there, encryption aside. */
const connected = (data: DataConnection, session: FtpSession): Effect.Effect<void, Failure> =>
  Effect.callback((resume) => {
    const failure = data.broken()
    if (failure !== undefined) return resume(Effect.fail(failure))
    session.due(1)
    let over = false
    const settle = (result: Effect.Effect<void, Failure>): void => {
      if (over) return
      over = true
      session.due(-1)
      resume(result)
    }
    const ready = (): void => settle(Effect.void)
    data.socket.once("connect", ready)
    data.whenClosed(() => settle(Effect.fail(data.broken() ?? dataLost(undefined))))
    return Effect.sync(() => settle(Effect.void))
  })

const enter = (session: FtpSession, passive: Passive): Effect.Effect<DataConnection, Refused | Lost | Unfit> =>
  Effect.flatMap(session.exchange([passive]), ([reply]): Effect.Effect<DataConnection, Refused | Lost | Unfit> => {
    const port = isPositive(reply) ? portOf(passive, reply?.text ?? "") : undefined
    if (port !== undefined) return Effect.sync(() => connect(session, port))
    return Effect.fail(refusalOf("prepare", reply))
  })

/**
 * A data connection on its way. With a server that proved itself it may still be connecting; with a new one EPSV and
 * PASV are tried until one leads to a connection, within `patience` milliseconds each.
 */
export const openData = (
  session: FtpSession,
  habits: Habits,
  patience: number,
): Effect.Effect<DataConnection, Failure> => {
  if (habits.passive !== undefined) return enter(session, habits.passive)
  const attempt = (passive: Passive): Effect.Effect<DataConnection, Failure> =>
    Effect.flatMap(enter(session, passive), (data) =>
      connected(data, session).pipe(
        Effect.timeoutOrElse({
          duration: patience,
          orElse: () => {
            const detail = `no data connection within ${patience / 1000} s: the server's firewall has to let passive connections in`
            return Effect.fail(new Unfit({ reason: { _tag: "Unreachable" }, detail }))
          },
        }),
        Effect.onExit((exit) => (exit._tag === "Success" ? Effect.void : Effect.sync(() => data.close()))),
        Effect.map(() => {
          habits.passive = passive
          return data
        }),
      ),
    )
  const mayTryOther = (failure: Failure): boolean =>
    session.lost() === undefined && !(failure._tag === "Refused" && failure.code === 421)
  return Effect.catchIf(attempt("EPSV"), mayTryOther, () => attempt("PASV"))
}
