import { assert, describe, it } from "@effect/vitest"
import { parseReference } from "../../../src/domain/Reference.ts"
import { cssReferences } from "../../../src/layers/processors/linkUpdater/cssReferences.ts"
import { fileText } from "../../../src/layers/processors/linkUpdater/fileText.ts"
import { htmlReferences } from "../../../src/layers/processors/linkUpdater/htmlReferences.ts"
import { jsReferences } from "../../../src/layers/processors/linkUpdater/jsReferences.ts"
import type { Occurrence } from "../../../src/layers/processors/linkUpdater/occurrence.ts"
import { srcsetAddresses } from "../../../src/layers/processors/linkUpdater/srcset.ts"
import { chance, golden, jumble, rewritten } from "./linkUpdaterWorld.ts"

type Find = (text: string) => ReadonlyArray<Occurrence>

const cssPieces = [
  ..."\u0000 \t\r\n\f{}()[];:,.#@\\\"'/*!<>-",
  "\uFEFF",
  "url(",
  "URL( ",
  "u\\72l(",
  "src(",
  "image-set(",
  "type(",
  "@import ",
  "@IMPORT/**/",
  "@namespace x ",
  "@media ",
  "/*",
  "*/",
  "<!--",
  "-->",
  "\\\n",
  "\\27 ",
  "a.png",
  "img/b%20c.png?x=1#y",
  "ü東\u{1F600}\uD800",
  "data:image/png;base64,AA==",
  '"a.png"',
  "'a.png'",
  "url(a.png)",
  "/*# sourceMappingURL=a.map */",
]

const htmlPieces = [
  ..."\u0000 \t\r\n<>/=\"'&;!-?",
  "<img ",
  "<IMG\n",
  " src=",
  " srcset='",
  ' style="',
  " poster = ",
  "<link rel=stylesheet href=",
  "<style>",
  "</style",
  "<script>",
  "</script>",
  "<!--",
  "-->",
  "<![CDATA[",
  "<title>",
  "</title>",
  "<svg>",
  "<use xlink:href=",
  "<meta property=og:image content=",
  "<plaintext>",
  "a.png",
  '"a.png 1x, b.png?x=1&amp;y=2#z 2x"',
  "&amp;",
  "&quot;",
  "&#x41;",
  "&notit",
  "url(a.png)",
  "url(&quot;a.png&quot;)",
  "ü東\u{1F600}",
]

const jsPieces = [
  '"/a/b.png"',
  "'/a/b.png?x=\\'1#y'",
  "`/a/b.png`",
  "`\\`/${'/a/b.png'}`",
  '"\\x2fa\\u002fb.png"',
  '{"/a/b.png": "/a/b.png"}',
  'x["/a/b.png"]',
  'import("./m.js")',
  'new URL("m.png", import.meta.url)',
  "/\\/a\\/b.png/g",
  "String.raw`/a/b.png`",
  "(a / '/b' / /c/.source)",
  "/* '/a/b.png' */ 1",
  "(() => { '/a/b.png'; return '/a/b.png' })",
  "ü東",
  '"\u2028\\\n/a"',
]
const jsText = (seed: number): string => {
  const next = chance(seed)
  const list = Array.from({ length: next(12) }, () => jsPieces[next(jsPieces.length)])
  return `${next(2) === 0 ? 'import a from "./m.js";\r\n' : "\uFEFF"}const ü東 = [${list.join(",\n")}]\n//# sourceMappingURL=m.map`
}

const languages: ReadonlyArray<readonly [name: string, find: Find, text: (seed: number) => string, runs: number]> = [
  ["css", cssReferences, (seed) => jumble(cssPieces, seed), 6_000],
  ["html", htmlReferences, (seed) => jumble(htmlPieces, seed), 6_000],
  ["js", jsReferences, jsText, 1_000],
]

for (const [name, find, text, runs] of languages) {
  describe(`references in ${name}`, () => {
    it("are the ones of the golden file, and nothing else of it changes", () => {
      const given = Buffer.from(golden(`hostile.${name}.in`)).toString("utf8")
      const expected = Buffer.from(golden(`hostile.${name}.out`)).toString("utf8")
      const made = rewritten(find, given)
      assert.deepStrictEqual(made.split("\n"), expected.split("\n"))
      assert.isTrue(Buffer.from(made).equals(golden(`hostile.${name}.out`)))
    })

    it("replaced by themselves leave every text as it was", () => {
      for (let seed = 0; seed < runs; seed++) {
        const given = text(seed)
        const found = find(given)
        const kept = rewritten(find, given, (reference) => reference)
        assert.strictEqual(kept, given, `seed ${seed}`)
        let at = 0
        for (const { end, start } of found) {
          assert.isTrue(start >= at && end >= start && end <= given.length, `seed ${seed}: ${start} to ${end}`)
          at = end
        }
      }
    })

    it("replaced by addresses read as those addresses, and the ones that stay read as before", () => {
      let replaced = 0
      for (let seed = 0; seed < runs; seed++) {
        const given = text(seed)
        const before = find(given).map(({ reference }) => reference)
        const address = (reference: string) => {
          const parsed = parseReference(reference)
          if (parsed === undefined || reference.length % 3 === 0) return undefined
          // What begins with a slash is a reference in every language.
          return `/cdn.example/(${reference.length})'&amp;${parsed.suffix}`
        }
        const after = find(rewritten(find, given, address)).map(({ reference }) => reference)
        const expected = before.map((reference) => {
          const replacement = address(reference)
          if (replacement !== undefined) replaced++
          return replacement ?? reference
        })
        assert.deepStrictEqual(after, expected, `seed ${seed}: ${JSON.stringify(given)}`)
      }
      assert.isAbove(replaced, runs / 4, "a property of nothing proves nothing")
    })
  })
}

