/**
 * One SSH connection with one SFTP session on it.
 *
 * @since 1.0.0
 */
import * as net from "node:net"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { Client, ConnectConfig } from "ssh2"
import { SFTP_KEEPALIVE } from "../../../domain/Limits.ts"
import type { SftpSettings } from "../settings.ts"
import { type ConnectProblem, connectMeaning } from "./connectFailures.ts"
import { type Credentials, credentials, hostTrust } from "./credentials.ts"
import { Lost, Unfit } from "../shared/failures.ts"
import { type HostTrust, objection, wantedAlgorithms } from "./hostKey.ts"
import { letGoOfSent } from "./letGo.ts"
import { stat } from "./packets.ts"
import { openSession, type SftpSession } from "./SftpSession.ts"

const ignore = (): void => {}

/** The SSH client inside ssh2-sftp-client: its channels carry requests of many files at once. Loaded on first use. */
const newClient: Effect.Effect<Client> = Effect.promise(async () => {
  const { default: SftpClient } = await import("ssh2-sftp-client")
  const listeners = { error: ignore, end: ignore, close: ignore }
  return (new SftpClient("file-conveyor", listeners) as unknown as { readonly client: Client }).client
})

const waysOf = (login: Credentials): ReadonlyArray<string> => [
  ...(login.key === undefined ? [] : ["key"]),
  ...(login.agent === undefined ? [] : ["agent"]),
  ...(login.password === undefined ? [] : ["password"]),
]

const problemOf = (cause: unknown): ConnectProblem => {
  if (!(cause instanceof Error)) return { message: String(cause) }
  const { code, level } = cause as { readonly code?: string | number; readonly level?: string }
  return { message: cause.message, code, level }
}

const configOf = (
  settings: SftpSettings,
  login: Credentials,
  trust: HostTrust,
  verify: (key: Buffer) => boolean,
): ConnectConfig => {
  const algorithms = wantedAlgorithms(trust.known)
  return {
    host: settings.host,
    port: settings.port,
    username: settings.username,
    readyTimeout: 0,
    hostVerifier: verify,
    tryKeyboard: login.password !== undefined,
    authHandler: [
      "none",
      ...(login.key === undefined ? [] : ["publickey" as const]),
      ...(login.agent === undefined ? [] : ["agent" as const]),
      ...(login.password === undefined ? [] : ["password" as const, "keyboard-interactive" as const]),
    ],
    ...(login.password === undefined ? {} : { password: login.password }),
    ...(login.key === undefined ? {} : { privateKey: login.key }),
    ...(login.passphrase === undefined ? {} : { passphrase: login.passphrase }),
    ...(login.agent === undefined ? {} : { agent: login.agent }),
    ...(algorithms === undefined ? {} : { algorithms: { serverHostKey: algorithms as never } }),
  }
}

interface Link {
  readonly session: SftpSession
  readonly hangUp: () => void
}

const dial = (settings: SftpSettings, login: Credentials, trust: HostTrust, client: Client) =>
  Effect.callback<Link, Unfit>((resume) => {
    const address = `${settings.host}:${settings.port}`
    const attempt = { address, username: settings.username, ways: waysOf(login) }
    const socket = net.connect({ host: settings.host, port: settings.port, noDelay: true, keepAlive: true })
    letGoOfSent(socket)
    let refusal: string | undefined
    let problem: unknown
    let session: SftpSession | undefined

    const over = (cause: unknown): void => {
      problem ??= cause
      socket.destroy()
      const meaning = connectMeaning(problemOf(problem), attempt)
      session?.lose(new Lost({ detail: meaning.detail, silent: false, cause: problem }))
      resume(
        Effect.fail(
          refusal === undefined
            ? new Unfit({ ...meaning, cause: problem })
            : new Unfit({ reason: { _tag: "Unauthorized" }, detail: refusal, cause: problem }),
        ),
      )
    }
    const verify = (key: Buffer): boolean => {
      refusal = objection(key, trust, address)
      return refusal === undefined
    }

    client.on("error", over)
    client.on("close", () => over(new Error("the server closed the connection")))
    client.on("keyboard-interactive", (_name, _instructions, _language, prompts, finish) =>
      finish(prompts.map(() => login.password ?? "")),
    )
    client.on("ready", () =>
      client.subsys("sftp", (cause, channel) => {
        if (cause !== undefined) return over(cause)
        resume(
          openSession(channel, socket).pipe(
            Effect.map((opened) => {
              session = opened
              return {
                session: opened,
                hangUp: () => {
                  opened.lose(new Lost({ detail: "the connection was closed", silent: false }))
                  client.end()
                  socket.destroySoon()
                },
              }
            }),
            Effect.mapError(
              (lost) => new Unfit({ reason: { _tag: "Unreachable" }, detail: `${address}: ${lost.detail}` }),
            ),
            Effect.onInterrupt(() => Effect.sync(() => socket.destroy())),
          ),
        )
      }),
    )
    try {
      client.connect({ ...configOf(settings, login, trust, verify), sock: socket })
    } catch (cause) {
      over(cause)
    }
    return Effect.sync(() => socket.destroy())
  })

const signOfLife = new TextEncoder().encode(".")

/**
 * Gives the connection up when requests wait and no answer comes for `idle` milliseconds, and asks for a sign of life
 * when nothing was asked for a while. Answers count, not bytes that left: those may pile up in a dead connection.
 */
const watch = (session: SftpSession, idle: number, hangUp: () => void) =>
  Effect.gen(function* () {
    const step = Math.max(Math.ceil(Math.min(idle, SFTP_KEEPALIVE) / 4), 10)
    let seen = session.answered()
    let unanswered = 0
    let unused = 0
    while (session.lost() === undefined) {
      yield* Effect.sleep(step)
      const moved = session.answered() !== seen
      seen = session.answered()
      unanswered = session.waiting() === 0 || moved ? 0 : unanswered + step
      unused = session.waiting() > 0 || moved ? 0 : unused + step
      if (unused >= SFTP_KEEPALIVE) session.post(stat(signOfLife), ignore)
      if (unanswered <= idle) continue
      const detail = `the server did not answer for ${Math.round(idle / 1000)} s; the connection was given up`
      session.lose(new Lost({ detail, silent: true }))
      hangUp()
    }
  })

/** A connection that lives as long as its scope. */
export const openConnection = (settings: SftpSettings): Effect.Effect<SftpSession, Unfit, Scope.Scope> =>
  Effect.gen(function* () {
    const login = yield* credentials(settings)
    const trust = yield* hostTrust(settings)
    const client = yield* newClient
    const link = yield* Effect.acquireRelease(
      dial(settings, login, trust, client).pipe(
        Effect.timeoutOrElse({
          duration: settings.connectTimeout,
          orElse: () =>
            Effect.fail(
              new Unfit({
                reason: { _tag: "Unreachable" },
                detail: `${settings.host}:${settings.port}: no connection within ${settings.connectTimeout / 1000} s; check <host>, <port> and firewalls`,
              }),
            ),
        }),
      ),
      ({ hangUp }) => Effect.sync(hangUp),
      { interruptible: true },
    )
    yield* Effect.forkScoped(watch(link.session, settings.idleTimeout, link.hangUp))
    return link.session
  })
