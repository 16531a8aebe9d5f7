/** Looking at pictures from outside, without the code that is tested. */
import sharp from "sharp"
import { chunk } from "./pictures.ts"

/** Every frame of a picture as 16 bit RGBA (CMYK: as it is), nothing applied and nothing converted. */
export const pixelsOf = async (bytes: Uint8Array) => {
  const options = { ignoreIcc: true, animated: true, failOn: "warning" as const }
  const { depth, space } = await sharp(bytes, options).metadata()
  const deep = depth === "ushort"
  const image = sharp(bytes, options)
  const samplesOf =
    space === "cmyk"
      ? image.pipelineColourspace("cmyk").toColourspace("cmyk")
      : image.toColourspace(deep ? "rgb16" : "srgb").ensureAlpha()
  const { data, info } = await samplesOf.raw({ depth: deep ? "ushort" : "uchar" }).toBuffer({ resolveWithObject: true })
  const samples = deep
    ? new Uint16Array(data.buffer.slice(data.byteOffset, data.byteOffset + data.length))
    : Uint16Array.from(data, (sample) => sample * 257)
  return { width: info.width, height: info.height, channels: info.channels, samples: Buffer.from(samples.buffer) }
}

/** What decides how the pixels are shown. */
export const presentation = async (bytes: Uint8Array) => {
  const { delay, icc, loop, orientation, pages } = await sharp(bytes, { animated: true }).metadata()
  return {
    profile: icc?.toString("base64"),
    // Not to be turned may be said or left out.
    orientation: orientation ?? 1,
    pages: pages ?? 1,
    delay,
    loop,
  }
}

/** The application and comment segments of a JPEG, found by their markers. */
export const segmentsOf = (jpeg: Buffer): ReadonlyArray<Buffer> => {
  const found: Array<Buffer> = []
  for (let at = 2; jpeg[at + 1] !== 0xda; at += 2 + jpeg.readUInt16BE(at + 2)) {
    const marker = jpeg[at + 1]!
    if (marker === 0xfe || (marker & 0xf0) === 0xe0) found.push(jpeg.subarray(at, at + 2 + jpeg.readUInt16BE(at + 2)))
  }
  return found
}

/** The chunks of a PNG. */
export const chunksOf = (png: Buffer): ReadonlyArray<{ readonly type: string; readonly data: Buffer }> => {
  const found: Array<{ readonly type: string; readonly data: Buffer }> = []
  for (let at = 8; at < png.length; at += 12 + png.readUInt32BE(at)) {
    found.push({
      type: png.toString("latin1", at + 4, at + 8),
      data: png.subarray(at + 8, at + 8 + png.readUInt32BE(at)),
    })
  }
  return found
}

/** The frames of an animated PNG: when and where each is shown, and its samples as they come out of the compression. */
export const framesOf = async (png: Buffer) => {
  const chunks = chunksOf(png)
  const header = chunks[0]!.data
  const palette = chunks.filter(({ type }) => type === "PLTE" || type === "tRNS")
  const frames: Array<{ readonly control: Buffer; readonly data: Array<Buffer> }> = []
  for (const { data, type } of chunks) {
    if (type === "fcTL") frames.push({ control: data.subarray(4), data: [] })
    if (type === "IDAT") frames.at(-1)?.data.push(data)
    if (type === "fdAT") frames.at(-1)?.data.push(data.subarray(4))
  }
  return Promise.all(
    frames.map(async ({ control, data }) => ({
      control: control.toString("hex"),
      pixels: await pixelsOf(
        Buffer.concat([
          png.subarray(0, 8),
          chunk("IHDR", Buffer.concat([control.subarray(0, 8), header.subarray(8)])),
          ...palette.map((one) => chunk(one.type, one.data)),
          chunk("IDAT", Buffer.concat(data)),
          chunk("IEND", ""),
        ]),
      ),
    })),
  )
}
