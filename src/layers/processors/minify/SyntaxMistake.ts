/**
 * A file that is not what its extension says.
 *
 * @since 1.0.0
 */

/** Where a text can not be understood, and why. Line and column count from 1. */
export class SyntaxMistake extends Error {
  constructor(line: number, column: number, problem: string) {
    super(`line ${line}, column ${column}: ${problem}`)
  }
}
