import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { emptyState, layerMemory, makeMemory } from "../../../src/layers/ledger/memory.ts"
import { ledgerContract } from "../../contract/ledger.ts"
import { ledgerCompanionsContract } from "../../contract/ledgerCompanions.ts"
import { ledgerLinksContract } from "../../contract/ledgerLinks.ts"
import { delivered, delivery, path, site } from "../../contract/ledgerSpecimens.ts"

ledgerContract("memory", () => Layer.fresh(layerMemory))
ledgerLinksContract("memory", () => Layer.fresh(layerMemory))
ledgerCompanionsContract("memory", () => Layer.fresh(layerMemory))

describe("ledger in memory", () => {
  it.effect("outlives the process that wrote it", () =>
    Effect.gen(function* () {
      const state = emptyState()
      yield* makeMemory(state).commit([delivered("a")])
      const next = makeMemory(state)
      assert.deepStrictEqual(yield* next.deliveriesOf(site, path("a")), [delivery("a")])
      assert.deepStrictEqual(yield* makeMemory().deliveriesOf(site, path("a")), [])
    }),
  )
})
