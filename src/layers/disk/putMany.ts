/**
 * Puts many small files in place. Copies for a directory that is not there yet are written into a temporary one, which then
 * gets its name: one rename for all of them.
 *
 * @since 1.0.0
 */
import { renameSync } from "node:fs"
import { NEW_DIRECTORY_FILES } from "../../domain/Limits.ts"
import { baseNameOf, directoryOf, type RelativePath } from "../../domain/Path.ts"
import { native } from "../nativePath.ts"
import { type Aside, remember, withAside } from "./destination.ts"
import { type Input, originalsOf, type Put, type Refused } from "./protocol.ts"
import { copy, copyAs, link, moveIn } from "./publish.ts"
import { join } from "./realPath.ts"
import { attempt, quietly } from "./refusal.ts"
import type { Turn } from "./turn.ts"
import { withDirectory } from "./version.ts"
import { removeTree } from "./workspaceFiles.ts"

/** Gives the directory its name; false where somebody made one of that name meanwhile. */
const appear = ({ location, target }: Aside): boolean => {
  try {
    renameSync(native(location), native(target))
    return true
  } catch {
    return false
  }
}

/** Puts copies into a directory that is made for them. Undefined where it is there already, or can not be made so. */
const copyIntoNew = (root: string, directory: string, puts: ReadonlyArray<Put>, turn: Turn) =>
  withAside(root, directory, turn, (aside) => copyAside(aside, root, directory, puts, turn))

const copyAside = (aside: Aside, root: string, directory: string, puts: ReadonlyArray<Put>, turn: Turn) => {
  const inside = ({ to }: Put): string => join(aside.location, baseNameOf(to))
  const outcomes = withDirectory(
    puts.map((put) => put.from),
    turn,
    (entered) => puts.map((put) => attempt(() => copyAs(put.from, inside(put), turn, entered))),
  )
  if (outcomes.some((outcome) => typeof outcome === "string") && appear(aside)) {
    remember(root, directory, aside.named, turn)
    return outcomes
  }
  const moved = puts.map((put, index) => {
    const outcome = outcomes[index] ?? lost
    return typeof outcome === "string" ? attempt(() => moveIn(inside(put), root, put.to, turn) ?? outcome) : outcome
  })
  quietly(() => removeTree({ location: aside.location }))
  return moved
}

const lost: Refused = { code: "Crashed", detail: "the file system work was lost" }

const putsOf = (input: Input<"putMany">): ReadonlyArray<Put> => {
  const places = input.places.split("\0")
  return originalsOf(input).map((from, index) => ({ root: input.root, to: places[index] ?? "", from }))
}

/** Files that follow each other and go into the same directory. */
const runsOf = (puts: ReadonlyArray<Put>): ReadonlyArray<readonly [directory: string, puts: Array<Put>]> => {
  const runs: Array<readonly [string, Array<Put>]> = []
  for (const put of puts) {
    const directory = directoryOf(put.to as RelativePath)
    const last = runs.at(-1)
    if (last?.[0] === directory) last[1].push(put)
    else runs.push([directory, [put]])
  }
  return runs
}

/** See {@link ./protocol.ts}: a file that can not be put does not keep the others from it. */
export const putMany = (input: Input<"putMany">, turn: Turn): ReadonlyArray<string | Refused> =>
  runsOf(putsOf(input)).flatMap(([directory, puts]) => {
    const one = (put: Put) => attempt(() => (input.how === "copy" ? copy(put, turn) : link(put, turn)))
    if (input.how === "link" || directory === "" || puts.length < NEW_DIRECTORY_FILES) return puts.map(one)
    return copyIntoNew(input.root, directory, puts, turn) ?? puts.map(one)
  })
