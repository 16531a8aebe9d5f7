/** The contract of a processor as a suite: every processor runs it with examples of its own. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Layer, Option, Stream } from "effect"
import { extensionOf } from "../../src/domain/Path.ts"
import { handles, type ProcessedFile, type ProcessorDefinition, Workspace } from "../../src/domain/Processor.ts"
import { makeDisk } from "../../src/layers/memory/disk.ts"
import { runProcessor, type Specimen } from "../../src/layers/memory/processors.ts"
import { makeWorkspace } from "../../src/layers/memory/workspace.ts"

/** What a processor is expected to make of a file. What is not said is not looked at. */
export interface Example extends Specimen {
  readonly baseName?: string
  readonly output?: Uint8Array
  readonly uniqueName?: boolean
}

/** A workspace to run in, and how to see what is left in it. */
export interface WorkspaceUnderTest {
  readonly layer: Layer.Layer<Workspace>
  /** Temporary files and directories that exist now. */
  readonly leftovers: Effect.Effect<ReadonlyArray<string>>
}

export interface ProcessorContractOptions<S> {
  readonly settings: S
  /** Files it handles. */
  readonly examples: ReadonlyArray<Example>
  /** By default in memory; processors that start programs bring one on disk. */
  readonly workspace?: Effect.Effect<WorkspaceUnderTest>
  /** Runs on the clock of the machine: for processors that start programs or workers. */
  readonly live?: boolean
}

const inMemory: Effect.Effect<WorkspaceUnderTest> = Effect.gen(function* () {
  const disk = yield* makeDisk
  const workspace = yield* makeWorkspace(disk, "/workspace")
  const leftovers = Effect.gen(function* () {
    const files = Array.from((yield* disk.files("/workspace")).keys())
    const directory = disk.at("/workspace")
    const places = yield* workspace.places
    return [
      ...files,
      ...(directory?.kind === "directory" ? directory.entries.keys() : []),
      ...Array.from({ length: places }, (_, index) => `open place ${index}`),
    ]
  })
  return { layer: workspace.layer, leftovers }
})

/** The result with its bytes read, as it would be uploaded. */
const outcome = Effect.fnUntraced(function* (processed: ProcessedFile) {
  const bytes = yield* Stream.mkUint8Array(processed.content.bytes)
  return { ...processed, content: undefined, size: processed.content.size, bytes: Array.from(bytes) }
})

/** Runs the contract of processors against one. */
export const processorContract = <S>(
  definition: ProcessorDefinition<S>,
  options: ProcessorContractOptions<S>,
): void => {
  const test = options.live === true ? it.live : it.effect
  const prepare = options.workspace ?? inMemory
  const run = (specimen: Specimen) =>
    Effect.scoped(Effect.flatMap(runProcessor(definition, options.settings, specimen), outcome))

  describe(`${definition.name} keeps the contract of processors`, () => {
    it("is named module.Class", () => {
      assert.match(definition.name, /^[A-Za-z0-9_]+\.[A-Za-z0-9_]+$/)
      assert.isAbove(options.examples.length, 0, "a suite without examples proves nothing")
    })

    test("lets a file of another extension through untouched", () =>
      Effect.gen(function* () {
        const { layer } = yield* prepare
        const bytes = Uint8Array.from([0, 255, 13, 10])
        const foreign = { path: "some where/a file.no such extension", bytes }
        if (definition.extensions === undefined) {
          assert.isTrue(handles(definition, foreign.path), "a processor without extensions handles every file")
          return
        }
        assert.isFalse(handles(definition, foreign.path))
        for (const extension of definition.extensions) {
          assert.strictEqual(extension, extension.toLowerCase(), "extensions are in lower case")
          assert.strictEqual(extensionOf(`x.${extension}`), extension, "extensions have no dot")
          assert.isTrue(handles(definition, `x.${extension.toUpperCase()}`), "whatever their case in the name")
        }
        const made = yield* Effect.provide(run(foreign), layer)
        assert.deepStrictEqual(made.bytes, Array.from(bytes))
        assert.strictEqual(made.baseName, "a file.no such extension")
      }))

    for (const example of options.examples) {
      describe(example.path, () => {
        test("gives what is expected, a base name and nothing but a base name", () =>
          Effect.gen(function* () {
            const { layer } = yield* prepare
            const made = yield* Effect.provide(run(example), layer)
            assert.isFalse(made.baseName.includes("/"), "a processor never changes the directory")
            assert.isFalse(made.baseName.includes("\0"))
            assert.notInclude(["", ".", ".."], made.baseName)
            assert.strictEqual(made.bytes.length, made.size, "the content is as long as it says")
            for (const header of Object.keys(made.headers ?? {})) assert.strictEqual(header, header.toLowerCase())
            if (example.baseName !== undefined) assert.strictEqual(made.baseName, example.baseName)
            if (example.output !== undefined) assert.deepStrictEqual(made.bytes, Array.from(example.output))
            if (example.uniqueName !== undefined) assert.strictEqual(made.uniqueName ?? false, example.uniqueName)
          }))

        test("never changes what it was given", () =>
          Effect.gen(function* () {
            const { layer } = yield* prepare
            const before = Array.from(example.bytes)
            yield* Effect.provide(run(example), layer)
            assert.deepStrictEqual(Array.from(example.bytes), before)
          }))

        test("makes the same of the same", () =>
          Effect.gen(function* () {
            const { layer } = yield* prepare
            const first = yield* Effect.provide(run(example), layer)
            const second = yield* Effect.provide(run(example), layer)
            assert.deepStrictEqual(second, first)
          }))

        test("leaves nothing in its workspace", () =>
          Effect.gen(function* () {
            const { layer, leftovers } = yield* prepare
            yield* Effect.provide(run(example), layer)
            assert.deepStrictEqual(yield* leftovers, [])
          }))

        test("can be interrupted at any moment, and leaves nothing then either", () =>
          Effect.gen(function* () {
            const { layer, leftovers } = yield* prepare
            for (let turns = 0; turns < 12; turns++) {
              const fiber = yield* Effect.forkChild(Effect.provide(run(example), layer))
              for (let turn = 0; turn < turns; turn++) yield* Effect.yieldNow
              yield* Fiber.interrupt(fiber)
              assert.deepStrictEqual(yield* leftovers, [], `interrupted after ${turns} turns`)
            }
            const made = yield* Effect.option(Effect.provide(run(example), layer))
            assert.isTrue(Option.isSome(made), "it works again afterwards")
          }))
      })
    }
  })
}
