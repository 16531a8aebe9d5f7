import { assert, describe, it } from "@effect/vitest"
import { Arbitrary } from "effect"
import { type Candidate, type Filter, matches, mismatch } from "../../src/domain/Filter.ts"
import type { RelativePath } from "../../src/domain/Path.ts"
import { candidate } from "../../src/domain/Rule.ts"
import { boolean, integer, oneOf, path } from "./arbitraries.ts"

const root = "/srv/site"
const file = (name: string, size: number | undefined = 10): Candidate => candidate(root, name as RelativePath, size)

const optional = <A>(arbitrary: Arbitrary.Arbitrary<A>) =>
  Arbitrary.map(Arbitrary.all([boolean, arbitrary]), ([there, value]) => (there ? value : undefined))

const filter: Arbitrary.Arbitrary<Filter> = Arbitrary.map(
  Arbitrary.all([
    optional(
      Arbitrary.array(oneOf(["misc", "a", "a/ab", "sites/all", "x.css", "a/a"]), { minLength: 1, maxLength: 2 }),
    ),
    optional(Arbitrary.array(oneOf(["css", "gif", "gz", "htaccess", "js"]), { minLength: 1, maxLength: 3 })),
    optional(Arbitrary.array(oneOf([".git", "ab", "misc"]), { minLength: 1, maxLength: 2 })),
    optional(oneOf(["/srv/site/a", ".*\\.css$", "site", "/srv/.*/x", "/srv/site/[a-z]+$"])),
    optional(Arbitrary.all([oneOf(["minimum", "maximum"]), integer(0, 4)])),
  ]),
  ([paths, extensions, ignoredDirs, pattern, size]) => ({
    ...(paths === undefined ? {} : { paths }),
    ...(extensions === undefined ? {} : { extensions: new Set(extensions) }),
    ...(ignoredDirs === undefined ? {} : { ignoredDirs: new Set(ignoredDirs) }),
    ...(pattern === undefined ? {} : { pattern: new RegExp(pattern, "uy") }),
    ...(size === undefined ? {} : { size: { conditionType: size[0], bytes: size[1] } }),
  }),
)

/** The conditions as the manual words them, without an eye to speed. */
const reference = (rules: Filter, judged: Candidate): boolean => {
  const segments = judged.path.split("/")
  const directories = segments.slice(0, -1)
  const name = segments[segments.length - 1] ?? ""
  const parts = name.replace(/^\./, "").split(".")
  const extension = parts.length < 2 ? "" : (parts[parts.length - 1] ?? "").toLowerCase()
  const conditions = [
    rules.paths?.some((wanted) => {
      const below = wanted.split("/")
      return below.length <= directories.length && below.every((segment, index) => directories[index] === segment)
    }),
    rules.extensions === undefined ? undefined : Array.from(rules.extensions).includes(extension),
    rules.ignoredDirs === undefined ? undefined : !directories.some((segment) => rules.ignoredDirs?.has(segment)),
    rules.pattern === undefined ? undefined : new RegExp(`^(?:${rules.pattern.source})`, "u").test(judged.absolutePath),
    rules.size === undefined || judged.size === undefined
      ? undefined
      : rules.size.conditionType === "minimum"
        ? judged.size > rules.size.bytes
        : judged.size < rules.size.bytes,
  ]
  return conditions.every((holds) => holds !== false)
}

describe("Filter", () => {
  it.prop(
    "says what the manual says",
    [filter, path, optional(integer(0, 5))],
    ([rules, name, size]) => {
      const judged = candidate(root, name, size)
      assert.strictEqual(matches(rules, judged), reference(rules, judged))
    },
    { arbitrary: { runs: 2_000 } },
  )

  it.prop("gives a reason exactly where it does not match, the same each time", [filter, path], ([rules, name]) => {
    const judged = candidate(root, name, 3)
    const reason = mismatch(rules, judged)
    assert.strictEqual(reason === undefined, matches(rules, judged))
    assert.strictEqual(mismatch(rules, judged), reason, "a sticky pattern has no memory")
    if (reason !== undefined) assert.match(reason, /^its? /)
  })

  it("without a condition holds for every file", () => {
    assert.isTrue(matches({}, file("a")))
  })

  it("paths are directories, anchored at the source", () => {
    const misc: Filter = { paths: ["misc", "sites/all"] }
    for (const name of ["misc/a.js", "misc/b/c.js", "sites/all/x", "sites/all/y/z"])
      assert.isTrue(matches(misc, file(name)), name)
    for (const name of [
      "x/misc/a.js",
      "misc.js",
      "misc",
      "miscellany/a.js",
      "sites/a.js",
      "sites/allx/a.js",
      "all/x",
    ]) {
      assert.isFalse(matches(misc, file(name)), name)
    }
  })

  it("extensions do not regard case, and a leading dot starts a name", () => {
    const css: Filter = { extensions: new Set(["css", "htaccess"]) }
    for (const name of ["a.css", "a.CSS", "b/a.Css", ".x.css"]) assert.isTrue(matches(css, file(name)), name)
    for (const name of ["css", ".css", ".htaccess", "a.css.gz", "a.css/b", "a."])
      assert.isFalse(matches(css, file(name)), name)
  })

  it("sizes are strict, and do not regard a file that is gone", () => {
    const big: Filter = { size: { conditionType: "minimum", bytes: 100 } }
    const small: Filter = { size: { conditionType: "maximum", bytes: 100 } }
    const sizes = [99, 100, 101, undefined]
    assert.deepStrictEqual(
      sizes.map((size) => matches(big, { ...file("a"), size })),
      [false, false, true, true],
    )
    assert.deepStrictEqual(
      sizes.map((size) => matches(small, { ...file("a"), size })),
      [true, false, false, true],
    )
  })

  it("a pattern must match from the start of the absolute path, not to its end", () => {
    const at = (pattern: string) => matches({ pattern: new RegExp(pattern, "uy") }, file("a/b.css"))
    assert.isTrue(at("/srv/site/a"))
    assert.isTrue(at(".*b\\.css$"))
    assert.isFalse(at("a/b\\.css"))
    assert.isFalse(at("/srv/site/a$"))
  })

  it("ignored directories count at any depth, a file of that name does not", () => {
    const rules: Filter = { ignoredDirs: new Set([".git"]) }
    assert.isFalse(matches(rules, file(".git/config")))
    assert.isFalse(matches(rules, file("a/.git/b/c")))
    assert.isTrue(matches(rules, file("a/.git")))
    assert.isTrue(matches(rules, file("a/x.git/b")))
  })
})
