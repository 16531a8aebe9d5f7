/** A whole site through a whole chain: pages, scripts, style sheets and pictures, each with an address of its own. */
import { afterEach, assert, describe, it } from "@effect/vitest"
import fs from "node:fs"
import path from "node:path"
import sharp from "sharp"
import { makePlace, type Place, removePlace, run, tree } from "../support/program.ts"

const rule = (label: string, extensions: string, ...processors: ReadonlyArray<string>) => `
  <rule for="site" label="${label}"><filter><extensions>${extensions}</extensions></filter>
    <processorChain>${processors.map((name) => `<processor name="${name}"/>`).join("")}</processorChain>
    <destinations><destination server="origin" path="static"/></destinations></rule>`

const unique = "unique_filename.MD5"
const rules = [
  rule("pages", "html", "link_updater.HTMLURLUpdater", "minify.HTML"),
  rule("scripts", "mjs", "link_updater.JSURLUpdater", "minify.JS", unique),
  rule("styles", "css", "link_updater.CSSURLUpdater", "minify.CSS", unique, "compress.Gzip"),
  rule("pictures", "png", "image_optimizer.KeepFilename", unique),
].join("")

let place: Place | undefined
afterEach(() => {
  if (place !== undefined) removePlace(place)
})

const base = "http://cdn.example.com/static/"

/** Addresses on the server in a text, as names of published files. */
const addressesIn = (text: string): ReadonlyArray<string> =>
  Array.from(text.matchAll(/http:\/\/cdn\.example\.com\/(static\/[\w./-]+)/g), (match) => match[1] ?? "")

describe("a site through the whole chain", { timeout: 120_000 }, () => {
  it("every reference leads to what is published, smaller, and follows when a picture changes", async () => {
    const at = (place = makePlace({ rules }))
    const write = (name: string, content: string | Buffer) => {
      fs.mkdirSync(path.dirname(path.join(at.site, name)), { recursive: true })
      fs.writeFileSync(path.join(at.site, name), content)
    }
    const picture = (red: number) =>
      sharp({ create: { width: 64, height: 64, channels: 3, background: { r: red, g: 20, b: 30 } } })
        .png({ compressionLevel: 0 })
        .toBuffer()
    write("img/a.png", await picture(10))
    write(
      "css/main.css",
      `/* note */\nbody {\n  background: url("../img/a.png");\n}\n${Array.from({ length: 30 }, (_, index) => `.c${index} { margin: 0 0 ${index}px 2px }\n`).join("")}`,
    )
    write("js/part.mjs", `export const part = "a part";\n`)
    write(
      "js/main.mjs",
      `import { part } from "./part.mjs";\nnew Image().src = new URL("../img/a.png", import.meta.url);\nconsole.log(part);\n`,
    )
    write(
      "index.html",
      `<!doctype html>\n<title>x</title>\n<link rel="stylesheet" href="css/main.css">\n<script type="module" src="js/main.mjs"></script>\n<img src="img/a.png" srcset="img/a.png 2x">\n`,
    )

    const check = () => {
      const out = tree(at.out)
      const find = (pattern: RegExp) => [...out.keys()].filter((name) => pattern.test(name))
      const page = out.get("static/index.html") ?? ""
      const sheet = addressesIn(page).find((name) => name.endsWith(".css")) ?? ""
      const script = addressesIn(page).find((name) => name.endsWith(".mjs")) ?? ""
      const image = addressesIn(page).find((name) => name.endsWith(".png")) ?? ""
      for (const name of [sheet, script, image]) assert.isTrue(out.has(name), `${name} in ${page}`)
      assert.deepStrictEqual(addressesIn(out.get(sheet) ?? ""), [image])
      const [part = "", picture = ""] = [...addressesIn(out.get(script) ?? "")].sort((a, b) => (a < b ? 1 : -1))
      assert.deepStrictEqual([picture, out.has(part)], [image, true])
      assert.isTrue(out.has(`${sheet}.gz`))
      assert.notInclude(out.get(sheet) ?? "", "note")
      assert.isBelow((out.get(image) ?? "").length, 1_000)
      assert.include(page, `${base}img/a_`)
      return { image, found: find(/\.(?:png|css|mjs|html)$/) }
    }
    const first = run(at.config, "--once")
    assert.strictEqual(first.code, 0, first.err)
    const before = check()
    assert.lengthOf(before.found, 5)

    write("img/a.png", await picture(200))
    const second = run(at.config, "--once")
    assert.strictEqual(second.code, 0, second.err)
    const after = check()
    assert.notStrictEqual(after.image, before.image)
    const verified = run("verify", at.config)
    assert.strictEqual(verified.code, 0, verified.out)
  })
})
