/** `import`: what a classic installation published is taken over, so that nothing is uploaded twice. */
import { createHash } from "node:crypto"
import fs from "node:fs"
import path from "node:path"
import { afterEach, assert, beforeEach, describe, it } from "@effect/vitest"
import { open } from "../../src/layers/ledger/driver.ts"
import { daemon, makePlace, type Place, type PlaceOptions, removePlace, run, tree, until } from "../support/program.ts"

type Row = readonly [file: string, basename: string, server?: string]

let place: Place

const write = (name: string, text: string) => {
  fs.mkdirSync(path.dirname(path.join(place.site, name)), { recursive: true })
  fs.writeFileSync(path.join(place.site, name), text)
}
const publish = (name: string, text: string) => {
  fs.mkdirSync(path.dirname(path.join(place.out, name)), { recursive: true })
  fs.writeFileSync(path.join(place.out, name), text)
  fs.utimesSync(path.join(place.out, name), 1_000_000, 1_000_000)
}
/** The files that nobody wrote again since `publish`. */
const untouched = () =>
  fs
    .readdirSync(place.out, { recursive: true, encoding: "utf8" })
    .filter((name) => fs.statSync(path.join(place.out, name)).mtimeMs === 1_000_000_000)
    .sort()

/** A classic installation's map, as the classic made it. */
const classic = (directory: string, rows: ReadonlyArray<Row>) => {
  fs.mkdirSync(directory, { recursive: true })
  const database = open(path.join(directory, "synced_files.db"))
  database.exec("CREATE TABLE synced_files(input_file text, transported_file_basename text, url text, server text)")
  database.exec("CREATE UNIQUE INDEX file_unique_per_server ON synced_files (input_file, server)")
  const insert = database.prepare("INSERT INTO synced_files VALUES (?, ?, ?, ?)")
  for (const [file, basename, server = "origin"] of rows) {
    insert.run(
      path.join(place.site, file),
      basename,
      `http://cdn.example.com/${path.dirname(file)}/${basename}`,
      server,
    )
  }
  database.close()
}
const old = () => path.join(place.directory, "classic")
const prepare = (options: PlaceOptions) => {
  removePlace(place)
  place = makePlace(options)
}
const published = () => {
  const database = open(path.join(place.directory, "synced_files.db"), { timeout: 1_000, readOnly: true })
  const rows = database.prepare("SELECT input_file, transported_file_basename, url FROM synced_files ORDER BY 1").all()
  database.close()
  return rows.map((row) => row.map(String))
}

beforeEach(() => {
  place = makePlace({
    rules:
      '<rule for="site" label="all"><destinations><destination server="origin" path="static"/></destinations></rule>',
  })
})
afterEach(() => removePlace(place))

