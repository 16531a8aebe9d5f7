/** The native monitor of Linux. */
import { layerInotify } from "../../../src/layers/watchers/inotify.ts"
import { watcherContract } from "../../contract/watcher.ts"

watcherContract("inotify", layerInotify, { namesFiles: true, burstOverflows: true })
