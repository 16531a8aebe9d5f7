import { Effect } from "effect"
import { emptyMap, makeMemory } from "../../../src/layers/publishers/memory.ts"
import { publisherContract } from "../../contract/publisher.ts"

publisherContract(
  "memory",
  Effect.sync(() => {
    const map = emptyMap()
    return { publisher: makeMemory(map), rows: () => [...map.rows.values()], pipeline: () => map.pipeline }
  }),
  (effect) => effect,
)
