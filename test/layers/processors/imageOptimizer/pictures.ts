/** Pictures of every kind, made by the tests themselves: the same ones in each run. */
import { crc32, deflateSync, gzipSync } from "node:zlib"
import sharp, { type Sharp } from "sharp"

/** Numbers from 0 to 1, the same for the same seed (mulberry32). */
export const randomFrom = (seed: number) => {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let value = Math.imul(state ^ (state >>> 15), 1 | state)
    value = (value + Math.imul(value ^ (value >>> 7), 61 | value)) ^ value
    return ((value ^ (value >>> 14)) >>> 0) / 4294967296
  }
}

export interface Shape {
  readonly width?: number
  readonly height?: number
  readonly channels?: 1 | 2 | 3 | 4
  readonly seed?: number
  /** 0: gradients only; 1: nothing but noise. */
  readonly noise?: number
}

/** Gradients with noise on them, as a photo has; alpha fades, over colours that stay where nothing is seen. */
const samples = ({ width = 160, height = 120, channels = 3, seed = 1, noise = 0.08 }: Shape, top: number) => {
  const random = randomFrom(seed)
  const waves = Array.from({ length: 4 }, () => [random() * 6, random() * 6, random() * 6] as const)
  const values = new Float64Array(width * height * channels)
  for (let y = 0, at = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      for (let channel = 0; channel < channels; channel++) {
        const [a, b, c] = waves[channel] ?? [1, 1, 1]
        const smooth = 0.5 + 0.5 * Math.sin((x / width) * a + (y / height) * b + c)
        const alpha = channels % 2 === 0 && channel === channels - 1
        const value = alpha ? Math.max(0, (x - width / 4) / width) : smooth * (1 - noise) + random() * noise
        values[at++] = Math.round(value * top)
      }
    }
  }
  return { values, raw: { width, height, channels } }
}

/** A picture to be encoded, 8 bits a sample. */
export const picture = (shape: Shape = {}) => {
  const { values, raw } = samples(shape, 255)
  return sharp(Uint8Array.from(values), { raw })
}

/** The same with 16 bits a sample. */
export const deepPicture = (shape: Shape = {}) => {
  const { values, raw } = samples(shape, 65535)
  return sharp(Uint16Array.from(values), { raw }).toColourspace(raw.channels < 3 ? "grey16" : "rgb16")
}

/** Rectangles in few colours, as a drawing or a screenshot has. */
export const drawing = ({ width = 160, height = 120, channels = 3, seed = 1 }: Shape = {}) => {
  const random = randomFrom(seed)
  const bytes = new Uint8Array(width * height * channels)
  for (let shape = 0; shape < 20; shape++) {
    const colour = Array.from({ length: channels }, () => Math.floor(random() * 5) * 60)
    const [left, top] = [Math.floor(random() * width * 0.8), Math.floor(random() * height * 0.8)]
    for (let y = top; y < Math.min(height, top + height / 3); y++) {
      for (let x = left; x < Math.min(width, left + width / 3); x++) bytes.set(colour, (y * width + x) * channels)
    }
  }
  if (channels === 4) for (let at = 3; at < bytes.length; at += 4) bytes[at] = (at >> 6) % 5 === 0 ? 0 : 255
  return sharp(bytes, { raw: { width, height, channels } })
}

/** Insert segments behind the start marker of a JPEG. */
export const withSegments = (jpeg: Buffer, ...segments: ReadonlyArray<Uint8Array>): Buffer =>
  Buffer.concat([jpeg.subarray(0, 2), ...segments, jpeg.subarray(2)])

export const segment = (marker: number, text: string): Buffer => {
  const data = Buffer.from(text, "latin1")
  const head = Buffer.from([0xff, marker, 0, 0])
  head.writeUInt16BE(data.length + 2, 2)
  return Buffer.concat([head, data])
}

