/**
 * The chunks of a WebP.
 *
 * @since 1.0.0
 */
import { latin1, textAt, viewOf } from "./bytes.ts"

export interface WebpChunk {
  /** Four characters, e.g. "VP8L". */
  readonly type: string
  readonly data: Uint8Array
}

export interface Webp {
  readonly chunks: ReadonlyArray<WebpChunk>
  readonly end: number
  readonly width: number
  readonly height: number
}

const sizeOf = ({ data, type }: WebpChunk): readonly [width: number, height: number] | undefined => {
  const view = viewOf(data)
  if (type === "VP8L" && data.length >= 5 && data[0] === 0x2f) {
    const bits = view.getUint32(1, true)
    return [(bits & 0x3fff) + 1, ((bits >>> 14) & 0x3fff) + 1]
  }
  if (type === "VP8 " && data.length >= 10 && textAt(data, 3, "\u009d\u0001*")) {
    return [view.getUint16(6, true) & 0x3fff, view.getUint16(8, true) & 0x3fff]
  }
  return undefined
}

/** The parts of a still WebP; undefined where it is not in order, or animated. */
export const parseWebp = (bytes: Uint8Array): Webp | undefined => {
  if (bytes.length < 20) return undefined
  const view = viewOf(bytes)
  const end = 8 + view.getUint32(4, true)
  if (end > bytes.length) return undefined
  const chunks: Array<WebpChunk> = []
  let at = 12
  while (at + 8 <= end) {
    const length = view.getUint32(at + 4, true)
    const next = at + 8 + length
    if (next > end) return undefined
    chunks.push({ type: latin1(bytes, at, 4), data: bytes.subarray(at + 8, next) })
    at = next + (length % 2)
  }
  const sizes = chunks.flatMap((chunk) => {
    const size = sizeOf(chunk)
    return size === undefined ? [] : [size]
  })
  const [size] = sizes
  return at < end || size === undefined || sizes.length !== 1
    ? undefined
    : { chunks, end, width: size[0], height: size[1] }
}

/** A WebP of these chunks. */
export const writeWebp = (chunks: ReadonlyArray<WebpChunk>): Uint8Array => {
  const body = chunks.flatMap(({ data, type }) => {
    const head = Buffer.alloc(8)
    head.write(type, 0, "latin1")
    head.writeUInt32LE(data.length, 4)
    return data.length % 2 === 0 ? [head, data] : [head, data, Buffer.alloc(1)]
  })
  const head = Buffer.from("RIFF    WEBP", "latin1")
  head.writeUInt32LE(
    body.reduce((sum, { length }) => sum + length, 4),
    4,
  )
  return Buffer.concat([head, ...body])
}
