/** Monitors in a process of their own: limits of the machine, missing parts, the end of the process. */
import { execFile, spawnSync } from "node:child_process"
import * as fs from "node:fs"
import * as nodePath from "node:path"
import { fileURLToPath, pathToFileURL } from "node:url"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { makePlace } from "../../contract/watcherDriver.ts"

const project = fileURLToPath(new URL("../../..", import.meta.url))

interface Outcome {
  readonly code: number | string | null | undefined
  readonly output: string
  readonly complaint: string
}

/** A program that opens the source `root` as `session` in a Scope that nobody closes, then runs `body`. */
const program = (dist: string, root: string, module: string, layer: string, body: string): string => {
  const from = (path: string) => JSON.stringify(pathToFileURL(nodePath.join(dist, path)).href)
  const effect = (path: string) =>
    JSON.stringify(pathToFileURL(nodePath.join(project, "node_modules/effect/dist", path)).href)
  return `
    import * as Effect from ${effect("Effect.js")}
    import * as Exit from ${effect("Exit.js")}
    import * as Layer from ${effect("Layer.js")}
    import * as Scope from ${effect("Scope.js")}
    import * as Context from ${effect("Context.js")}
    import { Watcher } from ${from("domain/Watcher.js")}
    import { ${layer} } from ${from(`layers/watchers/${module}.js`)}
    const root = ${JSON.stringify(root)}
    const source = { name: "source", scanPath: root, root, ignoredDirs: new Set(), monitor: "auto", symlinks: "inside", logicalBasePath: false }
    const scope = Scope.makeUnsafe()
    const watcher = Context.get(await Effect.runPromise(Layer.buildWithScope(${layer}, scope)), Watcher)
    const open = Scope.provide(watcher.open(source), scope)
    const close = () => Effect.runPromise(Scope.close(scope, Exit.void))
    ${body}
  `
}

const run = (command: string, args: ReadonlyArray<string>): Effect.Effect<Outcome> =>
  Effect.callback((resume) => {
    const child = execFile(command, args, { timeout: 30_000, cwd: project }, (error, output, complaint) =>
      resume(Effect.succeed({ code: error === null ? 0 : (error.code ?? error.signal), output, complaint })),
    )
    return Effect.sync(() => child.kill())
  })

const node = (text: string) => run(process.execPath, ["--input-type=module", "--eval", text])

const limits = "/proc/sys/user"
/** Runs a program as a user with limits of its own (a user namespace), which no other process shares. */
const limited = (limit: string, value: number, text: string) =>
  run("unshare", [
    "--user",
    "--map-root-user",
    "sh",
    "-c",
    `echo ${value} > ${limits}/${limit} && exec "$0" --input-type=module --eval "$1"`,
    process.execPath,
    text,
  ])
const canLimit =
  spawnSync("unshare", ["--user", "--map-root-user", "sh", "-c", `echo 9 > ${limits}/max_inotify_watches`]).status === 0

const dist = nodePath.join(project, "dist")
const monitors = [
  ["inotify", "layerInotify"],
  ["directories", "layerDirectories"],
] as const

describe("a process with monitors", () => {
  for (const [module, layer] of monitors) {
    it.live.skipIf(!canLimit)(
      `${module} says which limit to raise when the machine has no more watches`,
      () =>
        Effect.gen(function* () {
          const { root } = yield* makePlace
          const directories = Array.from({ length: 20 }, (_, index) => `d${index}`)
          for (const directory of directories) fs.mkdirSync(`${root}/${directory}`)
          const body = `
            const session = await Effect.runPromise(open)
            const blind = await Effect.runPromise(session.watch(${JSON.stringify(directories)}))
            const watched = await Effect.runPromise(session.watched)
            process.stdout.write(JSON.stringify({ watched, blind }))
            await close()
          `
          const { complaint, output } = yield* limited(
            "max_inotify_watches",
            8,
            program(dist, root, module, layer, body),
          )
          assert.strictEqual(complaint, "")
          const { blind, watched } = JSON.parse(output)
          assert.strictEqual(watched, 8)
          assert.strictEqual(blind.length, 12)
          assert.deepStrictEqual(blind[0].directory, "d8")
          assert.isTrue(blind[0].exhausted)
          assert.include(blind[0].reason, "sudo sysctl -w fs.inotify.max_user_watches=1048576")
        }),
      60_000,
    )
  }

  it.live.skipIf(!canLimit)(
    "inotify says which limit to raise when there are no more instances",
    () =>
      Effect.gen(function* () {
        const { root } = yield* makePlace
        const body = `
          const error = await Effect.runPromise(Effect.flip(open))
          process.stdout.write(error._tag + " " + error.message)
          await close()
        `
        const text = program(dist, root, "inotify", "layerInotify", body)
        const { output } = yield* limited("max_inotify_instances", 0, text)
        assert.match(output, /^WatcherError .*fs\.inotify\.max_user_instances/)
      }),
    60_000,
  )

  it.live(
    "ends at once when it is told to, though a session is open",
    () =>
      Effect.gen(function* () {
        const { root } = yield* makePlace
        for (const ending of ["process.exit(7)", "throw new Error('unforeseen')"]) {
          const body = `
            const session = await Effect.runPromise(open)
            await Effect.runPromise(session.watch([""]))
            const start = Date.now()
            process.on("exit", () => process.stdout.write("ends"))
            ${ending}
          `
          const start = Date.now()
          const { code, output } = yield* node(program(dist, root, "inotify", "layerInotify", body))
          assert.strictEqual(output, "ends")
          assert.strictEqual(code, ending.startsWith("process") ? 7 : 1)
          assert.isBelow(Date.now() - start, 20_000)
        }
      }),
    90_000,
  )

  it.live(
    "ends by itself once the session is closed",
    () =>
      Effect.gen(function* () {
        const { root } = yield* makePlace
        const body = `
          const session = await Effect.runPromise(open)
          await Effect.runPromise(session.watch([""]))
          await close()
          process.stdout.write(session.name)
        `
        for (const [module, layer] of [
          ...monitors,
          ["polling", "layerPolling"],
          ["chokidar", "layerChokidar"],
        ] as const) {
          const { code, output } = yield* node(program(dist, root, module, layer, body))
          assert.strictEqual(code, 0, module)
          assert.isAbove(output.length, 0)
        }
      }),
    90_000,
  )

  it.live(
    "watches directories one by one where koffi is not installed, and says so",
    () =>
      Effect.gen(function* () {
        const { outside, root } = yield* makePlace
        const bare = `${outside}/node_modules/bare`
        fs.mkdirSync(bare, { recursive: true })
        fs.cpSync(dist, `${bare}/dist`, { recursive: true })
        fs.copyFileSync(`${project}/package.json`, `${bare}/package.json`)
        for (const name of ["effect", "chokidar"]) {
          fs.symlinkSync(`${project}/node_modules/${name}`, `${outside}/node_modules/${name}`)
        }
        const body = `
          const session = await Effect.runPromise(open)
          await Effect.runPromise(session.watch([""]))
          process.stdout.write(session.name)
          await close()
        `
        const text = program(`${bare}/dist`, root, "select", "layerWatcher", body)
        const { code, output } = yield* node(text)
        assert.strictEqual(code, 0)
        assert.match(output, /inotify is not available: Cannot find package 'koffi'/)
        assert.match(output, /fs\.watch$/)
      }),
    60_000,
  )
})