export const chunk = (type: string, data: Uint8Array | string): Buffer => {
  const content = typeof data === "string" ? Buffer.from(data, "latin1") : Buffer.from(data)
  const named = Buffer.concat([Buffer.from(type, "latin1"), content])
  const framed = Buffer.alloc(named.length + 8)
  framed.writeUInt32BE(content.length, 0)
  named.copy(framed, 4)
  framed.writeUInt32BE(crc32(named), named.length + 4)
  return framed
}

/** Insert chunks behind the header of a PNG. */
export const withChunks = (png: Buffer, ...chunks: ReadonlyArray<Buffer>): Buffer =>
  Buffer.concat([png.subarray(0, 33), ...chunks, png.subarray(33)])

/** A GIF with an extension in front of its first picture or extension. */
export const withExtension = (gif: Buffer, label: number, ...blocks: ReadonlyArray<string>): Buffer => {
  const at = 13 + ((gif[10]! & 0x80) === 0 ? 0 : 3 * 2 ** ((gif[10]! & 7) + 1))
  const parts = blocks.flatMap((block) => [Buffer.from([block.length]), Buffer.from(block, "latin1")])
  return Buffer.concat([gif.subarray(0, at), Buffer.from([0x21, label]), ...parts, Buffer.from([0]), gif.subarray(at)])
}

/** Integers of 32 bits. */
const longs = (...values: ReadonlyArray<number>): Buffer => {
  const bytes = Buffer.alloc(values.length * 4)
  values.forEach((value, index) => bytes.writeUInt32BE(value, index * 4))
  return bytes
}

/** The samples of an RGB picture as PNG stores them, not filtered, not compressed well. */
const scanlines = async (image: Sharp): Promise<Buffer> => {
  const { data, info } = await image.toColourspace("srgb").raw().toBuffer({ resolveWithObject: true })
  const stride = info.width * info.channels
  const rows = Array.from({ length: info.height }, (_, y) => [
    Buffer.from([0]),
    data.subarray(y * stride, (y + 1) * stride),
  ])
  return deflateSync(Buffer.concat(rows.flat()), { level: 1 })
}

/** An animated PNG of RGB frames of one size. */
export const apng = async (width: number, height: number, frames: ReadonlyArray<Sharp>): Promise<Buffer> => {
  let sequence = 0
  const control = (index: number) =>
    chunk("fcTL", Buffer.concat([longs(sequence++, width, height, 0, 0), Buffer.from([0, 10 + index, 0, 100, 0, 0])]))
  const parts: Array<Buffer> = []
  for (const [index, frame] of frames.entries()) {
    parts.push(control(index))
    const data = await scanlines(frame)
    parts.push(index === 0 ? chunk("IDAT", data) : chunk("fdAT", Buffer.concat([longs(sequence++), data])))
  }
  return Buffer.concat([
    Buffer.from("\u0089PNG\r\n\u001a\n", "latin1"),
    chunk("IHDR", Buffer.concat([longs(width, height), Buffer.from([8, 2, 0, 0, 0])])),
    chunk("acTL", longs(frames.length, 3)),
    ...parts,
    chunk("IEND", ""),
  ])
}

/** An animated GIF whose second half repeats a frame, with times of its own for each. */
export const animatedGif = async (seed = 1): Promise<Buffer> => {
  const frames = await Promise.all(
    [0, 1, 2, 3, 3].map((step) =>
      drawing({ width: 64, height: 48, seed: seed + step })
        .png()
        .toBuffer(),
    ),
  )
  return sharp(frames, { join: { animated: true } })
    .gif({ delay: [50, 70, 90, 110, 130], loop: 2, interFrameMaxError: 0, keepDuplicateFrames: true })
    .toBuffer()
}

export const exifNotes = { IFD0: { Copyright: "nobody at all", Artist: "a name that is private" } }

