/**
 * What an entity tag proves about the bytes that a store holds.
 *
 * @since 1.0.0
 */

/** What a store says about how it keeps an object. */
export interface Kept {
  readonly ETag?: string | undefined
  readonly ServerSideEncryption?: string | undefined
  readonly SSECustomerAlgorithm?: string | undefined
}

const tagOf = (etag: string): string => etag.replace(/^W\//, "").replaceAll('"', "").toLowerCase()

/** The MD5 in hex that the tag is, or undefined: encrypted with other keys or sent in parts, an object has another tag. */
export const md5Of = (kept: Kept): string | undefined => {
  if (kept.ETag === undefined || kept.SSECustomerAlgorithm !== undefined) return undefined
  if (kept.ServerSideEncryption !== undefined && kept.ServerSideEncryption !== "AES256") return undefined
  const tag = tagOf(kept.ETag)
  return /^[0-9a-f]{32}$/.test(tag) ? tag : undefined
}

/** True where the tag is this one. */
export const hasTag = (kept: Kept, tag: string): boolean => kept.ETag !== undefined && tagOf(kept.ETag) === tag
