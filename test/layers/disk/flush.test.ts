/** A copy whose source file will be deleted is on the disk, with its name, before anybody hears that it is there. */
import { afterEach, assert, beforeEach, describe, it } from "@effect/vitest"
import fs from "node:fs"
import os from "node:os"
import path from "node:path"
import { vi } from "vitest"
import { copy } from "../../../src/layers/disk/publish.ts"
import type { Turn } from "../../../src/layers/disk/turn.ts"

const { calls } = vi.hoisted(() => ({ calls: [] as Array<string> }))

vi.mock("node:fs", async (load) => {
  const real = await load<typeof import("node:fs")>()
  const name = (file: unknown) => path.basename(String(file)).replace(/^\.fc-.*\.tmp$/, "temporary")
  return {
    ...real,
    fsyncSync: (descriptor: number) => {
      calls.push(`flush ${name(real.readlinkSync(`/proc/self/fd/${descriptor}`))}`)
      real.fsyncSync(descriptor)
    },
    renameSync: (from: string, to: string) => {
      calls.push(`rename ${name(from)} ${name(to)}`)
      real.renameSync(from, to)
    },
  }
})

let top: string
const turn: Turn = { real: new Map(), cancelled: () => false, between: () => undefined }

beforeEach(() => {
  top = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), "conveyor-")))
  fs.writeFileSync(path.join(top, "film"), "film")
  calls.length = 0
})
afterEach(() => fs.rmSync(top, { recursive: true, force: true }))

const put = (toDisk: boolean) => {
  const stats = fs.statSync(path.join(top, "film"), { bigint: true })
  const version = { size: Number(stats.size), mtimeNs: stats.mtimeNs, inode: stats.ino }
  const from = { location: path.join(top, "film"), guard: undefined, version }
  copy({ root: path.join(top, "out"), to: "d/film", from, toDisk }, turn)
}

describe.skipIf(process.platform !== "linux")("a copy", () => {
  it("is flushed before it gets its name, and its directory after, where its source is to be deleted", () => {
    put(true)
    assert.deepStrictEqual(calls, ["flush temporary", "rename temporary film", "flush d"])
  })

  it("is left to the system to write out otherwise", () => {
    put(false)
    assert.deepStrictEqual(calls, ["rename temporary film"])
  })
})
