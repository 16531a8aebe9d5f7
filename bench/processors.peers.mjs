// Single tools that the real processors are measured against, as they are set up for results that mean the same.
import { spawnSync } from "node:child_process"
import * as esbuild from "esbuild"
import * as swc from "@swc/core"
import * as lightningcss from "lightningcss"
import sharp from "sharp"
import * as svgo from "svgo"

/** A program that reads a file from its input; undefined, as if it made nothing of it, where it fails or is not installed. */
const program =
  (command, ...words) =>
  (input) => {
    const { status, stdout } = spawnSync(command, words, { input, maxBuffer: 1 << 28 })
    return status === 0 && stdout.length > 0 ? stdout : undefined
  }

const quietly = async (make) => {
  try {
    return await make()
  } catch {
    return undefined
  }
}

const isModule = (name) => /\.esm\.|\.mjs$/.test(name)

/** By extension: what each makes of a file's bytes. */
export const peers = {
  css: {
    esbuild: async (bytes) =>
      Buffer.from((await esbuild.transform(bytes.toString(), { loader: "css", minify: true })).code),
    "lightningcss (drops fallbacks)": (bytes) =>
      quietly(() => lightningcss.transform({ code: bytes, filename: "a.css", minify: true }).code),
  },
  js: {
    esbuild: async (bytes) =>
      Buffer.from((await esbuild.transform(bytes.toString(), { minify: true, legalComments: "inline" })).code),
    "swc (drops strict mode)": (bytes, name) =>
      quietly(async () => {
        const format = { comments: "some", ascii_only: true }
        const { code } = await swc.minify(bytes.toString(), {
          format,
          compress: true,
          mangle: true,
          module: isModule(name),
        })
        return Buffer.from(code)
      }),
  },
  svg: {
    // It empties sprites, whose symbols are for other files: these are left as they are.
    "svgo as it comes (moves pixels, drops ids)": (bytes, name) =>
      quietly(() =>
        name.includes("/sprites") ? bytes : Buffer.from(svgo.optimize(bytes.toString(), { multipass: true }).data),
      ),
  },
  jpg: {
    jpegtran: program("jpegtran", "-copy", "none", "-optimize", "-progressive"),
  },
  png: {
    "sharp, level 9": (bytes) => sharp(bytes).png({ compressionLevel: 9, adaptiveFiltering: true }).toBuffer(),
    optipng: (bytes) =>
      program("sh", "-c", "f=$(mktemp --suffix=.png); cat > $f; optipng -quiet -o2 $f && cat $f; rm -f $f")(bytes),
  },
}
