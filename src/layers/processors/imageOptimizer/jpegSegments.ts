/**
 * The segments of a JPEG: what stands before the first scan, and where everything ends.
 *
 * @since 1.0.0
 */
import { latin1, viewOf } from "./bytes.ts"

export interface Segment {
  readonly marker: number
  readonly kind: SegmentKind
  /** The whole segment, with marker and length. */
  readonly bytes: Uint8Array
}

/** `other`: an application's own data; `coding`: tables and frame, without which nothing can be decoded. */
export type SegmentKind = "jfif" | "exif" | "icc" | "adobe" | "several" | "signed" | "other" | "coding"

export interface Jpeg {
  /** Segments before the first scan, in order, without the start marker. */
  readonly segments: ReadonlyArray<Segment>
  /** From the first scan's header through the end marker. */
  readonly scans: Uint8Array
  /** Where the end marker ends. */
  readonly end: number
  /** The type of frame: 0xC0 baseline, 0xC1 extended, 0xC2 progressive. */
  readonly frame: number
  readonly precision: number
  readonly width: number
  readonly height: number
}

const kindOf = (marker: number, bytes: Uint8Array): SegmentKind => {
  const name = latin1(bytes, 4, 12)
  switch (marker) {
    case 0xe0:
      return name.startsWith("JFIF\0") ? "jfif" : "other"
    case 0xe1:
      return name.startsWith("Exif\0") ? "exif" : "other"
    case 0xe2:
      // Several pictures in one file (MPF), e.g. the brighter half of an HDR photo: found by offsets that would change.
      return name.startsWith("ICC_PROFILE\0") ? "icc" : name.startsWith("MPF\0") ? "several" : "other"
    case 0xeb:
      // Boxes of JPEG XT and of content credentials, whose signature covers every byte.
      return "signed"
    case 0xee:
      return name.startsWith("Adobe") ? "adobe" : "other"
    default:
      return marker === 0xfe || (marker >= 0xe0 && marker <= 0xef) ? "other" : "coding"
  }
}

const isFrame = (marker: number): boolean =>
  marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc
const standsAlone = (marker: number): boolean => marker === 0x01 || (marker >= 0xd0 && marker <= 0xd8)
const isDescription = (marker: number): boolean => marker === 0xfe || (marker >= 0xe0 && marker <= 0xef)

/** Where the end marker ends, from the first scan's header on; undefined where the scans are not in order. */
const endOf = (bytes: Uint8Array, firstScan: number): number | undefined => {
  const view = viewOf(bytes)
  let at = firstScan
  while (at + 1 < bytes.length) {
    const found = bytes.indexOf(0xff, at)
    const marker = found === -1 ? undefined : bytes[found + 1]
    if (marker === undefined) return undefined
    if (marker === 0xd9) return found + 2
    if (marker === 0xff) at = found + 1
    else if (marker === 0x00 || (marker >= 0xd0 && marker <= 0xd7)) at = found + 2
    else {
      // A second picture, a second frame, a height that comes late (DNL), descriptions in the middle: nothing for us.
      if (standsAlone(marker) || isFrame(marker) || marker === 0xdc || isDescription(marker)) return undefined
      if (found + 4 > bytes.length) return undefined
      at = found + 2 + view.getUint16(found + 2)
    }
  }
  return undefined
}

/** The parts of a JPEG, or undefined where it is not in order from its start marker to its end marker. */
export const parseJpeg = (bytes: Uint8Array): Jpeg | undefined => {
  const view = viewOf(bytes)
  const segments: Array<Segment> = []
  let frame: Segment | undefined
  let at = 2
  while (at + 4 <= bytes.length) {
    if (bytes[at] !== 0xff) return undefined
    const marker = bytes[at + 1] ?? 0
    if (marker === 0xff) {
      at += 1
      continue
    }
    if (marker === 0x00 || marker === 0xd9 || standsAlone(marker)) return undefined
    if (marker === 0xda) {
      const end = endOf(bytes, at)
      if (end === undefined || frame === undefined) return undefined
      const header = viewOf(frame.bytes)
      return {
        segments,
        scans: bytes.subarray(at, end),
        end,
        frame: frame.marker,
        precision: header.getUint8(4),
        height: header.getUint16(5),
        width: header.getUint16(7),
      }
    }
    const next = at + 2 + view.getUint16(at + 2)
    if (next < at + 4 || next > bytes.length) return undefined
    const whole = bytes.subarray(at, next)
    const segment = { marker, kind: kindOf(marker, whole), bytes: whole }
    if (isFrame(marker)) {
      if (frame !== undefined || whole.length < 10) return undefined
      frame = segment
    }
    segments.push(segment)
    at = next
  }
  return undefined
}

/** A JPEG of these segments and scans. */
export const writeJpeg = (segments: ReadonlyArray<Uint8Array>, scans: Uint8Array): Uint8Array =>
  Buffer.concat([Uint8Array.of(0xff, 0xd8), ...segments, scans])

/** An EXIF segment around a TIFF structure. */
export const exifSegment = (tiff: Uint8Array): Uint8Array => {
  const header = Buffer.from("\u00ff\u00e1\0\0Exif\0\0", "latin1")
  header.writeUInt16BE(tiff.length + 8, 2)
  return Buffer.concat([header, tiff])
}

/** Where the TIFF structure starts in an EXIF segment. */
export const EXIF_HEADER = 10
