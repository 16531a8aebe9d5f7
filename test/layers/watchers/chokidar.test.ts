/** chokidar against the contract. What it misses, the periodic comparison of disk and ledger finds. */
import { layerChokidar } from "../../../src/layers/watchers/chokidar.ts"
import { watcherContract } from "../../contract/watcher.ts"

watcherContract("chokidar", layerChokidar, {
  namesFiles: true,
  burst: { files: 6_000 },
  cannot: {
    "blind spots": "it watches whole trees and keeps to itself what it could not read",
    "new trees": "it reads a directory once a second, and what comes in between may go unseen",
    "swapped directories": "it compares names, and those stay the same",
    "links in place of directories": "it keeps watching under the name of the directory that was there",
    "directories made anew": "it goes blind when a directory comes back at once",
    "raw names": "it asks the disk for names that are not there",
    "moves during bursts": "it loses sight of a directory that moves while it is busy",
  },
})
