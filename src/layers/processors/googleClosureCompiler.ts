/**
 * Google's Closure Compiler, for configurations that name it.
 *
 * @since 1.0.0
 */
import { existsSync } from "node:fs"
import { join } from "node:path"
import * as Effect from "effect/Effect"
import type { ProcessorDefinition } from "../../domain/Processor.ts"
import { compressor } from "./minify/compressor.ts"
import { peerDirectory } from "./minify/peer.ts"

/** The package that holds the program for this machine. */
const platformPackage = (): string => {
  const system = { darwin: "macos", win32: "windows" }[process.platform as string] ?? "linux"
  return `google-closure-compiler-${system}${system === "linux" && process.arch === "arm64" ? "-arm64" : ""}`
}

const program: Effect.Effect<string, string> = Effect.suspend(() => {
  const name = platformPackage()
  const directory = peerDirectory(name)
  const file =
    directory === undefined ? "" : join(directory, process.platform === "win32" ? "compiler.exe" : "compiler")
  return existsSync(file)
    ? Effect.succeed(file)
    : Effect.fail(
        `it needs the package ${name}: npm install ${name}, or use minify.JS, which needs nothing and is faster`,
      )
})

/** No externs of browsers: they are for type checks, and loading them takes seconds. */
const words = [
  "--compilation_level=SIMPLE",
  "--env=CUSTOM",
  "--language_in=UNSTABLE",
  "--language_out=NO_TRANSPILE",
  "--strict_mode_input=false",
  "--warning_level=QUIET",
]

/** A script that is strict as a whole. The program leaves out that directive unless it is told to write it. */
const isStrict = /^(?:\s|\/\*[\s\S]*?\*\/|\/\/[^\n]*\n)*(["'])use strict\1/

/** The first error: `stdin:3:8: ERROR - [JSC_PARSE_ERROR] Parse error. ';' expected`. */
const mistake = (messages: string): string => {
  const [, line, column, problem] = /^stdin:(\d+)(?::(\d+))?: ERROR - (?:\[\w+\] )?(.+)$/m.exec(messages) ?? []
  if (line === undefined)
    return (
      messages
        .replace(/^The compiler is waiting.*\n/, "")
        .trim()
        .split("\n")[0] ?? ""
    )
  return `line ${line}${column === undefined ? "" : `, column ${Math.max(Number(column), 1)}`}: ${problem}`
}

/** `google_closure_compiler.GoogleClosureCompiler`: scripts, at the level that keeps names other files can see. */
export const googleClosureCompiler: ProcessorDefinition = compressor({
  name: "google_closure_compiler.GoogleClosureCompiler",
  title: "Closure Compiler",
  extensions: new Set(["js"]),
  invocation: (_, text) =>
    Effect.map(program, (file) => ({
      program: file,
      words: [...words, `--emit_use_strict=${isStrict.test(text)}`],
    })),
  ready: Effect.asVoid(program),
  mistake,
  broken: (input, output) =>
    output.includes("module$stdin") && !input.includes("module$stdin")
      ? "it is a module, and what it exports would be lost"
      : undefined,
  instead: () => "minify.JS",
})
