import { assert, describe, it } from "@effect/vitest"
import { Arbitrary } from "effect"
import type { Source } from "../../src/domain/Config.ts"
import { isSafe, percentEncode, type RelativePath, type SourceName, toBytes } from "../../src/domain/Path.ts"
import { locate, parseReference, resolveReference, withBase } from "../../src/domain/Reference.ts"
import { oneOf, text } from "./arbitraries.ts"

const source = (name: string, scanPath: string, rest: Partial<Source> = {}): Source => ({
  name: name as SourceName,
  scanPath,
  root: scanPath,
  documentRoot: undefined,
  basePath: undefined,
  logicalBasePath: false,
  ignoredDirs: new Set(),
  monitor: "auto",
  symlinks: "inside",
  ...rest,
})

const path = (text: string) => text as RelativePath

describe("what a reference says", () => {
  const leftAlone = [
    "",
    " \t\n",
    "#a",
    "?v=1",
    "http://x/a.png",
    "HTTPS://x/a.png",
    "data:image/png;base64,AA==",
    "about:blank",
    "mailto:a@b",
    "x:y",
    "//x/a.png",
    "\\\\x\\a.png",
    "/\\x/a.png",
    "\n//x/a.png",
    "/\t/x/a.png",
    "ht\ntp://x",
    "dir/",
    "/",
    "../",
    "a%00.png",
    "a%2Fb.png",
    "a%2fb.png",
    "a\u0000b.png",
    "a\uDC80.png",
    "\uD83D.png",
  ]
  for (const text of leftAlone) {
    it(`leaves ${JSON.stringify(text)} alone`, () => assert.isUndefined(parseReference(text)))
  }

  const read: ReadonlyArray<readonly [text: string, path: string, suffix: string]> = [
    ["a.png", "a.png", ""],
    [" a.png\n", "a.png", ""],
    ["a\r\n.png", "a.png", ""],
    ["a.png?v=1#x", "a.png", "?v=1#x"],
    ["a.eot?#iefix", "a.eot", "?#iefix"],
    ["a.svg#x?y", "a.svg", "#x?y"],
    ["a%3Fb.png?c", "a?b.png", "?c"],
    ["a%20b.png", "a b.png", ""],
    ["a b.png", "a b.png", ""],
    ["%E6%9D%B1.png", "東.png", ""],
    ["東.png", "東.png", ""],
    ["東%FF.png", "東\uDCFF.png", ""],
    ["%F0%9F%98%80\u{1F600}.png", "\u{1F600}\u{1F600}.png", ""],
    ["100%.png", "100%.png", ""],
    ["100%zz%41%", "100%zzA%", ""],
    ["img\\a.png?x=\\y", "img/a.png", "?x=\\y"],
    ["./a:b.png", "./a:b.png", ""],
    ["a%3Ab.png", "a:b.png", ""],
    ["%2e%2e/a.png", "../a.png", ""],
    ["/a.png", "/a.png", ""],
    ["/x//a.png", "/x//a.png", ""],
  ]
  for (const [text, expected, suffix] of read) {
    it(`reads ${JSON.stringify(text)}`, () => assert.deepStrictEqual(parseReference(text), { path: expected, suffix }))
  }

  it.prop("is whatever path the encoding stands for, its bytes included", [text], ([text]) => {
    const name = text.replaceAll(/[/\0]|\p{Surrogate}/gu, "\uDCE9") || "x"
    const parsed = parseReference(`./${percentEncode(name)}?q`)
    assert.deepStrictEqual(parsed, { path: `./${name}`, suffix: "?q" })
    assert.deepStrictEqual([...toBytes(parsed?.path ?? "")].slice(2), [...toBytes(name)])
  })
})

describe("a base", () => {
  const cases: ReadonlyArray<readonly [base: string, reference: string, expected: string | undefined]> = [
    ["", "a.png", "a.png"],
    ["sub/", "a.png", "sub/a.png"],
    ["sub/page.html?x/y#z/", " a.png ", "sub/a.png"],
    ["/sub/page.html", "../a.png?1", "/sub/../a.png?1"],
    ["page.html", "a.png", "a.png"],
    ["sub\\x", "a.png", "sub/a.png"],
    ["sub/", "/a.png", "/a.png"],
    ["sub/", "\\a.png", "\\a.png"],
    ["sub/", "#a", "#a"],
    ["sub/", "?a", "?a"],
    ["sub/", "", ""],
    ["sub/", "data:,x", "data:,x"],
    ["http://x/", "a.png", undefined],
    ["//x/", "/a.png", undefined],
  ]
  for (const [base, reference, expected] of cases) {
    it(`${JSON.stringify(base)} and ${JSON.stringify(reference)}`, () => {
      assert.strictEqual(withBase(base, reference), expected)
    })
  }
})

