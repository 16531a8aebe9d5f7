import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { STATUS_FAILURES } from "../../../src/domain/Limits.ts"
import type { Failure } from "../../../src/domain/Delivery.ts"
import { fromBytes, type RelativePath, type ServerName, type SourceName } from "../../../src/domain/Path.ts"
import type { InvalidationStatus, Status } from "../../../src/domain/Telemetry.ts"
import { decodeStatus, encodeStatus } from "../../../src/layers/status/statusJson.ts"
import { statusText } from "../../../src/layers/status/statusText.ts"
import { widthOf } from "../../../src/layers/status/table.ts"

const now = 1_700_000_000_000
const options = { now, configFile: "/etc/conveyor.xml", colored: false }

const failure: Failure = {
  source: "drupal" as SourceName,
  path: "css/a\nb.css" as RelativePath,
  server: "origin pull cdn" as ServerName,
  reason: 'put css/a\nb.css on "origin pull cdn": 550 denied',
  attempts: 3,
  since: now - 65_000,
  nextTry: now + 12_000,
}

const healthy: Status = {
  inSync: true,
  since: now - 180_000,
  sources: [
    {
      name: "drupal" as SourceName,
      state: "watching",
      monitor: "native",
      directories: 5_051,
      watched: 5_051,
      blind: 0,
      overflows: 0,
      settling: 0,
      hold: undefined,
    },
  ],
  servers: [
    {
      name: "origin pull cdn" as ServerName,
      state: "up",
      reason: undefined,
      nextTry: undefined,
      waiting: 0,
      referring: 0,
      atLeast: false,
      inFlight: 0,
      delivered: 1_234,
      failed: 0,
    },
  ],
  failures: [],
}

const sick: Status = {
  inSync: false,
  since: now - 4_000,
  sources: [
    ...healthy.sources,
    {
      name: "下载" as SourceName,
      state: "away",
      monitor: "polling",
      directories: 12,
      watched: 10,
      blind: 2,
      overflows: 1,
      settling: 3,
      hold: {
        source: "下载" as SourceName,
        since: now - 300_000,
        missing: 120,
        total: 130,
        reason: "120 of 130 files went missing at once, more than 50 %",
      },
    },
  ],
  servers: [
    ...healthy.servers.map((server) => ({ ...server, inFlight: 2, failed: 1 })),
    {
      name: "ftp" as ServerName,
      state: "down",
      reason: "connection refused",
      nextTry: now + 90_000,
      waiting: 4_096,
      referring: 0,
      atLeast: true,
      inFlight: 0,
      delivered: 0,
      failed: 0,
    },
  ],
  failures: [failure],
}

describe("statusText", () => {
  it("says that all is well, in a few lines", () => {
    assert.strictEqual(
      statusText(healthy, options),
      `In sync for 3 min.

Source  State     Monitor  Directories watched
drupal  watching  native   5,051 of 5,051

Server           State  Waiting  In flight  Delivered  Failed
origin pull cdn  up           0          0      1,234       0
`,
    )
  })

  it("says what is wrong, why, and what happens next", () => {
    assert.strictEqual(
      statusText(sick, options),
      `Not in sync for 4 s: at least 4,096 waiting, 2 in flight, 1 failed.

Source  State     Monitor  Directories watched
drupal  watching  native   5,051 of 5,051
下载    away      polling  10 of 12
    Its directory is away. Nothing is deleted; it is taken up again when it is back.
    2 directories without a watch: scanned every few seconds instead.
    Events were lost 1 time; each time the tree was looked at again.
    3 files still being written.
    Deletions held back for 5 min: 120 of 130 files went missing at once, more than 50 %.
      If they are meant: file-conveyor confirm-deletes /etc/conveyor.xml '下载'

Server           State         Waiting  In flight  Delivered  Failed
origin pull cdn  up                  0          2      1,234       1
ftp              down   at least 4,096          0          0       0
    connection refused; next try in 1 min 30 s

Failed files
css/a\\nb.css (drupal) to origin pull cdn
    put css/a\\nb.css on "origin pull cdn": 550 denied
    3 attempts in 1 min 5 s, next try in 12 s
`,
    )
  })

  it("says what a CDN has still to be told, in sync or not", () => {
    const [server] = healthy.servers
    const withCdn = (invalidation: InvalidationStatus) =>
      statusText({ ...healthy, servers: [{ ...server!, invalidation }] }, options)
    assert.strictEqual(withCdn({ waiting: 0, reason: undefined, nextTry: undefined }), statusText(healthy, options))
    assert.match(
      withCdn({ waiting: 1, reason: undefined, nextTry: undefined }),
      /\n {4}its CDN has still to be told of 1 changed address\n/,
    )
    assert.match(
      withCdn({ waiting: 1_200, reason: "too many orders", nextTry: now + 60_000 }),
      /\n {4}its CDN has still to be told of 1,200 changed addresses: too many orders; next try in 1 min\n/,
    )
  })

  it("colours when asked to, and changes nothing else", () => {
    const text = statusText(sick, { ...options, colored: true })
    assert.isTrue(text.startsWith("\u001b[31mNot in sync"))
    // oxlint-disable-next-line no-control-regex -- colours are control characters
    assert.strictEqual(text.replace(/\u001b\[\d+m/g, ""), statusText(sick, options))
  })

  it("lists a readable number of failures", () => {
    const many = { ...sick, failures: Array.from({ length: STATUS_FAILURES + 1_234 }, () => failure) }
    const text = statusText(many, options)
    assert.strictEqual(text.split("550 denied").length - 1, STATUS_FAILURES)
    assert.match(text, /\nand 1,234 more; --json lists more\n$/)
    const told = { ...sick, servers: sick.servers.map((server) => ({ ...server, failed: 200 })) }
    assert.match(statusText(told, options), /\nand 399 more\n$/)
  })

  it("knows the width of what it shows", () => {
    assert.deepStrictEqual(["abc", "é", "e\u0301", "下载", "🚚"].map(widthOf), [3, 1, 1, 4, 2])
  })
})

describe("statusJson", () => {
  it.effect("travels as plain JSON and comes back the same", () =>
    Effect.gen(function* () {
      const raw = { ...failure, path: fromBytes(Uint8Array.from([0x61, 0xff])) as RelativePath }
      const told = healthy.servers.map((one) => ({
        ...one,
        invalidation: { waiting: 3, reason: "busy", nextTry: undefined },
      }))
      for (const status of [healthy, sick, { ...healthy, servers: told }, { ...sick, failures: [raw] }]) {
        const text = JSON.stringify(encodeStatus(status))
        assert.deepStrictEqual(yield* decodeStatus(JSON.parse(text)), status)
      }
      assert.deepInclude(JSON.parse(JSON.stringify(encodeStatus(healthy))), { inSync: true, since: now - 180_000 })
      assert.isNull(JSON.parse(JSON.stringify(encodeStatus(healthy))).sources[0].hold)
    }),
  )

  it.effect("does not take another shape for a status", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(decodeStatus({ inSync: true }))
      assert.strictEqual(error.reason, "Malformed")
    }),
  )
})
