/** Names of any bytes: they stay below their root, survive the way there and back, and are harmless wherever they are shown. */
import { lstatSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs"
import path from "node:path"
import {
  display,
  fromBytes,
  isSafe,
  percentEncode,
  relativePath,
  remotePath,
  toBytes,
  urlOf,
} from "../../dist/domain/Path.js"
import { copy, remove } from "../../dist/layers/disk/publish.js"
import { keyOf } from "../../dist/layers/transporters/s3/address.js"

const pieces = [
  "/",
  "//",
  ".",
  "..",
  "../",
  "/..",
  "\0",
  "\n",
  "\r\n",
  "\t",
  " ",
  "-",
  "--",
  "~",
  "\\",
  "%2e%2e",
  "%2F",
  "%00",
  "?",
  "#",
  "&",
  ";",
  "$(x)",
  "`x`",
  "|",
  "'",
  '"',
  "<",
  ">",
  "\u001b[2J",
  "\u202e",
  "\u2028",
  "é",
  "e\u0301",
  "日本",
  "𝒳",
  "\udc80",
  "\udcff",
  "\ud800",
  "a",
  "b",
  "c.txt",
  ".css",
  "CON",
  "con.",
]

const nameOf = (random) => {
  if (random.chance(0.3)) {
    return fromBytes(Uint8Array.from({ length: random.below(40) }, () => random.below(256)))
  }
  return Array.from({ length: random.below(8) }, () => random.of(pieces)).join("")
}

const turn = { real: new Map(), cancelled: () => false, between: () => undefined }

const versionOf = (file) => {
  const stats = statSync(file, { bigint: true })
  return { size: Number(stats.size), mtimeNs: stats.mtimeNs, inode: stats.ino }
}

/** Prepares what tries need in a directory. */
export const prepareNames = (directory) => {
  for (const name of ["root", "outside"]) mkdirSync(path.join(directory, name))
  writeFileSync(path.join(directory, "outside", "c.txt"), "theirs")
  writeFileSync(path.join(directory, "c.txt"), "theirs")
  writeFileSync(path.join(directory, "source"), "ours")
}

const onDisk = (directory, place) => {
  const root = path.join(directory, "root")
  const source = path.join(directory, "source")
  turn.real.clear()
  try {
    copy({ root, to: place, from: { location: source, guard: undefined, version: versionOf(source) } }, turn)
    const target = Buffer.concat([Buffer.from(`${root}/`), Buffer.from(toBytes(place))])
    if (!lstatSync(target).isFile() || readFileSync(target, "utf8") !== "ours") return "it is not where it belongs"
    turn.real.clear()
    remove({ root, at: place }, turn)
  } catch (error) {
    // Names that no disk takes are refused, with a code.
    if (typeof error?.code !== "string") return `it broke: ${error?.stack ?? error}`
    rmSync(root, { recursive: true })
    mkdirSync(root)
  }
  const left = readdirSync(root)
  if (left.length > 0) return `something is left: ${JSON.stringify(left)}`
  if (readdirSync(path.join(directory, "outside")).join() !== "c.txt") return "something outside was changed"
  if (readdirSync(directory).sort().join() !== "c.txt,config.xml,outside,root,source")
    return "something beside the root was changed"
  return undefined
}

/** One try; a finding in words, or undefined. */
export const tryName = (random, directory) => {
  const name = nameOf(random)
  const told = (what) => `${what}: ${JSON.stringify(name)}`
  const bytes = toBytes(name)
  if (fromBytes(bytes) !== name && name.isWellFormed?.() !== false)
    return told("it does not survive the way to bytes and back")
  // oxlint-disable-next-line no-control-regex -- control characters are what must not be there
  if (/[\u0000-\u001f\u007f-\u009f]/.test(display(name))) return told("a control character is shown")
  const place = remotePath(name)
  if ((place !== undefined) !== isSafe(name)) return told("two minds about whether it is safe")
  if (relativePath(name) === undefined && name !== "" && isSafe(name)) return told("two minds about whether it is safe")
  if (place === undefined) return undefined
  const resolved = path.posix.resolve("/root", Buffer.from(toBytes(place)).toString("latin1"))
  if (!resolved.startsWith("/root/")) return told(`it leads to ${resolved}`)
  if (!/^[A-Za-z0-9\-._~%/]*$/.test(percentEncode(place))) return told("its URL has characters that mean something")
  const url = new URL(urlOf("http://cdn.example.com/base/", place))
  if (url.host !== "cdn.example.com" || url.search !== "" || url.hash !== "") return told(`its URL is ${url.href}`)
  const key = keyOf({ bucket_name: "b", bucket_prefix: undefined }, place)
  if (!("key" in key) && !("refused" in key)) return told("no answer for S3")
  const found = onDisk(directory, place)
  return found === undefined ? undefined : told(found)
}
