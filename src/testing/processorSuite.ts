/**
 * The contract of a processor as a suite: every processor runs it with examples of its own.
 *
 * @since 1.0.0
 */
import assert from "node:assert/strict"
import { readdirSync } from "node:fs"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { isSuffix } from "../domain/Companion.ts"
import { SourceError } from "../domain/Errors.ts"
import { baseNameOf, directoryOf, extensionOf, isSafe, type RelativePath } from "../domain/Path.ts"
import { handles, type ProcessedFile, type ProcessorDefinition, type Workspace } from "../domain/Processor.ts"
import type { Content } from "../domain/SourceFiles.ts"
import { contentOf, runProcessor, type Specimen } from "../layers/memory/processors.ts"
import { specimen } from "./specimens.ts"
import { type Check, type SuiteTest, testsOf } from "./suite.ts"
import { emptyDirectory, workspaceInMemory, type WorkspaceUnderTest } from "./workspaces.ts"

/** What a processor is expected to make of a file. What is not said is not looked at. */
export interface Example extends Specimen {
  readonly baseName?: string
  readonly output?: Uint8Array
  readonly uniqueName?: boolean
  /** The output depends on the name, e.g. on "min" in it: under another name only its shape is looked at. */
  readonly byName?: boolean
}

export interface ProcessorSuiteOptions<S> {
  /** As its schema decodes them; undefined for one without settings. */
  readonly settings: S
  /** Files it handles. */
  readonly examples: ReadonlyArray<Example>
  /** In memory by default; processors that start programs need {@link workspaceOnDisk}. */
  readonly workspace?: Effect.Effect<WorkspaceUnderTest, unknown, Scope.Scope>
}

/** Base names, but for the extension, of which no byte may be taken for anything but a name. */
const HOSTILE_NAMES: ReadonlyArray<string> = [
  "-rf --output=",
  `it's "quoted" $(touch x) \`y\`;&|<>*?[a-z]{input}`,
  "two\nlines\tand\u001b[31m colour",
  "caf\udce9 \u00e9 \u{1F600}",
  "100% %2e%2e%2f #x?y=z \\",
]

/** Moments of a run, in milliseconds, at which it is interrupted on the clock of the machine. */
const MOMENTS: ReadonlyArray<number> = [1, 5, 20, 60, 150]

/** The result with its bytes read, as it would be uploaded. */
const outcome = Effect.fnUntraced(function* (processed: ProcessedFile) {
  const bytes = yield* Stream.mkUint8Array(processed.content.bytes)
  const companions = yield* Effect.forEach(processed.companions ?? [], ({ content, suffix }) =>
    Effect.map(Stream.mkUint8Array(content.bytes), (read) => ({
      suffix,
      size: content.size,
      bytes: Array.from(read),
    })),
  )
  return { ...processed, content: undefined, companions, size: processed.content.size, bytes: Array.from(bytes) }
})

/** The system's directory for temporary files is an empty one meanwhile; gives what was left in it. */
const leftInTemporary = <A, E, R>(use: Effect.Effect<A, E, R>) =>
  Effect.scoped(
    Effect.gen(function* () {
      const directory = yield* emptyDirectory
      yield* Effect.acquireRelease(
        Effect.sync(() => {
          const before = process.env["TMPDIR"]
          process.env["TMPDIR"] = directory
          return before
        }),
        (before) =>
          Effect.sync(() => {
            if (before === undefined) delete process.env["TMPDIR"]
            else process.env["TMPDIR"] = before
          }),
      )
      yield* use
      return readdirSync(directory)
    }),
  )

const changing = (specimen: Specimen): Content => ({
  ...contentOf(specimen),
  bytes: Stream.concat(
    Stream.fromArray([specimen.bytes.slice(0, specimen.bytes.length >> 1)]),
    Stream.fail(new SourceError({ path: specimen.path, reason: "Changed", detail: "it is another version by now" })),
  ),
})

/**
 * What the contract asks for. `live`: they run on the clock of the machine, so that a processor is also interrupted after
 * some time.
 */
