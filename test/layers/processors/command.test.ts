import { chmodSync, existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs"
import { availableParallelism } from "node:os"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Layer, Schema, Stream } from "effect"
import { Workspace } from "../../../src/domain/Processor.ts"
import { layerDiskWorkers } from "../../../src/layers/disk/DiskWorkers.ts"
import { runProcessor, type Specimen } from "../../../src/layers/memory/processors.ts"
import { run } from "../../../src/layers/processors/command.ts"
import { commandSettings } from "../../../src/layers/processors/command/settings.ts"
import { layerWorkspace } from "../../../src/layers/processors/workspace.ts"
import { processorContract, workspaceOnDisk } from "../../contract/processor.ts"
import { everythingBelow, temporaryDirectory } from "../disk/temporaryTree.ts"

const settingsOf = (attributes: Readonly<Record<string, string>>) =>
  Schema.decodeUnknownSync(commandSettings)(attributes, { onExcessProperty: "error" })

const wrong = (attributes: Readonly<Record<string, string>>): string => {
  try {
    settingsOf(attributes)
    return ""
  } catch (error) {
    return String(error)
  }
}

const availableWith = (settings: ReturnType<typeof settingsOf>) => run.availableWith?.(settings) ?? Effect.die("none")

const bytes = (text: string) => new TextEncoder().encode(text)
const text = (content: ReadonlyArray<number> | Uint8Array) => new TextDecoder().decode(Uint8Array.from(content))

const stdio = { settings: settingsOf({ command: "tr a-z A-Z" }), workspace: workspaceOnDisk, live: true }
const example = { path: "css/a b.txt", bytes: bytes("some text\n"), baseName: "a b.txt", output: bytes("SOME TEXT\n") }

describe("from standard input to standard output", () => {
  processorContract(run, { ...stdio, examples: [example] })
})

describe("from {input} to {output}", () => {
  processorContract(run, {
    ...stdio,
    settings: settingsOf({ command: "cp -- {input} {output}", outputExtension: "bin" }),
    examples: [
      { path: "a/photo.large.JPG", bytes: bytes("x"), baseName: "photo.large.bin", output: bytes("x") },
      { path: ".htaccess", bytes: bytes("x"), baseName: ".htaccess.bin", output: bytes("x") },
    ],
  })
})

describe("in place", () => {
  processorContract(run, {
    ...stdio,
    settings: settingsOf({ command: "sed -i s/some/any/ {file}" }),
    examples: [{ ...example, output: bytes("any text\n") }],
  })
})

/** Runs the processor in a workspace of its own; the names of what a program sees can be looked at in `directory`. */
const process = (attributes: Readonly<Record<string, string>>, specimen: Partial<Specimen> = {}) =>
  Effect.gen(function* () {
    const directory = yield* temporaryDirectory
    const layer = layerWorkspace({ directory }).pipe(Layer.provide(layerDiskWorkers()))
    const context = yield* Layer.build(layer)
    const made = yield* runProcessor(run, settingsOf(attributes), {
      path: "a/x.txt",
      bytes: bytes("some"),
      ...specimen,
    }).pipe(Effect.provide(Layer.succeedContext(context)))
    const output = yield* Stream.mkUint8Array(made.content.bytes)
    return { baseName: made.baseName, output: text(output), origin: made.content.origin, directory }
  })

const failure = (attributes: Readonly<Record<string, string>>, specimen: Partial<Specimen> = {}) =>
  Effect.map(Effect.flip(process(attributes, specimen)), (error) => {
    assert.strictEqual(error._tag, "ProcessorError")
    return error.message
  })

/** A script that prints what it was called with. */
const reporter = Effect.gen(function* () {
  const directory = yield* temporaryDirectory
  const file = `${directory}/report`
  writeFileSync(file, '#!/bin/sh\nprintf "%s\\0" "$@"\nls -A\n')
  chmodSync(file, 0o755)
  return file
})

