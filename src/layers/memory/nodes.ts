/**
 * The tree of an in-memory disk: files, directories, links and things that are never opened.
 *
 * @since 1.0.0
 */
import { LINK_HOPS } from "../../domain/Limits.ts"

export interface FileNode {
  readonly kind: "file"
  readonly inode: bigint
  bytes: Uint8Array
  mtimeNs: bigint
  mode: number
  /** A writer has it open. */
  writing: boolean
}

export interface DirectoryNode {
  readonly kind: "directory"
  readonly inode: bigint
  readonly entries: Map<string, Node>
}

export interface LinkNode {
  readonly kind: "link"
  readonly inode: bigint
  readonly target: string
}

/** A FIFO, a socket or a device. */
export interface OtherNode {
  readonly kind: "other"
  readonly inode: bigint
}

export type Node = FileNode | DirectoryNode | LinkNode | OtherNode

/** A node and its path with all links on the way resolved. */
export interface Found {
  readonly path: string
  readonly node: Node
}

/** The segments of an absolute or relative path, without empty ones. */
export const segmentsOf = (path: string): Array<string> => path.split("/").filter((segment) => segment !== "")

/** An absolute path of these segments. */
export const pathOf = (segments: ReadonlyArray<string>): string => `/${segments.join("/")}`

/**
 * What an absolute path leads to, links on the way followed as POSIX does; the last segment's link only with `follow`.
 * Undefined where it leads nowhere or in circles.
 */
export const find = (top: DirectoryNode, path: string, follow: boolean): Found | undefined => {
  const rest = segmentsOf(path).toReversed()
  const nodes: Array<DirectoryNode> = [top]
  const names: Array<string> = []
  let hops = 0
  for (let name = rest.pop(); name !== undefined; name = rest.pop()) {
    if (name === ".") continue
    if (name === "..") {
      if (names.pop() !== undefined) nodes.pop()
      continue
    }
    const node = nodes[nodes.length - 1]?.entries.get(name)
    if (node === undefined) return undefined
    if (node.kind === "directory") {
      nodes.push(node)
      names.push(name)
    } else if (node.kind === "link" && (follow || rest.length > 0)) {
      hops += 1
      if (hops > LINK_HOPS) return undefined
      if (node.target.startsWith("/")) {
        nodes.length = 1
        names.length = 0
      }
      rest.push(...segmentsOf(node.target).toReversed())
    } else {
      return rest.length === 0 ? { path: pathOf([...names, name]), node } : undefined
    }
  }
  return { path: pathOf(names), node: nodes[nodes.length - 1] ?? top }
}

/** The node at exactly this path, no link followed on the way. */
export const at = (top: DirectoryNode, path: string): Node | undefined => {
  let node: Node = top
  for (const segment of segmentsOf(path)) {
    if (node.kind !== "directory") return undefined
    const next = node.entries.get(segment)
    if (next === undefined) return undefined
    node = next
  }
  return node
}
