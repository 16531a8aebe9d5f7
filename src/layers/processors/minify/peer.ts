/**
 * Packages that are installed beside this one only where they are wanted.
 *
 * @since 1.0.0
 */
import { createRequire } from "node:module"
import { dirname, join } from "node:path"

/**
 * The directory of a package, looked for beside this one and in every `node_modules` above it; undefined where it is not
 * installed.
 */
export const peerDirectory = (name: string): string | undefined => {
  const require = createRequire(import.meta.url)
  try {
    return dirname(require.resolve(join(name, "package.json")))
  } catch {
    return undefined
  }
}
