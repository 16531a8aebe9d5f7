/**
 * The YUI Compressor of 2013, for configurations of that time.
 *
 * @since 1.0.0
 */
import { existsSync } from "node:fs"
import { join } from "node:path"
import * as Effect from "effect/Effect"
import type { ProcessorDefinition } from "../../domain/Processor.ts"
import { compressor } from "./minify/compressor.ts"
import { filter, type Invocation } from "./minify/filter.ts"
import { peerDirectory } from "./minify/peer.ts"

const instead = (extension: string): string => (extension === "css" ? "minify.CSS" : "minify.JS")

const advice = "or use minify.CSS and minify.JS, which need neither, know today's CSS and JavaScript and are faster"

const jar: Effect.Effect<string, string> = Effect.suspend(() => {
  const directory = peerDirectory("yuicompressor")
  const file = directory === undefined ? "" : join(directory, "build", "yuicompressor-2.4.8.jar")
  return existsSync(file)
    ? Effect.succeed(file)
    : Effect.fail(`it needs the package yuicompressor 2.4.8: npm install yuicompressor@2.4.8, ${advice}`)
})

const call = (extension: string, file: string): Invocation => ({
  program: "java",
  words: ["-Xss4m", "-Dfile.encoding=UTF-8", "-jar", file, "--type", extension, "--charset", "utf-8"],
})

const java: Effect.Effect<void, string> = Effect.flatMap(
  filter({ program: "java", words: ["-version"] }, new Uint8Array(0)),
  ({ code, problem }) =>
    problem === undefined && code === 0
      ? Effect.void
      : Effect.fail(
          `it needs Java, and there is no program java in PATH: apt-get install default-jre-headless, ${advice}`,
        ),
)

/** The first error: a place and a sentence, on two lines. */
const mistake = (messages: string): string => {
  const [, line, column, problem] = /\[ERROR\][^\n]*\n\s*(\d+):(\d+):\s*([^\n]+)/.exec(messages) ?? []
  if (line !== undefined) return `line ${line}, column ${column}: ${problem?.trim()}`
  return messages.trim().split("\n")[0] ?? ""
}

const plain = (css: string): string => css.replaceAll(/\/\*[\s\S]*?\*\//g, " ")
const count = (css: string, pattern: RegExp): number => css.match(pattern)?.length ?? 0

/** What is between the parentheses of functions that compute, one after the other. */
const computations = (css: string): string => {
  const found: Array<string> = []
  for (const start of css.matchAll(/\b(?:calc|min|max|clamp)\(/gi)) {
    const from = start.index + start[0].length
    let depth = 1
    let at = from
    while (at < css.length && depth > 0) {
      if (css[at] === "(") depth += 1
      if (css[at] === ")") depth -= 1
      at += 1
    }
    found.push(css.slice(from, at))
  }
  return found.join("\n")
}

/** Spaces without which a style sheet means something else, and which this program takes away. */
const broken = (input: string, output: string, extension: string): string | undefined => {
  if (extension !== "css") return undefined
  const [before, after] = [plain(input), plain(output)]
  const sum = /\s[+-]\s/g
  if (count(computations(after), sum) < count(computations(before), sum)) {
    return "in calc() a sum needs its spaces, and it takes them away"
  }
  const condition = /\b(?:and|or|not)\s+\(/gi
  return count(after, condition) < count(before, condition)
    ? "a condition needs the space in front of its parenthesis, and it takes it away"
    : undefined
}

/** `yui_compressor.YUICompressor`: style sheets of CSS 2 and scripts of ECMAScript 3 to 5. */
export const yuiCompressor: ProcessorDefinition = compressor({
  name: "yui_compressor.YUICompressor",
  title: "YUI Compressor",
  extensions: new Set(["css", "js"]),
  invocation: (extension) => Effect.map(jar, (file) => call(extension, file)),
  ready: Effect.andThen(jar, java),
  mistake,
  broken,
  instead,
})
