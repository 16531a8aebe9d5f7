/**
 * Publishes into a directory of this machine, e.g. the document root of an origin-pull CDN: as symbolic links to source
 * files that stay, as copies of everything else.
 *
 * Nothing is written or removed through a symbolic link below `location`. Copies are not flushed to the disk one by one:
 * after a power cut `verify` finds what the system had not written yet. Only a copy whose source file is to be deleted is.
 *
 * @since 1.0.0
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import { TransportError } from "../../domain/Errors.ts"
import { type RemotePath, urlOf } from "../../domain/Path.ts"
import type { SourceError } from "../../domain/Errors.ts"
import {
  defineTransporter,
  type OutputFile,
  type Receipt,
  type ServerIdentity,
  type Shipment,
  Transporter,
  type TransporterShape,
} from "../../domain/Transporter.ts"
import { DiskContent } from "../disk/DiskContent.ts"
import { DiskError } from "../disk/DiskError.ts"
import { DiskWorkers } from "../disk/DiskWorkers.ts"
import type { Tree } from "../disk/protocol.ts"
import { putStream } from "../disk/putStream.ts"
import { transportReason } from "../disk/transportReason.ts"
import { SymlinkOrCopySettings } from "./settings.ts"

const make = (
  { location: root, mode, url }: SymlinkOrCopySettings,
  server: ServerIdentity,
  disk: DiskWorkers["Service"],
): TransporterShape => {
  const fail =
    (operation: TransportError["operation"], path: RemotePath) =>
    (error: DiskError | SourceError): TransportError =>
      new TransportError({
        server: server.name,
        operation,
        path,
        reason: transportReason(error._tag === "DiskError" ? error.code : error.reason),
        detail: error.detail,
        cause: error,
      })

  const isLinked = (file: OutputFile, content: DiskContent): boolean =>
    mode === "auto" && file.sourceStays && content.origin === "source"

  const publish = (file: OutputFile, to: RemotePath): Effect.Effect<string, DiskError | SourceError> => {
    const { content } = file
    if (!(content instanceof DiskContent)) return putStream(disk, root, file, to)
    const put = { root, to, from: content.original, toDisk: !file.sourceStays }
    return isLinked(file, content) ? Effect.as(disk.run("link", put), "") : disk.run("copy", put)
  }

  /** Those that go in one request: the index of each among all. */
  interface Group {
    readonly how: "copy" | "link"
    readonly guard: Tree | undefined
    readonly members: Array<readonly [index: number, content: DiskContent, to: RemotePath]>
  }

  const groupsOf = (files: ReadonlyArray<Shipment>): ReadonlyArray<Group> => {
    const groups: Array<Group> = []
    files.forEach(({ file, to }, index) => {
      const { content } = file
      // What has to reach the disk goes one by one.
      if (!(content instanceof DiskContent) || !file.sourceStays) return
      const how = isLinked(file, content) ? "link" : "copy"
      const { guard } = content.original
      let group = groups.find((one) => one.how === how && one.guard === guard)
      if (group === undefined) groups.push((group = { how, guard, members: [] }))
      group.members.push([index, content, to])
    })
    return groups
  }

  const putGroup = ({ guard, how, members }: Group) =>
    disk.run("putMany", {
      how,
      root,
      guard,
      locations: members.map(([, content]) => content.location).join("\0"),
      places: members.map(([, , to]) => to).join("\0"),
      sizes: Float64Array.from(members, ([, content]) => content.size),
      mtimes: BigInt64Array.from(members, ([, content]) => content.original.version.mtimeNs),
      inodes: BigUint64Array.from(members, ([, content]) => content.original.version.inode),
    })

  const put: TransporterShape["put"] = (file, to) =>
    Effect.mapBoth(publish(file, to), { onFailure: fail("put", to), onSuccess: (sha256) => ({ sha256 }) })

  const putMany = Effect.fnUntraced(function* (files: ReadonlyArray<Shipment>) {
    const results: Array<Result.Result<Receipt, TransportError>> = []
    for (const group of groupsOf(files)) {
      const outcomes = yield* Effect.result(putGroup(group))
      group.members.forEach(([index, , to], member) => {
        const outcome = Result.isSuccess(outcomes) ? outcomes.success[member] : outcomes.failure
        results[index] =
          typeof outcome === "string"
            ? Result.succeed({ sha256: outcome })
            : Result.fail(fail("put", to)(new DiskError(outcome ?? lost)))
      })
    }
    for (const [index, { file, to }] of files.entries()) results[index] ??= yield* Effect.result(put(file, to))
    return results
  })

  return {
    capabilities: {
      atomicReplace: true,
      contentHash: false,
      headers: false,
      directories: true,
      connections: 256,
      local: true,
    },
    put,
    putMany,
    remove: (at) => Effect.mapError(disk.run("remove", { root, at }), fail("remove", at)),
    stat: (at) =>
      Effect.mapBoth(disk.run("statRemote", { root, at }), {
        onFailure: fail("stat", at),
        onSuccess: (size) => (size === undefined ? Option.none() : Option.some({ size })),
      }),
    holds: (file, at) => {
      const { content } = file
      if (!(content instanceof DiskContent)) return Effect.succeed(false)
      const how = isLinked(file, content) ? "link" : "copy"
      return Effect.mapError(disk.run("holds", { root, to: at, from: content.original, how }), fail("stat", at))
    },
    url: (at) => urlOf(url, at),
  }
}

const lost = { code: "Crashed", detail: "the file system work was lost" }

/** The transporter `symlink_or_copy`. */
export const symlinkOrCopy = defineTransporter<SymlinkOrCopySettings, DiskWorkers>({
  name: "symlink_or_copy",
  settings: SymlinkOrCopySettings,
  layer: (settings, server) =>
    Layer.effect(
      Transporter,
      Effect.map(DiskWorkers, (disk) => Transporter.of(make(settings, server, disk))),
    ),
  localDirectories: ({ location }) => [location],
})
