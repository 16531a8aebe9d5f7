/**
 * Why no connection to an SFTP server came about, in words a person can act on.
 *
 * @since 1.0.0
 */
import { type Meaning, meaning, socketMeaning } from "../shared/failures.ts"

/** What the SSH client tells: `level` is the part of it that gave up. */
export interface ConnectProblem {
  readonly message: string
  readonly level?: string | undefined
  readonly code?: string | number | undefined
}

/** What was tried. `ways` names the settings used to log in. */
export interface ConnectAttempt {
  readonly address: string
  readonly username: string
  readonly ways: ReadonlyArray<string>
}

const TOO_MANY_CONNECTIONS = 12

/** What a failed attempt to connect means. */
export const connectMeaning = (problem: ConnectProblem, attempt: ConnectAttempt): Meaning => {
  const { address, username, ways } = attempt
  const { code, level, message } = problem
  if (level === "client-authentication" || level === "agent") {
    const tried = ways.map((way) => `<${way}>`).join(", ")
    return meaning(
      "Unauthorized",
      `${address} did not let user "${username}" in with ${tried}: check <username> and ${tried}${
        ways.includes("key") || ways.includes("agent") ? ", and that the public key is authorized on the server" : ""
      } (${message})`,
    )
  }
  if (/parse privateKey|passphrase|bad decrypt/i.test(message)) {
    return meaning("Unauthorized", `<key> can not be used: ${message}. Check <key> and <passphrase>`)
  }
  if (code === TOO_MANY_CONNECTIONS || /too many/i.test(message)) {
    return {
      reason: { _tag: "Throttled" },
      detail: `${address} has too many connections; lower maxConnections (${message})`,
    }
  }
  if (level === "client-timeout") return meaning("Unreachable", `${address} went silent (${message})`)
  if (/unable to start subsystem/i.test(message)) {
    return meaning(
      "Unreachable",
      `${address} lets user "${username}" in but offers no SFTP; it has to be switched on there`,
    )
  }
  if (/no matching/i.test(message)) {
    return meaning(
      "Unreachable",
      `${address} and this program have no encryption in common (${message}); update the server`,
    )
  }
  return socketMeaning(address, typeof code === "string" ? code : undefined, message)
}
