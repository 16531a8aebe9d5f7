import { assert, describe, it } from "@effect/vitest"
import { Redacted } from "effect"
import { canonicalJson, fingerprint } from "../../../src/layers/config/fingerprint.ts"

describe("a fingerprint", () => {
  const delivery = {
    chain: [{ name: "a", settings: { x: "1", y: "2" } }],
    path: "static",
    transporter: "own",
    settings: { host: "h", password: Redacted.make("p"), timeout: 1 },
    identity: undefined,
  }

  it("does not depend on the order of keys, nor on secrets", () => {
    const same = {
      ...delivery,
      chain: [{ settings: { y: "2", x: "1" }, name: "a" }],
      settings: { timeout: 1, password: Redacted.make("other"), host: "h" },
    }
    assert.strictEqual(fingerprint(same), fingerprint(delivery))
    assert.strictEqual(fingerprint({ ...delivery, settings: { host: "h", timeout: 1 } }), fingerprint(delivery))
  })

  it("depends on all settings without an identity, and with one on those it names", () => {
    const slower = { ...delivery, settings: { ...delivery.settings, timeout: 2 } }
    assert.notStrictEqual(fingerprint(slower), fingerprint(delivery))
    assert.strictEqual(fingerprint({ ...slower, identity: ["host"] }), fingerprint({ ...delivery, identity: ["host"] }))
  })

  it("depends on where references lead where that is said, and is as it was where it is not", () => {
    const site = { documentRoot: "/www", basePath: "/drupal/", logicalBasePath: false }
    assert.strictEqual(fingerprint({ ...delivery, site: undefined }), fingerprint(delivery))
    assert.notStrictEqual(fingerprint({ ...delivery, site }), fingerprint(delivery))
    for (const other of [{ documentRoot: "/w" }, { basePath: "/" }, { logicalBasePath: true }]) {
      assert.notStrictEqual(
        fingerprint({ ...delivery, site: { ...site, ...other } }),
        fingerprint({ ...delivery, site }),
      )
    }
  })

  it("is of JSON with sorted keys, sorted sets and nothing secret", () => {
    const value = { b: new Set(["y", "x"]), a: undefined, c: Redacted.make("s"), at: { z: 1, y: [null, "1"] } }
    assert.strictEqual(canonicalJson(value), '{"at":{"y":[null,"1"],"z":1},"b":["x","y"]}')
  })
})