describe("command.Run", () => {
  it.live("gives the program names of our own, whatever the file is called", () =>
    Effect.gen(function* () {
      const report = yield* reporter
      for (const path of [
        "-rf.JPG",
        `a/it's "q" $(touch hacked) \`x\`;&|.jpg`,
        "a/two\nlines.jpg",
        "a/caf\udce9.jpg",
        "a/{input} {output}.jpg",
      ]) {
        const made = yield* process({ command: `${report} --in={input} "{input} {input}" $(id) *` }, { path })
        const [one, two, ...rest] = made.output.split("\0")
        const [, input] = /^--in=(.*)$/.exec(one ?? "") ?? []
        assert.match(input ?? "", new RegExp(`^${made.directory}/run-[0-9-]+/job-1/program-\\w+/input\\.jpg$`))
        assert.strictEqual(two, `${input} ${input}`)
        assert.deepStrictEqual(rest, ["$(id)", "*", "input.jpg\noutput.jpg\n"])
      }
      const odd = yield* process({ command: `${report} {input}` }, { path: "a/x.j p\n" })
      assert.match(odd.output, /\/input\0/)
    }),
  )

  it.live("lets other extensions through, in any case of theirs", () =>
    Effect.gen(function* () {
      const attributes = { command: "tr a-z A-Z", extensions: "TXT:htm", outputExtension: "up" }
      assert.deepInclude(yield* process(attributes, { path: "a/x.css" }), { output: "some", baseName: "x.css" })
      assert.deepInclude(yield* process(attributes, { path: "a/x.TxT" }), { output: "SOME", baseName: "x.up" })
    }),
  )

  it.live("says with which words the program failed, and not what it was called with", () =>
    Effect.gen(function* () {
      assert.match(
        yield* failure({ command: `sh -c "echo one >&2; echo two >&2; exit 4" password` }),
        /^command\.Run on a\/x\.txt: sh failed with exit code 4: one \| two$/,
      )
      assert.include(yield* failure({ command: "false" }), "false failed with exit code 1, without a word")
      assert.include(yield* failure({ command: `sh -c 'kill -9 $$'` }), "sh failed with signal SIGKILL")
    }),
  )

  it.live("leaves the file as it is where the program says so by its exit code", () =>
    Effect.gen(function* () {
      const attributes = { command: "sh -c 'echo other; exit 98'", unchangedExitCodes: "98:99", outputExtension: "y" }
      assert.deepInclude(yield* process(attributes), { output: "some", baseName: "x.txt", origin: "source" })
      assert.include(yield* failure({ ...attributes, unchangedExitCodes: "99" }), "exit code 98")
    }),
  )

  it.live("does not publish what a program did not write", () =>
    Effect.gen(function* () {
      assert.include(
        yield* failure({ command: `sh -c "echo hm >&2" {input} {output}` }),
        "sh ended well but wrote no output: hm. Does its command name {output} where it should?",
      )
      assert.include(
        yield* failure({ command: "ln -s /etc/passwd {output}" }),
        "made a link or directory where a file should be",
      )
      assert.include(yield* failure({ command: "rm {file}" }), "wrote no output")
      assert.include(yield* failure({ command: "mkdir {output}" }), "made a link or directory where a file should be")
    }),
  )

  it.live("keeps its limits", () =>
    Effect.gen(function* () {
      const sleep = `sh -c "sleep 20"`
      assert.include(
        yield* failure({ command: sleep, timeout: "300ms" }),
        "sh: the program was stopped: it had not ended",
      )
      assert.include(yield* failure({ command: "cat /dev/zero", maxOutput: "1M" }), "written more than 1 MiB")
      if (globalThis.process.platform !== "linux") return
      const eat = "node -e 'const a = []; for (;;) a.push(Buffer.alloc(1e7, 1))'"
      assert.include(yield* failure({ command: eat, memory: "200M" }), "used more than 200 MiB of memory")
    }),
  )

  it.live("names a program that is missing, at start and when it went away later", () =>
    Effect.gen(function* () {
      const attributes = { command: "/no/such/program {input}" }
      const missing = 'there is no program "/no/such/program". Install it, or correct the path'
      assert.include(yield* failure(attributes), missing)
      const error = yield* Effect.flip(availableWith(settingsOf(attributes)))
      assert.include(error.message, missing)
      yield* availableWith(settingsOf({ command: "cat", ...(existsSync("/proc") ? { memory: "1G" } : {}) }))
    }),
  )

  it.live("may run several programs on one file", () =>
    Effect.gen(function* () {
      const directory = yield* temporaryDirectory
      const layer = layerWorkspace({ directory }).pipe(Layer.provide(layerDiskWorkers()))
      yield* Effect.gen(function* () {
        const workspace = yield* Workspace
        yield* Effect.scoped(
          Effect.gen(function* () {
            const place = yield* workspace.open
            // Each of them is given the same place.
            const shared = Layer.succeed(Workspace, { ...workspace, open: Effect.succeed(place) })
            const specimen = { path: "a/x.txt", bytes: bytes("some") }
            const both = Effect.forEach(
              ["tr a-z A-Z", "tr s t"],
              (command) => runProcessor(run, settingsOf({ command }), specimen),
              { concurrency: "unbounded" },
            )
            const made = yield* Effect.provide(both, shared)
            const outputs = yield* Effect.forEach(made, ({ content }) => Stream.mkUint8Array(content.bytes))
            assert.deepStrictEqual(outputs.map(text), ["SOME", "tome"])
          }),
        )
        assert.deepStrictEqual(
          everythingBelow(directory).filter((path) => path.includes("job-")),
          [],
        )
      }).pipe(Effect.provide(layer))
    }),
  )

  it.live("runs no more programs at once than there are cores", () =>
    Effect.gen(function* () {
      const directory = yield* temporaryDirectory
      const begun = join(directory, "begun")
      const script = `echo >> ${begun}; while [ ! -e ${directory}/go ]; do sleep 0.05; done`
      const attributes = { command: `sh -c "${script}"`, unchangedExitCodes: "1" }
      const cores = availableParallelism()
      const jobs = Array.from({ length: cores + 2 }, () => process({ ...attributes, command: `${attributes.command}` }))
      const all = yield* Effect.forkChild(Effect.all(jobs, { concurrency: "unbounded" }))
      const count = () => (existsSync(begun) ? readFileSync(begun, "utf8").length : 0)
      yield* Effect.repeat(Effect.sleep(10), { until: () => count() >= cores })
      yield* Effect.sleep(200)
      assert.strictEqual(count(), cores)
      writeFileSync(join(directory, "go"), "")
      yield* Fiber.join(all)
      assert.strictEqual(count(), cores + 2)
    }),
  )

  it.live("works on a copy that is its own", () =>
    Effect.gen(function* () {
      const made = yield* process({ command: `sh -c 'echo more >> "$1"; cat "$1"' sh {input}` })
      assert.deepInclude(made, { output: "somemore\n", baseName: "x.txt" })
      const [job] = readdirSync(made.directory).map((name) => `${made.directory}/${name}/job-1`)
      const [place] = readdirSync(job ?? "")
      assert.strictEqual(readFileSync(`${job}/${place}/input.txt`, "utf8"), "somemore\n")
    }),
  )
})

