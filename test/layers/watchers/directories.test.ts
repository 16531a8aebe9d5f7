/** One fs.watch per directory against the contract. */
import { layerDirectories } from "../../../src/layers/watchers/directories.ts"
import { watcherContract } from "../../contract/watcher.ts"

watcherContract("fs.watch per directory", layerDirectories, {
  namesFiles: true,
  burst: { files: 20_000, overflows: true },
})
