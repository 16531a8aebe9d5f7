import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { parseDocument } from "htmlparser2"
import { html } from "../../../../src/layers/processors/minify.ts"
import { samePage } from "../../../../src/layers/processors/minify/samePage.ts"
import { processorContract } from "../../../contract/processor.ts"
import { bytesOf, minified, packageFile } from "./run.ts"

const page = (head: string, body: string) =>
  `<!DOCTYPE html>\n<html lang="en">\n  <head>\n    <meta charset="utf-8">\n    ${head}\n  </head>\n  <body>\n    ${body}\n  </body>\n</html>\n`

processorContract(html, {
  live: true,
  settings: { whitespace: "collapse", inline: "minify" } as const,
  examples: [
    { path: "docs/index.html", bytes: bytesOf("<p>one\n\n   two</p>\n\n\n"), output: bytesOf("<p>one two</p>") },
    { path: "latin.htm", bytes: Uint8Array.from([0x3c, 0x70, 0x3e, 0xe9, 0x20, 0x20]), baseName: "latin.htm" },
    { path: "empty.html", bytes: new Uint8Array(0), output: new Uint8Array(0) },
  ].map((example) => ({ ...example, uniqueName: false })),
})

const minify = (text: string, attributes: Readonly<Record<string, string>> = {}) =>
  minified(html, "index.html", text, attributes)

type Node = ReturnType<typeof parseDocument>["children"][number]

/** The tree of a page, with runs of white space as one space where they are shown as one, and none between blocks. */
const tree = (text: string): unknown => {
  const of = (node: Node, verbatim: boolean): ReadonlyArray<unknown> => {
    switch (node.type) {
      case "tag":
      case "script":
      case "style": {
        const inner = verbatim || ["pre", "textarea", "script", "style"].includes(node.name)
        return [
          [
            node.name,
            Object.entries(node.attribs).map(([key, value]) => [
              key,
              key === "class" || key === "onclick" ? value.replaceAll(/\s+/g, " ").trim() : value,
            ]),
            node.children.flatMap((child) => of(child, inner)),
          ],
        ]
      }
      case "text": {
        const shown = verbatim ? node.data : node.data.replaceAll(/\s+/g, " ")
        return shown.trim() === "" && !verbatim ? [] : [verbatim ? shown : shown.trim()]
      }
      default:
        return []
    }
  }
  return parseDocument(text).children.flatMap((node) => of(node, false))
}

