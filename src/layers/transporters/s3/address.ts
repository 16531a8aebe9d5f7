/**
 * Where a file is in a bucket, and where the public finds it.
 *
 * @since 1.0.0
 */
import { S3_KEY_BYTES } from "../../../domain/Limits.ts"
import { hasRawBytes, percentEncode, type RemotePath, toBytes, urlOf } from "../../../domain/Path.ts"
import type { S3Settings } from "../settings.ts"

/** What says where a bucket is. */
export type Place = Pick<S3Settings, "bucket_name" | "bucket_prefix" | "endpoint" | "region" | "forcePathStyle" | "url">

/** The bucket's name goes into the path, not into the host name: the default at an endpoint, which may have no such names. */
export const pathStyle = (place: Place): boolean => place.forcePathStyle ?? place.endpoint !== undefined

const withPrefix = (place: Place, at: string): string =>
  place.bucket_prefix === "" ? at : `${place.bucket_prefix}/${at}`

/** The key of a file, or why it can have none. */
export const keyOf = (place: Place, at: RemotePath): { readonly key: string } | { readonly refused: string } => {
  if (hasRawBytes(at)) {
    return { refused: "S3 stores names as UTF-8 text, which this one is not; rename the file" }
  }
  const key = withPrefix(place, at)
  const bytes = toBytes(key).length
  if (bytes > S3_KEY_BYTES) {
    return { refused: `S3 stores names of at most ${S3_KEY_BYTES} bytes; this one has ${bytes} with its directories` }
  }
  return { key }
}

const trimmed = (url: string): string => url.replace(/\/+$/, "")

/** The public address of the bucket itself. */
const bucketUrl = (place: Place): string => {
  const { bucket_name: bucket, endpoint, region } = place
  if (endpoint === undefined) {
    const host = region === undefined ? "s3.amazonaws.com" : `s3.${region}.amazonaws.com`
    // A certificate for *.s3.amazonaws.com does not hold for a name with further dots.
    const inPath = pathStyle(place) || bucket.includes(".")
    return inPath ? `https://${host}/${bucket}` : `https://${bucket}.${host}`
  }
  const base = trimmed(endpoint)
  return pathStyle(place) ? `${base}/${bucket}` : base.replace("://", `://${bucket}.`)
}

/** The public address of a file: below `url` where it is set, which then stands for `bucket_prefix` in the bucket. */
export const publicAddress = (place: Place, at: RemotePath): string => {
  if (place.url !== undefined) return urlOf(place.url, at)
  return `${bucketUrl(place)}/${percentEncode(withPrefix(place, at))}`
}

/** The public address of a file behind a host that serves the whole bucket. */
export const addressBehind = (host: string, place: Place, at: RemotePath): string =>
  place.url === undefined ? `https://${host}/${percentEncode(withPrefix(place, at))}` : urlOf(place.url, at)