export const processorChecks = <S>(
  definition: ProcessorDefinition<S>,
  options: ProcessorSuiteOptions<S>,
  live: boolean,
): ReadonlyArray<Check> => {
  const { examples, settings } = options
  const prepare = options.workspace ?? workspaceInMemory
  const run = (specimen: Specimen, content?: Content): Effect.Effect<Made, unknown, Workspace> =>
    Effect.scoped(Effect.flatMap(runProcessor(definition, settings, specimen, content), outcome))
  const checks: Array<Check> = []
  const check = (name: string, body: (workspace: WorkspaceUnderTest) => Effect.Effect<unknown, unknown, Scope.Scope>) =>
    checks.push({ name, check: Effect.flatMap(prepare, body) })

  check("it is named module.Class, and there are examples", () =>
    Effect.sync(() => {
      assert.match(definition.name, /^[A-Za-z0-9_]+\.[A-Za-z0-9_]+$/)
      assert(examples.length > 0, "a suite without examples proves nothing")
    }),
  )

  check("a file of another extension passes through untouched", ({ layer }) =>
    Effect.gen(function* () {
      const bytes = Uint8Array.from([0, 255, 13, 10])
      const foreign = { path: "some where/a file.no such extension", bytes }
      if (definition.extensions === undefined) {
        assert(handles(definition, foreign.path), "a processor without extensions handles every file")
        return
      }
      assert(!handles(definition, foreign.path))
      for (const extension of definition.extensions) {
        assert.strictEqual(extension, extension.toLowerCase(), "extensions are in lower case")
        assert.strictEqual(extensionOf(`x.${extension}`), extension, "extensions have no dot")
        assert(handles(definition, `x.${extension.toUpperCase()}`), "whatever their case in the name")
      }
      const made = yield* Effect.provide(run(foreign), layer)
      assert.deepStrictEqual(made.bytes, Array.from(bytes))
      assert.strictEqual(made.baseName, "a file.no such extension")
    }),
  )

  for (const example of examples) {
    const named = (name: string, body: Parameters<typeof check>[1]) => check(`${example.path}: ${name}`, body)

    named("it gives what is expected, a base name and nothing but a base name", ({ layer }) =>
      Effect.gen(function* () {
        const made = yield* Effect.provide(run(example), layer)
        isProcessedFile(made)
        if (example.baseName !== undefined) assert.strictEqual(made.baseName, example.baseName)
        if (example.output !== undefined) assert.deepStrictEqual(made.bytes, Array.from(example.output))
        if (example.uniqueName !== undefined) assert.strictEqual(made.uniqueName ?? false, example.uniqueName)
      }),
    )

    named("it takes any name for a name", ({ layer }) =>
      Effect.gen(function* () {
        const directory = directoryOf(example.path as RelativePath)
        const baseName = baseNameOf(example.path)
        const extension = extensionOf(baseName) === "" ? "" : baseName.slice(baseName.lastIndexOf("."))
        for (const hostile of HOSTILE_NAMES) {
          const path = `${directory === "" ? "" : `${directory}/`}${hostile}${extension}`
          const made = yield* Effect.provide(run({ ...example, path }), layer)
          isProcessedFile(made)
          if (example.output === undefined || example.byName === true) continue
          assert.deepStrictEqual(made.bytes, Array.from(example.output), path)
        }
      }),
    )

    named("it never changes what it was given", ({ layer }) =>
      Effect.gen(function* () {
        const before = Array.from(example.bytes)
        yield* Effect.provide(run(example), layer)
        assert.deepStrictEqual(Array.from(example.bytes), before)
      }),
    )

    named("it makes the same of the same", ({ layer }) =>
      Effect.gen(function* () {
        const first = yield* Effect.provide(run(example), layer)
        const second = yield* Effect.provide(run(example), layer)
        assert.deepStrictEqual(second, first)
      }),
    )

    named("it leaves nothing in its workspace, nor where temporary files usually are", ({ layer, leftovers }) =>
      Effect.gen(function* () {
        assert.deepStrictEqual(yield* leftInTemporary(Effect.provide(run(example), layer)), [])
        assert.deepStrictEqual(yield* leftovers, [])
      }),
    )

    named(
      "it fails with a reason or not at all when the file holds something else, or nothing",
      ({ layer, leftovers }) =>
        Effect.gen(function* () {
          for (const bytes of [new Uint8Array(0), specimen(1), specimen(5_000)]) {
            const exit = yield* Effect.exit(Effect.provide(run({ ...example, bytes }), layer))
            failsOnlyWith(exit, ["ProcessorError", "SourceError"])
            assert.deepStrictEqual(yield* leftovers, [])
          }
        }),
    )

    named("it passes on that the file changed while it was read", ({ layer, leftovers }) =>
      Effect.gen(function* () {
        const exit = yield* Effect.exit(Effect.provide(run(example, changing(example)), layer))
        failsOnlyWith(exit, ["SourceError"])
        assert.deepStrictEqual(yield* leftovers, [])
      }),
    )

    named("it can be interrupted at any moment, and leaves nothing then either", ({ layer, leftovers }) =>
      Effect.gen(function* () {
        const interrupted = (wait: (fiber: Fiber.Fiber<unknown, unknown>) => Effect.Effect<unknown>, when: string) =>
          Effect.gen(function* () {
            const fiber = yield* Effect.forkChild(Effect.provide(run(example), layer))
            yield* wait(fiber)
            yield* Fiber.interrupt(fiber)
            assert.deepStrictEqual(yield* leftovers, [], `interrupted after ${when}`)
          })
        for (let turns = 0; turns < 12; turns++) {
          yield* interrupted(() => Effect.repeat(Effect.yieldNow, { times: turns }), `${turns} turns`)
        }
        for (const moment of live ? MOMENTS : []) {
          yield* interrupted(
            (fiber) => Effect.raceFirst(Fiber.await(fiber), Effect.sleep(moment)),
            `${moment} milliseconds`,
          )
        }
        const after = yield* Effect.exit(Effect.provide(run(example), layer))
        assert(Exit.isSuccess(after), "it works again afterwards")
      }),
    )
  }
  return checks
}

