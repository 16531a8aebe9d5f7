/** What every server should hold, worked out anew from the disk and the config, without the product's own code. */
import { createHash } from "node:crypto"
import { poison, type SimulatedConfig, type SimulatedRule, stamp } from "./config.ts"
import { textOf, type World } from "./world.ts"

/** A file that belongs at a place, and the bytes to be found there; undefined where it can not be processed. */
export interface Claim {
  readonly source: string
  readonly path: string
  readonly rule: SimulatedRule
  readonly bytes: Uint8Array | undefined
}

const extensionOf = (path: string): string => {
  const base = path.slice(path.lastIndexOf("/") + 1)
  const dot = base.lastIndexOf(".")
  return dot <= 0 ? "" : base.slice(dot + 1).toLowerCase()
}

export const wants = (rule: SimulatedRule, path: string, size: number): boolean => {
  if (rule.extension !== undefined && extensionOf(path) !== rule.extension) return false
  if (rule.below !== undefined && !path.startsWith(`${rule.below}/`)) return false
  return rule.minimum === undefined || size > rule.minimum
}

const withSuffix = (name: string, suffix: string): string => {
  const dot = name.lastIndexOf(".")
  return dot <= 0 ? name + suffix : name.slice(0, dot) + suffix + name.slice(dot)
}

/** Where a rule publishes these bytes, and as what; undefined where its chain can not process them. */
export const published = (
  rule: SimulatedRule,
  path: string,
  original: Uint8Array,
  mtimeNs: bigint,
): { readonly place: string; readonly bytes: Uint8Array } | undefined => {
  const slash = path.lastIndexOf("/")
  let name = path.slice(slash + 1)
  let bytes = original
  for (const step of rule.chain) {
    switch (step) {
      case "filename.SpacesToDashes":
        name = name.replaceAll(" ", "-")
        break
      case "unique_filename.MD5":
        name = withSuffix(name, `_${createHash("md5").update(bytes).digest("hex")}`)
        break
      case "unique_filename.Mtime":
        name = withSuffix(name, `_${mtimeNs / 1_000_000_000n}`)
        break
      case "simulation.Stamp": {
        const text = textOf(bytes)
        if (text.includes(poison)) return undefined
        bytes = new TextEncoder().encode(stamp + text)
      }
    }
  }
  return { place: `${rule.path}/${path.slice(0, slash + 1)}${name}`, bytes }
}

export interface DiskFile {
  readonly path: string
  readonly bytes: Uint8Array
  readonly mtimeNs: bigint
}

/** The files of a source as the policy `inside` sees them. */
export const filesOf = (world: World, source: string): ReadonlyArray<DiskFile> => {
  const found: Array<DiskFile> = []
  const visit = (path: string): void => {
    const node = world.disk.at(`/${source}${path === "" ? "" : `/${path}`}`)
    if (node?.kind === "file") found.push({ path, bytes: node.bytes, mtimeNs: node.mtimeNs })
    if (node?.kind === "link") {
      const target = world.disk.follow(`/${source}/${path}`)
      if (target?.node.kind !== "file" || !target.path.startsWith(`/${source}/`)) return
      if (target.path.split("/").slice(0, -1).includes(".git")) return
      found.push({ path, bytes: target.node.bytes, mtimeNs: target.node.mtimeNs })
    }
    if (node?.kind !== "directory") return
    for (const [name, child] of node.entries) {
      if (child.kind === "directory" && name === ".git") continue
      visit(path === "" ? name : `${path}/${name}`)
    }
  }
  visit("")
  return found
}

/** Calls `visit` for every link at or below a path, with whether it leads to a file. */
export const eachLink = (world: World, path: string, visit: (path: string, leads: boolean) => void): void => {
  const node = world.disk.at(path)
  if (node?.kind === "link") visit(path, world.disk.follow(path)?.node.kind === "file")
  if (node?.kind === "directory") for (const name of node.entries.keys()) eachLink(world, `${path}/${name}`, visit)
}

/** Claims by place, of one server. */
export const expectedOn = (
  world: World,
  config: SimulatedConfig,
  server: string,
): ReadonlyMap<string, ReadonlyArray<Claim>> => {
  const places = new Map<string, Array<Claim>>()
  for (const source of config.sources) {
    const rules = config.rules.filter((rule) => rule.source === source && rule.servers.includes(server))
    if (rules.length === 0) continue
    for (const file of filesOf(world, source)) {
      for (const rule of rules) {
        if (!wants(rule, file.path, file.bytes.length)) continue
        const result = published(rule, file.path, file.bytes, file.mtimeNs)
        const place = result?.place ?? `poison ${rule.label} ${file.path}`
        const claims = places.get(place) ?? []
        claims.push({ source, path: file.path, rule, bytes: result?.bytes })
        places.set(place, claims)
      }
    }
  }
  return places
}
