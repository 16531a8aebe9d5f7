import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Redacted } from "effect"
import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"
import { fileURLToPath } from "node:url"
import type { RemotePath, ServerName } from "../../../src/domain/Path.ts"
import { Processors } from "../../../src/domain/Processor.ts"
import { Transporters } from "../../../src/domain/Transporter.ts"
import { loadConfig } from "../../../src/layers/config/loadConfig.ts"
import { DiskWorkers } from "../../../src/layers/disk/DiskWorkers.ts"
import { processors } from "../../../src/layers/processors/layer.ts"
import { transporters } from "../../../src/layers/transporters/registry.ts"

const project = fileURLToPath(new URL("../../..", import.meta.url))

/** A directory of files, with this project's effect in its node_modules; removed with the scope. */
const place = (files: Readonly<Record<string, string | Uint8Array>>) =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const home = Fs.realpathSync(Fs.mkdtempSync(Path.join(Os.tmpdir(), "conveyor-config-")))
      for (const [name, content] of Object.entries({
        "site/index.html": "",
        "conf/node_modules/.keep": "",
        ...files,
      })) {
        Fs.mkdirSync(Path.dirname(Path.join(home, name)), { recursive: true })
        Fs.writeFileSync(Path.join(home, name), content)
      }
      Fs.symlinkSync(Path.join(project, "node_modules/effect"), Path.join(home, "conf/node_modules/effect"))
      return home
    }),
    (home) => Effect.sync(() => Fs.rmSync(home, { recursive: true })),
  )

const config = (parts: {
  readonly settings?: string
  readonly server?: string
  readonly chain?: string
}): string => `<config>
  <settings>${parts.settings ?? ""}</settings>
  <sources><source name="site" scanPath="../site" /></sources>
  <servers>${parts.server ?? '<server name="cdn" transporter="symlink_or_copy"><location>../cdn</location><url>http://cdn/</url></server>'}</servers>
  <rules><rule for="site" label="all"><processorChain>${parts.chain ?? ""}</processorChain><destinations><destination server="cdn"/></destinations></rule></rules>
</config>`

const load = (home: string) => loadConfig(Path.join(home, "conf/config.xml"))
const mistakes = (home: string) => Effect.map(Effect.flip(load(home)), (error) => error.mistakes)

/** Services are known by their names, so a module needs nothing of this project. */
const transporterModule = `
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
export const opened = []
const Transporter = Context.Service("file-conveyor/domain/Transporter")
const bucket = {
  name: "bucket",
  settings: Schema.Struct({ token: Schema.RedactedFromValue(Schema.String), place: Schema.String, count: Schema.FiniteFromString }),
  identity: ["place"],
  paths: ["place"],
  localDirectories: ({ place }) => [place],
  layer: (settings, server) => Layer.sync(Transporter, () => {
    opened.push(server.name)
    return {
      capabilities: { atomicReplace: true, contentHash: false, headers: false, directories: true, connections: settings.count },
      put: () => Effect.succeed({ sha256: "" }),
      remove: () => Effect.void,
      stat: () => Effect.succeed(Option.none()),
      url: (path) => server.name + ":" + path,
    }
  }),
}
`

const packageOf = (main: string, more: Readonly<Record<string, unknown>>) => ({
  "conf/node_modules/my-cdn/package.json": JSON.stringify({
    name: "my-cdn",
    version: "1.0.0",
    type: "module",
    ...more,
  }),
  "conf/node_modules/my-cdn/index.js": main,
})

const cdnServer =
  '<server name="cdn" transporter="my-cdn"><token>t</token><place>there</place><count>3</count></server>'