describe("the attributes of command.Run", () => {
  for (const [attributes, problem] of [
    [{}, "Missing key"],
    [{ command: "  " }, "is empty"],
    [{ command: `a "b` }, 'has a " that is never closed'],
    [{ command: "a\\" }, "ends in a backslash"],
    [{ command: "a {input} | b" }, 'has a word "|", and there is no shell'],
    [{ command: "a > {output}" }, 'has a word ">"'],
    [{ command: "a 2>&1" }, 'has a word "2>&1"'],
    [{ command: "bin/a {input}" }, "begins with a relative path"],
    [{ command: "{input} a" }, "has a placeholder where the program should be"],
    [{ command: "a {inptu}" }, "Did you mean {input}?"],
    [{ command: "a --out={ouput}" }, "Did you mean {output}?"],
    [{ command: "a {file} {output}" }, "has {file} beside"],
    [{ command: "a", outputExtension: ".webp" }, "which is no extension"],
    [{ command: "a", outputExtension: "a/b" }, "which is no extension"],
    [{ command: "a", timeout: "0" }, "which leaves no time"],
    [{ command: "a", timeout: "soon" }, "which is not a time"],
    [{ command: "a", memory: "lots" }, "which is no amount of bytes"],
    [{ command: "a", maxOutput: "0" }, "which is no amount of bytes"],
    [{ command: "a", nice: "20" }, "which is not a whole number from 0 to 19"],
    [{ command: "a", unchangedExitCodes: "0" }, "which is no list of exit codes"],
    [{ command: "a", shell: "true" }, "Expected no excess property"],
  ] as const) {
    it(`${JSON.stringify(attributes)} is a mistake`, () => assert.include(wrong(attributes), problem))
  }

  it("mean what they say", () => {
    const settings = settingsOf({
      command: `awk '{print}' "|" {input}`,
      extensions: "JPG:jpeg",
      outputExtension: "webp",
      timeout: "30",
      memory: "512M",
      maxOutput: "1.5k",
      nice: "10",
      unchangedExitCodes: "98:99",
    })
    assert.deepStrictEqual(settings, {
      command: { program: "awk", parameters: ["{print}", "|", "{input}"] },
      extensions: new Set(["jpg", "jpeg"]),
      outputExtension: "webp",
      timeout: 30_000,
      memory: 512 * 1024 * 1024,
      maxOutput: 1536,
      nice: 10,
      unchangedExitCodes: new Set([98, 99]),
    })
    assert.strictEqual(settingsOf({ command: "a", timeout: "10min" }).timeout, 600_000)
  })
})
