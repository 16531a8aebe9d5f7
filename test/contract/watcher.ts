/** The contract of a file monitor as a suite: every monitor runs it over real directories. */
import { Buffer } from "node:buffer"
import * as fs from "node:fs"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber, type Layer, Scope } from "effect"
import { isWithin, type RelativePath } from "../../src/domain/Path.ts"
import { Watcher } from "../../src/domain/Watcher.ts"
import {
  asPath,
  DEADLINE,
  type Driver,
  inotifyWatches,
  makeDriver,
  makeListener,
  makePlace,
  makeSource,
  rawName,
} from "./watcherDriver.ts"

/** What some monitors can not do. */
export type Behaviour =
  | "renamed files"
  | "new trees"
  | "moved directories"
  | "swapped directories"
  | "links in place of directories"
  | "directories made anew"
  | "raw names"
  | "moved roots"
  | "blind spots"
  | "bursts"
  | "moves during bursts"

export interface WatcherContractOptions {
  /** Behaviours this monitor is known to lack, each with the reason. They are skipped by name, not in silence. */
  readonly cannot?: Partial<Record<Behaviour, string>>
  /** A file's own path is hinted, not only its directory. */
  readonly namesFiles: boolean
  /** New files while nobody pulls, and whether they are too many to be told one by one (undefined: it depends). */
  readonly burst: { readonly files: number; readonly overflows?: boolean }
}

const kindsOf = (driver: Driver, path: string, from = 0) =>
  driver.heard
    .slice(from)
    .filter((change) => change.path === path)
    .map(({ kind }) => kind)

const heardWithin = (driver: Driver, directory: RelativePath, from: number) =>
  driver.heard.slice(from).filter(({ path }) => isWithin(directory, path))

