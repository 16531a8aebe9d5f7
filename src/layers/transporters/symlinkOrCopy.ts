/**
 * Publishes into a directory of this machine, e.g. the document root of an origin-pull CDN: as symbolic links to source
 * files that stay, as copies of everything else.
 *
 * Nothing is written or removed through a symbolic link below `location`. Copies are not flushed to the disk one by one:
 * after a power cut `verify` finds what the system had not written yet.
 *
 * @since 1.0.0
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import { TransportError } from "../../domain/Errors.ts"
import { type RemotePath, urlOf } from "../../domain/Path.ts"
import type { SourceError } from "../../domain/Errors.ts"
import {
  defineTransporter,
  type OutputFile,
  type ServerIdentity,
  Transporter,
  type TransporterShape,
} from "../../domain/Transporter.ts"
import { DiskContent } from "../disk/DiskContent.ts"
import type { DiskError } from "../disk/DiskError.ts"
import { DiskWorkers } from "../disk/DiskWorkers.ts"
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

  const publish = (file: OutputFile, to: RemotePath): Effect.Effect<string, DiskError | SourceError> => {
    const { content } = file
    if (!(content instanceof DiskContent)) return putStream(disk, root, file, to)
    const put = { root, to, from: content.original }
    return mode === "auto" && file.sourceStays && content.origin === "source"
      ? Effect.as(disk.run("link", put), "")
      : disk.run("copy", put)
  }

  return {
    capabilities: {
      atomicReplace: true,
      contentHash: false,
      headers: false,
      directories: true,
      connections: 128,
      local: true,
    },
    put: (file, to) =>
      Effect.mapBoth(publish(file, to), { onFailure: fail("put", to), onSuccess: (sha256) => ({ sha256 }) }),
    remove: (at) => Effect.mapError(disk.run("remove", { root, at }), fail("remove", at)),
    stat: (at) =>
      Effect.mapBoth(disk.run("statRemote", { root, at }), {
        onFailure: fail("stat", at),
        onSuccess: (size) => (size === undefined ? Option.none() : Option.some({ size })),
      }),
    url: (at) => urlOf(url, at),
  }
}

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
