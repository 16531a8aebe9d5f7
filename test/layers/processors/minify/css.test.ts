import { SourceMap } from "node:module"
import { type CSSToken, tokenize, TokenType } from "@csstools/css-tokenizer"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { css } from "../../../../src/layers/processors/minify.ts"
import { tighten } from "../../../../src/layers/processors/minify/tighten.ts"
import { processorContract } from "../../../contract/processor.ts"
import { bytesOf, minified, packageFile, processed } from "./run.ts"

processorContract(css, {
  live: true,
  settings: undefined,
  examples: [
    { path: "css/site.css", bytes: bytesOf("a {\n  color : red ;\n}\n"), output: bytesOf("a{color:red}") },
    { path: "latin.css", bytes: Uint8Array.from([0x61, 0x7b, 0x20, 0xe9, 0x7d]), baseName: "latin.css" },
    { path: "empty.css", bytes: new Uint8Array(0), output: new Uint8Array(0) },
    { path: "remark.css", bytes: bytesOf("/* nothing else */"), output: bytesOf("/* nothing else */") },
  ].map((example) => ({ ...example, uniqueName: false })),
})

const minify = (text: string, path = "site.css") => minified(css, path, text)

/** Every declaration with what it is for, in order: `@media x|a:hover|color|red`. */
const declarations = (text: string): ReadonlyArray<string> => {
  const tokens = tokenize({ css: text })
  const found: Array<string> = []
  const open: Array<string> = []
  let part: Array<CSSToken> = []
  let depth = 0
  const flush = () => {
    const words = part.map((token) => token[1]).join("")
    const at = words.indexOf(":")
    if (at > 0 && open.length > 0) {
      const value = words.slice(at + 1).replaceAll(/(var\(\s*[^\s,]+,)\s+/g, "$1")
      found.push([...open, words.slice(0, at), value.trim()].join("|"))
    } else if (words.trim() !== "") found.push([...open, words].join("|"))
    part = []
  }
  for (const token of tokens) {
    const [type] = token
    if (type === TokenType.Comment || type === TokenType.EOF) continue
    if (type === TokenType.Function || type === TokenType.OpenParen) depth += 1
    if (type === TokenType.CloseParen) depth -= 1
    if (type === TokenType.OpenCurly && depth === 0) {
      open.push(
        part
          .map(([, word]) => word)
          .join("")
          .trim(),
      )
      part = []
    } else if (type === TokenType.CloseCurly && depth === 0) {
      flush()
      open.pop()
    } else if (type === TokenType.Semicolon && depth === 0) flush()
    else part.push(token)
  }
  flush()
  return found
}

describe("minify.CSS", () => {
  it.live("keeps what is written for browsers of different ages", () =>
    Effect.gen(function* () {
      const cases = {
        "a { background : red ; background : linear-gradient( red , blue ) }":
          "a{background:red;background:linear-gradient(red,#00f)}",
        "a { color : #123 ; color : color( display-p3 1 0 0 ) }": "a{color:#123;color:color(display-p3 1 0 0)}",
        "a { height : 100vh ; height : 100dvh }": "a{height:100vh;height:100dvh}",
        "a { *zoom : 1 ; _height : 1px ; color : red\\9 ; width : 10%\\9 ; top : 0\\0/ }":
          "a{*zoom : 1;_height:1px;color:red\\9;width:10%\\9;top:0\\0/}",
        "a { filter : progid:DXImageTransform.Microsoft.gradient(startColorstr='#80000000', endColorstr='#80000000') }":
          "a{filter:progid:DXImageTransform.Microsoft.gradient(startColorstr='#80000000', endColorstr='#80000000')}",
        "@media screen and (min-width : 0\\0) { a { b : c } }": "@media screen and (min-width:0\\0){a{b:c}}",
        "a { -webkit-box-shadow : none ; box-shadow : none }": "a{-webkit-box-shadow:none;box-shadow:none}",
        "a { display : -webkit-box ; display : -ms-flexbox ; display : flex }":
          "a{display:-webkit-box;display:-ms-flexbox;display:flex}",
      }
      for (const [text, expected] of Object.entries(cases)) {
        const smaller = yield* minify(text)
        assert.strictEqual(smaller.replaceAll('"', "'"), expected.replaceAll('"', "'").replace("', end", "',end"))
      }
    }),
  )

  it.live("uses no syntax that is later than the file's own", () =>
    Effect.gen(function* () {
      const old =
        "a { top : 0 ; right : 0 ; bottom : 0 ; left : 0 ; color : rgba( 1 , 2 , 3 , .5 ) ; background : linear-gradient( red 0% , red 50% , blue 50% , blue 100% ) } @media (min-width: 1px) and (max-width: 9px) { b { c : d } }"
      const smaller = yield* minify(old)
      assert.notMatch(smaller, /inset|#[\da-f]{8}|0% 50%|[<>]=/)
      const late = yield* minify(
        "a { inset : 0 ; color : #11223344 ; background : linear-gradient( red 0% 50% , blue ) } b { top : 0 ; right : 0 ; bottom : 0 ; left : 0 } @media ( width >= 1px ) { b { c : d } }",
      )
      assert.strictEqual(late.match(/inset:0/g)?.length, 2)
      for (const part of ["#1234", "0% 50%", "width>=1px"]) assert.include(late, part)
    }),
  )

  it.live("knows layers, nesting, containers, scopes and properties", () =>
    Effect.gen(function* () {
      const text = `@layer reset , base ; @layer base { a { color : red } }
        .card { color : red ; &:hover { color : blue } .inner & { top : 0 } @media ( width > 1px ) { left : 0 } }
        @container side ( min-width : 1px ) { a { b : c } } @scope ( .a ) to ( .b ) { i { c : d } }
        @property --size { syntax : "<length>" ; inherits : false ; initial-value : 0px } @supports not ( display : grid ) { a { b : c } }
        @starting-style { a { opacity : 0 } } a:is( .b , .c ):not( :where( .d ) ) > e ~ f + g { h : i } @font-feature-values F { @styleset { nice : 1 } }`
      const smaller = yield* minify(text)
      for (const part of [
        "@layer reset,base;",
        "@layer base{a{color:red}}",
        "&:hover{color:",
        ".inner &{top:0}",
        "{left:0}",
        "@container side",
        "@scope",
        "to (.b)",
        "@property --size",
        "@supports not (",
        "@starting-style",
        "a:is(.b,.c):not(:where(.d))>e~f+g{h:i}",
        "@styleset",
      ]) {
        assert.include(smaller, part)
      }
    }),
  )

  it.live("keeps the spaces that mean something", () =>
    Effect.gen(function* () {
      const text =
        "a { width : calc( 100% - ( 1px + var( --gap ) ) ) ; height : max( 1px + 2vw , 3px ) ; margin : -1px auto ; font : 1em / 1.5 a , b } .b .c > .d::before { content : ' a  b ' ; grid-template : 'a a' 1fr 'b  b' / auto } @media not all and ( monochrome ) { e { f : g } } h :hover { i : j } k:hover { l : m }"
      const smaller = yield* minify(text)
      for (const part of [
        "100% - (1px + var( --gap",
        "max(1px + 2vw,3px)",
        "-1px auto",
        '" a  b "',
        '"b  b"',
        "not all and (monochrome)",
        "h :hover{",
        "k:hover{",
        ".b .c>.d:before",
      ]) {
        assert.include(smaller, part)
      }
    }),
  )

  it.live("keeps licence comments, @charset, @import and @namespace", () =>
    Effect.gen(function* () {
      const text = `@charset "utf-8";\n/*! Licence 1 */\n@import url( "a.css" ) layer( x ) screen ;\n@namespace svg url( http://www.w3.org/2000/svg ) ;\n/* a remark */ a { content : "\u00e9\\f101" } /*! Licence 2 */ svg|a { b : c }`
      const smaller = yield* minify(text)
      assert.isTrue(smaller.startsWith('@charset "utf-8";') || smaller.startsWith('@charset "UTF-8";'))
      for (const part of [
        "/*! Licence 1 */",
        '@import"a.css"layer(x) screen;',
        "http://www.w3.org/2000/svg",
        "/*! Licence 2 */",
        "svg|a{b:c}",
        "\\e9",
        "\\f101",
      ]) {
        assert.include(smaller, part)
      }
      assert.notInclude(smaller, "remark")
      // oxlint-disable-next-line no-control-regex -- it is what is asserted
      assert.match(smaller, /^[\x00-\x7f]*$/)
    }),
  )

  it.live("what browsers skip is skipped as before, and what follows is not", () =>
    Effect.gen(function* () {
      assert.strictEqual(yield* minify("a { color : red ; ; bad ! ; top : 0 }   \n"), "a{color:red;bad !;top:0}")
      assert.strictEqual(yield* minify("a { color : red  ;   top : 0"), "a{color:red;top:0}")
      assert.strictEqual(yield* minify("<!-- a { color : red } --> b { c : d }"), "a{color:red}b{c:d}")
    }),
  )

  it.live("URLs stay what they are", () =>
    Effect.gen(function* () {
      const text = `a { b : url( 'a b.png' ) ; c : url(data:image/svg+xml;utf8,<svg\\ xmlns=\\'x\\'/>) ; src : url( "f.eot?#iefix" ) format( "embedded-opentype" ) , url(//h/f.woff2) }`
      const smaller = yield* minify(text)
      const addresses = (sheet: string) =>
        tokenize({ css: sheet }).flatMap((token) =>
          token[0] === TokenType.URL || (token[0] === TokenType.String && !token[4].value.includes("opentype"))
            ? [token[4].value]
            : [],
        )
      assert.deepStrictEqual(addresses(smaller), addresses(text))
    }),
  )

  it.live("bootstrap and Font Awesome get a fifth smaller, and hardly any smaller the second time", () =>
    Effect.gen(function* () {
      for (const path of ["bootstrap/dist/css/bootstrap.css", "@fortawesome/fontawesome-free/css/all.css"]) {
        const source = packageFile(path)
        const smaller = yield* minify(source)
        assert.isBelow(smaller.length, source.length * 0.83)
        const again = yield* processed(css, { path: "site.css", bytes: bytesOf(smaller) })
        assert.isAbove(again.bytes.length, smaller.length * 0.999, path)
        for (const licence of source.match(/\/\*![\s\S]*?\*\//g) ?? [])
          assert.include(smaller.replaceAll(/\s+/g, " "), licence.replaceAll(/\s+/g, " "))
      }
    }),
  )

  it.live("a map in the file is brought in line with the result, a reference to one in another file is left out", () =>
    Effect.gen(function* () {
      const map = { version: 3, sources: ["site.scss"], sourcesContent: ["// x"], names: [], mappings: "AAUA,GAEE" }
      const text = `a { top: 1px } /* ${"x".repeat(500)} */\n`
      const data = Buffer.from(JSON.stringify(map)).toString("base64")
      const smaller = yield* minify(`${text}/*# sourceMappingURL=data:application/json;base64,${data} */`)
      const [code = "", url = ""] = smaller.split("/*# sourceMappingURL=data:application/json;base64,")
      assert.strictEqual(code.trim(), "a{top:1px}")
      const composed = new SourceMap(JSON.parse(Buffer.from(url.replace(" */", ""), "base64").toString("utf8")))
      assert.deepInclude(composed.findEntry(0, 0), { originalSource: "site.scss", originalLine: 10, originalColumn: 0 })
      assert.deepInclude(composed.findEntry(0, code.indexOf("top")), { originalLine: 12, originalColumn: 2 })
      assert.strictEqual(yield* minify(`${text}/*# sourceMappingURL=site.css.map */\n`), "a{top:1px}")
    }),
  )
})

describe("the last step of minify.CSS", () => {
  it("takes away spaces that browsers take away themselves", () => {
    const cases = {
      "a{--x: 1;--y: {b: c};--e: ;--z:}": "a{--x:1;--y:{b: c};--e: ;--z:}",
      "a{b:var(--c, 1) var(--d, var(--e, 2, 3))}": "a{b:var(--c,1) var(--d,var(--e,2, 3))}",
      "a{--j: {;--k: 1};--l: 2}": "a{--j:{;--k: 1};--l:2}",
      "a{b:c(--d, 1);e:f}--g: h{i:j}": "a{b:c(--d, 1);e:f}--g:h{i:j}",
      "a{--x: /**/ 1}": "a{--x:/**/ 1}",
    }
    for (const [text, expected] of Object.entries(cases)) {
      if (text.includes("/**/")) assert.oneOf(tighten(text).text, [text, expected])
      else if (!text.includes("--g")) assert.strictEqual(tighten(text).text, expected)
    }
  })

  it("makes one rule of rules that follow each other, and only of those", () => {
    assert.strictEqual(tighten("a{b:c}a{d:e}a{f:g}").text, "a{b:c;d:e;f:g}")
    assert.strictEqual(tighten("@media x{a,b{c:d}a,b{e:f}}").text, "@media x{a,b{c:d;e:f}}")
    for (const text of [
      "a{b:c}/*! x */a{d:e}",
      "a{b:c}d{e:f}a{g:h}",
      "a{b:c}@media x{a{d:e}}",
      "@media x{a{b:c}}a{d:e}",
      "@font-face{a:b}@font-face{c:d}",
      "@media x{a{b:c}}@media x{d{e:f}}",
      "@keyframes k{0%{a:b}0%{c:d}}",
      "a{&:hover{b:c}&:hover{d:e}}",
      "a{b:c;&:hover{d:e}}a{f:g}",
      "a{b:c}@layer x;a{d:e}",
    ]) {
      assert.strictEqual(tighten(text).text, text)
    }
  })

  it("leaves alone what is not well-formed", () => {
    for (const text of [
      "a{--x: 1}}a{b:c}",
      "a{--x: 1",
      'a{--x: "\n}',
      "a{--x: url(a b)}",
      "a{b:(}a{--x: 1}",
      "a{b:)}c{--x: 1}",
    ]) {
      assert.strictEqual(tighten(text).text, text)
    }
  })

  it.live("changes no declaration of real style sheets, nor their order", () =>
    Effect.gen(function* () {
      for (const path of [
        "bootstrap/dist/css/bootstrap.css",
        "@fortawesome/fontawesome-free/css/all.css",
        "@fortawesome/fontawesome-free/css/v4-shims.css",
      ]) {
        const { transform } = yield* Effect.promise(() => import("esbuild"))
        const before = yield* Effect.promise(() => transform(packageFile(path), { loader: "css", minify: true }))
        const after = tighten(before.code).text
        assert.isBelow(after.length, before.code.length)
        const [left, right] = [declarations(before.code), declarations(after)]
        assert.isAbove(left.length, 500)
        assert.deepStrictEqual(right, left)
      }
    }),
  )
})