/** Runs `body` as somebody who may not read everything. */
const asOrdinaryUser = <A, E, R>(body: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> => {
  const { geteuid, seteuid } = process
  if (geteuid?.() !== 0 || seteuid === undefined) return body
  return Effect.acquireUseRelease(
    Effect.sync(() => process.seteuid?.(65_534)),
    () => body,
    () => Effect.sync(() => process.seteuid?.(0)),
  )
}

/** Runs the contract of monitors against one. */
export const watcherContract = (name: string, layer: Layer.Layer<Watcher>, options: WatcherContractOptions): void => {
  const check = (
    behaviour: Behaviour | undefined,
    title: string,
    body: Effect.Effect<void, unknown, Watcher | Scope.Scope>,
  ) => {
    const lack = behaviour === undefined ? undefined : options.cannot?.[behaviour]
    it.live.skipIf(lack !== undefined)(
      lack === undefined ? title : `${title} (it can not: ${lack})`,
      () => Effect.provide(body, layer),
      180_000,
    )
  }

  describe(`${name} keeps the contract of monitors`, () => {
    check(
      undefined,
      "tells of a file that is made, written, touched, made executable and removed",
      Effect.gen(function* () {
        const { root } = yield* makePlace
        const driver = yield* makeListener(makeSource(root))
        const file = driver.path("a.txt")
        for (const act of [
          () => fs.writeFileSync(file, "one"),
          () => fs.appendFileSync(file, " two"),
          () => fs.utimesSync(file, 1_000_000_000, 1_000_000_000),
          () => fs.chmodSync(file, 0o755),
          () => fs.truncateSync(file, 1),
          () => fs.unlinkSync(file),
        ]) {
          act()
          yield* driver.converged
        }
        if (options.namesFiles) {
          assert.include(kindsOf(driver, "a.txt"), driver.session.capabilities.closes ? "complete" : "growing")
          assert.oneOf(kindsOf(driver, "a.txt").at(-1), ["gone", "tree"])
        }
      }),
    )

    check(
      undefined,
      "says when a writer closes a file, where it declares so, and never before",
      Effect.gen(function* () {
        const { root } = yield* makePlace
        const driver = yield* makeListener(makeSource(root))
        const descriptor = fs.openSync(driver.path("a.txt"), "w")
        for (let part = 0; part < 5; part++) {
          fs.writeSync(descriptor, "part")
          // A touch or chmod by the writer itself, as cp -p does.
          fs.fchmodSync(descriptor, 0o600 + part)
          yield* driver.converged
        }
        yield* driver.synchronized
        assert.notInclude(kindsOf(driver, "a.txt"), "complete")
        fs.renameSync(driver.path("a.txt"), driver.path("b.txt"))
        yield* driver.synchronized
        assert.notInclude(kindsOf(driver, "b.txt"), "complete", "it was moved while it was being written")
        fs.closeSync(descriptor)
        if (driver.session.capabilities.closes) {
          yield* driver.until("complete", () => kindsOf(driver, "b.txt").at(-1) === "complete")
        } else {
          yield* driver.synchronized
          assert.notInclude(
            driver.heard.map(({ kind }) => kind),
            "complete",
          )
        }
      }),
    )

    check(
      "renamed files",
      "tells of a file that is moved over another, of hard links and of symbolic links",
      Effect.gen(function* () {
        const { outside, root } = yield* makePlace
        fs.writeFileSync(`${root}/old`, "old")
        const driver = yield* makeListener(makeSource(root))
        fs.writeFileSync(`${outside}/new`, "new")
        fs.renameSync(`${outside}/new`, driver.path("old"))
        yield* driver.converged
        if (options.namesFiles) {
          assert.strictEqual(kindsOf(driver, "old").at(-1), driver.session.capabilities.closes ? "complete" : "growing")
        }
        fs.linkSync(driver.path("old"), driver.path("hard"))
        fs.symlinkSync("old", driver.path("soft"))
        yield* driver.converged
        fs.renameSync(driver.path("old"), driver.path("older"))
        yield* driver.converged
        fs.unlinkSync(driver.path("soft"))
        fs.renameSync(driver.path("hard"), `${outside}/hard`)
        yield* driver.converged
      }),
    )

    check(
      "new trees",
      "follows 200 nested directories that are made at once and filled later",
      Effect.gen(function* () {
        const { root } = yield* makePlace
        const driver = yield* makeListener(makeSource(root))
        for (let tree = 0; tree < 200; tree++) {
          fs.mkdirSync(driver.path(`${tree}/a/b/c`), { recursive: true })
          fs.writeFileSync(driver.path(`${tree}/a/b/c/early`), "early")
        }
        yield* driver.converged
        for (let tree = 0; tree < 200; tree++) fs.writeFileSync(driver.path(`${tree}/a/b/c/late`), "late")
        yield* driver.converged
        fs.mkdirSync(driver.path("0/a/b/c/d/e"), { recursive: true })
        fs.writeFileSync(driver.path("0/a/b/c/d/e/f"), "f")
        yield* driver.converged
      }),
    )

    check(
      "moved directories",
      "follows a moved directory: later changes come under its new path, none under the old",
      Effect.gen(function* () {
        const { outside, root } = yield* makePlace
        fs.mkdirSync(`${root}/old/sub/deep`, { recursive: true })
        fs.writeFileSync(`${root}/old/sub/deep/file`, "one")
        const driver = yield* makeListener(makeSource(root))
        fs.renameSync(driver.path("old"), driver.path("new"))
        yield* driver.converged
        yield* driver.synchronized
        const moved = driver.heard.length
        assert.include(kindsOf(driver, "old"), "tree")
        fs.writeFileSync(driver.path("new/sub/deep/file"), "two two")
        fs.writeFileSync(driver.path("new/sub/deep/other"), "three")
        yield* driver.converged
        yield* driver.synchronized
        assert.deepStrictEqual(heardWithin(driver, asPath("old"), moved), [])
        fs.mkdirSync(`${outside}/in/sub`, { recursive: true })
        fs.writeFileSync(`${outside}/in/sub/file`, "four")
        fs.renameSync(`${outside}/in`, driver.path("in"))
        yield* driver.converged
        fs.writeFileSync(driver.path("in/sub/file"), "five five")
        yield* driver.converged
      }),
    )

    check(
      "swapped directories",
      "tells directories apart that change places",
      Effect.gen(function* () {
        const { root } = yield* makePlace
        for (const directory of ["a", "b"]) {
          fs.mkdirSync(`${root}/${directory}/sub`, { recursive: true })
          fs.writeFileSync(`${root}/${directory}/sub/${directory}`, directory)
        }
        const driver = yield* makeListener(makeSource(root))
        for (let round = 0; round < 5; round++) {
          fs.renameSync(driver.path("a"), driver.path("c"))
          fs.renameSync(driver.path("b"), driver.path("a"))
          fs.renameSync(driver.path("c"), driver.path("b"))
          yield* driver.converged
          fs.writeFileSync(driver.path(`a/sub/in-a-${round}`), "a")
          fs.writeFileSync(driver.path(`b/sub/in-b-${round}`), "b")
          yield* driver.converged
        }
      }),
    )

    check(
      "moved directories",
      "is silent about a directory that was moved out of the root",
      Effect.gen(function* () {
        const { outside, root } = yield* makePlace
        fs.mkdirSync(`${root}/away/sub`, { recursive: true })
        fs.writeFileSync(`${root}/away/sub/file`, "one")
        const driver = yield* makeListener(makeSource(root))
        const before = yield* driver.session.watched
        fs.renameSync(driver.path("away"), `${outside}/away`)
        yield* driver.converged
        yield* driver.synchronized
        const moved = driver.heard.length
        for (let time = 0; time < 10; time++) fs.writeFileSync(`${outside}/away/sub/file`, `two ${time}`)
        fs.mkdirSync(`${outside}/away/sub/more`)
        yield* driver.synchronized
        yield* driver.synchronized
        assert.deepStrictEqual(heardWithin(driver, asPath("away"), moved), [])
        if (!driver.session.capabilities.recursive) {
          assert.strictEqual(yield* driver.session.watched, before - 2)
        }
      }),
    )

    check(
      "links in place of directories",
      "does not look through a link that took the place of a directory",
      Effect.gen(function* () {
        const { outside, root } = yield* makePlace
        fs.mkdirSync(`${root}/tree/sub`, { recursive: true })
        fs.writeFileSync(`${root}/tree/sub/file`, "inside")
        fs.mkdirSync(`${outside}/sub`)
        fs.writeFileSync(`${outside}/sub/secret`, "outside")
        const driver = yield* makeListener(makeSource(root))
        fs.rmSync(driver.path("tree"), { recursive: true })
        fs.symlinkSync(outside, driver.path("tree"))
        yield* driver.converged
        yield* driver.synchronized
        // Whoever is slow may still ask for what used to be a directory.
        assert.deepStrictEqual(yield* driver.session.watch([asPath("tree"), asPath("tree/sub")]), [])
        const replaced = driver.heard.length
        fs.writeFileSync(`${outside}/sub/secret`, "outside, changed")
        yield* driver.synchronized
        yield* driver.synchronized
        const names = driver.heard.slice(replaced).map(({ path }) => path)
        assert.isFalse(
          names.some((path) => path.startsWith("tree/")),
          names.join(" "),
        )
      }),
    )

    check(
      "directories made anew",
      "watches a directory again that is removed and made anew",
      Effect.gen(function* () {
        const { root } = yield* makePlace
        fs.mkdirSync(`${root}/again/sub`, { recursive: true })
        const driver = yield* makeListener(makeSource(root))
        for (let time = 0; time < 20; time++) {
          fs.rmSync(driver.path("again"), { recursive: true })
          fs.mkdirSync(driver.path("again/sub"), { recursive: true })
          if (time % 2 === 0) yield* driver.converged
          fs.writeFileSync(driver.path("again/sub/file"), `time ${time}`)
          yield* driver.converged
        }
        fs.rmSync(driver.path("again"), { recursive: true })
        yield* driver.converged
        yield* driver.synchronized
        if (!driver.session.capabilities.recursive) assert.strictEqual(yield* driver.session.watched, 1)
      }),
    )

    check(
      undefined,
      "keeps every name as it is: line breaks, emoji, a file called like its directory",
      Effect.gen(function* () {
        const { root } = yield* makePlace
        fs.mkdirSync(`${root}/same`)
        const driver = yield* makeListener(makeSource(root))
        const text = ["line\nbreak", "🙂 smile", "ünïcödé", "e\u0301", "back\\slash", "same/same", " ", "'quoted'"]
        for (const name of text) fs.writeFileSync(driver.path(name), name)
        yield* driver.converged
        for (const name of text) fs.appendFileSync(driver.path(name), " again")
        yield* driver.converged
      }),
    )

    check(
      "raw names",
      "keeps names that are no text",
      Effect.gen(function* () {
        const { root } = yield* makePlace
        const driver = yield* makeListener(makeSource(root))
        fs.writeFileSync(rawName(root), "raw")
        yield* driver.converged
        fs.appendFileSync(rawName(root), " again")
        fs.mkdirSync(Buffer.concat([rawName(root), Buffer.from("-directory")]))
        yield* driver.converged
        fs.unlinkSync(rawName(root))
        yield* driver.converged
      }),
    )

    check(
      undefined,
      "passes over what is not there or no directory, and may be asked twice",
      Effect.gen(function* () {
        const { root } = yield* makePlace
        fs.mkdirSync(`${root}/there`)
        fs.writeFileSync(`${root}/file`, "file")
        const driver = yield* makeListener(makeSource(root))
        const before = yield* driver.session.watched
        const asked = ["missing", "missing/below", "file", "file/below", "there", "there", ""].map(asPath)
        assert.deepStrictEqual(yield* driver.session.watch(asked), [])
        assert.strictEqual(yield* driver.session.watched, before)
        fs.writeFileSync(driver.path("there/new"), "new")
        yield* driver.converged
      }),
    )

    check(
      "blind spots",
      "names a directory it may not read",
      Effect.gen(function* () {
        const { root } = yield* makePlace
        fs.chmodSync(`${root}/..`, 0o755)
        fs.mkdirSync(`${root}/closed`)
        const watcher = yield* Watcher
        const session = yield* watcher.open(makeSource(root))
        fs.chmodSync(`${root}/closed`, 0)
        const blind = yield* asOrdinaryUser(session.watch([asPath(""), asPath("closed")]))
        assert.deepStrictEqual(
          blind.map(({ directory, exhausted }) => ({ directory, exhausted })),
          [{ directory: asPath("closed"), exhausted: false }],
        )
        assert.match(blind[0]?.reason ?? "", /EACCES/)
        fs.chmodSync(`${root}/closed`, 0o755)
        assert.deepStrictEqual(yield* session.watch([asPath("closed")]), [], "it may be read by now")
      }),
    )

    check(
      undefined,
      "leaves ignored directories alone",
      Effect.gen(function* () {
        const { root } = yield* makePlace
        fs.mkdirSync(`${root}/.git/objects`, { recursive: true })
        const driver = yield* makeListener(makeSource(root, { ignoredDirs: [".git", "CVS"] }))
        fs.writeFileSync(driver.path(".git/objects/a"), "a")
        fs.mkdirSync(driver.path("CVS"))
        fs.writeFileSync(driver.path("CVS/b"), "b")
        fs.mkdirSync(driver.path("deep/CVS"), { recursive: true })
        fs.writeFileSync(driver.path("deep/CVS/c"), "c")
        yield* driver.synchronized
        yield* driver.synchronized
        const inside = driver.heard.filter(({ path }) => /(?:^|\/)(?:\.git|CVS)(?:\/|$)/.test(path))
        assert.deepStrictEqual(inside, [])
      }),
    )

    for (const [way, behaviour, lose] of [
      ["moved away", "moved roots", (root: string, outside: string) => fs.renameSync(root, `${outside}/root`)],
      ["removed", undefined, (root: string) => fs.rmSync(root, { recursive: true })],
    ] as const) {
      check(
        behaviour,
        `says that the root was ${way}, and ends`,
        Effect.gen(function* () {
          const { outside, root } = yield* makePlace
          fs.writeFileSync(`${root}/file`, "file")
          const driver = yield* makeDriver(makeSource(root))
          const pulling = yield* driver.listen
          lose(root, outside)
          yield* Effect.timeout(Fiber.join(pulling), DEADLINE)
          assert.strictEqual(driver.signals.at(-1)?._tag, "RootLost")
        }),
      )
    }

    check(
      "bursts",
      `survives ${options.burst.files} new files while nobody listens`,
      Effect.gen(function* () {
        const { outside, root } = yield* makePlace
        for (let directory = 0; directory < 10; directory++) fs.mkdirSync(`${root}/${directory}`)
        const driver = yield* makeDriver(makeSource(root))
        for (let file = 0; file < options.burst.files; file++) fs.writeFileSync(driver.path(`${file % 10}/${file}`), "")
        // Directories that move while events are lost have to be found again all the same.
        const moves = options.cannot?.["moves during bursts"] === undefined
        if (moves) {
          fs.renameSync(driver.path("0"), driver.path("moved"))
          fs.renameSync(driver.path("1"), `${outside}/1`)
          fs.rmSync(driver.path("2"), { recursive: true })
        }
        yield* driver.listen
        yield* driver.converged
        const overflows = driver.signals.filter(({ _tag }) => _tag === "Overflowed").length
        if (options.burst.overflows === true) assert.isAbove(overflows, 0)
        if (options.burst.overflows === false) assert.strictEqual(overflows, 0)
        fs.writeFileSync(driver.path(moves ? "moved/after" : "0/after"), "after")
        fs.writeFileSync(driver.path("9/after"), "after")
        yield* driver.converged
        const { overflow, recursive } = driver.session.capabilities
        if (!overflow || recursive) return
        yield* driver.synchronized
        assert.strictEqual(yield* driver.session.watched, 9, "the root and what is left in it")
        const quiet = driver.heard.length
        fs.writeFileSync(`${outside}/1/after`, "after")
        yield* driver.synchronized
        assert.deepStrictEqual(heardWithin(driver, asPath("1"), quiet), [])
      }),
    )

    check(
      undefined,
      "gives everything back when its Scope is closed",
      Effect.gen(function* () {
        const { root } = yield* makePlace
        for (let directory = 0; directory < 20; directory++) fs.mkdirSync(`${root}/${directory}`)
        const before = inotifyWatches()
        const scope = yield* Scope.make()
        const driver = yield* Scope.provide(makeDriver(makeSource(root)), scope)
        const pulling = yield* driver.listen
        fs.writeFileSync(driver.path("0/file"), "file")
        yield* driver.converged
        yield* Scope.close(scope, Exit.void)
        yield* Effect.timeout(Fiber.join(pulling), 5_000)
        assert.strictEqual(inotifyWatches(), before)
      }),
    )

    check(
      undefined,
      "watches sources that overlap, each by itself",
      Effect.gen(function* () {
        const { root } = yield* makePlace
        fs.mkdirSync(`${root}/inner/sub`, { recursive: true })
        const outer = yield* makeListener(makeSource(root))
        const scope = yield* Scope.make()
        const inner = yield* Scope.provide(makeListener(makeSource(`${root}/inner`)), scope)
        fs.writeFileSync(`${root}/inner/sub/file`, "one")
        yield* outer.converged
        yield* inner.converged
        yield* Scope.close(scope, Exit.void)
        fs.writeFileSync(`${root}/inner/sub/file`, "two two")
        yield* outer.converged
      }),
    )

    check(
      undefined,
      "can not be opened over what is no directory, and says why",
      Effect.gen(function* () {
        const { root } = yield* makePlace
        fs.writeFileSync(`${root}/file`, "file")
        const watcher = yield* Watcher
        for (const wrong of [`${root}/missing`, `${root}/file`]) {
          const error = yield* Effect.flip(watcher.open(makeSource(wrong)))
          assert.strictEqual(error._tag, "WatcherError")
          assert.include(error.message, wrong)
        }
      }),
    )
  })
}
