import { assert, describe, it } from "@effect/vitest"
import { compilePattern, writtenPattern } from "../../../src/layers/config/pattern.ts"
import { Wrong } from "../../../src/layers/config/values.ts"

const compiled = (source: string): RegExp => {
  const pattern = compilePattern(source)
  return pattern instanceof Wrong ? assert.fail(`${source}: ${pattern.message}`) : pattern
}

const matched = (source: string, text: string): string | undefined => {
  const pattern = compiled(source)
  pattern.lastIndex = 0
  return pattern.exec(text)?.[0]
}

/** What Python 3's re.match finds, pattern by pattern; undefined: no match. */
const python: ReadonlyArray<readonly [pattern: string, text: string, found: string | undefined]> = [
  ["abc", "xabc", undefined],
  ["ab", "abc", "ab"],
  [String.raw`.*/[a-z]+\.css$`, "/a/b.css", "/a/b.css"],
  [String.raw`.*/[a-z]+\.css$`, "/a/b.cssx", undefined],
  ["(?P<x>a+)b(?P=x)", "aabaa!", "aabaa"],
  [String.raw`(a)(b)\2\1`, "abba", "abba"],
  [String.raw`\Aab\Z`, "ab", "ab"],
  [String.raw`\Aab\Z`, "abc", undefined],
  ["(?i)ABC", "abcd", "abc"],
  ["(?is)a.b", "A\nB", "A\nB"],
  ["a.b", "a\nb", undefined],
  [String.raw`\w+`, "größe-x", "größe"],
  [String.raw`\W+`, "-é", "-"],
  [String.raw`[\w-]+`, "é-_!", "é-_"],
  [String.raw`[^\W_]+`, "aé_", "aé"],
  [String.raw`[\W]+`, "-.a", "-."],
  [String.raw`\d+`, "1٣x", "1٣"],
  [String.raw`(?a)\w+`, "aé", "a"],
  [String.raw`(?a)[\w]+`, "aé", "a"],
  [String.raw`.*\bcss\b`, "/x/css/y", "/x/css"],
  [String.raw`.*\bcss\b`, "/x/écss/y", undefined],
  [String.raw`a\Bb`, "ab", "ab"],
  [String.raw`a\-b\_c\ d\"e\/`, 'a-b_c d"e/', 'a-b_c d"e/'],
  ["a{,2}b", "aab", "aab"],
  ["a{,2}b", "aaab", undefined],
  ["a{2}", "aaa", "aa"],
  ["a{1,}?", "aaa", "a"],
  ["a{b}", "a{b}", "a{b}"],
  ["a{,}", "aaa", "aaa"],
  ["a{}", "a{}", "a{}"],
  ["x]y}", "x]y}", "x]y}"],
  ["[]a]+", "]a[", "]a"],
  ["[^]a]+", "b]", "b"],
  ["[a-c-]+", "b-d", "b-"],
  ["[[a]+", "[a]", "[a"],
  ["[&&~~||-]+", "&~|-", "&~|-"],
  [String.raw`\x41\u0042\103\0`, "ABC\0", "ABC\0"],
  [String.raw`[\x41-\x43]+`, "ABCD", "ABC"],
  ["(?#comment)a(?:b|c)(?!d)", "abe", "ab"],
  ["(?<=x)a|b", "b", "b"],
  ["a(?=b)", "ab", "a"],
  [String.raw`[\b\n\t]+`, "\b\n\tx", "\b\n\t"],
  ["a*?b", "aab", "aab"],
  ["", "abc", ""],
]

describe("a pattern", () => {
  for (const [pattern, text, found] of python) {
    it(`${JSON.stringify(pattern)} on ${JSON.stringify(text)}`, () => assert.strictEqual(matched(pattern, text), found))
  }

  it("is sticky and knows Unicode", () => {
    for (const source of ["a", String.raw`[\W]`]) {
      const pattern = compiled(source)
      assert.isTrue(pattern.sticky)
      assert.match(pattern.flags, /[uv]/)
    }
  })

  it("remembers how it was written", () => {
    const source = String.raw`(?i)(?P<a>\w+)[^\W]`
    assert.strictEqual(writtenPattern(compiled(source)), source)
    assert.strictEqual(writtenPattern(/x/), "x")
  })

  const refused: ReadonlyArray<readonly [string, RegExp]> = [
    ["(?(1)a|b)", /conditional group/],
    ["(?>a)", /atomic group/],
    ["a++", /possessive/],
    ["a{2}+", /possessive/],
    ["(?x)a", /flag \(\?x\)/],
    ["(?L)a", /flag \(\?L\)/],
    ["a(?i)b", /flags that are not at the very start/],
    ["(?i:a)", /flags that are not at the very start/],
    [String.raw`\N{DIGIT ONE}`, /escape \\N/],
    [String.raw`[\q]`, /escape \\q in/],
    [String.raw`\U00110000`, /does not exist/],
    ["a\\", /backslash at the end/],
    ["[a", /\[ without/],
    ["(a", /not a regular expression: Unterminated group/],
    ["a)", /not a regular expression: Unmatched/],
    ["*a", /not a regular expression: Nothing to repeat/],
    ["[b-a]", /not a regular expression: Range out of order/],
    [String.raw`(a)\10`, /not a regular expression/],
    [String.raw`(a)\2`, /not a regular expression/],
    ["(?P<a>x)(?P<a>y)", /not a regular expression/],
  ]
  for (const [source, problem] of refused) {
    it(`${source} is refused with the reason`, () => {
      const wrong = compilePattern(source)
      assert.instanceOf(wrong, Wrong)
      assert.match((wrong as Wrong).problem, problem)
      assert.notInclude((wrong as Wrong).problem, "/uy")
    })
  }
})
