/** The suite of processors notices each way to break the contract. */
import { appendFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { afterAll, assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import { defineProcessor, type ProcessorDefinition, ProcessorError } from "../../src/index.ts"
import { processorSuite, type ProcessorSuiteOptions, workspaceOnDisk } from "../../src/testing.ts"

const bytes = new TextEncoder().encode("hello")
const examples = [{ path: "a/hello.txt", bytes, baseName: "hello.txt", output: new TextEncoder().encode("HELLO") }]

const upperCase = (job: Parameters<ProcessorDefinition["process"]>[0]) =>
  Effect.map(job.read, (read) => new TextEncoder().encode(new TextDecoder().decode(read).toUpperCase()))

const shout: ProcessorDefinition<undefined> = defineProcessor({
  name: "text.Shout",
  extensions: new Set(["txt"]),
  process: (job) =>
    Effect.map(Effect.flatMap(upperCase(job), job.write), (content) => ({ content, baseName: job.baseName })),
})

/** Names of the tests that fail. */
const failuresOf = async (
  definition: ProcessorDefinition<undefined>,
  options: Partial<ProcessorSuiteOptions<undefined>> = {},
) => {
  const failed: Array<string> = []
  for (const { name, run } of processorSuite(definition, { settings: undefined, examples, ...options })) {
    await run().catch(() => failed.push(name.replace(/^.*?: (?:a\/hello\.txt: )?/, "")))
  }
  return failed
}

const expected = "it gives what is expected, a base name and nothing but a base name"
const names = "it takes any name for a name"
const same = "it makes the same of the same"
const leaves = "it leaves nothing in its workspace, nor where temporary files usually are"
const noise = "it fails with a reason or not at all when the file holds something else, or nothing"
const changed = "it passes on that the file changed while it was read"
const interrupted = "it can be interrupted at any moment, and leaves nothing then either"

let counter = 0
const outside: Array<string> = []

const broken: ReadonlyArray<
  readonly [what: string, definition: Partial<typeof shout>, noticed: ReadonlyArray<string>]
> = [
  ["has a name of another form", { name: "shout" }, ["it is named module.Class, and there are examples"]],
  [
    "has extensions with dots",
    { extensions: new Set([".txt", "txt"]) },
    ["a file of another extension passes through untouched"],
  ],
  [
    "moves files",
    { process: (job) => Effect.map(shout.process(job, undefined), (made) => ({ ...made, baseName: "../x.txt" })) },
    [expected, names],
  ],
  [
    "gives other bytes",
    { process: (job) => Effect.succeed({ content: job.content, baseName: job.baseName }) },
    [expected, names],
  ],
  [
    "lies about the size",
    {
      process: (job) =>
        Effect.map(shout.process(job, undefined), (made) => ({ ...made, content: { ...made.content, size: 9 } })),
    },
    [expected, names],
  ],
  [
    "stumbles over a name",
    {
      process: (job) =>
        job.baseName.startsWith("-")
          ? Effect.fail(new ProcessorError({ processor: "text.Shout", path: job.path, detail: "an option?" }))
          : shout.process(job, undefined),
    },
    [names],
  ],
  [
    "makes something new each time",
    {
      process: (job) =>
        Effect.map(job.write(new TextEncoder().encode(String(counter++))), (content) => ({
          content,
          baseName: job.baseName,
        })),
    },
    [expected, names, same],
  ],
  [
    "litters the directory for temporary files",
    {
      process: (job) =>
        Effect.suspend(() => {
          const file = `${tmpdir()}/file-conveyor-litter-${process.pid}`
          writeFileSync(file, "")
          outside.push(file)
          return shout.process(job, undefined)
        }),
    },
    [leaves],
  ],
  [
    "breaks on what it did not expect",
    {
      process: (job) =>
        Effect.flatMap(job.read, (read) =>
          read.length === 0 ? Effect.die(new Error("empty")) : shout.process(job, undefined),
        ),
    },
    [noise],
  ],
  [
    "calls a file that changed its own failure",
    {
      process: (job) =>
        Effect.mapError(
          shout.process(job, undefined),
          (error) => new ProcessorError({ processor: "text.Shout", path: job.path, detail: error.message }),
        ),
    },
    [changed],
  ],
  [
    "works only once",
    {
      process: (job) =>
        Effect.acquireRelease(
          Effect.sync(() => (counter += 1_000_000)),
          () => Effect.void,
        ).pipe(
          Effect.andThen(Effect.sleep(30)),
          Effect.onInterrupt(() => Effect.sync(() => (counter = Number.NaN))),
          Effect.andThen(
            Effect.suspend(() => (Number.isNaN(counter) ? Effect.die("worn out") : shout.process(job, undefined))),
          ),
        ),
    },
    [interrupted],
  ],
]

afterAll(() => {
  for (const file of outside) rmSync(file, { force: true })
})

describe("processorSuite", () => {
  it("is content with a processor that keeps the contract, in memory and on disk", async () => {
    assert.deepStrictEqual(await failuresOf(shout), [])
    assert.deepStrictEqual(await failuresOf(shout, { workspace: workspaceOnDisk }), [])
  })

  it("wants examples", async () => {
    assert.deepStrictEqual(await failuresOf(shout, { examples: [] }), [
      "it is named module.Class, and there are examples",
    ])
  })

  for (const [what, change, noticed] of broken) {
    it(`notices one that ${what}`, async () => {
      counter = 0
      assert.deepStrictEqual(await failuresOf({ ...shout, ...change }), [...noticed])
    })
  }

  it("notices one that writes to what it was given, and one that leaves files in the workspace", async () => {
    const inPlace: Partial<typeof shout> = {
      process: (job) =>
        Effect.sync(() => {
          bytes[0] = (bytes[0] ?? 0) ^ 1
          return { content: job.content, baseName: job.baseName }
        }),
    }
    const failed = await failuresOf({ ...shout, ...inPlace }, { examples: [{ path: "a/hello.txt", bytes }] })
    assert.include(failed, "it never changes what it was given")
    bytes.set(new TextEncoder().encode("hello"))
    const littering: Partial<typeof shout> = {
      process: (job) =>
        Effect.map(job.directory, (directory) => {
          // Beside the job's directory, which nobody removes with the job.
          appendFileSync(`${directory}-job-of-nobody`, "x")
          return { content: job.content, baseName: job.baseName }
        }),
    }
    const options = { examples: [{ path: "a/hello.txt", bytes }], workspace: workspaceOnDisk }
    assert.include(await failuresOf({ ...shout, ...littering }, options), leaves)
  })

  it("takes settings as the schema decodes them", async () => {
    const settings = Schema.Struct({ text: Schema.NonEmptyString })
    const banner = defineProcessor<typeof settings.Type>({
      name: "text.Banner",
      settings,
      process: (job, { text }) =>
        Effect.map(job.write(new TextEncoder().encode(text)), (content) => ({ content, baseName: job.baseName })),
    })
    const suite = processorSuite(banner, {
      settings: { text: "x" },
      examples: [{ path: "a.css", bytes, output: new TextEncoder().encode("x") }],
    })
    for (const { run } of suite) await run()
  })
})
