import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import { coalesce, spellings } from "../../../../src/layers/transporters/cloudFront/coalesce.ts"

const bounds = { paths: 4, wildcards: 2 }
const covers = (named: ReadonlyArray<string>, path: string) =>
  named.some((name) => (name.endsWith("/*") ? path.startsWith(name.slice(0, -1)) : name === path))

describe("which addresses an invalidation names", () => {
  it("few are named one by one, each once", () => {
    assert.deepStrictEqual(coalesce(["/b", "/a/c", "/b"], bounds), ["/a/c", "/b"])
  })

  it("too many become the deepest, fullest directory first; the others stay as they are", () => {
    const paths = ["/x", "/y", "/css/a/1", "/css/a/2", "/css/a/3", "/img/1"]
    assert.deepStrictEqual(coalesce(paths, bounds), ["/css/a/*", "/img/1", "/x", "/y"])
  })

  it("a directory of one is not worth a wildcard", () => {
    assert.deepStrictEqual(coalesce(["/a/1", "/b/1", "/c/1", "/d/1", "/e/1"], bounds), ["/*"])
    const paths = ["/a/b/1", "/c/d/1", "/e/f/1", "/g/2", "/g/3"]
    assert.deepStrictEqual(coalesce(paths, bounds), ["/a/b/1", "/c/d/1", "/e/f/1", "/g/*"])
  })

  it("too many wildcards become one above them", () => {
    const paths = ["a", "b", "c"].flatMap((dir) => ["1", "2", "3"].map((file) => `/top/${dir}/${file}`))
    assert.deepStrictEqual(coalesce([...paths, "/other"], bounds), ["/other", "/top/*"])
  })

  const segments = Schema.Array(Schema.Literals(["a", "b", "c", "d"])).check(
    Schema.isMinLength(1),
    Schema.isMaxLength(5),
  )
  it.prop("every path is covered, within the bounds", [Schema.Array(segments)], ([files]) => {
    const paths = files.map((parts) => `/${parts.join("/")}`)
    const named = coalesce(paths, bounds)
    assert.isAtMost(named.length, bounds.paths)
    assert.isAtMost(named.filter((name) => name.endsWith("/*")).length, bounds.wildcards)
    for (const path of paths) assert.isTrue(covers(named, path), `${path} in ${named.join(" ")}`)
  })

  it("a path is named as published and as others may write it, but never as a wildcard", () => {
    assert.deepStrictEqual(spellings("/a%20b.css"), ["/a%20b.css"])
    assert.deepStrictEqual(spellings("/a%20b%28c%29%2A"), ["/a%20b%28c%29%2A", "/a%20b(c)%2A"])
  })
})