describe("a config on disk", () => {
  it.live("is read with what this machine has", () =>
    Effect.gen(function* () {
      const home = yield* place({ "conf/config.xml": config({ chain: '<processor name="unique_filename.MD5"/>' }) })
      const loaded = yield* load(home)
      assert.strictEqual(loaded.file, Path.join(home, "conf/config.xml"))
      assert.strictEqual(loaded.sources[0]?.root, Path.join(home, "site"))
      assert.deepStrictEqual(loaded.servers[0]?.settings, {
        location: Path.join(home, "cdn"),
        url: "http://cdn/",
        mode: "auto",
      })
      assert.strictEqual(loaded.settings.stateDir, Path.join(home, "conf/.file-conveyor"))
      assert.strictEqual(loaded.settings.maxSimultaneousProcessorChains, Os.availableParallelism())
    }),
  )

  it.live("through symbolic links knows its real roots, and its feedback loops", () =>
    Effect.gen(function* () {
      const home = yield* place({ "conf/config.xml": "" })
      Fs.symlinkSync("site", Path.join(home, "link"))
      const text = config({}).replace("../site", "../link")
      Fs.writeFileSync(Path.join(home, "conf/config.xml"), text)
      const loaded = yield* load(home)
      assert.strictEqual(loaded.sources[0]?.scanPath, Path.join(home, "link"))
      assert.strictEqual(loaded.sources[0]?.root, Path.join(home, "site"))
      assert.strictEqual(loaded.warnings.length, 1)
      Fs.writeFileSync(Path.join(home, "conf/config.xml"), text.replace("../cdn", "../site/not/there/yet"))
      assert.deepStrictEqual(
        (yield* mistakes(home)).map(({ element }) => element),
        ["servers/server/location"],
      )
    }),
  )

  it.live("that can not be read says why", () =>
    Effect.gen(function* () {
      const home = yield* place({ "conf/large.xml": `<config/>${" ".repeat(1_048_576)}` })
      const why = (name: string) =>
        Effect.map(Effect.flip(loadConfig(Path.join(home, name))), (error) =>
          error.mistakes.map(({ problem }) => problem),
        )
      assert.deepStrictEqual(yield* why("conf/none.xml"), ["does not exist"])
      assert.deepStrictEqual(yield* why("conf"), ["is a directory"])
      assert.deepStrictEqual(yield* why("conf/large.xml"), ["is larger than 1048576 bytes"])
      assert.deepStrictEqual(yield* why("conf/large.xml/x"), ["does not exist"])
    }),
  )

  it.live("takes secrets from files, relative to itself", () =>
    Effect.gen(function* () {
      const home = yield* place({
        ...packageOf(`${transporterModule}\nexport default bucket`, { exports: "./index.js" }),
        "conf/config.xml": config({ server: cdnServer.replace(">t<", ">${file:secret}<") }),
        "conf/secret": "hidden\n",
      })
      const { servers } = yield* load(home)
      const { place: where, token } = servers.at(0)!.settings as {
        readonly token: Redacted.Redacted<string>
        readonly place: string
      }
      assert.strictEqual(Redacted.value(token), "hidden")
      assert.strictEqual(where, Path.join(home, "conf/there"))
      Fs.writeFileSync(Path.join(home, "conf/secret"), Uint8Array.of(0xff, 0xfe))
      assert.match((yield* mistakes(home))[0]?.problem ?? "", /"secret", which is not UTF-8/)
      Fs.writeFileSync(Path.join(home, "conf/secret"), new Uint8Array(65_537))
      assert.match((yield* mistakes(home))[0]?.problem ?? "", /"secret", which is larger than 65536 bytes/)
    }),
  )
})