describe("a file's text", () => {
  it("gives back the bytes it was made of, whatever they are", () => {
    for (let seed = 0; seed < 2_000; seed++) {
      const next = chance(seed)
      const bytes = Uint8Array.from({ length: next(40) }, () => (next(3) === 0 ? next(256) : 97 + next(3)))
      const file = fileText(bytes)
      if (file !== undefined) assert.deepStrictEqual([...file.toBytes(file.text)], [...bytes], `seed ${seed}`)
    }
    for (const text of ["", "\uFEFFa", "ü\u{1F600}"]) {
      const file = fileText(Buffer.from(text))
      assert.strictEqual(file?.text, text)
      assert.strictEqual(Buffer.from(file?.toBytes(text) ?? []).toString(), text)
    }
  })

  it("means the same character whether it is UTF-8, Latin-1 or both by turns", () => {
    const mixed = fileText(Buffer.concat([Buffer.from("ü"), Buffer.from([0xfc, 0x20])]))
    assert.strictEqual(mixed?.text, "\u00c3\u00bc\u00fc ")
    assert.strictEqual(mixed?.read("\u00c3\u00bc"), "ü")
    assert.strictEqual(mixed?.read("\u00fc"), "ü")
    assert.strictEqual(mixed?.read("\u00c3\u6771"), "\u00c3\u6771")
    assert.deepStrictEqual([...(mixed?.toBytes(mixed.write("ü")) ?? [])], [0xc3, 0xbc])
  })

  it("is not looked at in UTF-16", () => {
    assert.isUndefined(fileText(Buffer.from("\uFEFFa", "utf16le")))
    assert.isUndefined(fileText(Uint8Array.from([0xfe, 0xff, 0, 97])))
  })
})

describe("addresses in srcset", () => {
  const cases: ReadonlyArray<readonly [string, ReadonlyArray<string>]> = [
    ["", []],
    [" , ,", []],
    ["a.png", ["a.png"]],
    ["a.png,", ["a.png"]],
    ["a.png, b.png 2x", ["a.png", "b.png"]],
    ["a.png 1x,b.png 2x", ["a.png", "b.png"]],
    ["a.png,b.png 2x", ["a.png,b.png"]],
    ["a.png 1x (x, y), b.png", ["a.png", "b.png"]],
    ["\n\ta.png\t100w ,\fb.png", ["a.png", "b.png"]],
    ["data:image/png;base64,AA==,, a.png", ["data:image/png;base64,AA==", "a.png"]],
  ]
  for (const [value, expected] of cases) {
    it(JSON.stringify(value), () => {
      assert.deepStrictEqual(
        srcsetAddresses(value).map(({ end, start }) => value.slice(start, end)),
        expected,
      )
    })
  }
})

describe("a base of a page", () => {
  const html = (base: string) =>
    `<base target=x><base ${base}><base href="later/"><img src="a.png?1"><img src="/b.png">`
  const found = (base: string) => htmlReferences(html(base)).map(({ reference }) => reference)
  it("is where its references begin", () => {
    assert.deepStrictEqual(found('href="sub/x.html"'), ["sub/a.png?1", "/b.png"])
    assert.deepStrictEqual(found("href=/sub/"), ["/sub/a.png?1", "/b.png"])
    assert.deepStrictEqual(found('href=""'), ["a.png?1", "/b.png"])
  })
  it("of another site leaves all of them alone", () => {
    assert.deepStrictEqual(found('href="https://other.example/"'), [])
    assert.deepStrictEqual(found("href=//other.example/"), [])
  })
  it("is written as an address that does not need it", () => {
    const text = html("href=sub/")
    const made = rewritten(htmlReferences, text, (reference) => `https://cdn.example/${reference}`)
    assert.strictEqual(
      made,
      text.replace("a.png?1", "https://cdn.example/sub/a.png?1").replace('"/b.png', '"https://cdn.example//b.png'),
    )
  })
})

describe("JavaScript", () => {
  it("that is a script and no module is read too", () => {
    assert.deepStrictEqual(
      jsReferences('with (a) b("/c.png")').map(({ reference }) => reference),
      ["/c.png"],
    )
  })
  it("that is neither is refused, with the place where it stops making sense", () => {
    assert.throws(() => jsReferences("let = = 1"), /\(1:6\)/)
    assert.throws(() => jsReferences('import "/a.js"\nlet a = = 1'), /\(2:8\)/)
  })
})

describe("entities in attributes", () => {
  const cases: ReadonlyArray<readonly [string, string]> = [
    ['<img srcset="a.pn&#103;&#32;1x, b.png">', '<img srcset="/cdn/a.png 1x, /cdn/b.png">'],
    ["<img srcset=a.pn&#103;&#32;&#49;x>", "<img srcset=/cdn/a.png&#32;1x>"],
    ['<p style="b:url(&#39;&#97;.png&#39;&#41;">', "<p style=\"b:url('/cdn/a.png')\">"],
    ['<img src="&#97;&#46;png&#63;&#118;&#35;f">', '<img src="/cdn/a.png&#63;&#118;&#35;f">'],
    ['<img src="a.pn&#103;&#63;&#118;&#35;f">', '<img src="/cdn/a.png?v#f">'],
    ['<img src="a.png?&#118;&amp;w#&copy;">', '<img src="/cdn/a.png?&#118;&amp;w#&copy;">'],
    ['<img src="&#x1F600;&#x1F600;.png">', '<img src="/cdn/\u{1F600}\u{1F600}.png">'],
  ]
  for (const [given, expected] of cases) {
    it(given, () =>
      assert.strictEqual(
        rewritten(htmlReferences, given, (reference) => `/cdn/${reference}`),
        expected,
      ),
    )
  }
})
