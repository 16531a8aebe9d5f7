import { SourceMap } from "node:module"
import vm from "node:vm"
import { assert, describe, it } from "@effect/vitest"
import { parse } from "acorn"
import { Effect } from "effect"
import { javaScript } from "../../../../src/layers/processors/minify.ts"
import { processorContract } from "../../../contract/processor.ts"
import { bytesOf, minified, packageFile, processed } from "./run.ts"

processorContract(javaScript, {
  live: true,
  settings: undefined,
  examples: [
    { path: "js/app.js", bytes: bytesOf("var alpha = 1 ;\nalpha ++ ;\n"), output: bytesOf("var alpha=1;alpha++;") },
    { path: "latin.js", bytes: Uint8Array.from([0x22, 0xe9, 0x22, 32, 32, 59]), baseName: "latin.js" },
    { path: "empty.js", bytes: new Uint8Array(0), output: new Uint8Array(0) },
    { path: "comment.mjs", bytes: bytesOf("// nothing else\n"), output: bytesOf("// nothing else\n") },
  ].map((example) => ({ ...example, uniqueName: false })),
})

const minify = (text: string, path = "app.js") => minified(javaScript, path, text)

const timers = { setTimeout, clearTimeout, setInterval, clearInterval, console }

/** What a script leaves behind, with nothing but what it is given. */
const run = (script: string, given: Readonly<Record<string, unknown>> = {}) => {
  const context = vm.createContext({ ...given })
  vm.runInContext(script, context)
  return context
}

/** Anything a script may ask of a document, for libraries that look for one when they are loaded. */
const anything = (): unknown => {
  const self: object = new Proxy(function () {}, {
    get: (target, key) => {
      if (key === Symbol.toPrimitive) return () => ""
      if (key === "length") return 0
      if (key === "nodeType") return 9
      if (key in target) return Reflect.get(target, key)
      return self
    },
    set: () => true,
    apply: () => self,
    construct: () => self,
  })
  return self
}

/** A browser's window as far as such a library looks at it before it is used. */
const inWindow = (script: string) => {
  const document = anything()
  const given: Record<string, unknown> = {
    ...timers,
    document,
    navigator: { userAgent: "" },
    location: { href: "http://localhost/" },
    XMLHttpRequest: anything(),
    HTMLElement: function () {},
    Element: function () {},
    MutationObserver: anything(),
    addEventListener: () => undefined,
  }
  given["window"] = given
  const context = vm.createContext(given)
  vm.runInContext("var self = this; window = this;", context)
  vm.runInContext(script, context)
  return context
}

const oldest = [5, 2015, 2016, 2017, 2018, 2019, 2020, 2021, 2022, 2025] as const
const needs = (script: string) =>
  oldest.find((ecmaVersion) => {
    try {
      parse(script, { ecmaVersion, sourceType: "script" })
      return true
    } catch {
      return false
    }
  })

