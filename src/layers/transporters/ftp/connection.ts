/**
 * One connection to an FTP server, logged in and ready for files.
 *
 * @since 1.0.0
 */
import { readFile } from "node:fs/promises"
import * as net from "node:net"
import type { ConnectionOptions } from "node:tls"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import type { Client } from "basic-ftp"
import { FTP_KEEPALIVE } from "../../../domain/Limits.ts"
import { ftpPort, type FtpSettings } from "../settings.ts"
import { connectMeaning, type Phase } from "./connectFailures.ts"
import { Lost, Unfit } from "../shared/failures.ts"
import { type FtpSession, isPositive, makeSession, wordsOf } from "./FtpSession.ts"
import type { Habits } from "./habits.ts"
import { wire } from "./wire.ts"

/** Loaded on first use. No timeout of its own: the deadlines are kept here. */
const newClient: Effect.Effect<Client> = Effect.promise(async () => {
  const { Client } = await import("basic-ftp")
  const client = new Client(0)
  client.ftp.encoding = "latin1"
  return client
})

const addressOf = (settings: FtpSettings): string => `${settings.host}:${ftpPort(settings)}`

const unauthorized = (detail: string, cause?: unknown): Unfit =>
  new Unfit({ reason: { _tag: "Unauthorized" }, detail, cause })

const tlsOptions = (settings: FtpSettings): Effect.Effect<ConnectionOptions, Unfit> =>
  Effect.gen(function* () {
    const { ca, host } = settings
    const name: ConnectionOptions = net.isIP(host) === 0 ? { host, servername: host } : { host }
    const options: ConnectionOptions = { ...name, minVersion: "TLSv1.2", rejectUnauthorized: true }
    if (ca === undefined) return options
    const trusted = yield* Effect.tryPromise({
      try: () => readFile(ca),
      catch: (cause) => unauthorized(`<ca> can not be read: ${cause instanceof Error ? cause.message : "?"}`, cause),
    })
    if (!trusted.includes("-----BEGIN CERTIFICATE-----")) {
      return yield* unauthorized(`<ca> ${ca} holds no certificate: it has to be a file in PEM form`)
    }
    return { ...options, ca: trusted }
  })

const codeOf = (cause: unknown): string | number | undefined => {
  if (typeof cause !== "object" || cause === null || !("code" in cause)) return undefined
  return typeof cause.code === "string" || typeof cause.code === "number" ? cause.code : undefined
}

const logIn = async (
  client: Client,
  settings: FtpSettings,
  options: ConnectionOptions,
  reached: (phase: Phase) => void,
): Promise<void> => {
  const { host, password, secure, username } = settings
  const port = ftpPort(settings)
  if (secure === "implicit") await client.connectImplicitTLS(host, port, options)
  else await client.connect(host, port)
  client.ftp.socket.setNoDelay(true)
  client.ftp.socket.setKeepAlive(true, FTP_KEEPALIVE)
  if (secure === "explicit") {
    reached("encryption")
    await client.useTLS(options)
  }
  reached("login")
  await client.login(wire(username), wire(Redacted.value(password)))
}

const dial = (settings: FtpSettings, options: ConnectionOptions, client: Client, habits: Habits) =>
  Effect.callback<FtpSession, Unfit>((resume) => {
    let phase: Phase = "greeting"
    const reached = (next: Phase): void => {
      phase = next
    }
    logIn(client, settings, options, reached).then(
      () => resume(Effect.succeed(makeSession(client, () => habits.together))),
      (cause: unknown) => {
        client.close()
        const message = cause instanceof Error ? cause.message : String(cause)
        const attempt = { address: addressOf(settings), username: settings.username, secure: settings.secure }
        const meaning = connectMeaning({ phase, message, code: codeOf(cause) }, attempt)
        resume(Effect.fail(new Unfit({ ...meaning, cause })))
      },
    )
    return Effect.sync(() => client.close())
  })

const homeOf = (text: string): string => {
  const quoted = /"((?:[^"]|"")*)"/.exec(text)?.[1]?.replaceAll('""', '"') ?? ""
  return quoted.startsWith("/") ? quoted : ""
}

