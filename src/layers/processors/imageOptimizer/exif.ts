/**
 * The part of EXIF data that decides how a picture is shown: orientation, colour space, and the size it asks for.
 *
 * @since 1.0.0
 */
import { latin1, viewOf } from "./bytes.ts"

interface Entry {
  readonly tag: number
  readonly type: number
  readonly count: number
  /** In the byte order of the file. */
  readonly value: Uint8Array
}

type Directory = ReadonlyMap<number, Entry>

const EXIF_DIRECTORY = 0x8769
const INTEROPERABILITY_DIRECTORY = 0xa005
const TYPE_LONG = 4

/** Bytes of one value of each type of TIFF. */
const sizes = [0, 1, 1, 2, 4, 8, 1, 1, 2, 4, 8, 4, 8]

const readDirectory = (tiff: Uint8Array, at: number, little: boolean): Directory | undefined => {
  const view = viewOf(tiff)
  if (at < 8 || at + 2 > tiff.length) return undefined
  const count = view.getUint16(at, little)
  if (at + 2 + count * 12 > tiff.length) return undefined
  const entries = new Map<number, Entry>()
  for (let index = 0; index < count; index++) {
    const from = at + 2 + index * 12
    const type = view.getUint16(from + 2, little)
    const values = view.getUint32(from + 4, little)
    const length = (sizes[type] ?? 0) * values
    const value = length <= 4 ? from + 8 : view.getUint32(from + 8, little)
    const tag = view.getUint16(from, little)
    if (length === 0 || value + length > tiff.length || entries.has(tag)) continue
    entries.set(tag, { tag, type, count: values, value: tiff.subarray(value, value + length) })
  }
  return entries
}

const numberOf = (entry: Entry | undefined, little: boolean): number | undefined => {
  if (entry === undefined) return undefined
  const view = viewOf(entry.value)
  if (entry.type === 3) return view.getUint16(0, little)
  if (entry.type === TYPE_LONG || entry.type === 13) return view.getUint32(0, little)
  return entry.type === 1 ? view.getUint8(0) : undefined
}

const directoryAt = (tiff: Uint8Array, parent: Directory, tag: number, little: boolean): Directory => {
  const at = numberOf(parent.get(tag), little)
  return (at === undefined ? undefined : readDirectory(tiff, at, little)) ?? new Map()
}

/** The entries that matter of each directory. */
const essentials = (tiff: Uint8Array, main: Directory, little: boolean, width: number, height: number) => {
  const exif = directoryAt(tiff, main, EXIF_DIRECTORY, little)
  const interoperability = directoryAt(tiff, exif, INTEROPERABILITY_DIRECTORY, little)
  const pick = (directory: Directory, tags: ReadonlyArray<number>) =>
    tags.flatMap((tag) => directory.get(tag) ?? []).sort((one, other) => one.tag - other.tag)
  const turned = (numberOf(main.get(0x112), little) ?? 1) !== 1
  const colourSpace = numberOf(exif.get(0xa001), little)
  const coloured = colourSpace !== undefined && colourSpace !== 1
  const index = interoperability.get(1)
  const adobeRgb = index !== undefined && latin1(index.value, 0, 3) === "R03"
  // Browsers show a picture in another size than its pixels say when resolution and EXIF dimensions agree on it.
  const [shownWidth, shownHeight] = [numberOf(exif.get(0xa002), little), numberOf(exif.get(0xa003), little)]
  const resized =
    shownWidth !== undefined && shownHeight !== undefined && (shownWidth !== width || shownHeight !== height)
  return {
    main: pick(main, [
      ...(turned ? [0x112] : []),
      ...(resized ? [0x11a, 0x11b, 0x128] : []),
      // White point, primaries and YCbCr coefficients.
      0x13e,
      0x13f,
      0x211,
    ]),
    exif: pick(exif, [...(coloured ? [0xa001] : []), ...(resized ? [0xa002, 0xa003] : []), 0xa500]),
    interoperability: adobeRgb ? [index] : [],
  }
}

/** A TIFF structure of up to three directories, each referred to from the one before. */
const writeTiff = (
  head: Uint8Array,
  little: boolean,
  directories: ReadonlyArray<readonly [entries: ReadonlyArray<Entry>, tagOfNext: number]>,
): Uint8Array => {
  const last = directories.findLastIndex(([entries]) => entries.length > 0)
  const used = directories.slice(0, last + 1)
  const lengths = used.map(([entries], index) => 6 + 12 * (entries.length + (index < last ? 1 : 0)))
  const starts = lengths.map((_, index) => lengths.slice(0, index).reduce((sum, one) => sum + one, 8))
  const dataStart = lengths.reduce((sum, one) => sum + one, 8)
  const dataLength = used
    .flatMap(([entries]) => entries)
    .reduce((sum, { value }) => sum + (value.length > 4 ? value.length + (value.length % 2) : 0), 0)
  const out = new Uint8Array(dataStart + dataLength)
  const view = viewOf(out)
  out.set(head.subarray(0, 4))
  view.setUint32(4, 8, little)
  let data = dataStart
  used.forEach(([entries, tagOfNext], index) => {
    const pointer: ReadonlyArray<Entry> =
      index < last ? [{ tag: tagOfNext, type: TYPE_LONG, count: 1, value: new Uint8Array(4) }] : []
    const all = [...entries, ...pointer].sort((one, other) => one.tag - other.tag)
    let at = starts[index] ?? 8
    view.setUint16(at, all.length, little)
    at += 2
    for (const { count, tag, type, value } of all) {
      view.setUint16(at, tag, little)
      view.setUint16(at + 2, type, little)
      view.setUint32(at + 4, count, little)
      if (pointer[0]?.tag === tag) view.setUint32(at + 8, starts[index + 1] ?? 0, little)
      else if (value.length <= 4) out.set(value, at + 8)
      else {
        view.setUint32(at + 8, data, little)
        out.set(value, data)
        data += value.length + (value.length % 2)
      }
      at += 12
    }
  })
  return out
}

/**
 * EXIF data (a TIFF structure) cut down to what changes how a picture of this size is shown; undefined where nothing
 * does. Data that can not be read stays whole: another program may make sense of it.
 */
export const essentialExif = (
  tiff: Uint8Array,
  { height, width }: { readonly width: number; readonly height: number },
): Uint8Array | undefined => {
  const order = latin1(tiff, 0, 4)
  const little = order === "II*\0"
  if ((!little && order !== "MM\0*") || tiff.length < 8) return tiff
  const main = readDirectory(tiff, viewOf(tiff).getUint32(4, little), little)
  if (main === undefined) return tiff
  const { exif, interoperability, main: shown } = essentials(tiff, main, little, width, height)
  if (shown.length + exif.length + interoperability.length === 0) return undefined
  return writeTiff(tiff, little, [
    [shown, EXIF_DIRECTORY],
    [exif, INTEROPERABILITY_DIRECTORY],
    [interoperability, 0],
  ])
}
