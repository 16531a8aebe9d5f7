import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { readFileSync } from "node:fs"
import { fieldsOf } from "../../../src/layers/config/fields.ts"
import { settingsElements } from "../../../src/layers/config/settings.ts"
import { decode, memoryDisk, schemas, surroundings } from "./fixture.ts"

const page = readFileSync(new URL("../../../docs/configuration.md", import.meta.url), "utf8")

describe("docs/configuration.md", () => {
  it("names every setting", () => {
    const names = [settingsElements, ...Object.values(schemas)].flatMap((schema) => fieldsOf(schema) ?? [])
    assert.isAbove(names.length, 60)
    for (const { name } of names) assert.include(page, `\`${name}\``)
  })

  it.effect("begins with a config that works", () =>
    Effect.gen(function* () {
      const [, sample] = /```xml\n([^]*?)```/.exec(page) ?? []
      const disk = memoryDisk({ directories: ["/var/www/site"] })
      const config = yield* decode(sample ?? "", { ...surroundings(), disk })
      assert.deepStrictEqual(config.warnings, [])
      assert.strictEqual(config.rules[0]?.destinations.length, 2)
    }),
  )
})