describe("minify.HTML", () => {
  it.live("the page has the same elements, attributes and texts", () =>
    Effect.gen(function* () {
      const text = page(
        '<title> A   title </title><link rel="stylesheet" type="text/css" href="a.css"><base target=_top>',
        `<!-- a remark --><h1 class="  b   a " id='x'>Head <em> line </em> !</h1>
        <ul><li>one<li>two </ul><p>unclosed<p>next &amp; &copy; &lt;b&gt; &nbsp; 1 < 2
        <table><tr><td>1<td>2</table><input disabled="disabled" type="text" value="" checked><br/><img src=a.png alt=" a  b " data-x="{  }" title="
 ">
        <a href="?a=1&amp;b=2" onclick=" go( 'x' ) ">link</a><b>bold</b> <i>it</i>
        <svg viewBox="0 0 9 9"><linearGradient id="g"/><path d="M0 0"/></svg><button type=submit>  send </button>
        <select><option selected>a<option value='b "q"'>b</select><template><p> t </p></template><my-element some-Attribute="V"></my-element>`,
      )
      const smaller = yield* minify(text)
      assert.isBelow(smaller.length, text.length)
      assert.deepStrictEqual(tree(smaller), tree(text))
      assert.notInclude(smaller, "remark")
      assert.include(smaller, "</em> !")
      assert.include(smaller, "</b> <i>", "a space between words stays a space")
    }),
  )

  it.live("keeps white space where it is shown, and everywhere when asked to", () =>
    Effect.gen(function* () {
      const shown =
        "<pre>\n\n  a\n    b  </pre><p>c   d</p><textarea>\n  x\n   y </textarea><pre><code> \n z </code></pre>"
      const smaller = yield* minify(page("", shown))
      for (const part of ["  a\n    b  </pre>", "  x\n   y </textarea>", "<code> \n z </code>", "<p>c d</p>"])
        assert.include(smaller, part)
      const kept = yield* minify(page("<!-- gone -->", shown), { whitespace: "keep" })
      assert.notInclude(kept, "gone")
      assert.include(kept, "<p>c   d</p>")
    }),
  )

  it.live("keeps comments that programs read", () =>
    Effect.gen(function* () {
      const comments = [
        "<!--[if lt IE 9]><script src=x.js></script><![endif]-->",
        "<!--! Licence -->",
        "<!--[-->",
        "<!--]-->",
        "<!--$-->",
        "<!---->",
        "<!-- -->",
        '<!--#include virtual="/a.html" -->',
        "<!-- ko if: x -->",
        "<!-- /ko -->",
        "<!--lit-part abc-->",
        "<!-- wp:paragraph -->",
        "<!--esi <p>x</p> -->",
        "<!--noindex-->",
        "<!-- googleoff: all -->",
      ]
      const smaller = yield* minify(
        page("", comments.map((comment) => `<div>${comment}</div>\n<!-- a remark -->`).join("\n")),
      )
      for (const comment of comments) assert.include(smaller, comment)
      assert.notInclude(smaller, "remark")
    }),
  )

  it.live("keeps what templates fill in", () =>
    Effect.gen(function* () {
      const text = page(
        "",
        `<p class="<?php echo  'a' ?>"><?= $x   ?></p>  <%  if (x) {  %> <b>{{  name  }}</b> <% } %>\n\n<script> var x = {{  json  }} ; </script><script>{{ all }}</script><style>a { color : {{ c }} ; }</style>`,
      )
      const smaller = yield* minify(text)
      for (const part of [
        "<?php echo  'a' ?>",
        "<?= $x   ?>",
        "<%  if (x) {  %>",
        "<% } %>",
        "{{  json  }} ; <",
        ">{{ all }}<",
        "color : {{ c }} ;",
      ])
        assert.include(smaller, part)
    }),
  )

  it.live("scripts and style sheets in it get smaller; data, templates and what is broken stay", () =>
    Effect.gen(function* () {
      const data = '{ "html" : "\\u003c/script>\\u003cscript>alert( 1 )" , "id" : 12345678901234567890 }'
      const text = page(
        `<style media="screen"> a { color : red ; } </style><style>  b { top : 0 </style>`,
        `<script> var alpha = 1 ; function shown( parameter ) { return parameter } </script><script type="module"> import x from "./x.js" ; x( ) ; </script>
        <script type="application/ld+json">${data}</script><SCRIPT TYPE='application/json'>${data}</SCRIPT><script type="importmap">{ "imports" : {} }</script>
        <script type="text/x-template"><p>  {{ a }}  </p></script><script> this is ( not </script><script>document.write( "<script src=a.js><\\/script>" ) ;  </script>
        <script> // <!--\n var commented = 1 ;\n // --> </script>`,
      )
      const smaller = yield* minify(text)
      for (const part of [
        "a{color:red}",
        "b{top:0}",
        "function shown(",
        "x.js",
        data,
        `'application/json'>${data}<`,
        '{ "imports" : {} }',
        "<p>  {{ a }}  </p>",
        "this is ( not",
        "<\\/script>",
      ]) {
        assert.include(smaller, part)
      }
      assert.notInclude(smaller, "parameter")
      assert.deepStrictEqual(
        (tree(smaller) as ReadonlyArray<unknown>).length,
        (tree(text) as ReadonlyArray<unknown>).length,
      )
    }),
  )

  it.live("leaves scripts and style sheets alone where a policy names their hashes, or when asked to", () =>
    Effect.gen(function* () {
      const script = "<script> var alpha = 1 ; </script><style> a { b : c } </style>"
      const policy = `<meta http-equiv="Content-Security-Policy" content="script-src 'sha256-qznLcsROx4GACP2dm0UCKCzCG+HiZ1guq6ZZDob/Tng='">`
      for (const smaller of [
        yield* minify(page(policy, script)),
        yield* minify(page("", script), { inline: "keep" }),
      ]) {
        assert.include(smaller, " var alpha = 1 ; ")
        assert.include(smaller, " a { b : c } ")
      }
    }),
  )

  it.live("publishes the page as it is rather than another page", () =>
    Effect.gen(function* () {
      assert.isFalse(samePage("<p>a</p>", "<p>b</p>", false, true))
      assert.isFalse(samePage("<p>a</p>", "<p>a", false, true) && samePage("<b>a</b>c", "<b>a c</b>", false, true))
      assert.isFalse(samePage('<p id="a">', '<p id="b">', false, true))
      assert.isFalse(samePage("<pre> a</pre>", "<pre>a</pre>", false, true))
      assert.isFalse(samePage("<p>a  b</p>", "<p>a b</p>", true, true))
      assert.isFalse(samePage("<script>a</script>", "<script>b</script>", false, false))
      assert.isFalse(samePage('<script type="a/json">a</script>', '<script type="a/json">b</script>', false, true))
      assert.isFalse(samePage("<!DOCTYPE html>a", "a", false, true))
      assert.isTrue(samePage("<p>a  b</p>\n<script>a ;</script>", "<p>a b</p><script>a</script>", false, true))
    }),
  )

  it.live("refuses nothing that browsers show", () =>
    Effect.gen(function* () {
      for (const text of [
        "<p>a</p>\n\n<div",
        "<p <b>>a</p  \n\n>",
        "</b></i>  <b",
        "a < b  \n > c",
        "<![CDATA[ x ]]>  \n\n y",
      ]) {
        assert.deepStrictEqual(tree(yield* minify(text)), tree(text), text)
      }
    }),
  )

  it.live("pages that come with packages stay the same pages", () =>
    Effect.gen(function* () {
      const text = packageFile("htmlparser2/README.md")
      assert.isAbove(text.length, 1000)
      const smaller = yield* minify(
        page("<title>x</title>", `<div>${text.replaceAll(/[<>&]/g, (char) => `&#${char.charCodeAt(0)};`)}</div>`),
      )
      assert.deepStrictEqual(
        tree(smaller),
        tree(page("<title>x</title>", `<div>${text.replaceAll(/[<>&]/g, (char) => `&#${char.charCodeAt(0)};`)}</div>`)),
      )
    }),
  )
})
