import { spawnSync } from "node:child_process"
import vm from "node:vm"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { googleClosureCompiler } from "../../../src/layers/processors/googleClosureCompiler.ts"
import { filter } from "../../../src/layers/processors/minify/filter.ts"
import { yuiCompressor } from "../../../src/layers/processors/yuiCompressor.ts"
import { processorContract } from "../../contract/processor.ts"
import { bytesOf, minified, packageFile, processed } from "./minify/run.ts"

const hasJava = spawnSync("java", ["-version"]).status === 0
const hasClosure = process.platform === "linux" && process.arch === "x64"
/** Where this says so, missing programs are a failure instead of a reason to leave tests out. */
const required = process.env["REQUIRE_SERVERS"] === "1"

const script = bytesOf(
  "/*! Licence */\n;var shown = 1 ;\nfunction visible ( parameter ) { return parameter + shown ; }\n",
)

/** A library of a language that both programs know, and something to ask it: hashes and signatures. */
const library = () => packageFile("tweetnacl/nacl-fast.js")
const question = `(function () {
  var bytes = new Uint8Array(300); for (var i = 0; i < 300; i++) bytes[i] = i * 7 % 256
  var keys = self.nacl.sign.keyPair.fromSeed(bytes.subarray(0, 32)); var box = self.nacl.box.keyPair.fromSecretKey(bytes.subarray(32, 64))
  return [self.nacl.hash(bytes), self.nacl.sign(bytes, keys.secretKey), self.nacl.secretbox(bytes, bytes.subarray(0, 24), bytes.subarray(0, 32)),
    self.nacl.box.before(box.publicKey, box.secretKey), Object.keys(self.nacl).sort()].join() })()`
const answer = (text: string) => {
  const context = vm.createContext({ self: {} })
  vm.runInContext(text, context)
  return String(vm.runInContext(question, context))
}

describe.skipIf(!hasJava && !required)("with Java", () => {
  processorContract(yuiCompressor, {
    live: true,
    settings: undefined,
    examples: [
      {
        path: "css/site.css",
        bytes: bytesOf("/*! Licence */\na {\n  color : #aabbcc ;\n}\n"),
        output: bytesOf("/*! Licence */a{color:#abc}"),
        uniqueName: false,
      },
    ],
  })

  describe("YUI Compressor", () => {
    it.live("is available here", () => yuiCompressor.available ?? Effect.die("it does not say"))

    it.live("makes scripts smaller that do the same", () =>
      Effect.gen(function* () {
        const smaller = yield* minified(yuiCompressor, "js/app.js", new TextDecoder().decode(script))
        assert.strictEqual(smaller.trim(), "/*! Licence */\n;var shown=1;function visible(a){return a+shown};")
        const source = library()
        const small = yield* minified(yuiCompressor, "nacl.js", source)
        assert.isBelow(small.length, source.length * 0.7)
        assert.isAbove(answer(source).length, 1000)
        assert.strictEqual(answer(small), answer(source))
      }),
    )

    it.live("names line and column of what it does not understand, and what does", () =>
      Effect.gen(function* () {
        const error = yield* Effect.flip(minified(yuiCompressor, "js/app.js", "var a = 1;\nconst f = () => 1;\n"))
        assert.deepInclude(error, {
          _tag: "ProcessorError",
          processor: "yui_compressor.YUICompressor",
          path: "js/app.js",
        })
        assert.match(error.message, /line 2, column \d+: .*use minify\.JS in its place/)
      }),
    )

    it.live("refuses to break what it is known to break", () =>
      Effect.gen(function* () {
        for (const text of [
          "a { width : calc( 100% + 2px ) }",
          "a { width: max(1px + 2vw, 3px); color : red }",
          "@supports not (display: grid) { a { b : c } }",
        ]) {
          const error = yield* Effect.flip(minified(yuiCompressor, "css/site.css", text))
          assert.match(error.message, /would break it: .* Use minify\.CSS/, text)
        }
        assert.strictEqual(
          yield* minified(
            yuiCompressor,
            "a.css",
            "@media screen and (max-width: 1px) { a + b { c : d - e ; width : calc( 1px * 2 ) } }",
          ),
          "@media screen and (max-width:1px){a+b{c:d - e;width:calc(1px * 2)}}",
        )
      }),
    )

    it.live("leaves out a reference to a source map of other text, and leaves minified files alone", () =>
      Effect.gen(function* () {
        assert.strictEqual(
          yield* minified(yuiCompressor, "a.css", "a { b : c }\n/*# sourceMappingURL=a.css.map */"),
          "a{b:c}",
        )
        assert.strictEqual(
          (yield* processed(yuiCompressor, { path: "a.min.js", bytes: bytesOf("var  a") })).origin,
          "source",
        )
      }),
    )
  })
})