/** Everything that can be in a file with the name of a picture, with a good name. */
export const specimens = async (): Promise<Readonly<Record<string, Buffer>>> => {
  const photo = await picture({ seed: 3 }).jpeg({ quality: 85, optimiseCoding: false }).toBuffer()
  const png = await picture({ seed: 5 }).png({ compressionLevel: 4 }).toBuffer()
  const still = await drawing({ seed: 6 }).gif().toBuffer()
  const lossless = await drawing({ seed: 7, channels: 4 }).webp({ lossless: true, exact: true, effort: 0 }).toBuffer()
  return {
    "photo.jpg": photo,
    "progressive.jpg": await picture({ seed: 8 }).jpeg({ progressive: true, quality: 90 }).toBuffer(),
    "full colour.jpeg": await picture({ seed: 9 }).jpeg({ chromaSubsampling: "4:4:4", quality: 70 }).toBuffer(),
    "odd size.jpg": await picture({ seed: 10, width: 37, height: 23 })
      .jpeg({ quality: 80, optimiseCoding: false })
      .toBuffer(),
    "cmyk.jpg": await picture({ seed: 11 }).toColourspace("cmyk").jpeg({ quality: 90 }).toBuffer(),
    "grey.jpg": await picture({ seed: 12, channels: 1 })
      .toColourspace("b-w")
      .jpeg({ optimiseCoding: false })
      .toBuffer(),
    "turned.jpg": await picture({ seed: 13 })
      .jpeg()
      .withExif(exifNotes)
      .withMetadata({ orientation: 6, exif: exifNotes })
      .toBuffer(),
    "display p3.jpg": await picture({ seed: 14 }).jpeg().withIccProfile("p3").withExifMerge(exifNotes).toBuffer(),
    "described.jpg": withSegments(
      photo,
      segment(0xe1, "http://ns.adobe.com/xap/1.0/\0<x:xmpmeta/>"),
      segment(0xed, "Photoshop 3.0\u00008BIM"),
      segment(0xfe, "a comment"),
    ),
    "photo.png": png,
    "palette.png": await drawing({ seed: 15 }).png({ palette: true, compressionLevel: 2 }).toBuffer(),
    "alpha.png": await drawing({ seed: 16, channels: 4 }).png({ compressionLevel: 2 }).toBuffer(),
    "faded.png": await picture({ seed: 17, channels: 4, noise: 0.01 }).png({ compressionLevel: 3 }).toBuffer(),
    "grey.png": await picture({ seed: 18, channels: 1 }).toColourspace("b-w").png({ compressionLevel: 2 }).toBuffer(),
    "deep.png": await deepPicture({ seed: 19, noise: 0.001 }).png({ compressionLevel: 2 }).toBuffer(),
    "deep alpha.png": await deepPicture({ seed: 20, channels: 4 }).png({ compressionLevel: 2 }).toBuffer(),
    "deep grey.png": await deepPicture({ seed: 21, channels: 1 }).png({ compressionLevel: 2 }).toBuffer(),
    "interlaced.png": await drawing({ seed: 22 }).png({ progressive: true, compressionLevel: 3 }).toBuffer(),
    "display p3.png": await drawing({ seed: 23 }).png({ compressionLevel: 3 }).withIccProfile("p3").toBuffer(),
    "grey with a colour profile.png": await picture({ seed: 24, channels: 1 })
      .toColourspace("srgb")
      .png({ compressionLevel: 3 })
      .withIccProfile("p3")
      .toBuffer(),
    "gamma.png": withChunks(
      png,
      chunk("gAMA", longs(100_000)),
      chunk("cHRM", longs(31270, 32900, 64000, 33000, 21000, 71000, 15000, 6000)),
    ),
    "described.png": withChunks(
      png,
      chunk("tEXt", "Comment\0a comment"),
      chunk("iTXt", "XML:com.adobe.xmp\0\0\0\0\0<x:xmpmeta/>"),
      chunk("tIME", Uint8Array.of(7, 230, 1, 2, 3, 4, 5)),
      chunk("prIv", "a private one"),
    ),
    "turned.png": await drawing({ seed: 25 })
      .png({ compressionLevel: 3 })
      .withMetadata({ orientation: 8, exif: exifNotes })
      .toBuffer(),
    "animated.png": await apng(
      48,
      32,
      [1, 2, 3].map((seed) => drawing({ width: 48, height: 32, seed })),
    ),
    "still.gif": still,
    "animated.gif": await animatedGif(),
    "described.gif": withExtension(await animatedGif(9), 0xfe, "a comment"),
    "lossless.webp": lossless,
    "described.webp": await sharp(lossless)
      .webp({ lossless: true, exact: true, effort: 0 })
      .withMetadata({ orientation: 3, exif: exifNotes })
      .toBuffer(),
    "display p3.webp": await drawing({ seed: 26 }).webp({ lossless: true, effort: 0 }).withIccProfile("p3").toBuffer(),
    "lossy.webp": await picture({ seed: 27, channels: 4 }).webp({ quality: 60 }).toBuffer(),
    "lossy described.webp": await picture({ seed: 28 }).webp({ quality: 60 }).withExif(exifNotes).toBuffer(),
    "a png really.jpg": png,
    "a jpeg really.png": photo,
  }
}

