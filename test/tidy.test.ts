/** The rules of the rooms, enforced. Each rule comes with a fixture that breaks it. */
import { readdirSync, readFileSync } from "node:fs"
import * as nodePath from "node:path"
import { fileURLToPath } from "node:url"
import { assert, describe, it } from "@effect/vitest"

const project = fileURLToPath(new URL("..", import.meta.url))

/** Files over the limit of lines, each with the reason why it stays in one piece. */
const longFiles: Readonly<Record<string, string>> = {
  "src/domain/Limits.ts": "one list of every bound of the system, so that a person finds them all in one place",
}
const LINES = 400

/** Modules of effect that may still change between minor versions: they stay at the edge. */
const unstable = new Set(
  [
    "Arbitrary",
    "ByteSize",
    "ErrorReporter",
    "ExecutionPlan",
    "FileSystem",
    "LayerMap",
    "LayerRef",
    "PartitionedSemaphore",
    "Path",
    "PlatformError",
  ].map((name) => `effect/${name}`),
)

interface SourceFile {
  /** Relative to the project, with "/" separators. */
  readonly path: string
  readonly text: string
}

interface Rule {
  readonly name: string
  readonly check: (file: SourceFile) => ReadonlyArray<string>
  /** Files that break the rule, and one that does not. */
  readonly broken: ReadonlyArray<SourceFile>
  readonly fine: ReadonlyArray<SourceFile>
}

/** Code without comments and without what is between quotes; line breaks stay, so lines keep their numbers. */
const codeOf = (text: string): string => {
  const blank = (from: number, to: number) => text.slice(from, to).replaceAll(/[^\n]/g, " ")
  let code = ""
  let at = 0
  const templates: Array<number> = []
  const skipTemplate = () => {
    const from = at
    while (at < text.length && text[at] !== "`" && !text.startsWith("${", at)) at += text[at] === "\\" ? 2 : 1
    code += blank(from, at)
    if (text.startsWith("${", at)) {
      templates.push(0)
      code += "  "
      at += 2
    } else {
      code += "`"
      at += 1
    }
  }
  while (at < text.length) {
    const char = text[at] ?? ""
    const rest = text.slice(at, at + 2)
    const inner = templates.length - 1
    if (rest === "//" || rest === "/*") {
      const end = rest === "//" ? text.indexOf("\n", at) : text.indexOf("*/", at) + 2
      const to = end < 2 ? text.length : end
      code += blank(at, to)
      at = to
    } else if (char === '"' || char === "'") {
      let to = at + 1
      while (to < text.length && text[to] !== char && text[to] !== "\n") to += text[to] === "\\" ? 2 : 1
      code += `"${blank(at + 1, to)}"`
      at = to + 1
    } else if (char === "`") {
      code += "`"
      at += 1
      skipTemplate()
    } else if (char === "/" && /(?:^|[(,=:[!&|?{};>]|\breturn)\s*$/.test(code.slice(-20))) {
      let to = at + 1
      let inClass = false
      while (to < text.length && text[to] !== "\n" && (inClass || text[to] !== "/")) {
        if (text[to] === "[") inClass = true
        if (text[to] === "]") inClass = false
        to += text[to] === "\\" ? 2 : 1
      }
      code += blank(at, to + 1)
      at = to + 1
    } else {
      if (inner >= 0 && char === "{") templates[inner] = (templates[inner] ?? 0) + 1
      if (inner >= 0 && char === "}") {
        if (templates[inner] === 0) {
          templates.pop()
          code += " "
          at += 1
          skipTemplate()
          continue
        }
        templates[inner] = (templates[inner] ?? 0) - 1
      }
      code += char
      at += 1
    }
  }
  return code
}

/** Text without comments, strings kept: for import lines. */
const importsOf = (file: SourceFile): ReadonlyArray<string> =>
  Array.from(
    file.text.matchAll(
      /^\s*(?:import|export)\b[^"'`;]*?\bfrom\s*["']([^"']+)["']|^\s*import\s*["']([^"']+)["']|\bimport\(\s*["']([^"']+)["']/gm,
    ),
    ([, from, bare, dynamic]) => from ?? bare ?? dynamic ?? "",
  )

type Room = "domain" | "streams" | "layers" | "main"

const roomOf = (path: string): Room | undefined => {
  if (!path.startsWith("src/")) return undefined
  const [, room] = path.split("/")
  return room === "domain" || room === "streams" || room === "layers" ? room : "main"
}

