/**
 * Where the control socket of a state directory is.
 *
 * @since 1.0.0
 */
import { Buffer } from "node:buffer"
import { createHash } from "node:crypto"
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import process from "node:process"
import { CONTROL_PATH_BYTES } from "../../domain/Limits.ts"

/**
 * - `Socket`: a Unix-domain socket at `path`. `shared` is a directory outside the state directory that holds it, where
 *   the state directory's own path is too long for a socket.
 * - `Pipe`: a named pipe of Windows.
 */
export type ControlAddress =
  | { readonly _tag: "Socket"; readonly path: string; readonly shared: string | undefined }
  | { readonly _tag: "Pipe"; readonly path: string }

const digest = (text: string): string => createHash("sha256").update(text).digest("hex").slice(0, 32)

const fits = (text: string): boolean => Buffer.byteLength(text) <= CONTROL_PATH_BYTES

// Daemon and client may run as different users (root asks); the directory's owner is what both can see.
const ownerOf = (directory: string): number => {
  const stat = fs.statSync(directory, { throwIfNoEntry: false })
  return stat?.uid ?? process.getuid?.() ?? 0
}

/** The address for this state directory; the same for the daemon and for whoever asks it. */
export const controlAddress = (stateDir: string, platform: NodeJS.Platform = process.platform): ControlAddress => {
  const directory = path.resolve(stateDir)
  if (platform === "win32") {
    return { _tag: "Pipe", path: `\\\\.\\pipe\\file-conveyor-${digest(directory.toLowerCase())}` }
  }
  const inside = path.join(directory, "control.sock")
  if (fits(inside)) return { _tag: "Socket", path: inside, shared: undefined }
  const name = `file-conveyor-${ownerOf(directory)}`
  const file = `${digest(directory)}.sock`
  const preferred = path.join(os.tmpdir(), name)
  const shared = fits(path.join(preferred, file)) ? preferred : path.join("/tmp", name)
  return { _tag: "Socket", path: path.join(shared, file), shared }
}
