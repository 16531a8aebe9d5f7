/**
 * The attributes of processors that run programs.
 *
 * @since 1.0.0
 */
import * as Schema from "effect/Schema"
import { extensions } from "../../config/lists.ts"
import { count, duration, matching, value, VALUE, Wrong } from "../../config/values.ts"
import { commandLine } from "./commandLine.ts"

const bytes = value<number>(
  (input) => {
    const match = /^(\d{1,12}(?:\.\d{1,3})?)\s*([kKmMgG]?)$/.exec(input)
    const unit = { "": 1, k: 1024, m: 1024 ** 2, g: 1024 ** 3 }[(match?.[2] ?? "").toLowerCase()] ?? 1
    const amount = match === null ? 0 : Math.round(Number(match[1]) * unit)
    return amount >= 1 && Number.isSafeInteger(amount)
      ? amount
      : new Wrong(`is ${VALUE}, which is no amount of bytes`, "Write bytes, e.g. 800k, 512M or 2G (k is 1024).")
  },
  (amount) => String(amount),
)

const time = duration("s").check(
  Schema.isGreaterThan(0, { message: `is ${VALUE}, which leaves no time\nWrite seconds, or a time such as 10min.` }),
)

const exitCodes = value<ReadonlySet<number>>(
  (input) => {
    const codes = input.split(":").map((code) => code.trim())
    return codes.every((code) => /^\d{1,3}$/.test(code) && Number(code) >= 1 && Number(code) <= 255)
      ? new Set(codes.map(Number))
      : new Wrong(`is ${VALUE}, which is no list of exit codes`, "Write numbers from 1 to 255, e.g. 98:99.")
  },
  (codes) => [...codes].join(":"),
)

/** An extension without its dot. */
const extension = matching(
  /^[A-Za-z0-9]{1,16}$/,
  `is ${VALUE}, which is no extension`,
  "Write letters and digits without a dot, e.g. webp.",
)

/** What every processor that runs a program may be told. */
export const limitSettings = {
  extensions: Schema.optionalKey(extensions),
  timeout: Schema.optionalKey(time),
  memory: Schema.optionalKey(bytes),
  maxOutput: Schema.optionalKey(bytes),
  nice: Schema.optionalKey(count(0, 19)),
}

/** The attributes of `command.Run`. */
export const commandSettings = Schema.Struct({
  command: commandLine,
  outputExtension: Schema.optionalKey(extension),
  unchangedExitCodes: Schema.optionalKey(exitCodes),
  ...limitSettings,
})

export type CommandSettings = typeof commandSettings.Type
