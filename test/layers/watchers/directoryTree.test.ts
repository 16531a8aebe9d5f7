/** Watched directories by path. */
import { assert, describe, it } from "@effect/vitest"
import type { RelativePath } from "../../../src/domain/Path.ts"
import { DirectoryTree, pathOf } from "../../../src/layers/watchers/directoryTree.ts"

const make = (...paths: ReadonlyArray<string>) => {
  const tree = new DirectoryTree<string>()
  for (const path of paths) tree.ensure(path as RelativePath).value = path
  return tree
}
const known = (tree: DirectoryTree<string>) =>
  Array.from(tree.below(tree.root))
    .flatMap((node) => node.value ?? [])
    .sort()
const remove = (tree: DirectoryTree<string>, path: string) => {
  const released: Array<string> = []
  const node = tree.find(path as RelativePath)
  if (node !== undefined) tree.remove(node, (value) => released.push(value))
  return released.sort()
}

describe("directory tree", () => {
  it("finds what it was given, and nothing else", () => {
    const tree = make("", "a", "a/b/c", "ab")
    for (const path of ["", "a", "a/b/c", "ab"]) {
      const node = tree.find(path as RelativePath)
      assert.strictEqual(node?.value, path)
      assert.strictEqual(node === undefined ? undefined : pathOf(node), path)
    }
    assert.isUndefined(tree.find("a/b" as RelativePath)?.value)
    for (const path of ["b", "a/c", "a/b/c/d"]) assert.isUndefined(tree.find(path as RelativePath))
  })

  it("removes a directory with all below it, and leaves its neighbours", () => {
    const tree = make("", "a", "a/b", "a/b/c", "a/bc", "b")
    assert.deepStrictEqual(remove(tree, "a/b"), ["a/b", "a/b/c"])
    assert.deepStrictEqual(known(tree), ["", "a", "a/bc", "b"])
    assert.deepStrictEqual(remove(tree, ""), ["", "a", "a/bc", "b"])
    assert.deepStrictEqual(known(tree), [])
  })

  it("keeps nothing of directories that nothing is known of", () => {
    const tree = make("a/b/c/d", "a/x")
    remove(tree, "a/b/c/d")
    assert.isUndefined(tree.find("a/b" as RelativePath))
    assert.isDefined(tree.find("a/x" as RelativePath))
    remove(tree, "a/x")
    assert.isUndefined(tree.root.children)
  })

  it("gives parents before what is below them", () => {
    const tree = make("a/b/c", "a", "a/b")
    const paths = Array.from(tree.below(tree.root), pathOf)
    assert.deepStrictEqual(paths, ["", "a", "a/b", "a/b/c"])
  })
})
