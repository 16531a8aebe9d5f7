/** The suite of transporters notices what breaks the contract. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Option, Stream } from "effect"
import { Transporter, TransportError, type TransporterShape } from "../../src/index.ts"
import { type TransporterHarness, transporterSuite } from "../../src/testing.ts"
import { sha256 } from "../../src/testing/specimens.ts"
import { urlOf } from "../../src/domain/Path.ts"

const harness = (change: (honest: TransporterShape, shelf: Map<string, Uint8Array>) => Partial<TransporterShape>) =>
  Effect.sync((): TransporterHarness => {
    const shelf = new Map<string, Uint8Array>()
    const honest: TransporterShape = {
      capabilities: { atomicReplace: true, contentHash: false, headers: false, directories: false, connections: 4 },
      put: (file, to) =>
        Effect.map(Stream.mkUint8Array(file.content.bytes), (bytes) => {
          shelf.set(to, bytes)
          return { sha256: sha256(bytes) }
        }).pipe(
          Effect.mapError(
            (error) =>
              new TransportError({
                server: "shelf",
                operation: "put",
                path: to,
                reason: { _tag: "SourceChanged" },
                detail: error.message,
              }),
          ),
        ),
      remove: (at) => Effect.sync(() => void shelf.delete(at)),
      stat: (at) =>
        Effect.sync(() => Option.map(Option.fromUndefinedOr(shelf.get(at)), (bytes) => ({ size: bytes.length }))),
      url: (at) => urlOf("http://shelf.example/", at),
    }
    return {
      layer: Layer.succeed(Transporter, { ...honest, ...change(honest, shelf) }),
      read: (path) => Effect.sync(() => shelf.get(path)),
      everything: Effect.sync(() => [...shelf.keys()]),
      url: "http://shelf.example/",
    }
  })

const failuresOf = async (change: Parameters<typeof harness>[0]) => {
  const failed: Array<string> = []
  for (const { name, run } of transporterSuite("shelf", harness(change))) {
    await run().catch(() => failed.push(name.slice("shelf keeps the contract of transporters: ".length)))
  }
  return failed
}

describe("transporterSuite", () => {
  it("is content with a transporter that keeps the contract", async () => {
    assert.deepStrictEqual(await failuresOf(() => ({})), [])
  })

  it("notices a transporter that forgets to percent-encode", async () => {
    const failed = await failuresOf(() => ({ url: (at) => `http://shelf.example/${at}` }))
    assert.include(failed, "the public address is the root's with the path, percent-encoded")
    assert.include(failed, "names with '#'")
  })

  it("notices a transporter that publishes a part of a file", async () => {
    const failed = await failuresOf((honest, shelf) => ({
      put: (file, to) => {
        shelf.set(to, new Uint8Array(1))
        return honest.put(file, to)
      },
    }))
    assert.include(failed, "interruption in the middle of a file leaves what was there, and nothing else")
    assert.include(failed, "a source that is Changed after 1000 bytes leaves what was there, and nothing else")
  })

  it("notices a transporter that fails for what is not there", async () => {
    const failed = await failuresOf((honest, shelf) => ({
      remove: (at) => (shelf.has(at) ? honest.remove(at) : Effect.die(new Error("404"))),
    }))
    assert.deepStrictEqual(failed, ["a file is removed, once and again, and what never was is removed too"])
  })
})
