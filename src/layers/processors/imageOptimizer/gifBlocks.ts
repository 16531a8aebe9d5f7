/**
 * The blocks of a GIF, as far as they decide what may be done to it.
 *
 * @since 1.0.0
 */
import { latin1, viewOf } from "./bytes.ts"

export interface Gif {
  readonly width: number
  readonly height: number
  readonly frames: number
  /** Every frame covers the whole picture. */
  readonly covered: boolean
  /** Pixels are as high as they are wide. */
  readonly square: boolean
  /** Text that is drawn by the program that shows the picture. */
  readonly drawnText: boolean
  readonly comments: boolean
  /** Names of applications that left data, e.g. "NETSCAPE2.0" for the number of repetitions. */
  readonly applications: ReadonlyArray<string>
  /** Where the trailer ends. */
  readonly end: number
}

const colours = (flags: number): number => ((flags & 0x80) === 0 ? 0 : 3 * 2 ** ((flags & 7) + 1))

/** Where a list of sub-blocks ends. */
const skip = (bytes: Uint8Array, from: number): number | undefined => {
  let at = from
  for (;;) {
    const length = bytes[at]
    if (length === undefined) return undefined
    at += 1 + length
    if (length === 0) return at
  }
}

/** The parts of a GIF, or undefined where it is not in order from header to trailer. */
export const parseGif = (bytes: Uint8Array): Gif | undefined => {
  if (bytes.length < 14) return undefined
  const view = viewOf(bytes)
  const [width, height] = [view.getUint16(6, true), view.getUint16(8, true)]
  const aspect = bytes[12] ?? 0
  const applications: Array<string> = []
  let [frames, covered, drawnText, comments] = [0, true, false, false]
  let at: number | undefined = 13 + colours(bytes[10] ?? 0)
  while (at !== undefined) {
    const block = bytes[at]
    if (block === 0x3b) {
      const square = aspect === 0 || aspect === 49
      return { width, height, frames, covered, square, drawnText, comments, applications, end: at + 1 }
    }
    if (block === 0x2c) {
      if (at + 10 > bytes.length) return undefined
      frames += 1
      const [left, top] = [view.getUint16(at + 1, true), view.getUint16(at + 3, true)]
      const [wide, high] = [view.getUint16(at + 5, true), view.getUint16(at + 7, true)]
      covered &&= left === 0 && top === 0 && wide === width && high === height
      at = skip(bytes, at + 11 + colours(bytes[at + 9] ?? 0))
    } else if (block === 0x21) {
      const label = bytes[at + 1]
      if (label === 0xfe) comments = true
      if (label === 0x01) drawnText = true
      if (label === 0xff) applications.push(latin1(bytes, at + 3, 11))
      at = skip(bytes, at + 2)
    } else {
      return undefined
    }
  }
  return undefined
}
