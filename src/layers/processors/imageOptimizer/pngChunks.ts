/**
 * The chunks of a PNG.
 *
 * @since 1.0.0
 */
import { crc32 } from "node:zlib"
import { latin1, textAt, viewOf } from "./bytes.ts"
import { PNG_SIGNATURE } from "./format.ts"

export interface Chunk {
  /** Four letters, e.g. "IHDR". */
  readonly type: string
  readonly data: Uint8Array
}

export interface Png {
  readonly chunks: ReadonlyArray<Chunk>
  /** Where the last chunk ends. */
  readonly end: number
  readonly width: number
  readonly height: number
  /** 2: RGB, 3: palette, 4 more: alpha. */
  readonly colourType: number
}

/**
 * The parts of a PNG, or undefined where it is not in order from signature to IEND, checksums included: whoever writes
 * its chunks again would make a damaged one look whole.
 */
export const parsePng = (bytes: Uint8Array): Png | undefined => {
  if (!textAt(bytes, 0, PNG_SIGNATURE)) return undefined
  const view = viewOf(bytes)
  const chunks: Array<Chunk> = []
  let at = 8
  while (at + 12 <= bytes.length) {
    const length = view.getUint32(at)
    const type = latin1(bytes, at + 4, 4)
    if (!/^[A-Za-z]{4}$/.test(type) || at + 12 + length > bytes.length) return undefined
    const checked = bytes.subarray(at + 4, at + 8 + length)
    if (crc32(checked) !== view.getUint32(at + 8 + length)) return undefined
    chunks.push({ type, data: checked.subarray(4) })
    at += 12 + length
    if (type !== "IEND") continue
    const header = chunks[0]
    if (header?.type !== "IHDR" || header.data.length !== 13) return undefined
    const { data } = header
    return {
      chunks,
      end: at,
      width: viewOf(data).getUint32(0),
      height: viewOf(data).getUint32(4),
      colourType: data[9] ?? 0,
    }
  }
  return undefined
}

/** A PNG of these chunks. */
export const writePng = (chunks: ReadonlyArray<Chunk>): Uint8Array =>
  Buffer.concat([
    Buffer.from(PNG_SIGNATURE, "latin1"),
    ...chunks.flatMap(({ data, type }) => {
      const head = Buffer.alloc(8)
      head.writeUInt32BE(data.length, 0)
      head.write(type, 4, "latin1")
      const check = Buffer.alloc(4)
      check.writeUInt32BE(crc32(data, crc32(head.subarray(4))), 0)
      return [head, data, check]
    }),
  ])

/** The chunks of one type. */
export const chunksOf = (png: Png, ...types: ReadonlyArray<string>): ReadonlyArray<Chunk> =>
  png.chunks.filter(({ type }) => types.includes(type))

/** A capital first letter: without it the picture can not be read. */
export const isCritical = ({ type }: Chunk): boolean => /^[A-Z]/.test(type)

/** A capital last letter: it may not be copied into a changed picture by somebody who does not know it. */
export const isUnsafeToCopy = ({ type }: Chunk): boolean => /[A-Z]$/.test(type)
