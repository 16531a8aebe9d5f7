/** Bundles the simulation with the product's sources, edited where a mutant says so. */
import { build } from "esbuild"
import { readFileSync } from "node:fs"
import path from "node:path"
import { fileURLToPath } from "node:url"

export const project = fileURLToPath(new URL("../..", import.meta.url))

/** Writes `entry` (relative to the project) and all it needs to `outfile`. */
export const bundle = async (entry, outfile, mutant) => {
  const mutated = mutant === undefined ? undefined : path.join(project, mutant.file)
  await build({
    entryPoints: [path.join(project, entry)],
    outfile,
    bundle: true,
    platform: "node",
    format: "esm",
    target: "node20",
    sourcemap: "inline",
    logLevel: "error",
    plugins: [
      {
        name: "mutant",
        setup: (setup) => {
          setup.onLoad({ filter: /\.ts$/ }, (file) => {
            if (file.path !== mutated) return undefined
            let contents = readFileSync(file.path, "utf8")
            for (const [find, replace] of mutant.edits) {
              if (!contents.includes(find)) {
                throw new Error(`mutant "${mutant.name}": its text is no longer in ${mutant.file}; mend mutants.ts`)
              }
              contents = contents.replace(find, () => replace)
            }
            return { contents, loader: "ts" }
          })
        },
      },
    ],
  })
}
