import { assert, describe, it } from "@effect/vitest"
import { Effect, Stream } from "effect"
import type { ProcessorDefinition } from "../../../src/domain/Processor.ts"
import { makeDisk } from "../../../src/layers/memory/disk.ts"
import { runProcessor, type Specimen } from "../../../src/layers/memory/processors.ts"
import { makeWorkspace } from "../../../src/layers/memory/workspace.ts"
import { css, html, js } from "../../../src/layers/processors/linkUpdater.ts"
import { processorContract } from "../../contract/processor.ts"

const bytes = (text: string) => Buffer.from(text)
const held = new Map([
  ["../img/a.png", "https://cdn.example/img/a_1.png"],
  ["../img/a.png?v=1#x", "https://cdn.example/img/a_1.png?v=1#x"],
  ["/drupal/b.png", "https://cdn.example/b_2.png"],
  ["./m.js", "https://cdn.example/js/m_3.js"],
  ["ü.png", "https://cdn.example/css/%C3%BC_4.png"],
])

const example = (path: string, input: string, output: string, addresses = held) => ({
  path,
  bytes: bytes(input),
  output: bytes(output),
  baseName: path.slice(path.lastIndexOf("/") + 1),
  addresses,
})

processorContract(css, {
  settings: undefined,
  examples: [
    example(
      "css/a.css",
      'a{b:url(../img/a.png?v=1#x)} /* kept */ c{d:url("../img/missing.png")}\r\n',
      'a{b:url(https://cdn.example/img/a_1.png?v=1#x)} /* kept */ c{d:url("../img/missing.png")}\r\n',
    ),
    example("css/none.css", "a{b:c}", "a{b:c}"),
    example("css/alone.css", "a{b:url(../img/a.png)}", "a{b:url(../img/a.png)}", new Map()),
    example("css/empty.css", "", ""),
  ],
})
processorContract(html, {
  settings: undefined,
  examples: [
    example(
      "sub/index.html",
      '<img src=../img/a.png style="b:url(/drupal/b.png)"><a href="../img/a.png">',
      '<img src=https://cdn.example/img/a_1.png style="b:url(https://cdn.example/b_2.png)"><a href="../img/a.png">',
    ),
  ],
})
processorContract(js, {
  settings: undefined,
  examples: [
    example(
      "js/a.js",
      "import './m.js'\nconst a = '/drupal/b.png', b = '../img/a.png'\n",
      "import 'https://cdn.example/js/m_3.js'\nconst a = 'https://cdn.example/b_2.png', b = '../img/a.png'\n",
    ),
    example("js/a.mjs", "import './m.js'", "import 'https://cdn.example/js/m_3.js'"),
  ],
})

const run = Effect.fnUntraced(function* (definition: ProcessorDefinition, specimen: Specimen) {
  const workspace = yield* makeWorkspace(yield* makeDisk)
  return yield* Effect.gen(function* () {
    const made = yield* runProcessor(definition, undefined, specimen)
    return { origin: made.content.origin, bytes: Buffer.from(yield* Stream.mkUint8Array(made.content.bytes)) }
  }).pipe(Effect.scoped, Effect.provide(workspace.layer))
})

describe("link_updater", () => {
  it("has the classic name and its two siblings, each once per server", () => {
    assert.deepStrictEqual(
      [css, html, js].map(({ name, perServer }) => [name, perServer]),
      [
        ["link_updater.CSSURLUpdater", true],
        ["link_updater.HTMLURLUpdater", true],
        ["link_updater.JSURLUpdater", true],
      ],
    )
  })

  it.effect("hands on the very content it was given where nothing changes", () =>
    Effect.gen(function* () {
      const same = new Map([["a.png", "a.png"]])
      for (const addresses of [new Map<string, string>(), same]) {
        const made = yield* run(css, { path: "a.css", bytes: bytes("a{b:url(a.png)}"), addresses })
        assert.strictEqual(made.origin, "source")
      }
    }),
  )

  it.effect("keeps bytes that are no text, and reads references beside them", () =>
    Effect.gen(function* () {
      const given = Buffer.concat([bytes("/* "), Buffer.from([0xe9, 0xff, 0x80, 0]), bytes(" */a{b:url(ü.png)}")])
      const made = yield* run(css, { path: "css/a.css", bytes: given, addresses: held })
      const [before, after] = [given.subarray(0, given.indexOf("ü.png")), bytes(")}")]
      const expected = Buffer.concat([before, bytes("https://cdn.example/css/%C3%BC_4.png"), after])
      assert.deepStrictEqual([...made.bytes], [...expected])
    }),
  )

  it.effect("leaves UTF-16 as it is", () =>
    Effect.gen(function* () {
      const given = Buffer.from("\uFEFFa{b:url(../img/a.png)}", "utf16le")
      assert.isTrue((yield* run(css, { path: "css/a.css", bytes: given, addresses: held })).bytes.equals(given))
    }),
  )

  it.effect("says where a script is not JavaScript, and what to do", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(run(js, { path: "js/a.js", bytes: bytes("let = = 1"), addresses: held }))
      assert.strictEqual(error._tag, "ProcessorError")
      assert.match(
        error.message,
        /^link_updater\.JSURLUpdater on js\/a\.js: .*JavaScript \(.*\(1:6\)\): correct the file, or/,
      )
    }),
  )

  it.effect("asks for each reference that may lead to a file, once", () =>
    Effect.gen(function* () {
      const asked: Array<string> = []
      const spy: ProcessorDefinition = {
        ...css,
        process: (job, settings) =>
          css.process(
            {
              ...job,
              addressesOf: (references) => {
                asked.push(...references)
                return Effect.succeed(new Map())
              },
            },
            settings,
          ),
      }
      const text = "a{b:url(x.png?1),url(data:,x),url(http://x/),url(#a),url(x.png?1),url('/y z.png')}"
      yield* run(spy, { path: "a.css", bytes: bytes(text) })
      assert.deepStrictEqual(asked, ["x.png?1", "/y z.png"])
    }),
  )

  it.effect("refuses to publish a file whose references nobody looks up", () =>
    Effect.gen(function* () {
      const blind: ProcessorDefinition = { ...css, perServer: false }
      const error = yield* Effect.flip(run(blind, { path: "a.css", bytes: bytes("a{}") }))
      assert.match(error.message, /nobody can tell/)
    }),
  )
})
