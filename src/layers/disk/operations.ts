/**
 * Which function does which operation.
 *
 * @since 1.0.0
 */
import { workerData } from "node:worker_threads"
import { DISK_LARGE } from "../../domain/Limits.ts"
import { dropKept, keep, keptBytes, keptRecord } from "./kept.ts"
import { list } from "./listing.ts"
import { holds } from "./holds.ts"
import { identity, realPaths, removeSource, stat } from "./lookup.ts"
import type { Input, Operation, Output, Request, WorkerData } from "./protocol.ts"
import { putMany } from "./putMany.ts"
import { append, commit, copy, discard, link, remove, spool, statRemote } from "./publish.ts"
import { digest, hash, hashMany, read } from "./transfer.ts"
import type { Turn } from "./turn.ts"
import { adopt, makeDirectory, removeTree, sweep, write } from "./workspaceFiles.ts"

const started = (workerData as WorkerData | null)?.started ?? 0

const operations: { readonly [O in Operation]: (input: Input<O>, turn: Turn) => Output<O> } = {
  list,
  stat,
  identity,
  realPaths,
  removeSource,
  read,
  digest,
  hash,
  hashMany,
  copy,
  link,
  putMany,
  spool,
  append,
  commit,
  discard,
  remove,
  statRemote,
  holds,
  makeDirectory,
  write,
  adopt,
  removeTree,
  keptRecord,
  keptBytes,
  keep,
  dropKept,
  sweep: (input) => sweep(input, started),
}

/** Does an operation. */
export const perform = <O extends Operation>(operation: O, input: Input<O>, turn: Turn): Output<O> =>
  operations[operation](input, turn)

/** Takes so long that small requests should pass by. */
export const isLong = ([, operation, input]: Request): boolean => {
  switch (operation) {
    case "copy":
    case "holds":
      return input.from.version.size > DISK_LARGE
    case "hash":
      return input.original.version.size > DISK_LARGE
    case "keptBytes":
      return input.size > DISK_LARGE
    case "list":
      return input.directories.length > 1
    default:
      return false
  }
}

/** What can change threads without being copied, on the way back. */
export const transferablesOf = (operation: Operation, output: unknown): ReadonlyArray<ArrayBuffer> => {
  if (operation === "read") return [(output as { readonly buffer: ArrayBuffer }).buffer]
  if (operation !== "list") return []
  const { counts, inodes, kinds, modes, mtimes, sizes } = output as Output<"list">
  return [counts, inodes, kinds, modes, mtimes, sizes].map((array) => array.buffer as ArrayBuffer)
}