describe("minify.JS", () => {
  it.live("d3 computes the same", () =>
    Effect.gen(function* () {
      const source = packageFile("d3/dist/d3.js")
      const smaller = yield* minify(source)
      assert.isBelow(smaller.length, source.length * 0.5)
      const use = `JSON.stringify([
        d3.extent([3,1,2]), d3.ticks(0,1,7), d3.format(",.2f")(-1234567.891), d3.format(".3s")(42e6),
        d3.scaleLinear([0,10],["red","blue"])(3), d3.interpolateRgb("#123456","gold")(0.37), d3.hsl("steelblue").darker(2)+"",
        d3.utcFormat("%A %-d %B %Y %H:%M:%S.%L %j %U %V")(new Date(1e12)), +d3.utcParse("%d/%m/%y")("11/09/20"),
        d3.csvParse('a,b\\n1,"x ""y"""\\n'), d3.tsvFormat([{a:1,b:"t\\tt"}]),
        d3.line().curve(d3.curveCatmullRom)([[0,0],[1,3],[2,1],[5,5]]), d3.arc()({innerRadius:1,outerRadius:4,startAngle:0,endAngle:2}),
        d3.geoPath(d3.geoAlbersUsa())({type:"LineString",coordinates:[[-100,40],[-90,35],[-80,41]]}),
        d3.geoPath(d3.geoOrthographic())({type:"Polygon",coordinates:[[[0,0],[40,0],[40,40],[0,40],[0,0]]]}),
        d3.pack().size([9,9])(d3.hierarchy({children:[{v:1},{v:5},{children:[{v:2}]}]}).sum(d=>d.v)).leaves().map(d=>[d.x,d.y,d.r]),
        d3.treemap().size([90,60])(d3.hierarchy({children:[{v:1},{v:5}]}).sum(d=>d.v)).leaves().map(d=>[d.x0,d.y1]),
        Array.from(d3.Delaunay.from([[0,0],[1,0],[0,1],[2,2]]).triangles), d3.polygonHull([[0,0],[1,1],[2,0],[1,5]]),
        d3.rollups(["a","b","a"],v=>v.length,d=>d), d3.bin()([1,2,2,3,9]), d3.chord()([[1,2],[3,4]]).groups,
        d3.stack().keys(["a","b"]).offset(d3.stackOffsetWiggle)([{a:1,b:2},{a:3,b:1}]), d3.version,
        d3.quantile([1,5,2,8],0.3), d3.contours().size([3,3]).thresholds([1])([0,1,2,3,0,1,2,2,1]).map(c=>c.coordinates),
        d3.forceSimulation([{},{},{}]).force("c",d3.forceManyBody()).stop().tick(20).nodes().map(n=>n.x)
      ])`
      const [left, right] = [source, smaller].map((script) => vm.runInContext(use, run(script, timers)))
      assert.strictEqual(right, left)
      assert.isAbove(String(left).length, 1500)
    }),
  )

  it.live("rxjs, as a classic script of ES5, computes the same", () =>
    Effect.gen(function* () {
      const source = packageFile("rxjs/dist/bundles/rxjs.umd.js")
      const use = `(function () { var out = []; var r = rxjs;
        r.range(1, 20).pipe(r.filter(function (x) { return x % 3 }), r.scan(function (a, b) { return a + b }, 0), r.bufferCount(4, 2),
          r.mergeMap(function (x) { return r.from(x) }), r.distinctUntilChanged(), r.materialize()).subscribe(function (x) { out.push(x) });
        var s = new r.BehaviorSubject(1); r.combineLatest([s, r.of(1, 2)]).pipe(r.catchError(function (e) { return r.of(String(e)) }))
          .subscribe({ next: function (x) { out.push(x) }, complete: function () { out.push("done") } }); s.next(2); s.error(new Error("no"));
        return JSON.stringify(out) })()`
      const smaller = yield* minify(source)
      const [left, right] = [source, smaller].map((script) => vm.runInContext(use, run(script, timers)))
      assert.strictEqual(right, left)
      assert.isAbove(String(left).length, 300)
    }),
  )

  it.live("jQuery computes the same, and bootstrap has the same parts", () =>
    Effect.gen(function* () {
      const source = packageFile("jquery/dist/jquery.js")
      const use = `(function () { var seen = [];
        var d = jQuery.Deferred(); d.progress(function (x) { seen.push("p" + x) }).done(function (x) { seen.push("d" + x) }); d.notify(1); d.resolve(2); d.reject(3);
        var c = jQuery.Callbacks("once memory unique"); var f = function (x) { seen.push(x) }; c.add(f, f); c.fire("a"); c.fire("b"); c.add(f);
        return JSON.stringify([jQuery.param({ a: [1, { b: 2 }], c: "ä &" }), jQuery.extend(true, { x: { y: 1 } }, { x: { z: [1] } }),
          jQuery.map([1, [2, 3]], function (x) { return x }), jQuery.grep([1, 2, 3], function (x) { return x > 1 }, true), jQuery.isPlainObject({}), jQuery.isPlainObject(new Date()),
          jQuery.merge([1], [2]), jQuery.inArray(3, [1, 3]), jQuery.isEmptyObject({}), jQuery.Event("click", { a: 1 }).type, jQuery.fn.jquery,
          Object.keys(jQuery).length, Object.keys(jQuery.fn).sort().join(), seen]) })()`
      const smaller = yield* minify(source)
      const [left, right] = [source, smaller].map((script) => vm.runInContext(use, inWindow(script)))
      assert.strictEqual(right, left)
      assert.include(String(left), "slideToggle")

      const bootstrap = packageFile("bootstrap/dist/js/bootstrap.bundle.js")
      const parts = `JSON.stringify(Object.entries(bootstrap).map(([name, part]) => [name, part.NAME, part.DATA_KEY, part.EVENT_KEY, part.VERSION,
        Object.getOwnPropertyNames(part.prototype).sort(), part.Default, part.DefaultType && Object.keys(part.DefaultType)]))`
      const found = [bootstrap, yield* minify(bootstrap)].map((script) => vm.runInContext(parts, inWindow(script)))
      assert.strictEqual(found[1], found[0])
      assert.include(String(found[0]), "Offcanvas")
    }),
  )

  it.live("runs wherever the file did: no syntax is later than its own", () =>
    Effect.gen(function* () {
      for (const [path, edition] of [
        ["jquery/dist/jquery.js", 5],
        ["rxjs/dist/bundles/rxjs.umd.js", 5],
        ["bootstrap/dist/js/bootstrap.js", 2018],
        ["d3/dist/d3.js", 2016],
      ] as const) {
        const source = packageFile(path)
        assert.strictEqual(needs(source), edition, path)
        assert.strictEqual(needs(yield* minify(source)), edition, path)
      }
      const old = `var o = { a: a }; x = a == null ? b : a; y = a === null || a === void 0 ? void 0 : a.b; if (!q) q = 1
        try { z() } catch (e) {} s = "a\\nb\\nc\\nd\\ne\\nf"; t = "\\ud83d\\ude00"; u = Math.pow(2, a)`
      assert.strictEqual(needs(yield* minify(old)), 5)
      const methods = "var o = { m() { return 1 } , [ 'k' ] : 2 , get g() { return a == null ? b : c } }"
      assert.strictEqual(needs(yield* minify(methods)), 2015)
      const late = "const f = () => a ?? b; o = { f: f }; q ||= 1; try { z() } catch (e) {}"
      assert.strictEqual(needs(yield* minify(late)), 2021)
      assert.include(yield* minify(late), "{f}")
    }),
  )

  it.live("keeps what other files can see of a script, and nothing else", () =>
    Effect.gen(function* () {
      const text = `var longVariable = 1; let longLet = 2; const longConst = 3; class LongClass {} function longFunction(longParameter) { return longParameter * longConst }
        function neverCalled() {} undeclared = longFunction(longLet)`
      const smaller = yield* minify(text)
      assert.notInclude(smaller, "longParameter")
      const context = run(
        `${smaller}; var all = [longVariable, longLet, longConst, typeof LongClass, longFunction(1), typeof neverCalled, undeclared].join()`,
      )
      assert.strictEqual(context["all"], "1,2,3,function,3,function,6")
    }),
  )

  it.live("recognises modules: what they export stays, what they do not gets short", () =>
    Effect.gen(function* () {
      const text = `import { x as imported } from "./y.js"; const longInner = imported + 1; export const shown = longInner; export default function () { return await0 }; var await0 = longInner; export { longInner as other }`
      for (const path of ["module.js", "module.mjs"]) {
        const smaller = yield* minify(text, path)
        assert.notInclude(smaller, "longInner")
        const body = parse(smaller, { ecmaVersion: "latest", sourceType: "module" }).body
        assert.deepStrictEqual(
          body
            .filter(({ type }) => /^(?:Import|Export)/.test(type))
            .map(({ type }) => type)
            .sort(),
          ["ExportDefaultDeclaration", "ExportNamedDeclaration", "ExportNamedDeclaration", "ImportDeclaration"],
        )
        for (const name of ["shown", "other", "x", "./y.js"]) assert.match(smaller, new RegExp(`\\b${name}\\b|${name}`))
      }
      assert.include(yield* minify("const topLevel = await fetch( 'x' ); use( topLevel )"), "await fetch")
    }),
  )

  it.live("keeps strict mode, directives, debugger, labels, with, hashbangs and comments of licences", () =>
    Effect.gen(function* () {
      const script = `#!/usr/bin/env node
/*! Licence A */
// an ordinary remark
/** @license B */
//! C
/** @preserve D */
(function () { "use strict"; debugger; answer = (function () { return typeof this })() })()`
      const smaller = yield* minify(script)
      assert.isTrue(smaller.startsWith("#!/usr/bin/env node\n"))
      for (const part of ["Licence A", "@license B", "! C", "@preserve D", '"use strict"', "debugger"])
        assert.include(smaller, part)
      assert.notInclude(smaller, "ordinary")
      const strict = `var kind = (function () { "use strict"; var inner = function () { return typeof this }; return inner() })(), sloppy = (function () { return typeof this })()`
      const context = run(yield* minify(strict))
      assert.deepStrictEqual([context["kind"], context["sloppy"]], ["undefined", "object"])
      const legacy = run(
        yield* minify(
          "var o = { p : 1 }; with ( o ) { p = 2 } ; outer : for ( ; ; ) { for ( ; ; ) { break outer } } ; var octal = 010",
        ),
      )
      assert.deepStrictEqual([legacy["o"].p, legacy["octal"]], [2, 8])
    }),
  )

  it.live("computes constants as the language does", () =>
    Effect.gen(function* () {
      const text = `var all = [ +"INFINITY", +"x", -0, 1 / -0, "\\u{10000}" > "\\uFFFF", 0.1 + 0.2, 1e21 + "", "b" + -0, 2 ** 53 + 1, 010 + 1, typeof null, [] + {}, 5 % -3, -5 % 3, 1 << 31, ~~-1.5, "a" < "B", null == 0, NaN != NaN, void 0 ] . map ( String ) . join ( )`
      assert.strictEqual(run(yield* minify(text))["all"], run(text)["all"])
    }),
  )

  it.live("text that is ASCII stays ASCII, other text stays text, a byte order mark stays where it is needed", () =>
    Effect.gen(function* () {
      const ascii = yield* minify('var a = "\\u00e9\\u2028\\ud83d\\ude00" ;  // x')
      // oxlint-disable-next-line no-control-regex -- it is what is asserted
      assert.match(ascii, /^[\x00-\x7f]*$/)
      assert.strictEqual(run(ascii)["a"], "\u00e9\u2028\u{1f600}")
      assert.strictEqual(yield* minify('var a = "\u00e9" ;  // x'), 'var a="\u00e9";')
      assert.strictEqual(yield* minify('\uFEFFvar a = "\u00e9" ;  // x'), '\uFEFFvar a="\u00e9";')
      assert.strictEqual(yield* minify('\uFEFFvar a = "e" ;  // \u00e9'), 'var a="e";')
    }),
  )

  it.live("a script in a page does not end its element", () =>
    Effect.gen(function* () {
      assert.notInclude(yield* minify('var a = "<\\/script>" ; var b = "<\\/SCRIPT >" ; // x'), "</")
    }),
  )

  it.live("names line and column of a mistake", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(minify("var a = 1\nvar b = ;\n", "js/app.js"))
      assert.deepInclude(error, { _tag: "ProcessorError", processor: "minify.JS", path: "js/app.js" })
      assert.include(error.message, "line 2, column 9: Unexpected")
    }),
  )

  it.live("a file that is minified already is not looked at, whatever came behind its name", () =>
    Effect.gen(function* () {
      for (const path of ["a.min.js", "a-min.js", "a.min_1240668971.js", "A.MIN.JS"]) {
        const { origin } = yield* processed(javaScript, { path, bytes: bytesOf("var a = ;") })
        assert.strictEqual(origin, "source", path)
      }
      for (const path of ["admin.js", "minutes.js", "a.minor.js"]) {
        assert.strictEqual(yield* minify("var a = 1 ;", path), "var a=1;", path)
      }
    }),
  )
})

