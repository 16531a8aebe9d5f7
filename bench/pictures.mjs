// Pictures for benchmarks, the same in each run.
import sharp from "sharp"

export const randomFrom = (seed) => {
  let state = seed
  return () => (state = (Math.imul(state, 1103515245) + 12345) >>> 0) / 4294967296
}

/** Waves of several lengths with noise on them: as hard to code as a photo. */
export const photo = (width, height, seed, noise = 0.06) => {
  const random = randomFrom(seed)
  const waves = Array.from({ length: 12 }, () => [random() * 40, random() * 40, random() * 6, random() ** 2])
  const bytes = Buffer.alloc(width * height * 3)
  for (let y = 0, at = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      let sum = 0
      for (const [a, b, c, weight] of waves) sum += weight * Math.sin((x / width) * a + (y / height) * b + c)
      for (let channel = 0; channel < 3; channel++) {
        bytes[at++] = Math.max(0, Math.min(255, 128 + 40 * sum * (1 + channel / 4) + (random() - 0.5) * 255 * noise))
      }
    }
  }
  return sharp(bytes, { raw: { width, height, channels: 3 } })
}

/** Boxes, lines and letters, as on a screen. */
export const screen = (width, height, seed, alpha = 1) => {
  const random = randomFrom(seed)
  const colour = () => `rgb(${[0, 0, 0].map(() => Math.floor(random() * 255)).join()})`
  const shapes = Array.from({ length: 60 }, (_, index) => {
    const [x, y] = [random() * width, random() * height]
    return index % 3 === 0
      ? `<rect x="${x}" y="${y}" width="${(random() * width) / 3}" height="${(random() * height) / 3}" rx="8" fill="${colour()}" opacity="${alpha}"/>`
      : `<text x="${x}" y="${y}" font-size="${10 + random() * 30}" font-family="sans-serif" fill="${colour()}">Pictures ${index}</text>`
  })
  const background = alpha === 1 ? '<rect width="100%" height="100%" fill="#fff"/>' : ""
  return sharp(
    Buffer.from(
      `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}">${background}${shapes.join("")}</svg>`,
    ),
  )
}
