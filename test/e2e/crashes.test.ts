/** kill -9 at random moments and at named ones of the two phases of publishing; `npm run crashes` does more of it. */
import { assert, describe, it } from "@effect/vitest"
import { spawn } from "node:child_process"
import { fileURLToPath } from "node:url"

const crashes = fileURLToPath(new URL("../crashes/crashes.mjs", import.meta.url))

const run = (...words: ReadonlyArray<string>) =>
  new Promise<{ readonly code: number | null; readonly said: string }>((resolve) => {
    const child = spawn(process.execPath, [crashes, ...words], { stdio: ["ignore", "pipe", "inherit"] })
    let said = ""
    child.stdout.on("data", (chunk: Buffer) => (said += chunk.toString()))
    child.once("close", (code) => resolve({ code, said }))
  })

describe("twenty times kill -9", () => {
  it("at named moments of publishing and at random ones: nothing half done is ever published, and all becomes well", async () => {
    const { code, said } = await run("--kills", "20", "--server", "telling", "--server", "copy")
    assert.strictEqual(code, 0, said)
    assert.match(said, /20 kills/)
    assert.match(said, /put done, not acknowledged|put half done|put begun|put not yet in place/)
  }, 600_000)
})
