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

/** The bucket's whole name. */
export const bucketOf = (place: Pick<S3Settings, "bucket_name" | "bucket_prefix">): string =>
  place.bucket_prefix + place.bucket_name

/** The key of a file, or why it can have none. */
export const keyOf = (at: RemotePath): { readonly key: string } | { readonly refused: string } => {
  if (hasRawBytes(at)) {
    return { refused: "S3 stores names as UTF-8 text, which this one is not; rename the file" }
  }
  const bytes = toBytes(at).length
  if (bytes > S3_KEY_BYTES) {
    return { refused: `S3 stores names of at most ${S3_KEY_BYTES} bytes; this one has ${bytes} with its directories` }
  }
  return { key: at }
}

const trimmed = (url: string): string => url.replace(/\/+$/, "")

/** The public address of the bucket itself. */
const bucketUrl = (place: Place): string => {
  const { endpoint, region } = place
  const bucket = bucketOf(place)
  if (endpoint === undefined) {
    const host = region === undefined ? "s3.amazonaws.com" : `s3.${region}.amazonaws.com`
    // A certificate for *.s3.amazonaws.com does not hold for a name with further dots.
    const inPath = pathStyle(place) || bucket.includes(".")
    return inPath ? `https://${host}/${bucket}` : `https://${bucket}.${host}`
  }
  const base = trimmed(endpoint)
  return pathStyle(place) ? `${base}/${bucket}` : base.replace("://", `://${bucket}.`)
}

/** The public address of a file: below `url` where it is set. */
export const publicAddress = (place: Place, at: RemotePath): string =>
  place.url === undefined ? `${bucketUrl(place)}/${percentEncode(at)}` : urlOf(place.url, at)

/** The public address of a file behind a host that serves the whole bucket. */
export const addressBehind = (host: string, place: Pick<Place, "url">, at: RemotePath): string =>
  place.url === undefined ? `https://${host}/${percentEncode(at)}` : urlOf(place.url, at)
