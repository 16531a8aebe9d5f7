/** One recursive fs.watch against the contract. */
import { layerRecursive } from "../../../src/layers/watchers/recursive.ts"
import { watcherContract } from "../../contract/watcher.ts"

/** On Linux Node makes it of one watch per file, and it is never chosen there. */
const onLinux = {
  "renamed files": "the old name of a file is not told",
  "swapped directories": "only names that are new are told",
  "links in place of directories": "the directory that was there stays watched",
  "directories made anew": "it goes blind when a directory comes back at once",
  "moved roots": "the root itself is not watched",
  bursts: "it takes minutes",
}

watcherContract("fs.watch recursive", layerRecursive, {
  namesFiles: true,
  burst: { files: 6_000 },
  cannot: {
    "blind spots": "it watches whole trees and does not know what it could not read",
    ...(process.platform === "linux" ? onLinux : {}),
  },
})