describe("minify.JS and source maps", () => {
  /** `original.ts` says what was on line 11, column 4. */
  const map = {
    version: 3,
    sources: ["original.ts"],
    sourcesContent: ["\n".repeat(10) + "let throwing = 1"],
    names: [],
    // The word `throwing` of the first line is at line 11, column 4 of the original.
    mappings: "IAUI",
  }
  const comment = (made: object) =>
    `//# sourceMappingURL=data:application/json;charset=utf-8;base64,${Buffer.from(JSON.stringify(made)).toString("base64")}`
  const program = `var throwing = function ( parameter ) {\n  /* a remark that makes it longer than it will be ${"x".repeat(600)} */\n  return parameter }`

  it.live("a map in the file is brought in line with the result", () =>
    Effect.gen(function* () {
      const smaller = yield* minify(`${program}\n${comment(map)}\n`)
      const [code = "", url = ""] = smaller.split("//# sourceMappingURL=data:application/json;base64,")
      assert.match(code, /^var throwing=/)
      const composed = JSON.parse(Buffer.from(url.trim(), "base64").toString("utf8"))
      assert.deepStrictEqual(composed.sources, ["original.ts"])
      assert.deepStrictEqual(composed.sourcesContent, map.sourcesContent)
      const entry = new SourceMap(composed).findEntry(0, code.indexOf("throwing"))
      assert.deepInclude(entry, { originalSource: "original.ts", originalLine: 10, originalColumn: 4 })
    }),
  )

  it.live("a reference to a map in another file is left out: that map is of other text", () =>
    Effect.gen(function* () {
      for (const end of [
        "//# sourceMappingURL=app.js.map",
        "//@ sourceMappingURL=app.js.map\n",
        "/*# sourceMappingURL=app.js.map */",
      ]) {
        const smaller = yield* minify(`${program}\n${end}`)
        assert.notInclude(smaller, "sourceMapping")
        assert.isAbove(smaller.length, 10)
      }
    }),
  )

  it.live("a map that can not be read is left out", () =>
    Effect.gen(function* () {
      for (const end of [
        "//# sourceMappingURL=data:application/json;base64,e30=",
        "//# sourceMappingURL=data:application/json,%7B",
      ]) {
        assert.notInclude(yield* minify(`${program}\n${end}`), "sourceMapping")
      }
    }),
  )

  it.live("text that speaks of a map in the middle refers to none", () =>
    Effect.gen(function* () {
      const smaller = yield* minify(
        `var text = "//# sourceMappingURL=data:application/json;base64,${"A".repeat(30)}" ;   text  ++`,
      )
      assert.include(smaller, "sourceMappingURL=data:")
      assert.isTrue(smaller.endsWith("text++;"))
    }),
  )
})
