/**
 * Which file systems are changed by other machines, so that this one's kernel can not tell.
 *
 * @since 1.0.0
 */
import { statfs } from "node:fs/promises"
import * as Effect from "effect/Effect"
import { native } from "../nativePath.ts"

/** Linux' magic numbers (statfs(2)). */
const networkFileSystems: ReadonlyMap<number, string> = new Map([
  [0x6969, "NFS"],
  [0x517b, "SMB"],
  [0xff534d42, "CIFS"],
  [0xfe534d42, "SMB2"],
  [0x65735546, "FUSE"],
  [0x00c36400, "Ceph"],
  [0x5346414f, "AFS"],
  [0x6b414653, "kAFS"],
  [0x73757245, "Coda"],
  [0x01021997, "9P"],
  [0x0bd00bd0, "Lustre"],
  [0x01161970, "GFS2"],
  [0x7461636f, "OCFS2"],
  [0x47504653, "GPFS"],
  [0x19830326, "BeeGFS"],
  [0x786f4256, "VirtualBox shared folder"],
  [0xbacbacbc, "VMware shared folder"],
])

/** The name of a network file system with this magic number, or undefined for every other. */
export const networkFileSystem = (type: number): string | undefined => networkFileSystems.get(type >>> 0)

/** The network file system a directory lies on. Undefined elsewhere, and where the platform does not say (only Linux does). */
export const networkFileSystemOf = (directory: string): Effect.Effect<string | undefined> =>
  process.platform === "linux"
    ? Effect.tryPromise(() => statfs(native(directory))).pipe(
        Effect.map(({ type }) => networkFileSystem(type)),
        Effect.catch(() => Effect.succeed(undefined)),
      )
    : Effect.succeed(undefined)
