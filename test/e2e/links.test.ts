/** Style sheets, images and fonts under the running program: whatever is edited, every URL that is published leads to the right bytes. */
import { afterEach, assert, describe, it } from "@effect/vitest"
import { createHash } from "node:crypto"
import fs from "node:fs"
import path from "node:path"
import {
  type Daemon,
  daemon,
  makePlace,
  type Place,
  removePlace,
  run,
  statusOf,
  tree,
  until,
} from "../support/program.ts"
import { chance } from "../layers/processors/linkUpdaterWorld.ts"

const rules = `
  <rule for="site" label="styles"><filter><extensions>css</extensions></filter>
    <processorChain><processor name="link_updater.CSSURLUpdater"/><processor name="unique_filename.MD5"/></processorChain>
    <destinations><destination server="origin" path="static"/></destinations></rule>
  <rule for="site" label="assets"><filter><extensions>png:woff2</extensions></filter>
    <processorChain><processor name="unique_filename.MD5"/></processorChain>
    <destinations><destination server="origin" path="static"/></destinations></rule>`

let place: Place | undefined
const daemons: Array<Daemon> = []

afterEach(async () => {
  for (const running of daemons.splice(0)) {
    running.process.kill("SIGKILL")
    await running.ended
  }
  if (place !== undefined) removePlace(place)
})

const begin = (settings: string): Place => {
  place = makePlace({ rules, settings })
  return place
}
const start = (at: Place): Daemon => {
  const running = daemon(at)
  daemons.push(running)
  return running
}

const write = (at: Place, name: string, text: string) => {
  fs.mkdirSync(path.dirname(path.join(at.site, name)), { recursive: true })
  fs.writeFileSync(path.join(at.site, name), text)
}

