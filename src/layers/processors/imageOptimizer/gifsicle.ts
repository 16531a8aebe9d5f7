/**
 * gifsicle, run as a program of its own: bytes in, bytes out, no files and no shell.
 *
 * @since 1.0.0
 */
import { spawn } from "node:child_process"
import * as Effect from "effect/Effect"
import { GIFSICLE_TIMEOUT, IMAGE_BYTES } from "../../../domain/Limits.ts"
import { KeepOriginal } from "./KeepOriginal.ts"

/** What gifsicle makes of a GIF. It is ended when the work is given up, or takes too long. */
export const gifsicle = (
  program: string,
  words: ReadonlyArray<string>,
  input: Uint8Array,
): Effect.Effect<Uint8Array, KeepOriginal> =>
  Effect.callback<Uint8Array, KeepOriginal>((resume) => {
    const child = spawn(program, words, { stdio: ["pipe", "pipe", "pipe"], timeout: GIFSICLE_TIMEOUT })
    const output: Array<Buffer> = []
    let complaint = ""
    let length = 0
    child.stdout.on("data", (chunk: Buffer) => {
      length += chunk.length
      if (length > IMAGE_BYTES) child.kill("SIGKILL")
      else output.push(chunk)
    })
    child.stderr.setEncoding("utf8").on("data", (text: string) => (complaint = (complaint + text).slice(0, 200)))
    const fail = (why: string) => resume(Effect.fail(new KeepOriginal({ reason: `gifsicle ${why}` })))
    child.on("error", (cause) => fail(`does not run (${cause.message})`))
    child.on("close", (code, signal) => {
      if (code === 0) resume(Effect.succeed(Buffer.concat(output)))
      else fail(signal === null ? `ended with ${code} (${complaint.trim()})` : `was ended by ${signal}`)
    })
    // A program that ends early closes its input; how it ended says more.
    child.stdin.on("error", () => undefined)
    child.stdin.end(input)
    return Effect.sync(() => void child.kill("SIGKILL"))
  })
