// Runs the conveyor inside a program of yours, with a server of your own: here one that keeps files in a Map.
//
//   npm run build && node examples/embed/embed.mjs
//
import { Effect, Layer, Option, Stream } from "effect"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import {
  layerDiskWorkers,
  layerLedgerMemory,
  layerProcessors,
  layerPublisherNone,
  layerSourceFilesLocal,
  layerWatcher,
  layerWorkspace,
  loadConfig,
  makeConveyor,
  Transporters,
} from "file-conveyor"

const directory = mkdtempSync(join(tmpdir(), "file-conveyor-embed-"))
const site = mkdtempSync(join(directory, "site-"))
writeFileSync(join(site, "hello world.txt"), "hello")
writeFileSync(
  join(directory, "config.xml"),
  `<config>
    <sources ignoredDirs="CVS"><source name="site" scanPath="${site}" /></sources>
    <servers>
      <server name="shelf" transporter="symlink_or_copy">
        <location>${join(directory, "unused")}</location><url>http://shelf.example/</url>
      </server>
    </servers>
    <rules>
      <rule for="site" label="Everything">
        <processorChain><processor name="filename.SpacesToDashes" /></processorChain>
        <destinations><destination server="shelf" /></destinations>
      </rule>
    </rules>
  </config>`,
)

// The Layer of our own: whatever server the config names, its files go onto this shelf.
const shelf = new Map()
const layerShelf = Layer.succeed(Transporters, {
  get: () => ({
    capabilities: { atomicReplace: true, contentHash: false, headers: false, directories: false, connections: 4 },
    put: (file, to) =>
      Stream.runCollect(file.content.bytes).pipe(
        Effect.orDie,
        Effect.map((chunks) => {
          shelf.set(to, Buffer.concat([...chunks]))
          return { sha256: "" }
        }),
      ),
    remove: (at) => Effect.sync(() => void shelf.delete(at)),
    stat: (at) =>
      Effect.sync(() => Option.map(Option.fromUndefinedOr(shelf.get(at)), (bytes) => ({ size: bytes.length }))),
    url: (at) => `http://shelf.example/${at}`,
  }),
})

const program = Effect.gen(function* () {
  const config = yield* loadConfig(join(directory, "config.xml"))
  const world = Layer.mergeAll(
    layerSourceFilesLocal,
    layerWorkspace({ directory: join(directory, "work") }),
    layerProcessors(config),
    layerWatcher,
    layerLedgerMemory,
    layerPublisherNone,
    layerShelf,
  ).pipe(Layer.provide(layerDiskWorkers()))

  yield* Effect.gen(function* () {
    const conveyor = yield* makeConveyor(config)
    yield* Effect.forkScoped(conveyor.run)
    yield* conveyor.quiet
    for (const [name, bytes] of shelf) console.log(`on the shelf: ${name} (${bytes})`)
    console.log(`in sync: ${(yield* conveyor.status).inSync}`)
  }).pipe(Effect.scoped, Effect.provide(world))
})

const alive = setInterval(() => {}, 2 ** 30)
await Effect.runPromise(program).finally(() => {
  clearInterval(alive)
  rmSync(directory, { recursive: true, force: true })
})
