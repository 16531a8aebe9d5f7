/**
 * What makes a delivery what it is, as a short text.
 *
 * @since 1.0.0
 */
import * as Redacted from "effect/Redacted"
import { createHash } from "node:crypto"
import type { Source } from "../../domain/Config.ts"
import type { ProcessorUse } from "../../domain/Rule.ts"

/** A value with the keys of every object in order, and without anything secret. */
const canonical = (value: unknown): unknown => {
  if (Redacted.isRedacted(value) || typeof value === "function") return undefined
  if (value instanceof Set) return [...value].map(canonical).toSorted()
  if (value instanceof Date) return value.toJSON()
  if (Array.isArray(value)) return value.map((entry: unknown) => canonical(entry) ?? null)
  if (typeof value === "bigint") return String(value)
  if (typeof value !== "object" || value === null) return value
  return Object.fromEntries(
    Object.entries(value)
      .map(([key, entry]): readonly [string, unknown] => [key, canonical(entry)])
      .filter(([, entry]) => entry !== undefined)
      .toSorted(([left], [right]) => (left < right ? -1 : 1)),
  )
}

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null

/** JSON with sorted keys and without secrets. */
export const canonicalJson = (value: unknown): string => JSON.stringify(canonical(value))

/** What decides where references in the files of a source lead; `others`: the other sources, if there are any. */
export interface Site extends Pick<Source, "documentRoot" | "basePath" | "logicalBasePath"> {
  readonly others?: ReadonlyArray<Pick<Source, "name" | "scanPath">> | undefined
}

/** The site of a source. */
export const siteOf = (own: Source, sources: ReadonlyArray<Source>): Site => {
  const { basePath, documentRoot, logicalBasePath } = own
  const others = sources.filter((one) => one.name !== own.name).map(({ name, scanPath }) => ({ name, scanPath }))
  return { documentRoot, basePath, logicalBasePath, others: others.length === 0 ? undefined : others }
}

/**
 * Identifies chain, destination path and server, and `site` where the chain depends on it. `identity` names the settings that
 * count, absent: all but the secret ones.
 */
export const fingerprint = (delivery: {
  readonly chain: ReadonlyArray<ProcessorUse>
  readonly path: string
  readonly transporter: string
  readonly settings: unknown
  readonly identity: ReadonlyArray<string> | undefined
  readonly site?: Site | undefined
}): string => {
  const { chain, identity, path, settings, site, transporter } = delivery
  const counting =
    identity !== undefined && isRecord(settings)
      ? Object.fromEntries(identity.map((name) => [name, settings[name]]))
      : settings
  return createHash("sha256")
    .update(canonicalJson({ chain, path, transporter, settings: counting, site }))
    .digest("hex")
    .slice(0, 16)
}