const mayImport: Readonly<Record<Room, ReadonlyArray<Room>>> = {
  domain: ["domain"],
  streams: ["streams", "domain"],
  layers: ["layers", "domain"],
  main: ["main", "domain", "streams", "layers"],
}

const isPure = (file: SourceFile): boolean =>
  file.path.startsWith("src/domain/") || file.path.startsWith("src/streams/")
const isSource = (file: SourceFile): boolean => file.path.startsWith("src/") && file.path.endsWith(".ts")
const isCode = (file: SourceFile): boolean => /\.(?:ts|mts|js|mjs)$/.test(file.path)
const isThis = (file: SourceFile): boolean => file.path === "test/tidy.test.ts"

/** A rule that forbids words in code, with what to use instead. */
const forbidden = (
  name: string,
  applies: (file: SourceFile) => boolean,
  words: ReadonlyArray<readonly [RegExp, string]>,
  fixture: { readonly path: string; readonly broken: ReadonlyArray<string>; readonly fine: ReadonlyArray<string> },
): Rule => ({
  name,
  check: (file) => {
    if (!applies(file) || isThis(file)) return []
    const lines = codeOf(file.text).split("\n")
    return lines.flatMap((line, index) =>
      words.flatMap(([word, instead]) =>
        word.test(line) ? [`${file.path}:${index + 1} ${word.source}: ${instead}`] : [],
      ),
    )
  },
  broken: fixture.broken.map((text) => ({ path: fixture.path, text })),
  fine: fixture.fine.map((text) => ({ path: fixture.path, text })),
})

const imports = (
  name: string,
  check: (file: SourceFile, specifier: string) => string | undefined,
  broken: ReadonlyArray<SourceFile>,
  fine: ReadonlyArray<SourceFile>,
): Rule => ({
  name,
  check: (file) =>
    isCode(file) && !isThis(file)
      ? importsOf(file).flatMap((specifier) => {
          const wrong = check(file, specifier)
          return wrong === undefined ? [] : [`${file.path} imports ${specifier}: ${wrong}`]
        })
      : [],
  broken,
  fine,
})