describe.skipIf(!hasClosure && !required)("with Closure Compiler", () => {
  processorContract(googleClosureCompiler, {
    live: true,
    settings: undefined,
    examples: [
      {
        path: "js/app.js",
        bytes: bytesOf("var shown = 1 ;\n\nfunction visible ( parameter ) { return parameter + shown ; }\n"),
        output: bytesOf("var shown=1;function visible(a){return a+shown};\n"),
        uniqueName: false,
      },
    ],
  })

  describe("Closure Compiler", () => {
    it.live("is available here", () => googleClosureCompiler.available ?? Effect.die("it does not say"))

    it.live("makes scripts smaller that do the same", () =>
      Effect.gen(function* () {
        const source = library()
        const small = yield* minified(googleClosureCompiler, "nacl.js", source)
        assert.isBelow(small.length, source.length * 0.7)
        assert.isAbove(answer(source).length, 1000)
        assert.strictEqual(answer(small), answer(source))
        // oxlint-disable-next-line no-control-regex -- it is what is asserted
        assert.match(yield* minified(googleClosureCompiler, "a.js", 'var a = "\\u00e9" ;\n\n'), /^[\x00-\x7f]*$/)
      }),
    )

    it.live("keeps a script strict, licences, debugger and today's syntax", () =>
      Effect.gen(function* () {
        const text = `/** @license L */\n"use strict";  debugger ; const f = async ( a , ...b ) => a?.b ?? { ...b } ;\n`
        const smaller = yield* minified(googleClosureCompiler, "a.js", text)
        assert.match(smaller, /use strict/)
        for (const part of ["L", "debugger", "?.", "??", "async", "..."]) assert.include(smaller, part)
        assert.notMatch(yield* minified(googleClosureCompiler, "a.js", "var a = 1 ;  with ( a ) { b }"), /use strict/)
      }),
    )

    it.live("names line and column of what it does not understand, and what does", () =>
      Effect.gen(function* () {
        const error = yield* Effect.flip(minified(googleClosureCompiler, "js/app.js", "var a = 1;\nvar b = ;\n"))
        assert.match(error.message, /line 2, column 9: .*use minify\.JS in its place/i)
        const module = yield* Effect.flip(
          minified(googleClosureCompiler, "js/m.js", "export const longName = 1 ;  use( longName )"),
        )
        assert.match(module.message, /module.* Use minify\.JS/)
      }),
    )
  })
})

describe("what such a program is started with", () => {
  const node = (code: string) => ({ program: process.execPath, words: ["-e", code] })

  it.live("is given the file and heard out", () =>
    Effect.gen(function* () {
      const said = yield* filter(
        node("process.stdin.pipe(process.stdout); console.error('hm'); process.exitCode = 3"),
        script,
      )
      assert.deepStrictEqual(
        { ...said, output: Buffer.from(said.output).toString() },
        {
          output: new TextDecoder().decode(script),
          messages: "hm\n",
          code: 3,
          problem: undefined,
        },
      )
    }),
  )

  it.live("is ended when it takes too long or says too much, with what it started", () =>
    Effect.gen(function* () {
      const slow = yield* filter(node("setInterval(() => {}, 1000)"), script, 300)
      assert.strictEqual(slow.problem, "it took longer than 0 seconds")
      const loud = yield* filter(
        node("const b = Buffer.alloc(1 << 20); const go = () => process.stdout.write(b, go); go()"),
        script,
      )
      assert.match(loud.problem ?? "", /it printed more than 67108864 bytes/)
      assert.strictEqual(loud.output.length, 67_108_864)
    }),
  )

  it.live("is ended when nobody waits for it any more", () =>
    Effect.gen(function* () {
      const fiber = yield* Effect.forkChild(filter(node("setInterval(() => {}, 1000)"), script))
      const children = () =>
        spawnSync("ps", ["--ppid", String(process.pid), "-o", "args="], { encoding: "utf8" }).stdout.match(
          /setInterval/g,
        )?.length ?? 0
      while (children() === 0) yield* Effect.sleep(5)
      yield* Fiber.interrupt(fiber)
      for (let look = 0; children() > 0; look++) {
        assert.isBelow(look, 500, "it still runs")
        yield* Effect.sleep(10)
      }
    }),
  )

  it.live("that it does not read, or is not there, is no crash", () =>
    Effect.gen(function* () {
      const deaf = yield* filter(node("process.stdin.destroy(); process.exit(0)"), new Uint8Array(5_000_000))
      assert.strictEqual(deaf.code, 0)
      const missing = yield* filter({ program: "there-is-no-such-program", words: [] }, script)
      assert.match(missing.problem ?? "", /can not be started/)
    }),
  )
})

describe("without their programs", () => {
  it.live("both say what to install, and what needs nothing", () =>
    Effect.gen(function* () {
      const path = process.env["PATH"]
      const error = yield* Effect.acquireUseRelease(
        Effect.sync(() => void (process.env["PATH"] = "/nowhere")),
        () => Effect.flip(yuiCompressor.available ?? Effect.void),
        () => Effect.sync(() => void (process.env["PATH"] = path)),
      )
      for (const part of ["Java", "apt-get install", "minify.CSS", "minify.JS"]) assert.include(error.message, part)
    }),
  )
})
