/**
 * How files and the segments of large ones are named in a container, and where the public finds them.
 *
 * @since 1.0.0
 */
import { CLOUDFILES_NAME_BYTES } from "../../../domain/Limits.ts"
import { display, hasRawBytes, percentEncode, type RemotePath, toBytes, urlOf } from "../../../domain/Path.ts"

/** Segments live below this name, in the container of their files: whoever may read those may read these. */
export const SEGMENTS = ".fc-segments/"

/** Bytes that the name of a segment has beyond that of its file. */
const SEGMENT_NAME_EXTRA = 48

/** Why a file can have no object of its name; undefined where it can. */
export const refusalOf = (path: RemotePath): string | undefined => {
  if (hasRawBytes(path)) return "Swift stores names as UTF-8 text, which this one is not; rename the file"
  if (path.startsWith(SEGMENTS) || path === SEGMENTS.slice(0, -1)) {
    return `names below ${SEGMENTS} are kept for the segments of large files`
  }
  const bytes = toBytes(path).length
  return bytes > CLOUDFILES_NAME_BYTES
    ? `Swift stores names of at most ${CLOUDFILES_NAME_BYTES} bytes; this one has ${bytes} with its directories`
    : undefined
}

/** Why a file that needs segments can have none; undefined where it can. */
export const largeRefusalOf = (path: RemotePath): string | undefined => {
  const most = CLOUDFILES_NAME_BYTES - SEGMENT_NAME_EXTRA
  const bytes = toBytes(path).length
  return bytes > most ? `a file this large needs a name of at most ${most} bytes; this one has ${bytes}` : undefined
}

/** The segments of one upload of a file. `id` says when it began. */
export interface UploadName {
  readonly path: RemotePath
  readonly id: string
}

/** An id for an upload that begins now. `random` is eight hexadecimal digits. */
export const uploadId = (nowMillis: number, random: string): string =>
  `${nowMillis.toString(36).padStart(9, "0")}-${random}`

/** When an upload began, in milliseconds since the epoch. */
export const begunAt = (id: string): number => Number.parseInt(id, 36)

/** All segments of a file have names that begin so. */
export const segmentsOf = (path: RemotePath): string => `${SEGMENTS}${path}/`

/** The name of a segment; the first is number 1. */
export const segmentName = ({ id, path }: UploadName, number: number): string =>
  `${segmentsOf(path)}${id}-${String(number).padStart(4, "0")}`

const segmentPattern = /^\.fc-segments\/(?<path>.+)\/(?<id>[0-9a-z]{9,12}-[0-9a-f]{8})-\d{4}$/su

/** The upload that an object of this name is a segment of, if it is one. */
export const uploadOf = (name: string): UploadName | undefined => {
  const found = segmentPattern.exec(name)?.groups
  return found?.["path"] === undefined || found["id"] === undefined
    ? undefined
    : { path: found["path"] as RemotePath, id: found["id"] }
}

const trimmed = (url: string): string => url.replace(/\/+$/, "")

/** The address of a container in an account. */
export const containerUrl = (account: string, container: string): string =>
  `${trimmed(account)}/${percentEncode(container)}`

/** The address of an object in a container. */
export const objectUrl = (container: string, name: string): string => `${container}/${percentEncode(name)}`

/** What stands for the public address until a first answer of the service tells it. */
export const untoldUrl = (container: string, path: RemotePath): string => `cloudfiles://${container}/${display(path)}`

/** The public address of a file below that of its container. */
export const publicUrl = (base: string, path: RemotePath): string => urlOf(base, path)