describe("a third-party transporter", () => {
  for (const [kind, more] of [
    ["with one export", { exports: "./index.js" }],
    ["that can only be imported", { exports: { ".": { import: "./index.js" } } }],
    ["with a main file", { main: "index.js" }],
  ] as const) {
    it.live(`is found as a package ${kind}, in the config's own node_modules`, () =>
      Effect.gen(function* () {
        const home = yield* place({
          ...packageOf(`${transporterModule}\nexport default bucket`, more),
          "conf/config.xml": config({ server: cdnServer }),
        })
        const loaded = yield* load(home)
        assert.deepInclude(loaded.servers[0]?.settings, { place: Path.join(home, "conf/there"), count: 3 })
      }),
    )
  }

  it.live("has a named export, a file, and mistakes like a built-in one", () =>
    Effect.gen(function* () {
      const home = yield* place({
        "conf/own.mjs": `${transporterModule}\nexport const mine = bucket\nexport const none = 1`,
        "conf/config.xml": config({
          server: cdnServer.replace("my-cdn", "./own.mjs#mine").replace("<token>t</token>", "<tocken>t</tocken>"),
        }),
      })
      assert.deepStrictEqual(
        (yield* mistakes(home)).map(({ cure, element, problem }) => [element, problem, cure]),
        [
          [
            "servers/server/token",
            'server "cdn" (./own.mjs#mine): setting "token" is missing',
            "Add <token>. Valid settings: token, place, count.",
          ],
          [
            "servers/server/tocken",
            'server "cdn" (./own.mjs#mine): there is no setting "tocken"',
            'Did you mean "token"? Valid settings: token, place, count.',
          ],
        ],
      )
      const inside = cdnServer.replace("my-cdn", "./own.mjs#mine").replace("there", "../site/there")
      Fs.writeFileSync(Path.join(home, "conf/config.xml"), config({ server: inside }))
      assert.deepStrictEqual(
        (yield* mistakes(home)).map(({ element }) => element),
        ["servers/server/place"],
      )
    }),
  )

  it.live("that is of no use says why", () =>
    Effect.gen(function* () {
      const home = yield* place({
        "conf/own.mjs": "export const none = 1",
        "conf/broken.mjs": "throw new Error('no such luck')",
        "conf/syntax.mjs": "export const = 1",
      })
      const problem = (name: string) =>
        Effect.suspend(() => {
          Fs.writeFileSync(Path.join(home, "conf/config.xml"), config({ server: cdnServer.replace("my-cdn", name) }))
          return Effect.map(mistakes(home), ([mistake, ...more]) => {
            assert.deepStrictEqual(more, [])
            assert.strictEqual(mistake?.element, "servers/server/@transporter")
            assert.isNotEmpty(mistake?.cure)
            return mistake?.problem
          })
        })
      assert.match((yield* problem("my-cdn")) ?? "", /"my-cdn" is not built in/)
      assert.match((yield* problem("./none.mjs")) ?? "", /"\.\/none\.mjs" is not built in/)
      assert.match((yield* problem("symlink_or_cop")) ?? "", /no transporter "symlink_or_cop"/)
      assert.match((yield* problem("./own.mjs")) ?? "", /export "default" of module "\.\/own\.mjs" is not there/)
      assert.match((yield* problem("./own.mjs#none")) ?? "", /export "none" .* is no transporter/)
      assert.match((yield* problem("./broken.mjs")) ?? "", /does not load: no such luck/)
      assert.match((yield* problem("./syntax.mjs")) ?? "", /does not load/)
      assert.match((yield* problem("constructor")) ?? "", /"constructor" is not built in/)
    }),
  )
})

const processorModule = `
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
export const Upper = { name: "Upper", process: (job) => Effect.succeed({ content: job.content, baseName: job.baseName.toUpperCase() }) }
export const Level = { name: "Level", settings: Schema.Struct({ level: Schema.FiniteFromString }), process: (job) => Effect.succeed(job) }
export const none = { name: "none" }
`