describe("import", { timeout: 120_000 }, () => {
  it("takes over what is there, tells what not and why, and uploads nothing twice", () => {
    for (const name of ["a.css", "d/é b.js", "larger.txt", "missing.txt"]) write(name, "12345")
    for (const name of ["a.css", "d/é b.js"]) publish(`static/${name}`, "12345")
    publish("static/larger.txt", "123456789")
    publish("static/deleted.txt", "12345")
    classic(old(), [
      ["a.css", "a.css"],
      ["d/é b.js", "é b.js"],
      ["larger.txt", "larger.txt"],
      ["missing.txt", "missing.txt"],
      ["deleted.txt", "deleted.txt"],
      ["a.css", "a.css", "another cdn"],
      ["../elsewhere.txt", "elsewhere.txt"],
    ])
    const result = run("import", place.config, old())
    assert.strictEqual(result.code, 0, result.err)
    assert.match(result.out, /^taken over: 2 files$/m)
    assert.match(result.out, /^taken over as out of date, to be delivered again: 1 file$/m)
    assert.match(result.out, /1 file on "origin": it has another size there\n {4}\S+larger\.txt/)
    assert.match(result.out, /^not taken over: 4 files$/m)
    assert.match(result.out, /"another cdn": the config has no server of this name/)
    assert.match(result.out, /the source file is gone; what is on the server stays there/)
    assert.match(result.out, /the server does not have it where its rule puts it/)
    assert.match(result.out, /it is in none of the sources/)
    const once = run(place.config, "--once")
    assert.match(once.out, /^in sync: 2 files delivered, 0 removed/)
    assert.deepStrictEqual(untouched(), ["static/a.css", "static/d/é b.js", "static/deleted.txt"])
    assert.strictEqual(fs.readFileSync(path.join(place.out, "static/larger.txt"), "utf8"), "12345")
    assert.deepStrictEqual(published()[0], [
      path.join(place.site, "a.css"),
      "a.css",
      "http://cdn.example.com/static/a.css",
    ])
    const again = run("import", place.config, old())
    assert.match(again.out, /^known already: 4 files$/m)
  })

  it("names given by a chain are recognised; one that is another now is replaced, and the old one goes", () => {
    const chain = '<processorChain><processor name="unique_filename.MD5"/></processorChain>'
    prepare({
      settings: "<gracePeriod>0</gracePeriod>",
      rules: `<rule for="site" label="all">${chain}<destinations><destination server="origin"/></destinations></rule>`,
    })
    const unique = (name: string, text: string) => `${name}_${createHash("md5").update(text).digest("hex")}.css`
    write("same.css", "1")
    write("changed.css", "new")
    publish(unique("same", "1"), "1")
    publish(unique("changed", "old"), "old")
    classic(old(), [
      ["same.css", unique("same", "1")],
      ["changed.css", unique("changed", "old")],
    ])
    const result = run("import", place.config, old())
    assert.match(result.out, /^taken over: 1 file$/m)
    assert.match(result.out, /it gets another name here/)
    assert.match(run(place.config, "--once").out, /^in sync: 1 file delivered/)
    run(place.config, "--once")
    assert.deepStrictEqual([...tree(place.out).keys()].sort(), [unique("changed", "new"), unique("same", "1")])
    assert.deepStrictEqual(untouched(), [unique("same", "1")])
  })

  it("a file that its chain only renames is compared, whoever wrote the processors", () => {
    const processors = `
      export const Marked = {
        name: "names.Marked",
        renames: true,
        process: (job) => Effect.succeed({ content: job.content, baseName: "v1-" + job.baseName }),
      }`
    const chain =
      '<processorChain><processor name="minify.CSS"/><processor name="./names.mjs#Marked"/></processorChain>'
    prepare({
      rules: `<rule for="site" label="all">${chain}<destinations><destination server="origin"/></destinations></rule>`,
    })
    fs.writeFileSync(
      path.join(place.directory, "names.mjs"),
      `import * as Effect from ${JSON.stringify(import.meta.resolve("effect/Effect"))}\n${processors}`,
    )
    for (const name of ["same.jpg", "changed.jpg", "style.css"]) write(name, "a { color: red }")
    publish("v1-same.jpg", "a { color: red }")
    publish("v1-changed.jpg", "a {}")
    publish("v1-style.css", "a{color:red}")
    classic(old(), [
      ["same.jpg", "v1-same.jpg"],
      ["changed.jpg", "v1-changed.jpg"],
      ["style.css", "v1-style.css"],
    ])
    const result = run("import", place.config, old())
    assert.match(result.out, /^taken over: 2 files$/m, result.err)
    assert.match(result.out, /1 file on "origin": it has another size there\n {4}\S+changed\.jpg/)
  })

  it("a rule that deletes source files: those the classic deleted stay published, no other is deleted unproved", () => {
    prepare({
      rules:
        '<rule for="site" label="all" fileDeletionDelayAfterSync="0"><destinations><destination server="origin"/></destinations></rule>',
    })
    write("still.txt", "12345")
    publish("still.txt", "54321")
    publish("deleted.txt", "12345")
    classic(old(), [
      ["still.txt", "still.txt"],
      ["deleted.txt", "deleted.txt"],
    ])
    const result = run("import", place.config, old())
    assert.match(result.out, /^taken over: 1 file$/m)
    assert.match(result.out, /this server can not prove that it has the same/)
    assert.strictEqual(run(place.config, "--once").code, 0)
    assert.isFalse(fs.existsSync(path.join(place.site, "still.txt")))
    assert.strictEqual(fs.readFileSync(path.join(place.out, "still.txt"), "utf8"), "12345")
    assert.deepStrictEqual(untouched(), ["deleted.txt"])
  })

  it("the classic's own map becomes ours: what nobody took over leaves it", () => {
    write("a.css", "1")
    publish("static/a.css", "1")
    classic(place.directory, [
      ["a.css", "a.css"],
      ["b.css", "b.css"],
    ])
    assert.strictEqual(run("import", place.config, place.directory).code, 0)
    assert.strictEqual(published().length, 2)
    assert.strictEqual(run(place.config, "--once").code, 0)
    assert.deepStrictEqual(
      published().map(([file]) => path.basename(file ?? "")),
      ["a.css"],
    )
  })

  it("a directory without a map, a file that is none, a running daemon: said in words", async () => {
    const nothing = run("import", place.config, place.directory)
    assert.strictEqual(nothing.code, 1)
    assert.match(
      nothing.err,
      /synced_files\.db can not be read as the map of a classic installation: there is no such file/,
    )
    fs.mkdirSync(old())
    fs.writeFileSync(path.join(old(), "synced_files.db"), "no database")
    const damaged = run("import", place.config, old())
    assert.strictEqual(damaged.code, 1)
    assert.match(damaged.err, /file is not a database/)
    assert.notMatch(damaged.err, /\n\s+at /)
    assert.strictEqual(run("import", place.config).code, 2)
    const running = daemon(place)
    await until(() => running.log().includes("in sync"), running.log)
    assert.strictEqual(run("import", place.config, old()).code, 3)
    running.process.kill("SIGTERM")
    await running.ended
  })
})
