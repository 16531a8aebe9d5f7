/**
 * The control connection: commands go out, answers come back in the same order.
 *
 * Commands that need not wait for each other are sent together, which spares round trips. The client of basic-ftp
 * reads the answers; one task of it lasts as long as the connection.
 *
 * @since 1.0.0
 */
import * as Effect from "effect/Effect"
import type { Client } from "basic-ftp"
import { Lost } from "../shared/failures.ts"
import { Refused, type Request } from "./failures.ts"
import { readable } from "./wire.ts"

/** A server's answer. `text` is all of it as it came, lines separated by "\n". */
export interface Reply {
  readonly code: number
  readonly text: string
}

export interface FtpSession {
  /** The client underneath, for its sockets and TLS options. */
  readonly client: Client
  /** Extensions that the server has, in upper case. */
  readonly features: Set<string>
  /** The directory where the login ended up, as it travels. */
  home: string
  /** Sends a command; `done` is called once, with the answer or with the loss of the connection. */
  readonly post: (command: string, done: (answer: Reply | Lost) => void, preliminary?: () => void) => void
  /** Sends commands together; their answers in the same order, whatever they say. */
  readonly exchange: (commands: ReadonlyArray<string>) => Effect.Effect<ReadonlyArray<Reply>, Lost>
  /** Why the session is over, once it is. */
  readonly lost: () => Lost | undefined
  /** Ends the session: every command without an answer fails with this. */
  readonly lose: (reason: Lost) => void
  /** The connection is to be used no more after this operation. */
  readonly retire: () => void
  readonly isRetired: () => boolean
  /** How many commands have no answer yet. */
  readonly waiting: () => number
  /** Something is due from the server (+1), or no more (-1): only then its silence counts. */
  readonly due: (change: 1 | -1) => void
  readonly isDue: () => boolean
  /** Something moved. */
  readonly moved: () => void
  /** How often something moved so far, and how many answers came: the signs of life. */
  readonly movements: () => number
  readonly answered: () => number
  /** Milliseconds that silence may last beyond what is usual: what was sent is still on its way. */
  patience: number
}

interface Waiter {
  readonly done: (answer: Reply | Lost) => void
  readonly preliminary: (() => void) | undefined
  begun: boolean
}

const CLOSING = 421

const isReply = (response: unknown): response is { readonly code: number; readonly message: string } =>
  typeof response === "object" && response !== null && "code" in response && typeof response.code === "number"

/** Takes over a client that has logged in. `together`: whether commands may be sent without waiting for answers. */
export const makeSession = (client: Client, together: () => boolean): FtpSession => {
  const waiters: Array<Waiter> = []
  let over: Lost | undefined
  let retired = false
  let answered = 0
  let movements = 0
  let owed = 0

  const lose = (reason: Lost): void => {
    if (over !== undefined) return
    over = reason
    client.close()
    for (const waiter of waiters.splice(0)) {
      if (!waiter.begun) owed -= 1
      waiter.done(reason)
    }
  }

  const end = (reply: Reply): void => {
    const cause = new Refused({ request: "prepare", code: reply.code, words: wordsOf(reply) })
    lose(new Lost({ detail: `the server ended the connection: ${readable(reply.text)}`, silent: false, cause }))
  }

  const receive = (reply: Reply): void => {
    movements += 1
    const [waiter] = waiters
    if (waiter === undefined) {
      if (reply.code === CLOSING) end(reply)
      return
    }
    answered += 1
    if (reply.code < 200) {
      if (!waiter.begun) owed -= 1
      waiter.begun = true
      waiter.preliminary?.()
      return
    }
    waiters.shift()
    if (!waiter.begun) owed -= 1
    waiter.done(reply)
    if (reply.code === CLOSING) end(reply)
  }

  client.ftp
    .handle(undefined, (response) => {
      if (isReply(response)) return receive({ code: response.code, text: response.message })
      const cause: unknown = response
      const words = cause instanceof Error ? cause.message : String(cause)
      lose(new Lost({ detail: `the connection broke: ${words}`, silent: false, cause }))
    })
    .catch((cause: unknown) => lose(new Lost({ detail: "the connection broke", silent: false, cause })))

  const post: FtpSession["post"] = (command, done, preliminary) => {
    if (over !== undefined) return done(over)
    waiters.push({ done, preliminary, begun: false })
    owed += 1
    client.ftp.send(command)
  }

  return {
    client,
    features: new Set(),
    home: "",
    post,
    exchange: (commands) =>
      Effect.callback((resume) => {
        const answers: Array<Reply> = []
        let ended = false
        const send = (index: number): void => {
          const command = commands[index]
          if (command === undefined) return
          post(command, (answer) => {
            if (ended) return
            if (answer instanceof Lost) {
              ended = true
              return resume(Effect.fail(answer))
            }
            answers[index] = answer
            if (index === commands.length - 1) return resume(Effect.succeed(answers))
            if (!together()) send(index + 1)
          })
        }
        if (together()) commands.forEach((_, index) => send(index))
        else send(0)
        return Effect.sync(() => {
          ended = true
        })
      }),
    lost: () => over,
    lose,
    retire: () => {
      retired = true
    },
    isRetired: () => retired || over !== undefined,
    waiting: () => waiters.length,
    due: (change) => {
      owed += change
    },
    isDue: () => owed > 0,
    moved: () => {
      movements += 1
    },
    movements: () => movements,
    answered: () => answered,
    patience: 0,
  }
}

/** The words of an answer, without its code and without the name they are about. */
export const wordsOf = (reply: Reply, name = ""): string => {
  const words = reply.text.replace(/^\d{3}[ -]?/, "")
  return readable(name.startsWith("/") ? words.replaceAll(name, "") : words)
    .trim()
    .slice(0, 200)
}

export const isPositive = (reply: Reply | undefined): boolean =>
  reply !== undefined && reply.code >= 200 && reply.code < 400

/** The refusal that an answer is. */
export const refusalOf = (request: Request, reply: Reply | undefined, name?: string): Refused =>
  new Refused({ request, code: reply?.code ?? 0, words: reply === undefined ? "nothing" : wordsOf(reply, name) })

/** Sends one command that is answered by a mere "done". */
export const tell = (
  session: FtpSession,
  request: Request,
  command: string,
  name: string,
): Effect.Effect<void, Refused | Lost> =>
  Effect.flatMap(session.exchange([`${command} ${name}`]), ([reply]) =>
    isPositive(reply) ? Effect.void : Effect.fail(refusalOf(request, reply, name)),
  )
