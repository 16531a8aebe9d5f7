/**
 * What an S3 store is told about a file besides its bytes.
 *
 * @since 1.0.0
 */
import type { ObjectCannedACL, StorageClass } from "@aws-sdk/client-s3"
import { baseNameOf, percentEncode, type RemotePath } from "../../../domain/Path.ts"
import type { OutputFile } from "../../../domain/Transporter.ts"
import { contentType } from "../contentType.ts"
import type { S3Settings } from "../settings.ts"

/** The parameters of a request that stores an object. */
export interface ObjectHeaders {
  readonly ContentType: string
  readonly CacheControl?: string
  readonly Expires?: Date
  readonly ContentEncoding?: string
  readonly ContentLanguage?: string
  readonly ContentDisposition?: string
  readonly WebsiteRedirectLocation?: string
  readonly Metadata?: Record<string, string>
  readonly ACL?: ObjectCannedACL
  readonly StorageClass?: StorageClass
}

/** For files whose URL promises their content: ten years. */
const forEver = "public, max-age=315360000, immutable"

/** For caches that know no Cache-Control; a later date does not fit into 32 bits of seconds everywhere. */
const farFuture = new Date("2037-01-20T03:00:00Z")

/** A date that is none, such as "0", stands for "expired already" (RFC 9111, section 5.3). */
const expiryOf = (text: string): Date => {
  const millis = /[a-z]{3}/i.test(text) ? Date.parse(text) : Number.NaN
  return new Date(Number.isNaN(millis) ? 0 : millis)
}

const metaPrefix = "x-amz-meta-"

/** Header values are signed as they are: characters outside ASCII travel percent-encoded. */
const ascii = (value: string): string => value.replace(/[^\x20-\x7e]+/gu, percentEncode)

const metadataOf = (headers: OutputFile["headers"]): Record<string, string> =>
  Object.fromEntries(
    Object.entries(headers)
      .filter(([name]) => name.startsWith(metaPrefix))
      .map(([name, value]) => [name.slice(metaPrefix.length), ascii(value)]),
  )

const cachingOf = (
  file: OutputFile,
  settings: Pick<S3Settings, "cacheControl">,
): Pick<ObjectHeaders, "CacheControl" | "Expires"> => {
  const { "cache-control": cacheControl = settings.cacheControl, expires } = file.headers
  if (cacheControl !== undefined || expires !== undefined) {
    return {
      ...(cacheControl === undefined ? {} : { CacheControl: ascii(cacheControl) }),
      ...(expires === undefined ? {} : { Expires: expiryOf(expires) }),
    }
  }
  return file.uniqueName ? { CacheControl: forEver, Expires: farFuture } : {}
}

/** Headers of the file, which win over the server's settings, which win over what the name says. */
export const objectHeaders = (
  file: OutputFile,
  to: RemotePath,
  settings: Pick<S3Settings, "cacheControl" | "acl" | "storageClass">,
): ObjectHeaders => {
  const {
    "content-disposition": disposition,
    "content-encoding": encoding,
    "content-language": language,
    "content-type": type,
    "x-amz-website-redirect-location": redirect,
  } = file.headers
  const metadata = metadataOf(file.headers)
  return {
    ContentType: ascii(type ?? contentType(baseNameOf(to))),
    ...cachingOf(file, settings),
    ...(encoding === undefined ? {} : { ContentEncoding: ascii(encoding) }),
    ...(language === undefined ? {} : { ContentLanguage: ascii(language) }),
    ...(disposition === undefined ? {} : { ContentDisposition: ascii(disposition) }),
    ...(redirect === undefined ? {} : { WebsiteRedirectLocation: ascii(redirect) }),
    ...(Object.keys(metadata).length === 0 ? {} : { Metadata: metadata }),
    ...(settings.acl === undefined ? {} : { ACL: settings.acl }),
    ...(settings.storageClass === undefined ? {} : { StorageClass: settings.storageClass as StorageClass }),
  }
}