const base = "http://cdn.example.com/static/"
const referring = /url\("?([^")]*)"?\)|@import "([^"]*)"/g
const referencesOf = (sheet: string): ReadonlyArray<string> =>
  Array.from(sheet.matchAll(referring), (match) => match[1] ?? match[2] ?? "")
const md5 = (text: string) => createHash("md5").update(text, "latin1").digest("hex")
const uniqueName = /_([0-9a-f]{32})(\.\w+)$/

/** The published files by the path of their source; several where old versions are still there. */
const bySource = (published: ReadonlyMap<string, string>) => {
  const found = new Map<string, Array<string>>()
  for (const name of published.keys()) {
    const source = name.replace(/^static\//, "").replace(uniqueName, "$2")
    found.set(source, [...(found.get(source) ?? []), name])
  }
  return found
}

/** What is wrong with what is published, in words; empty where each style sheet refers to the files as they are. */
const wrong = (at: Place): ReadonlyArray<string> => {
  const site = tree(at.site)
  const out = tree(at.out)
  const sentences: Array<string> = []
  const versions = bySource(out)
  for (const [name, content] of site) {
    const candidates = versions.get(name) ?? []
    if (!name.endsWith(".css")) {
      const expected = `static/${name.replace(/(\.\w+)$/, `_${md5(content)}$1`)}`
      if (out.get(expected) !== content) sentences.push(`${name} is not published`)
      continue
    }
    const references = referencesOf(content)
    const isRight = (version: string): boolean => {
      const text = out.get(version) ?? ""
      const urls = referencesOf(text)
      if (text.replaceAll(referring, "") !== content.replaceAll(referring, "")) return false
      return references.every((reference, index) => {
        const [, file = "", suffix = ""] = /^([^?#]*)(.*)$/.exec(reference) ?? []
        const source = path.posix.join(path.posix.dirname(name), decodeURIComponent(file))
        const url = urls[index] ?? ""
        if (!site.has(source)) return url === reference
        if (!url.startsWith(base) || !url.endsWith(suffix)) return false
        const target = `static/${decodeURIComponent(url.slice(base.length, url.length - suffix.length))}`
        if (target.replace(/^static\//, "").replace(uniqueName, "$2") !== source || !out.has(target)) return false
        return source.endsWith(".css") || out.get(target) === site.get(source)
      })
    }
    if (!candidates.some(isRight)) {
      sentences.push(`${name} is wrong: ${candidates.map((one) => out.get(one)).join(" | ")}`)
    }
  }
  return sentences
}

/** Files that are still published though nothing wants them. */
const surplus = (at: Place): ReadonlyArray<string> => {
  const site = tree(at.site)
  return [...bySource(tree(at.out))].flatMap(([source, versions]) =>
    !site.has(source) ? versions : versions.length > 1 ? versions : [],
  )
}

/** References of published style sheets that lead nowhere. */
const dangling = (at: Place): ReadonlyArray<string> => {
  const out = tree(at.out)
  return [...out].flatMap(([name, content]) =>
    name.endsWith(".css")
      ? referencesOf(content).filter(
          (url) =>
            url.startsWith(base) &&
            !out.has(`static/${decodeURIComponent(url.slice(base.length).split(/[?#]/)[0] ?? "")}`),
        )
      : [],
  )
}

describe("style sheets and what they refer to", () => {
  const follow = async (seed: number, kills: boolean) => {
    const at = begin("<gracePeriod>1</gracePeriod><maxDeletes>100%</maxDeletes>")
    const below = chance(seed)
    const images = ["img/a.png", "img/b b.png", "img/deep/c.png", "fonts/f.woff2", "d.png"]
    const sheets = ["main.css", "css/one.css", "css/two.css", "css/deep/three.css", "self.css"]
    const refer = (from: string, to: string) => {
      const relative = path.posix.relative(path.posix.dirname(from), to)
      return encodeURI(relative)
    }
    const sheet = (name: string): string => {
      const lines = [`/* ${below(1_000_000)} */`]
      for (const other of sheets) if (below(3) === 0) lines.push(`@import "${refer(name, other)}";`)
      for (const image of [...images, "img/never.png"]) {
        if (below(2) === 0)
          lines.push(`.x${below(99)} { background: url("${refer(name, image)}${below(3) === 0 ? "?v=1#i" : ""}") }`)
      }
      return lines.join("\n")
    }
    const edit = () => {
      const name = [...images, ...sheets][below(images.length + sheets.length)] ?? "d.png"
      const file = path.join(at.site, name)
      const dice = below(10)
      if (dice < 2) fs.rmSync(file, { force: true })
      else if (dice < 3 && fs.existsSync(file)) fs.renameSync(file, path.join(at.site, path.dirname(name), "moved.png"))
      else write(at, name, name.endsWith(".css") ? sheet(name) : `${name} ${below(1_000_000)}`)
    }
    for (const name of images) write(at, name, name)
    for (const name of sheets) write(at, name, sheet(name))
    let running = start(at)
    for (let round = 0; round < 12; round++) {
      await until(
        () => wrong(at).length === 0,
        () => `round ${round}\n${wrong(at).join("\n")}\n${running.log()}`,
      )
      for (let edits = 1 + below(6); edits > 0; edits--) edit()
      if (kills && round % 4 === 3) {
        await new Promise((resolve) => setTimeout(resolve, below(200)))
        running.process.kill("SIGKILL")
        await running.ended
        if (below(2) === 0) edit()
        running = start(at)
      }
    }
    const rest = () => (kills ? [] : [...dangling(at).map((url) => `${url} leads nowhere`), ...surplus(at)])
    await until(
      () => wrong(at).length === 0 && rest().length === 0,
      () => `${[...wrong(at), ...rest()].join("\n")}\n${running.log()}`,
    )
    await until(
      async () => (await statusOf(at))?.inSync === true,
      () => run("status", at.config).out,
    )
  }

  it(
    "each URL that is published leads to the right bytes, whatever is edited, and nothing old stays",
    () => follow(7, false),
    300_000,
  )

  // What a killed program may have left on the server goes after some minutes only.
  it("also when the program is killed in between", () => follow(12, true), 300_000)

  it("while images change, every style sheet that can be fetched leads to images that can be", async () => {
    const at = begin("<gracePeriod>600</gracePeriod>")
    const names = Array.from({ length: 8 }, (_, index) => `img/${index}.png`)
    for (const name of names) write(at, name, name)
    write(at, "a.css", names.map((name) => `.x { background: url("${name}") }`).join("\n"))
    write(at, "b.css", `@import "a.css";`)
    const running = start(at)
    const check = async (what: string) => {
      await until(
        () => {
          assert.deepStrictEqual(dangling(at), [], `${what}: a published style sheet refers to what is not there`)
          return wrong(at).length === 0
        },
        () => `${what}: ${wrong(at).join("\n")}\n${running.log()}`,
      )
    }
    await check("at first")
    for (let round = 0; round < 6; round++) {
      for (const name of names.slice(round % 3)) write(at, name, `${name} ${round}`)
      await check(`round ${round}`)
    }
    const explained = run("explain", at.config, path.join(at.site, "b.css"))
    assert.match(explained.out, /delivered, in sync/)
  }, 120_000)
})
