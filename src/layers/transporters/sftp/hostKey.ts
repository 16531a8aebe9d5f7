/**
 * Which server is the right one: host keys against a fingerprint or a known_hosts file.
 *
 * @since 1.0.0
 */
import { Buffer } from "node:buffer"
import { createHash, createHmac } from "node:crypto"

/** What is known about a host's keys. */
export interface KnownKeys {
  /** Base64 of the keys it may have. */
  readonly trusted: ReadonlyArray<{ readonly type: string; readonly key: string }>
  /** Base64 of keys that were withdrawn. */
  readonly revoked: ReadonlySet<string>
}

/** SHA-256 of a host key as ssh-keygen prints it. */
export const fingerprint = (key: Uint8Array): string =>
  `SHA256:${createHash("sha256").update(key).digest("base64").replace(/=+$/, "")}`

/** The kind of a host key, e.g. "ssh-ed25519", as the key itself says. */
export const keyType = (key: Buffer): string => {
  const length = key.length < 4 ? 0 : key.readUInt32BE(0)
  return length > 64 ? "" : key.subarray(4, 4 + length).toString("latin1")
}

const escaped = (text: string): string => text.replace(/[.+^${}()|[\]\\]/g, "\\$&")

const matchesPattern = (pattern: string, host: string): boolean =>
  new RegExp(`^${escaped(pattern).replace(/\*/g, ".*").replace(/\?/g, ".")}$`, "i").test(host)

const matchesHashed = (entry: string, host: string): boolean => {
  const [, , salt = "", hash = ""] = entry.split("|")
  return createHmac("sha1", Buffer.from(salt, "base64")).update(host).digest("base64") === hash
}

const concerns = (patterns: string, host: string): boolean => {
  if (patterns.startsWith("|1|")) return matchesHashed(patterns, host)
  let found = false
  for (const pattern of patterns.split(",")) {
    if (!pattern.startsWith("!")) found ||= matchesPattern(pattern, host)
    else if (matchesPattern(pattern.slice(1), host)) return false
  }
  return found
}

/** The name by which known_hosts calls a server. */
export const knownName = (host: string, port: number): string =>
  port === 22 ? host.toLowerCase() : `[${host.toLowerCase()}]:${port}`

/**
 * The keys that a known_hosts file has for a server. Lines of certificate authorities are left out: certificates of
 * hosts are not understood.
 */
export const knownKeys = (text: string, host: string, port: number): KnownKeys => {
  const name = knownName(host, port)
  const trusted: Array<{ type: string; key: string }> = []
  const revoked = new Set<string>()
  for (const line of text.split(/\r?\n/)) {
    const fields = line.trim().split(/[ \t]+/)
    const marker = fields[0]?.startsWith("@") === true ? fields.shift() : undefined
    const [patterns = "", type = "", key = ""] = fields
    if (key === "" || patterns.startsWith("#") || marker === "@cert-authority" || !concerns(patterns, name)) continue
    if (marker === "@revoked") revoked.add(key)
    else trusted.push({ type, key })
  }
  return { trusted, revoked }
}

/** Signature algorithms to ask for, so that the server shows a key of a kind that is known; undefined: any. */
export const wantedAlgorithms = (known: KnownKeys): ReadonlyArray<string> | undefined => {
  const algorithms = known.trusted.flatMap(({ type }) =>
    type === "ssh-rsa" ? ["rsa-sha2-512", "rsa-sha2-256", "ssh-rsa"] : [type],
  )
  const usable = algorithms.filter((name) => understood.has(name))
  return usable.length === 0 ? undefined : Array.from(new Set(usable))
}

const understood = new Set([
  "ssh-ed25519",
  "ecdsa-sha2-nistp256",
  "ecdsa-sha2-nistp384",
  "ecdsa-sha2-nistp521",
  "rsa-sha2-512",
  "rsa-sha2-256",
  "ssh-rsa",
])

/** What is known, and from where: a fingerprint setting, or a known_hosts file (`file` undefined: there is none). */
export interface HostTrust {
  readonly fingerprint: string | undefined
  readonly file: string | undefined
  readonly known: KnownKeys
}

/** Undefined where the key is the right one; else what is wrong and which setting would accept it. */
export const objection = (key: Buffer, trust: HostTrust, server: string): string | undefined => {
  const shown = fingerprint(key)
  const accept = `If the server's operator confirms this fingerprint, write <hostKey>${shown}</hostKey> into this server's settings`
  if (trust.fingerprint !== undefined) {
    if (shown === trust.fingerprint.replace(/=+$/, "")) return undefined
    return `the host key of ${server} is ${shown} (${keyType(key)}), not the ${trust.fingerprint} of <hostKey>: it was changed, has several keys, or somebody is in between. ${accept}`
  }
  const base64 = key.toString("base64")
  if (trust.known.revoked.has(base64)) {
    return `the host key ${shown} of ${server} is marked as revoked in ${trust.file}: do not trust this server before its operator explained it`
  }
  if (trust.known.trusted.some((known) => known.key === base64)) return undefined
  if (trust.known.trusted.length > 0) {
    return `the host key of ${server} is ${shown} (${keyType(key)}), which is another than the ones ${trust.file} has for it: it was changed, or somebody is in between. ${accept}, or mend the file`
  }
  const where = trust.file === undefined ? "there is neither <hostKey> nor <knownHosts>" : `it is not in ${trust.file}`
  return `the host key of ${server} is unknown: ${where}. It shows ${shown} (${keyType(key)}). ${accept}, or name a file that has the key in <knownHosts>`
}