/** Files that have to be published as they are. */
export const hopeless = async (): Promise<Readonly<Record<string, Buffer>>> => {
  const photo = await picture({ seed: 3 }).jpeg({ quality: 85, optimiseCoding: false }).toBuffer()
  const png = await picture({ seed: 5 }).png({ compressionLevel: 4 }).toBuffer()
  const still = await drawing({ seed: 6 }).gif().toBuffer()
  const webp = await drawing({ seed: 7, channels: 4 }).webp({ lossless: true, effort: 0 }).toBuffer()
  const cut = (bytes: Buffer, share: number) => bytes.subarray(0, Math.floor(bytes.length * share))
  const flipped = Buffer.from(png)
  flipped[Math.floor(png.length / 2)]! ^= 0xff
  const arithmetic = Buffer.from(photo)
  arithmetic[arithmetic.indexOf(Buffer.from([0xff, 0xc0])) + 1] = 0xc9
  return {
    "empty.jpg": Buffer.alloc(0),
    "one byte.png": Buffer.from([0x89]),
    "garbage.jpg": Buffer.from(Array.from({ length: 500 }, (_, index) => (index * 89) % 251)),
    "a text.gif": Buffer.from("GIF is what I wanted to be\n"),
    "signature only.png": png.subarray(0, 8),
    "zipped.png": gzipSync(png),
    "truncated.jpg": cut(photo, 0.6),
    "truncated, with an end.jpg": Buffer.concat([cut(photo, 0.6), Buffer.from([0xff, 0xd9])]),
    "header only.jpg": cut(photo, 0.02),
    "truncated.png": cut(png, 0.6),
    "one bit.png": flipped,
    "truncated.gif": cut(still, 0.6),
    "truncated animation.gif": cut(await animatedGif(), 0.6),
    "truncated.webp": cut(webp, 0.6),
    "arithmetic.jpg": arithmetic,
    "several pictures.jpg": withSegments(photo, segment(0xe2, "MPF\0MM\0*")),
    "signed.jpg": withSegments(photo, segment(0xeb, "JP\0\u0001\0\0\0\u0001")),
    "signed.png": withChunks(png, chunk("caBX", "a manifest")),
    "motion photo.jpg": Buffer.concat([photo, Buffer.from("....ftypmp42")]),
    "attachment.png": Buffer.concat([png, Buffer.from("PK\u0003\u0004")]),
    "for one program.png": Buffer.concat([png.subarray(0, 8), chunk("CgBI", longs(0x50002002)), png.subarray(8)]),
    "drawn text.gif": withExtension(still, 0x01, "\0\0\0\0\0\0\0\0\u0008\u0008\0\0", "text"),
  }
}