describe("a third-party processor", () => {
  it.live("is a package and an export, or a file and an export", () =>
    Effect.gen(function* () {
      const home = yield* place({
        ...packageOf(processorModule, { exports: "./index.js" }),
        "conf/own.mjs": processorModule,
        "conf/config.xml": config({
          chain:
            '<processor name="my-cdn.Upper"/><processor name="./own.mjs#Level" level="7"/><processor name="./own.mjs#Level" level="8"/>',
        }),
      })
      const loaded = yield* load(home)
      assert.deepStrictEqual(loaded.rules[0]?.chain, [
        { name: "my-cdn.Upper", settings: {} },
        { name: "./own.mjs#Level", settings: { level: "7" } },
        { name: "./own.mjs#Level", settings: { level: "8" } },
      ])
      const ready = yield* Layer.build(processors(loaded).pipe(Layer.provide(Layer.mock(DiskWorkers, {}))))
      const { get, settings } = yield* Effect.provide(Processors, Layer.succeedContext(ready))
      const [upper, seven, eight] = loaded.rules[0]?.chain ?? []
      assert.isDefined(upper)
      assert.isDefined(seven)
      assert.isDefined(eight)
      assert.strictEqual(get(upper!).name, "Upper")
      assert.strictEqual(get(seven!).name, "Level")
      assert.deepStrictEqual([settings(upper!), settings(seven!), settings(eight!)], [{}, { level: 7 }, { level: 8 }])
    }),
  )

  it.live("that is of no use says why", () =>
    Effect.gen(function* () {
      const home = yield* place({ "conf/own.mjs": processorModule })
      const told = (attributes: string) =>
        Effect.suspend(() => {
          Fs.writeFileSync(Path.join(home, "conf/config.xml"), config({ chain: `<processor ${attributes}/>` }))
          return Effect.map(mistakes(home), ([mistake]) => `${mistake?.element}: ${mistake?.problem} ${mistake?.cure}`)
        })
      const at = "rules/rule/processorChain/processor/@"
      assert.include(yield* told('name="my-cdn.Upper"'), `${at}name: processor "my-cdn" is not built in`)
      assert.include(yield* told('name="./own.mjs"'), `${at}name: processor "./own" is not built in`)
      assert.include(yield* told('name="./own.mjs#Uper"'), `${at}name: module "./own.mjs" has no export "Uper"`)
      assert.include(
        yield* told('name="./own.mjs#none"'),
        `${at}name: export "none" of module "./own.mjs" is no processor`,
      )
      assert.include(yield* told('name="nothing"'), `${at}name: there is no processor "nothing"`)
      assert.include(
        yield* told('name="./own.mjs#Level" level="x"'),
        `${at}level: processor "./own.mjs#Level": attribute "level"`,
      )
      assert.include(
        yield* told('name="./own.mjs#Level"'),
        `${at}level: processor "./own.mjs#Level": attribute "level" is missing`,
      )
    }),
  )
})

describe("the transporters of a config", () => {
  it.live("are built once each, with their settings, and found by name", () =>
    Effect.gen(function* () {
      const home = yield* place({
        "conf/own.mjs": `${transporterModule}\nexport default bucket`,
        "conf/config.xml": config({
          server: ["cdn", "two"]
            .map(
              (name, index) =>
                `<server name="${name}" transporter="./own.mjs"><token>t</token><place>p</place><count>${index}</count></server>`,
            )
            .join(""),
        }),
      })
      const loaded = yield* load(home)
      const disk = Layer.mock(DiskWorkers, {})
      const ready = yield* Layer.build(transporters(loaded).pipe(Layer.provide(disk)))
      const { get } = yield* Effect.provide(Transporters, Layer.succeedContext(ready))
      for (const [index, name] of ["cdn", "two"].entries()) {
        const way = get(name as ServerName)
        assert.strictEqual(way, get(name as ServerName))
        assert.strictEqual(way.url("a/b" as RemotePath), `${name}:a/b`)
        assert.strictEqual(way.capabilities.connections, index)
      }
      const { opened } = (yield* Effect.promise(() => import(/* @vite-ignore */ Path.join(home, "conf/own.mjs")))) as {
        readonly opened: ReadonlyArray<string>
      }
      assert.deepStrictEqual([...opened], ["cdn", "two"])
    }),
  )
})
