/**
 * Watched directories by path, as a trie: forgetting a directory and all below it costs its own size, not the whole
 * tree's. Free of imports that a small worker thread could do without.
 *
 * @since 1.0.0
 */
import type { RelativePath } from "../../domain/Path.ts"

/** One directory. `value` is undefined where only directories below it are known. */
export interface DirectoryNode<T> {
  readonly name: string
  readonly parent: DirectoryNode<T> | undefined
  children: Map<string, DirectoryNode<T>> | undefined
  value: T | undefined
}

const makeNode = <T>(name: string, parent: DirectoryNode<T> | undefined): DirectoryNode<T> => ({
  name,
  parent,
  children: undefined,
  value: undefined,
})

/** The path of a node below the tree's root. */
export const pathOf = <T>(node: DirectoryNode<T>): RelativePath => {
  let path = node.name
  for (let above = node.parent; above !== undefined && above.parent !== undefined; above = above.parent) {
    path = `${above.name}/${path}`
  }
  return path as RelativePath
}

/** `T` is what is kept of each directory: a descriptor, a handle, a digest. */
export class DirectoryTree<T> {
  readonly root: DirectoryNode<T> = makeNode<T>("", undefined)

  find(path: RelativePath): DirectoryNode<T> | undefined {
    if (path === "") return this.root
    let node: DirectoryNode<T> | undefined = this.root
    for (const name of path.split("/")) {
      node = node.children?.get(name)
      if (node === undefined) return undefined
    }
    return node
  }

  /** The node of this path, made where it is missing. */
  ensure(path: RelativePath): DirectoryNode<T> {
    if (path === "") return this.root
    let node = this.root
    for (const name of path.split("/")) {
      node.children ??= new Map()
      let next = node.children.get(name)
      if (next === undefined) {
        next = makeNode(name, node)
        node.children.set(name, next)
      }
      node = next
    }
    return node
  }

  /** Forgets this directory and all below it; `release` is called for every one that had a value. */
  remove(node: DirectoryNode<T>, release: (value: T, node: DirectoryNode<T>) => void): void {
    for (const below of this.below(node)) {
      const value = below.value
      below.value = undefined
      if (value !== undefined) release(value, below)
    }
    node.children = undefined
    this.prune(node)
  }

  /** Drops nodes that nothing is known of any more, from here upwards. */
  prune(node: DirectoryNode<T>): void {
    for (let at = node; at.parent !== undefined; at = at.parent) {
      if (at.value !== undefined || at.children !== undefined) return
      const siblings = at.parent.children
      if (siblings?.get(at.name) !== at) return
      siblings.delete(at.name)
      if (siblings.size === 0) at.parent.children = undefined
    }
  }

  /** This directory and all below it, parents first. Directories removed meanwhile may still come. */
  *below(node: DirectoryNode<T>): Generator<DirectoryNode<T>> {
    const stack = [node]
    for (let next = stack.pop(); next !== undefined; next = stack.pop()) {
      if (next.children !== undefined) for (const child of next.children.values()) stack.push(child)
      yield next
    }
  }
}
