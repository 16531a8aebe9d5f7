/**
 * Where the compiled entry of a worker thread or child process is.
 *
 * @since 1.0.0
 */
import { createRequire } from "node:module"
import { dirname, join } from "node:path"
import { pathToFileURL } from "node:url"

/**
 * The URL of an entry; `name` is its module below `src`, without extension. The package finds itself by its name, whether
 * this module runs as a source, compiled, or in a bundle. Sources find entries in dist/, which `npm test` builds first.
 */
export const workerEntry = (name: string): URL => {
  const project = dirname(createRequire(import.meta.url).resolve("file-conveyor/package.json"))
  return pathToFileURL(join(project, "dist", `${name}.js`))
}
