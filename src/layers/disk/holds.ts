/**
 * Whether a directory that is published into holds a file already.
 *
 * @since 1.0.0
 */
import { closeSync, constants, fstatSync, openSync } from "node:fs"
import { baseNameOf } from "../../domain/Path.ts"
import { native } from "../nativePath.ts"
import { anchored } from "./anchor.ts"
import { existing } from "./destination.ts"
import type { Input } from "./protocol.ts"
import { FILE_MODE, pointsTo } from "./publish.ts"
import { join } from "./realPath.ts"
import { codeOf, isAbsent } from "./refusal.ts"
import { isEqual } from "./transfer.ts"
import type { Turn } from "./turn.ts"
import { verifyPlace } from "./version.ts"

/** A FIFO must not make us wait for its writer, and a link stands for another file. */
const FLAGS = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0)

const directoryOf = (path: string): string => path.slice(0, Math.max(path.lastIndexOf("/"), 0))

const open = (location: string): number | undefined => {
  try {
    return openSync(native(location), FLAGS)
  } catch (error) {
    const code = codeOf(error)
    if (isAbsent(error) || code === "ELOOP" || code === "EMLINK" || code === "ENXIO") return undefined
    throw error
  }
}

/** Whether the published file is exactly what a copy of, or a link to, this version would be. */
export const holds = ({ from, how, root, to }: Input<"holds">, turn: Turn): boolean => {
  const directory = existing(root, directoryOf(to), turn)
  if (directory === undefined) return false
  const location = join(directory, baseNameOf(to))
  if (how === "link") {
    verifyPlace(from, turn)
    return pointsTo(location, from.location)
  }
  const published = anchored(directory, (anchor) => open(join(anchor, baseNameOf(to))))
  if (published === undefined) return false
  try {
    const stats = fstatSync(published)
    const isReadable = (stats.mode & FILE_MODE) === FILE_MODE
    return stats.isFile() && isReadable && stats.size === from.version.size && isEqual(from, published, turn)
  } finally {
    closeSync(published)
  }
}
