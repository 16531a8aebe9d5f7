/**
 * The last step of `npm run build`: what is run as a program (the command line and its threads and child processes) becomes
 * a few files instead of hundreds. Why: docs/decisions/bundled-program.md.
 */
import { readFileSync, rmSync } from "node:fs"
import { build } from "esbuild"

const { dependencies, optionalDependencies, peerDependencies } = JSON.parse(readFileSync("package.json", "utf8"))
const packages = Object.keys({ ...dependencies, ...optionalDependencies, ...peerDependencies })

// Names change with what is in them: those of the last build would stay.
rmSync("dist/program", { recursive: true, force: true })
await build({
  entryPoints: [
    "src/main.ts",
    "src/layers/disk/disk.worker.ts",
    "src/layers/watchers/inotify.worker.ts",
    "src/layers/processors/isolation/processor.child.ts",
    "src/layers/processors/isolation/watchdog.worker.ts",
  ],
  outbase: "src",
  outdir: "dist",
  chunkNames: "program/[name]-[hash]",
  bundle: true,
  // What a command does not need is not read.
  splitting: true,
  format: "esm",
  platform: "node",
  target: "node20.19",
  sourcemap: true,
  external: packages.flatMap((name) => (name === "effect" ? [] : [name, `${name}/*`])),
  logLevel: "warning",
})
