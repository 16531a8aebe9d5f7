import { execFileSync } from "node:child_process"
import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Effect, Schema } from "effect"
import { commandOf, wordsOf } from "../../../src/layers/programs/words.ts"

const texts = (command: string) => {
  const words = wordsOf(command)
  return typeof words === "string" ? words : words.map((word) => word.text)
}

describe("the words of a command", () => {
  for (const [command, words] of [
    ["", []],
    ["  \t\n ", []],
    ["jpegtran -copy none", ["jpegtran", "-copy", "none"]],
    ["  a\tb\nc  ", ["a", "b", "c"]],
    [`a "b c" 'd e'`, ["a", "b c", "d e"]],
    [`--in="b c"d`, ["--in=b cd"]],
    [`"" ''`, ["", ""]],
    [`"a 'b'" 'c "d"'`, ["a 'b'", `c "d"`]],
    [String.raw`a\ b \" \\ "\"\\ \n" '\'`, ["a b", '"', "\\", String.raw`"\ \n`, "\\"]],
    ["$HOME $(id) `id` *.css ~ {a,b} #x", ["$HOME", "$(id)", "`id`", "*.css", "~", "{a,b}", "#x"]],
    [`"a`, '"'],
    ["it's", "'"],
    ["a\\", "\\"],
  ] as const) {
    it(JSON.stringify(command), () => {
      assert.deepStrictEqual(texts(command), words as never)
    })
  }

  it("are those a shell would make of quotes and backslashes", () => {
    for (const command of [`a "b c"'d'\\ e`, String.raw`"x\"y\\z" 'p\q' r\s`, `--in="b c"d '' e""f`]) {
      const shell = execFileSync("sh", ["-c", `printf '%s\\0' ${command}`], { encoding: "utf8" })
      assert.deepStrictEqual(texts(command), shell.split("\0").slice(0, -1))
    }
  })

  it.effect.prop(
    "written as a command are those words again",
    [Arbitrary.array(Arbitrary.schema(Schema.String))],
    ([words]) =>
      Effect.sync(() => {
        assert.deepStrictEqual(texts(commandOf(words)), [...words])
      }),
  )
})