type Made = Effect.Success<ReturnType<typeof outcome>>

const isProcessedFile = (made: Made): void => {
  assert(!made.baseName.includes("/"), "a processor never changes the directory")
  assert(isSafe(made.baseName), `it gave the base name ${JSON.stringify(made.baseName)}`)
  assert.strictEqual(made.bytes.length, made.size, "the content is as long as it says")
  for (const { bytes, size, suffix } of made.companions) {
    assert(isSuffix(suffix), `it gave a companion the suffix ${JSON.stringify(suffix)}`)
    assert.strictEqual(bytes.length, size, "a companion is as long as it says")
  }
  for (const header of Object.keys(made.headers ?? {})) assert.strictEqual(header, header.toLowerCase())
}

const failsOnlyWith = (exit: Exit.Exit<unknown, unknown>, tags: ReadonlyArray<string>): void => {
  if (Exit.isSuccess(exit)) return
  for (const reason of exit.cause.reasons) {
    assert(Cause.isFailReason(reason), `it broke instead of failing: ${Cause.pretty(exit.cause)}`)
    const { _tag, message } = reason.error as { readonly _tag: string; readonly message: string }
    assert(tags.includes(_tag), `it failed with ${_tag} (${message}) instead of ${tags.join(" or ")}`)
    assert.notStrictEqual(message, "")
  }
}

/** The contract of processors for any test runner: `for (const { name, run } of processorSuite(...)) test(name, run)`. */
export const processorSuite = <S>(
  definition: ProcessorDefinition<S>,
  options: ProcessorSuiteOptions<S>,
): ReadonlyArray<SuiteTest> =>
  testsOf(`${definition.name} keeps the contract of processors`, processorChecks(definition, options, true))
