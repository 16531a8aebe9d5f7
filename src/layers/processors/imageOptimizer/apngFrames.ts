/**
 * The frames of an animated PNG as pictures of their own, so that each can be looked at.
 *
 * @since 1.0.0
 */
import { type Chunk, chunksOf, type Png, writePng } from "./pngChunks.ts"

export interface Frame {
  /** Its place, size, time and way of blending: what is in its fcTL behind the number. */
  readonly control: string
  readonly picture: Uint8Array
}

/** The frames in order. */
export const framesOf = (png: Png): ReadonlyArray<Frame> => {
  const [header] = png.chunks
  const shared = chunksOf(png, "PLTE", "tRNS")
  const frames: Array<{ readonly control: Uint8Array; readonly data: Array<Uint8Array> }> = []
  for (const { data, type } of png.chunks) {
    if (type === "fcTL") frames.push({ control: data.subarray(4), data: [] })
    else if (type === "fdAT") frames.at(-1)?.data.push(data.subarray(4))
    // The still picture is a frame where it stands behind a fcTL.
    else if (type === "IDAT") frames.at(-1)?.data.push(data)
  }
  return frames.map(({ control, data }) => {
    const size: Chunk = {
      type: "IHDR",
      data: Buffer.concat([control.subarray(0, 8), header?.data.subarray(8) ?? new Uint8Array(0)]),
    }
    const pixels: Chunk = { type: "IDAT", data: Buffer.concat(data) }
    return {
      control: Buffer.from(control).toString("hex"),
      picture: writePng([size, ...shared, pixels, { type: "IEND", data: new Uint8Array(0) }]),
    }
  })
}
