/**
 * A command as one text, taken apart into words. There is no shell: nothing in a word means anything but itself.
 *
 * - White space separates words.
 * - "double quotes" and 'single quotes' keep white space in a word; they may begin and end anywhere in it.
 * - A backslash takes the next character as it is; not between single quotes, and between double quotes only in front
 *   of a double quote or a backslash.
 *
 * @since 1.0.0
 */

/** A word, and whether any part of it was quoted or escaped. */
export interface Word {
  readonly text: string
  readonly quoted: boolean
}

const isSpace = (char: string): boolean => char === " " || char === "\t" || char === "\n" || char === "\r"

/** The words of a command, or the quote that is opened and never closed ("\\" for a backslash at the end). */
export const wordsOf = (command: string): ReadonlyArray<Word> | string => {
  const words: Array<Word> = []
  let text = ""
  let begun = false
  let quoted = false
  let open = ""
  for (let at = 0; at < command.length; at++) {
    const char = command.charAt(at)
    const next = command.charAt(at + 1)
    if (open === "" && isSpace(char)) {
      if (begun) words.push({ text, quoted })
      text = ""
      begun = false
      quoted = false
    } else if (char === open) {
      open = ""
    } else if (open === "" && (char === '"' || char === "'")) {
      open = char
      begun = true
      quoted = true
    } else if (char === "\\" && (open === "" || (open === '"' && (next === '"' || next === "\\")))) {
      if (next === "") return "\\"
      text += next
      begun = true
      quoted = true
      at += 1
    } else {
      text += char
      begun = true
    }
  }
  if (open !== "") return open
  if (begun) words.push({ text, quoted })
  return words
}

/** Words as a text that gives these words again. */
export const commandOf = (words: ReadonlyArray<string>): string =>
  words
    .map((word) => (/^[^\s"'\\|&;<>]+$/.test(word) ? word : `"${word.replaceAll(/["\\]/g, (char) => `\\${char}`)}"`))
    .join(" ")
