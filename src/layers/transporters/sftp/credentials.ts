/**
 * How to log in to an SFTP server, and how to know it: read anew for each connection, so what was corrected counts.
 *
 * @since 1.0.0
 */
import { Buffer } from "node:buffer"
import { readFile } from "node:fs/promises"
import { homedir } from "node:os"
import { join } from "node:path"
import process from "node:process"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import type { SftpSettings } from "../settings.ts"
import { Unfit } from "../shared/failures.ts"
import { type HostTrust, knownKeys } from "./hostKey.ts"

/** What is used to log in. */
export interface Credentials {
  readonly password: string | undefined
  readonly key: Buffer | string | undefined
  readonly passphrase: string | undefined
  readonly agent: string | undefined
}

const unauthorized = (detail: string, cause?: unknown): Unfit =>
  new Unfit({ reason: { _tag: "Unauthorized" }, detail, cause })

const codeOf = (cause: unknown): string =>
  cause instanceof Error && "code" in cause ? String(cause.code) : String(cause)

const isText = (value: string): boolean => value.includes("\n") || /^(?:-----BEGIN|PuTTY-User-Key-File)/.test(value)

const readKey = (value: string): Effect.Effect<Buffer | string, Unfit> =>
  isText(value)
    ? Effect.succeed(value)
    : Effect.tryPromise({
        try: () => readFile(value),
        catch: (cause) => unauthorized(`the file of <key> can not be read (${codeOf(cause)})`, cause),
      })

/** The credentials of the settings; without any, the agent of the user's own session. */
export const credentials = (settings: SftpSettings): Effect.Effect<Credentials, Unfit> =>
  Effect.gen(function* () {
    const { agent, key, passphrase, password } = settings
    const none = agent === undefined && key === undefined && password === undefined
    const usedAgent = agent ?? (none ? process.env["SSH_AUTH_SOCK"] : undefined)
    if (none && usedAgent === undefined) {
      return yield* unauthorized("there is no way to log in: give this server a <password>, a <key> or an <agent>")
    }
    return {
      password: password === undefined ? undefined : Redacted.value(password),
      key: key === undefined ? undefined : yield* readKey(Redacted.value(key)),
      passphrase: passphrase === undefined ? undefined : Redacted.value(passphrase),
      agent: usedAgent,
    }
  })

const nothingKnown = { trusted: [], revoked: new Set<string>() }

/** What tells the right server from others: `<hostKey>`, else `<knownHosts>`, else the user's own known_hosts. */
export const hostTrust = (settings: SftpSettings): Effect.Effect<HostTrust, Unfit> => {
  const { host, hostKey, knownHosts, port } = settings
  if (hostKey !== undefined) {
    return Effect.succeed({ fingerprint: hostKey, file: undefined, known: nothingKnown })
  }
  const file = knownHosts ?? join(homedir(), ".ssh", "known_hosts")
  return Effect.tryPromise({ try: () => readFile(file, "utf8"), catch: (cause) => cause }).pipe(
    Effect.map((text) => ({ fingerprint: undefined, file, known: knownKeys(text, host, port) })),
    Effect.catch((cause) =>
      knownHosts === undefined
        ? Effect.succeed({ fingerprint: undefined, file: undefined, known: nothingKnown })
        : Effect.fail(unauthorized(`the file ${file} of <knownHosts> can not be read (${codeOf(cause)})`, cause)),
    ),
  )
}
