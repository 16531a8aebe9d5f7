/**
 * Numbers as people write them.
 *
 * @since 1.0.0
 */

/** `1234567` as `1,234,567`. */
export const count = (value: number): string => String(Math.round(value)).replace(/\B(?=(\d{3})+(?!\d))/g, ",")

/** `1 file`, `2 files`. */
export const counted = (value: number, noun: string, nouns = `${noun}s`): string =>
  `${count(value)} ${value === 1 ? noun : nouns}`

const SECOND = 1_000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR

const both = (large: number, largeUnit: string, small: number, smallUnit: string): string =>
  small === 0 ? `${large} ${largeUnit}` : `${large} ${largeUnit} ${small} ${smallUnit}`

/** A length of time, of `millis` milliseconds, in its two largest units: `0.4 s`, `12 s`, `3 min 5 s`, `2 h`, `4 d 1 h`. */
export const duration = (millis: number): string => {
  if (!Number.isFinite(millis) || millis < 0) return "0 s"
  if (millis < 10 * SECOND) return `${Math.round(millis / 100) / 10} s`
  const seconds = Math.round(millis / SECOND)
  if (seconds < 60) return `${seconds} s`
  const rounded = seconds * SECOND
  if (rounded < HOUR) return both(Math.floor(seconds / 60), "min", seconds % 60, "s")
  const minutes = Math.round(millis / MINUTE)
  if (minutes * MINUTE < DAY) return both(Math.floor(minutes / 60), "h", minutes % 60, "min")
  const hours = Math.round(millis / HOUR)
  return both(Math.floor(hours / 24), "d", hours % 24, "h")
}

/** A moment in the future as seen from `now`: `in 12 s`, or `now` when it has come. */
export const ahead = (at: number, now: number): string => (at - now < SECOND / 2 ? "now" : `in ${duration(at - now)}`)

/** `1536` as `1.5 KiB`. */
export const bytes = (value: number): string => {
  const units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"]
  let amount = value
  let unit = 0
  while (amount >= 1024 && unit < units.length - 1) {
    amount /= 1024
    unit += 1
  }
  return `${unit === 0 || amount >= 100 ? Math.round(amount) : Math.round(amount * 10) / 10} ${units[unit] ?? "B"}`
}
