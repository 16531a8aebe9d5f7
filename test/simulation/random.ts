/** Chance that repeats: a small generator (sfc32) seeded by a number and a purpose. */

export interface Chance {
  /** From 0 (inclusive) to 1 (exclusive). */
  readonly next: () => number
  /** A whole number from 0 to `end`, which is not reached. */
  readonly below: (end: number) => number
  readonly happens: (probability: number) => boolean
  readonly pick: <A>(options: ReadonlyArray<A>) => A
  /** One of the values, each as often as its weight says. */
  readonly weighted: <A>(options: ReadonlyArray<readonly [weight: number, value: A]>) => A
}

const scramble = (text: string): number => {
  let hash = 0x811c9dc5
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193)
  return hash >>> 0
}

export const makeChance = (seed: number, purpose: string): Chance => {
  let a = 0x9e3779b9 ^ scramble(purpose)
  let b = seed >>> 0
  let c = Math.floor(seed / 0x1_0000_0000) >>> 0
  let counter = 1
  const word = (): number => {
    const sum = (a + b + counter) | 0
    counter = (counter + 1) | 0
    a = b ^ (b >>> 9)
    b = (c + (c << 3)) | 0
    c = (((c << 21) | (c >>> 11)) + sum) | 0
    return sum >>> 0
  }
  for (let i = 0; i < 12; i++) word()
  const next = () => word() / 0x1_0000_0000
  const below = (end: number) => Math.floor(next() * end)
  return {
    next,
    below,
    happens: (probability) => next() < probability,
    pick: (options) => options[below(options.length)]!,
    weighted: (options) => {
      let left = next() * options.reduce((sum, [weight]) => sum + weight, 0)
      for (const [weight, value] of options) {
        left -= weight
        if (left < 0) return value
      }
      return options[options.length - 1]![1]
    },
  }
}