describe("where a reference leads", () => {
  const plain = source("plain", "/srv/plain")
  const site = source("site", "/htdocs/drupal", { documentRoot: "/htdocs", basePath: "/drupal/" })
  const logical = source("logical", "/htdocs/themes", {
    documentRoot: "/htdocs/",
    basePath: "/my%20site/x/",
    logicalBasePath: true,
  })
  const rooted = source("rooted", "/htdocs", { documentRoot: "/htdocs" })
  const elsewhere = source("elsewhere", "/data/x", { documentRoot: "/htdocs" })
  const to = (from: Source, referrer: string, text: string) =>
    resolveReference(text, { source: from, path: path(referrer) })?.absolute

  const cases: ReadonlyArray<readonly [Source, referrer: string, text: string, expected: string | undefined]> = [
    [plain, "css/a.css", "b.png", "/srv/plain/css/b.png"],
    [plain, "a.css", "b.png", "/srv/plain/b.png"],
    [plain, "css/a.css", "./../img//b.png", "/srv/plain/img/b.png"],
    [plain, "css/a.css", "../../other/b.png", "/srv/other/b.png"],
    [plain, "css/a.css", "../../../../../../etc/passwd", "/etc/passwd"],
    [plain, "css/a.css", "%2e%2e/b.png", "/srv/plain/b.png"],
    [plain, "css/a.css", "/b.png", undefined],
    [plain, "css/a.css", "..", "/srv/plain"],
    [site, "css/a.css", "/drupal/misc/b.png", "/htdocs/drupal/misc/b.png"],
    [site, "css/a.css", "/files/b.png", "/htdocs/files/b.png"],
    [site, "css/a.css", "/../drupal/./misc/../b.png", "/htdocs/drupal/b.png"],
    [site, "css/a.css", "../../../../x.png", "/htdocs/x.png"],
    [site, "css/a.css", "b.png", "/htdocs/drupal/css/b.png"],
    [logical, "css/a.css", "/my%20site/x/misc/b.png", "/htdocs/misc/b.png"],
    [logical, "css/a.css", "/my site/x/misc/b.png", "/htdocs/misc/b.png"],
    [logical, "css/a.css", "/my%20site/xx/b.png", undefined],
    [logical, "css/a.css", "/misc/b.png", undefined],
    [logical, "css/a.css", "/my%20site/x/../y/b.png", undefined],
    [logical, "css/a.css", "../../b.png", "/htdocs/b.png"],
    [logical, "css/a.css", "../../../b.png", undefined],
    [rooted, "css/a.css", "/css/b.png", "/htdocs/css/b.png"],
    [rooted, "css/a.css", "../../../../css/b.png", "/htdocs/css/b.png"],
    [elsewhere, "a.css", "../../../../b.png", "/b.png"],
    [source("top", "/"), "a/b.css", "c.png", "/a/c.png"],
  ]
  for (const [from, referrer, text, expected] of cases) {
    it(`${from.name}: ${text} in ${referrer}`, () => assert.strictEqual(to(from, referrer, text), expected))
  }

  it("keeps query and fragment", () => {
    assert.strictEqual(resolveReference("b.eot?#x", { source: plain, path: path("a.css") })?.suffix, "?#x")
  })
})

describe("which file that is", () => {
  const outer = source("outer", "/htdocs")
  const inner = source("inner", "/htdocs/files/")
  const linked = source("linked", "/var/www/site", { root: "/data/site" })
  const sources = [outer, inner, linked, source("logs", "/var/log")]
  const at = (absolute: string, own = "outer") =>
    locate(absolute, sources, own as SourceName).map((found) => `${found.source}:${found.path}`)

  it("is none outside of every source", () => {
    assert.deepStrictEqual(at("/etc/passwd"), [])
    assert.deepStrictEqual(at("/htdocs"), [])
    assert.deepStrictEqual(at("/htdocs2/a.png"), [])
    assert.deepStrictEqual(at("/var/www"), [])
  })
  it("is looked for in the own source first, then in the nearest", () => {
    assert.deepStrictEqual(at("/htdocs/files/a.png"), ["outer:files/a.png", "inner:a.png"])
    assert.deepStrictEqual(at("/htdocs/files/a.png", "inner"), ["inner:a.png", "outer:files/a.png"])
    assert.deepStrictEqual(at("/htdocs/files/a.png", "linked"), ["inner:a.png", "outer:files/a.png"])
  })
  it("is known by the path as written and by the path without links", () => {
    assert.deepStrictEqual(at("/var/www/site/a.png"), ["linked:a.png"])
    assert.deepStrictEqual(at("/data/site/a.png"), ["linked:a.png"])
  })
  it("may be in a source that is the whole disk", () => {
    const disk = source("disk", "/")
    assert.deepStrictEqual(locate("/a/b.png", [disk], disk.name), [{ source: disk.name, path: path("a/b.png") }])
  })

  it.prop(
    "never leaves a source, whatever a reference says",
    [Arbitrary.array(oneOf(["..", ".", "%2e%2e", "a", "", "%2E.", "\\", "é", "?", "%5c..", "%C0%AE"]))],
    ([parts]) => {
      for (const from of sources) {
        for (const begin of ["", "/"]) {
          const resolved = resolveReference(begin + parts.join("/"), { source: from, path: path("x/y.css") })
          for (const found of locate(resolved?.absolute ?? "/", sources, from.name)) {
            assert.isTrue(isSafe(found.path), found.path)
          }
        }
      }
    },
  )
})
