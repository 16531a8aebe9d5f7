/** Polling against the contract, at a pace for tests. */
import { layerPollingWith } from "../../../src/layers/watchers/polling.ts"
import { watcherContract } from "../../contract/watcher.ts"

watcherContract("polling", layerPollingWith({ first: 20, max: 60 }), {
  namesFiles: false,
  burst: { files: 6_000, overflows: false },
})
