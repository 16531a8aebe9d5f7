/**
 * The command of `command.Run`, as it is written in a config and as it is run.
 *
 * @since 1.0.0
 */
import { isAbsolute } from "node:path"
import type * as Schema from "effect/Schema"
import { nearest, shown } from "../../config/nearest.ts"
import { value, Wrong } from "../../config/values.ts"
import { commandOf, wordsOf } from "../../programs/words.ts"

/** Stand for files in words: `{file}` for one that is changed in place. */
const placeholders = ["input", "output", "file"] as const
type Placeholder = (typeof placeholders)[number]

/** A program and its parameters, placeholders in them. */
export interface CommandLine {
  readonly program: string
  readonly parameters: ReadonlyArray<string>
}

/** The files that placeholders stand for. */
export type Files = Readonly<Record<Placeholder, string>>

const operators = /^(?:[|&;<>]|\|\||&&|>>|<<<?|[0-9]?>&[0-9-]|[0-9]>|&>)$/

/** True where the command names this file. */
export const names = (command: CommandLine, placeholder: Placeholder): boolean =>
  command.parameters.some((word) => word.includes(`{${placeholder}}`))

const meant = (word: string): Wrong | undefined => {
  for (const [, name = ""] of word.matchAll(/\{([A-Za-z]+)\}/g)) {
    const near = placeholders.some((known) => known === name) ? undefined : nearest(name, placeholders)
    if (near !== undefined) {
      return new Wrong(`has a placeholder {${name}}, and there is none of that name`, `Did you mean {${near}}?`)
    }
  }
  return undefined
}

const decode = (text: string): CommandLine | Wrong => {
  const words = wordsOf(text)
  if (typeof words === "string") {
    return words === "\\"
      ? new Wrong("ends in a backslash", "Write two of them for one.")
      : new Wrong(`has a ${words} that is never closed`, `Close it, or write \\${words} for the character itself.`)
  }
  const [program, ...parameters] = words
  if (program === undefined || program.text === "") {
    return new Wrong("is empty", 'Write a program and its parameters, e.g. "/usr/bin/jpegtran -copy none {input}".')
  }
  if (text.includes("\0")) return new Wrong("holds a character that no parameter can have", "Remove it.")
  const operator = parameters.find((word) => !word.quoted && operators.test(word.text))
  if (operator !== undefined) {
    return new Wrong(
      `has a word ${shown(operator.text)}, and there is no shell that would understand it`,
      "One processor runs one program: put a second one behind it, or write a script and name that. Quote the word if the program is to get it.",
    )
  }
  if (program.text.includes("/") && !isAbsolute(program.text)) {
    return new Wrong(
      "begins with a relative path",
      "Write the program's whole path, or its name alone to have it looked for in the directories of PATH.",
    )
  }
  const command = { program: program.text, parameters: parameters.map((word) => word.text) }
  if (/\{(?:input|output|file)\}/.test(command.program)) {
    return new Wrong("has a placeholder where the program should be", "Write the program first.")
  }
  if (names(command, "file") && (names(command, "input") || names(command, "output"))) {
    return new Wrong(
      "has {file} beside {input} or {output}",
      "Use {file} for a program that changes a file in place, {input} and {output} for one that writes another.",
    )
  }
  return command.parameters.map(meant).find((wrong) => wrong !== undefined) ?? command
}

/** A command: words as {@link wordsOf} takes them apart, the first of them the program. */
export const commandLine: Schema.Codec<CommandLine, string> = value(decode, ({ parameters, program }) =>
  commandOf([program, ...parameters]),
)

/** The parameters with files in place of their placeholders. */
export const parametersOf = (command: CommandLine, files: Files): ReadonlyArray<string> =>
  command.parameters.map((word) =>
    word.replaceAll(/\{(input|output|file)\}/g, (_, name: string) => files[name as Placeholder]),
  )