/** Everything a connection needs once. */
const prepare = (session: FtpSession, settings: FtpSettings): Effect.Effect<void, Unfit> =>
  Effect.gen(function* () {
    const isPrivate = settings.secure !== "none"
    const protection = isPrivate ? ["PBSZ 0", "PROT P"] : []
    const answers = yield* session
      .exchange(["FEAT", "OPTS UTF8 ON", "TYPE I", "PWD", ...protection])
      .pipe(
        Effect.mapError(
          (lost) => new Unfit({ reason: { _tag: "Unreachable" }, detail: `${addressOf(settings)}: ${lost.detail}` }),
        ),
      )
    const [features, , binary, directory, , encrypted] = answers
    if (!isPositive(binary)) {
      const detail = `${addressOf(settings)} does not take files as they are: TYPE I was refused`
      return yield* new Unfit({ reason: { _tag: "Unreachable" }, detail })
    }
    if (isPrivate && !isPositive(encrypted)) {
      const said = encrypted === undefined ? "" : ` (${wordsOf(encrypted)})`
      const detail = `${addressOf(settings)} does not encrypt data connections${said}; files would travel in the clear`
      return yield* new Unfit({ reason: { _tag: "Unreachable" }, detail })
    }
    if (features !== undefined && isPositive(features)) {
      for (const line of features.text.split("\n").slice(1, -1)) {
        const [feature = ""] = line.trim().split(" ")
        session.features.add(feature.toUpperCase())
      }
    }
    session.home = directory !== undefined && isPositive(directory) ? homeOf(directory.text) : ""
  })

/** A server that answered only some of what was sent together may have forgotten the rest: from now on one by one. */
const learnFromSilence = (session: FtpSession, habits: Habits): void => {
  if (session.waiting() > 1 && session.answered() > 0) habits.together = false
}

/** Gives the connection up when something is due from the server and nothing moves for `idle` milliseconds. */
const watch = (session: FtpSession, idle: number, habits: Habits) =>
  Effect.gen(function* () {
    const step = Math.max(Math.ceil(Math.min(idle, FTP_KEEPALIVE) / 4), 10)
    let seen = session.movements()
    let silent = 0
    while (session.lost() === undefined) {
      yield* Effect.sleep(step)
      const hasMoved = session.movements() !== seen
      seen = session.movements()
      silent = hasMoved || !session.isDue() ? 0 : silent + step
      if (silent <= idle + session.patience) continue
      learnFromSilence(session, habits)
      const detail = `the server did not answer for ${Math.round(silent / 1000)} s; the connection was given up`
      session.lose(new Lost({ detail, silent: true }))
    }
  })

/** A connection that lives as long as its scope. */
export const openConnection = (settings: FtpSettings, habits: Habits): Effect.Effect<FtpSession, Unfit, Scope.Scope> =>
  Effect.gen(function* () {
    if (/[\r\n\0]/.test(settings.username + Redacted.value(settings.password))) {
      return yield* unauthorized("<username> or <password> holds a line break, which FTP can not carry")
    }
    const options = settings.secure === "none" ? {} : yield* tlsOptions(settings)
    const client = yield* newClient
    const session = yield* Effect.acquireRelease(
      dial(settings, options, client, habits).pipe(
        Effect.tap((session) =>
          Effect.onInterrupt(prepare(session, settings), () =>
            Effect.sync(() => {
              learnFromSilence(session, habits)
              client.close()
            }),
          ),
        ),
        Effect.tapError(() => Effect.sync(() => client.close())),
        Effect.timeoutOrElse({
          duration: settings.connectTimeout,
          orElse: () => {
            const hint = settings.secure === "implicit" ? "" : "; a port for implicit TLS stays silent, check <secure>"
            const detail = `${addressOf(settings)}: no connection within ${settings.connectTimeout / 1000} s${hint}`
            return Effect.fail(new Unfit({ reason: { _tag: "Unreachable" }, detail }))
          },
        }),
      ),
      (session) => Effect.sync(() => session.lose(new Lost({ detail: "the connection was closed", silent: false }))),
      { interruptible: true },
    )
    yield* Effect.forkScoped(watch(session, settings.idleTimeout, habits))
    return session
  })
