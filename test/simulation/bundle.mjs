/** Bundles the simulation with the product's sources, edited where a mutant or tight limits say so. */
import { build } from "esbuild"
import { readFileSync } from "node:fs"
import path from "node:path"
import { fileURLToPath } from "node:url"

export const project = fileURLToPath(new URL("../..", import.meta.url))

const limitsFile = path.join(project, "src/domain/Limits.ts")

const withLimits = (contents, limits) => {
  for (const [name, value] of Object.entries(limits)) {
    const pattern = new RegExp(`(export const ${name} =) [\\d_]+`)
    if (!pattern.test(contents)) throw new Error(`there is no limit ${name} any more; mend tight.ts`)
    contents = contents.replace(pattern, `$1 ${value}`)
  }
  return contents
}

/** Writes `entry` (relative to the project) and all it needs to `outfile`. `limits` replace those of the product. */
export const bundle = async (entry, outfile, { limits = {}, mutant } = {}) => {
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
            if (file.path !== mutated && file.path !== limitsFile) return undefined
            let contents = readFileSync(file.path, "utf8")
            if (file.path === limitsFile) contents = withLimits(contents, limits)
            for (const [find, replace] of file.path === mutated ? mutant.edits : []) {
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