const rules: ReadonlyArray<Rule> = [
  imports(
    "main -> streams -> domain <- layers <- main",
    (file, specifier) => {
      const room = roomOf(file.path)
      if (room === undefined || !specifier.startsWith(".")) return undefined
      const target = roomOf(nodePath.posix.join(nodePath.posix.dirname(file.path), specifier))
      if (target === undefined) return "what is built does not depend on what is around it"
      return mayImport[room].includes(target) ? undefined : `${room} knows nothing of ${target}`
    },
    [
      { path: "src/streams/a.ts", text: 'import { x } from "../layers/b.ts"' },
      { path: "src/layers/memory/a.ts", text: 'import type { X } from "../../streams/b.ts"' },
      { path: "src/domain/a.ts", text: 'export * from "../streams/b.ts"' },
      { path: "src/domain/a.ts", text: 'import {\n  x,\n  y,\n} from "../layers/b.ts"' },
      { path: "src/streams/a.ts", text: 'const x = import("../main.ts")' },
      { path: "src/layers/a.ts", text: 'import "../index.ts"' },
      { path: "src/layers/a.ts", text: 'import { x } from "../../test/b.ts"' },
    ],
    [
      { path: "src/main.ts", text: 'import { x } from "./layers/a.ts"\nimport { y } from "./streams/b.ts"' },
      { path: "src/layers/memory/a.ts", text: 'import { x } from "../../domain/Path.ts"\nimport "./b.ts"' },
      { path: "src/index.ts", text: 'export { x } from "./streams/b.ts"' },
    ],
  ),
  imports(
    "domain imports its neighbours and stable modules of effect, nothing else",
    (file, specifier) => {
      if (!file.path.startsWith("src/domain/") || /^\.\/[A-Za-z]+\.ts$/.test(specifier)) return undefined
      return /^effect\/[A-Z][A-Za-z]+$/.test(specifier) && !unstable.has(specifier) ? undefined : "domain is pure"
    },
    [
      { path: "src/domain/a.ts", text: 'import * as FileSystem from "effect/FileSystem"' },
      { path: "src/domain/a.ts", text: 'import { Socket } from "effect/socket"' },
      { path: "src/domain/a.ts", text: 'import { XMLParser } from "fast-xml-parser"' },
    ],
    [{ path: "src/domain/a.ts", text: 'import * as Effect from "effect/Effect"\nimport { x } from "./Path.ts"' }],
  ),
  imports(
    "streams use stable modules of effect only",
    (file, specifier) => {
      if (!file.path.startsWith("src/streams/") || specifier.startsWith(".")) return undefined
      return /^effect\/[A-Z][A-Za-z]+$/.test(specifier) && !unstable.has(specifier)
        ? undefined
        : "it belongs in a layer"
    },
    [
      { path: "src/streams/a.ts", text: 'import * as LayerMap from "effect/LayerMap"' },
      { path: "src/streams/a.ts", text: 'import { Subject } from "rxjs"' },
    ],
    [{ path: "src/streams/a.ts", text: 'import * as Stream from "effect/Stream"' }],
  ),
  imports(
    "no barrel of effect in src: it costs memory and start-up time",
    (file, specifier) => (isSource(file) && specifier === "effect" ? 'import "effect/<Module>"' : undefined),
    [
      { path: "src/layers/a.ts", text: 'import { Effect } from "effect"' },
      { path: "src/main.ts", text: "import {\n  Effect,\n} from 'effect'" },
    ],
    [{ path: "test/a.test.ts", text: 'import { Effect } from "effect"' }],
  ),
  imports(
    "no node: modules in domain and streams",
    (file, specifier) => (isPure(file) && specifier.startsWith("node:") ? "it belongs in a layer" : undefined),
    [
      { path: "src/domain/a.ts", text: 'import { join } from "node:path"' },
      { path: "src/streams/a.ts", text: 'import type { Stats } from "node:fs"' },
    ],
    [{ path: "src/layers/a.ts", text: 'import { join } from "node:path"' }],
  ),
  forbidden(
    "no side effects in domain and streams",
    isPure,
    [
      [/\basync\b/, "use Effect"],
      [/(?<!\.)\bawait\b/, "use Effect"],
      [/(?<!\.)\btry\b/, "use Effect.try in a layer"],
      [/\bDate\.now\b/, "use Clock"],
      [/\bnew Date\b/, "use Clock or DateTime"],
      [/\bperformance\.now\b/, "use Clock"],
      [/\bMath\.random\b/, "use Random"],
      [/\bcrypto\b/, "use Random, or a service"],
      [/(?<![.\w])console\b/, "use Effect.log"],
      [/(?<![.\w])process\./, "use a service"],
      [/\bset(?:Timeout|Interval|Immediate)\b/, "use Effect.sleep"],
    ],
    {
      path: "src/streams/a.ts",
      broken: [
        "const f = async () => 1",
        "await x",
        "try {\n  x()\n} catch {}",
        "const at = Date.now()",
        "const at = new Date()",
        "const at = performance.now()",
        "const x = Math.random()",
        "const x = crypto.randomUUID()",
        "console.log(1)",
        "const x = process.env",
        "setTimeout(f, 1)",
        "const x = `at ${Date.now()}`",
        'const a = "//"; const b = Date.now()',
        "const a = /['\"]/; const b = Date.now()",
      ],
      fine: [
        "// no Date.now() here, try again",
        "/* async\n console.log */ const x = 1",
        'const x = "console.log(process.env)"',
        "const x = `Date.now() ${y} await`",
        "const x = definition.process(job)",
        "const x = Effect.try(f)",
        "const x = Latch.await(y)",
        "const x = { retry: 1, asynchronous: 2 }",
      ],
    },
  ),
  {
    name: `no file of src over ${LINES} lines without a reason`,
    check: (file) => {
      const lines = file.text.trimEnd().split("\n").length
      return isSource(file) && lines > LINES && longFiles[file.path] === undefined
        ? [`${file.path} has ${lines} lines`]
        : []
    },
    broken: [{ path: "src/layers/a.ts", text: "const x = 1\n".repeat(LINES + 1) }],
    fine: [
      { path: "src/layers/a.ts", text: "const x = 1\n".repeat(LINES) },
      { path: "test/a.test.ts", text: "const x = 1\n".repeat(LINES + 1) },
    ],
  },
  {
    name: "nothing that loads undici: it ends the process on Node 20",
    check: (file) =>
      isCode(file) && !isThis(file) && /\blayerUndici\b|platform-node\/Undici|\blayerDispatcher\w*\b/.test(file.text)
        ? [`${file.path} names a module that needs a later Node: use NodeHttpClient.layerNodeHttp`]
        : [],
    broken: [
      { path: "src/layers/a.ts", text: "const layer = NodeHttpClient.layerUndici" },
      { path: "test/a.test.ts", text: 'import * as Undici from "@effect/platform-node/Undici"' },
    ],
    fine: [{ path: "src/layers/a.ts", text: "const layer = NodeHttpClient.layerNodeHttp" }],
  },
  {
    name: "nothing is left for later",
    check: (file) =>
      isCode(file) && !isThis(file)
        ? file.text
            .split("\n")
            .flatMap((line, index) =>
              /\b(?:TODO|FIXME|XXX|HACK)\b/.test(line) ? [`${file.path}:${index + 1} ${line.trim()}`] : [],
            )
        : [],
    broken: [
      { path: "src/domain/a.ts", text: "const x = 1\n// TODO: y" },
      { path: "test/a.test.ts", text: "// FIXME" },
    ],
    fine: [{ path: "src/domain/a.ts", text: "const todo = 1" }],
  },
  forbidden(
    "no test is left out or alone",
    (file) => /^test\/.*\.ts$/.test(file.path),
    [
      [/\b(?:it|test|describe)\b[\w.]*\.only\b/, "run all tests"],
      [/\b(?:it|test|describe)\b[\w.]*\.(?:skip|todo|fails)\b/, "use skipIf with a condition"],
      [/\bx(?:it|describe|test)\(/, "use skipIf with a condition"],
    ],
    {
      path: "test/a.test.ts",
      broken: ['it.only("x", f)', 'describe.skip("x", f)', 'it.effect.skip("x", f)', 'it.todo("x")', 'xit("x", f)'],
      fine: [
        'it.effect.skipIf(root)("x", f)',
        'it.runIf(linux)("x", f)',
        "// it.only(",
        "const x = disk.fails",
        'it("skip.skip(", f)',
      ],
    },
  ),
]

/** Pages of decisions that the architecture page does not link to. */
const unlinked = (pages: ReadonlyArray<string>, architecture: string): ReadonlyArray<string> =>
  pages.filter(
    (page) => !architecture.includes(`(decisions/${page})`) && !architecture.includes(`(./decisions/${page})`),
  )

const skipped = new Set(["node_modules", "dist", ".git"])

const read = (directory: string): ReadonlyArray<SourceFile> => {
  const entries = (() => {
    try {
      return readdirSync(nodePath.join(project, directory), { withFileTypes: true })
    } catch {
      return []
    }
  })()
  return entries.flatMap((entry) => {
    const path = `${directory}/${entry.name}`
    if (skipped.has(entry.name)) return []
    if (entry.isDirectory()) return read(path)
    return entry.isFile() && /\.(?:ts|mts|js|mjs|md)$/.test(entry.name)
      ? [{ path, text: readFileSync(nodePath.join(project, path), "utf8") }]
      : []
  })
}

const files = ["src", "test", "bench", "examples", "docs"].flatMap(read)

describe("tidy", () => {
  it("looks at the project", () => {
    for (const path of ["src/domain/Path.ts", "test/tidy.test.ts"]) {
      assert.isTrue(
        files.some((file) => file.path === path),
        path,
      )
    }
  })

  for (const rule of rules) {
    describe(rule.name, () => {
      it("holds", () => {
        assert.deepStrictEqual(files.flatMap(rule.check), [])
      })
      it("notices what breaks it, and only that", () => {
        for (const file of rule.broken)
          assert.notDeepEqual(rule.check(file), [], `${file.path}: ${file.text.slice(0, 80)}`)
        for (const file of rule.fine)
          assert.deepStrictEqual(rule.check(file), [], `${file.path}: ${file.text.slice(0, 80)}`)
      })
    })
  }

  describe("every file that is allowed to be long", () => {
    it("exists, is long, and has a reason", () => {
      for (const [path, reason] of Object.entries(longFiles)) {
        const file = files.find((one) => one.path === path)
        assert.isAbove(file?.text.split("\n").length ?? 0, LINES, path)
        assert.isAbove(reason.length, 10, path)
      }
    })
  })

  describe("every decision is linked from the architecture", () => {
    const pages = files
      .filter((file) => file.path.startsWith("docs/decisions/"))
      .map((file) => nodePath.posix.basename(file.path))
    const architecture = files.find((file) => file.path === "docs/architecture.md")

    it.skipIf(architecture === undefined)("holds", () => {
      assert.deepStrictEqual(unlinked(pages, architecture?.text ?? ""), [])
    })
    it("notices a page that is not", () => {
      assert.deepStrictEqual(unlinked(["a.md", "b.md"], "see [a](decisions/a.md)"), ["b.md"])
    })
  })
})
