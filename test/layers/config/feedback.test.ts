import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { classicSample, decode, memoryDisk, mistakesOf, type Tree, tree } from "./fixture.ts"

const withSettings = (settings: string, text = classicSample): string =>
  text.replace("<config>", `<config>\n<settings>${settings}</settings>`)

const inPlace = (location: string, path = "static", text = classicSample): string =>
  text
    .replace("<location>/htdocs/static.example.com", `<location>${location}`)
    .replace('server="origin pull cdn" path="static"', `server="origin pull cdn" path="${path}"`)

const elementsOf = (text: string, more: Tree = tree, file = "/etc/conveyor/config.xml") =>
  Effect.map(mistakesOf(text, { disk: memoryDisk(more), file }), (mistakes) => mistakes.map(({ element }) => element))

describe("a feedback loop", () => {
  const settings: ReadonlyArray<readonly [name: string, inside: string, outside: string]> = [
    ["stateDir", "/htdocs/drupal/state", "/htdocs/drupal-state"],
    ["syncedFilesDb", "/htdocs/drupal/files/synced_files.db", "/htdocs/synced_files.db"],
    ["workingDir", "/htdocs/drupal/tmp/work", "/srv/work"],
    ["logFile", "/htdocs/drupal/conveyor.log", "/var/log/conveyor.log"],
    ["pidFile", "/htdocs/drupal/conveyor.pid", "/run/conveyor.pid"],
  ]
  for (const [name, inside, outside] of settings) {
    it.effect(`of <${name}> is refused`, () =>
      Effect.gen(function* () {
        const [mistake, ...more] = yield* mistakesOf(withSettings(`<${name}>${inside}</${name}>`))
        assert.deepStrictEqual(more, [])
        assert.strictEqual(mistake?.element, `settings/${name}`)
        assert.strictEqual(mistake?.line, 3)
        assert.match(mistake?.problem ?? "", /inside of source "drupal"/)
        assert.match(mistake?.cure ?? "", new RegExp(`<${name}>.*ignoredDirs`))
        assert.deepStrictEqual(yield* elementsOf(withSettings(`<${name}>${outside}</${name}>`)), [])
        const ignored = classicSample.replace("CVS:.svn", "CVS:.conveyor")
        const hidden = inside.replace("/htdocs/drupal/", "/htdocs/drupal/a/.conveyor/")
        assert.deepStrictEqual(yield* elementsOf(withSettings(`<${name}>${hidden}</${name}>`, ignored)), [])
      }),
    )
  }

  it.effect("names every PID file by itself", () =>
    Effect.gen(function* () {
      const text = withSettings("<pidFile>/run/a</pidFile><pidFile>/htdocs/drupal/b</pidFile>")
      assert.deepStrictEqual(yield* elementsOf(text), ["settings/pidFile[2]"])
    }),
  )

  it.effect("of the defaults beside the config file is refused, and says what to set", () =>
    Effect.gen(function* () {
      const mistakes = yield* mistakesOf(classicSample, { file: "/htdocs/drupal/config.xml" })
      assert.deepStrictEqual(
        mistakes.map(({ element }) => element),
        ["settings/stateDir", "settings/syncedFilesDb"],
      )
      assert.match(mistakes[0]?.problem ?? "", /beside the config file by default/)
      assert.match(mistakes[0]?.cure ?? "", /<stateDir>/)
      assert.match(mistakes[1]?.cure ?? "", /<syncedFilesDb>/)
      const ignored = classicSample.replace("CVS:.svn", "CVS:.file-conveyor")
      assert.deepStrictEqual(yield* elementsOf(ignored, tree, "/htdocs/drupal/config.xml"), ["settings/syncedFilesDb"])
    }),
  )

  it.effect("of a wrong setting is not told besides the mistake in it", () =>
    Effect.gen(function* () {
      const text = withSettings("<stateDir>${env:NOT_SET}</stateDir><syncedFilesDb>/var/m.db</syncedFilesDb>")
      assert.deepStrictEqual(yield* elementsOf(text, tree, "/htdocs/drupal/config.xml"), ["settings/stateDir"])
    }),
  )

  it.effect("is told beside another mistake in <settings>", () =>
    Effect.gen(function* () {
      const text = withSettings("<settle>x</settle><logFile>/htdocs/drupal/log</logFile>")
      assert.deepStrictEqual(yield* elementsOf(text), ["settings/settle", "settings/logFile"])
    }),
  )

  it.effect("of a file is not excused by its own name, only by a directory's", () =>
    Effect.gen(function* () {
      const text = withSettings("<logFile>/htdocs/drupal/log</logFile>").replace("CVS:.svn", "log")
      assert.deepStrictEqual(yield* elementsOf(text), ["settings/logFile"])
    }),
  )

  it.effect("names the source as it is written, not what that stands for", () =>
    Effect.gen(function* () {
      const text = withSettings("<logFile>/htdocs/drupal/log</logFile>").replaceAll('"drupal"', '"${env:SITE}"')
      const [mistake] = yield* mistakesOf(text, { env: { SITE: "canary" } })
      assert.include(mistake?.problem, '"${env:SITE}"')
      assert.notInclude(JSON.stringify(mistake), "canary")
    }),
  )

  it.effect("is seen through symbolic links on either side", () =>
    Effect.gen(function* () {
      const linked: Tree = {
        directories: ["/data/site", "/home/me/Downloads", "/etc/conveyor"],
        links: { "/htdocs/drupal": "/data/site", "/var/www": "/data/site" },
      }
      const text = classicSample.replace(' documentRoot="/htdocs"', "")
      assert.deepStrictEqual(yield* elementsOf(inPlace("/var/www/static", "", text), linked), [
        "servers/server[1]/location",
      ])
      assert.deepStrictEqual(yield* elementsOf(inPlace("/htdocs/drupal/static", "", text), linked), [
        "servers/server[1]/location",
      ])
      assert.deepStrictEqual(yield* elementsOf(inPlace("/data/other", "", text), linked), [])
    }),
  )

  it.effect("of a destination directory is refused where it is written", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* elementsOf(inPlace("/htdocs/drupal/static")), ["servers/server[1]/location"])
      assert.deepStrictEqual(yield* elementsOf(inPlace("/htdocs/drupal")), ["servers/server[1]/location"])
      assert.deepStrictEqual(yield* elementsOf(inPlace("/htdocs/drupal2")), [])
      assert.deepStrictEqual(yield* elementsOf(inPlace("../../htdocs/drupal/static")), ["servers/server[1]/location"])
    }),
  )

  it.effect("of a destination's own path is refused there", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* elementsOf(inPlace("/htdocs", "drupal/static")), [
        "rules/rule[1]/destinations/destination[1]",
      ])
      assert.deepStrictEqual(yield* elementsOf(inPlace("/htdocs", "static")), [])
    }),
  )

  it.effect("is none under an ignored directory", () =>
    Effect.gen(function* () {
      const ignored = classicSample.replace("CVS:.svn", "cdn")
      assert.deepStrictEqual(yield* elementsOf(inPlace("/htdocs/drupal/cdn", "x", ignored)), [])
      assert.deepStrictEqual(yield* elementsOf(inPlace("/htdocs/drupal", "cdn", ignored)), [])
      assert.deepStrictEqual(yield* elementsOf(inPlace("/htdocs/drupal", "", ignored)), ["servers/server[1]/location"])
    }),
  )

  it.effect("never hides behind a source that is the root of the disk", () =>
    Effect.gen(function* () {
      const text = classicSample.replace('scanPath="/home/me/Downloads"', 'scanPath="/"')
      assert.deepStrictEqual(yield* elementsOf(text), [
        "settings/stateDir",
        "settings/syncedFilesDb",
        "servers/server[1]/location",
      ])
    }),
  )

  it.effect("needs a source that is right: nothing is told about one that is not there", () =>
    Effect.gen(function* () {
      const text = inPlace("/nowhere/static", "static", classicSample.replace("/home/me/Downloads", "/nowhere"))
      assert.deepStrictEqual(yield* elementsOf(text), ["sources/source[2]/@scanPath"])
      yield* decode(inPlace("/nowhere/static"))
    }),
  )
})
