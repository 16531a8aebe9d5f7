/**
 * Aligned columns of text.
 *
 * @since 1.0.0
 */

/** A column: its heading, and whether it is numbers, which end at the same place. */
export interface Column {
  readonly heading: string
  readonly numeric?: boolean
}

const combining = /\p{M}|\p{Cf}/u
const wide =
  /\p{Script=Han}|\p{Script=Hangul}|\p{Script=Hiragana}|\p{Script=Katakana}|\p{Emoji_Presentation}|[\uFF01-\uFF60]/u

/** How many cells of a terminal a text takes. */
export const widthOf = (text: string): number => {
  let width = 0
  for (const char of text) width += combining.test(char) ? 0 : wide.test(char) ? 2 : 1
  return width
}

const pad = (text: string, width: number, numeric: boolean): string => {
  const space = " ".repeat(Math.max(0, width - widthOf(text)))
  return numeric ? space + text : text + space
}

/** The rows under their headings, one line each, without spaces at the end. */
export const table = (
  columns: ReadonlyArray<Column>,
  rows: ReadonlyArray<ReadonlyArray<string>>,
): ReadonlyArray<string> => {
  const all = [columns.map((column) => column.heading), ...rows]
  const widths = columns.map((_, index) => Math.max(...all.map((row) => widthOf(row[index] ?? ""))))
  return all.map((row) =>
    row
      .map((cell, index) => pad(cell, widths[index] ?? 0, columns[index]?.numeric === true))
      .join("  ")
      .trimEnd(),
  )
}
