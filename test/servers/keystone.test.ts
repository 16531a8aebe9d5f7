import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import { Context, Effect, Layer, Option, Redacted } from "effect"
import type { TransportError } from "../../src/domain/Errors.ts"
import { hasRawBytes, type RemotePath, type ServerName } from "../../src/domain/Path.ts"
import { Transporter, type TransporterShape } from "../../src/domain/Transporter.ts"
import { cloudFiles } from "../../src/layers/transporters/cloudFiles.ts"
import type { CloudFilesSettings } from "../../src/layers/transporters/settings.ts"
import { contentOf, outputFile, remote, sha256, specimen, transporterContract } from "../contract/transporter.ts"
import { type Keystone, startKeystone } from "./start/keystone.ts"
import { keystoneInstalled, startSwift, type Swift, swiftInstall, swiftInstalled } from "./start/swift.ts"

const runs = (swiftInstalled() && keystoneInstalled()) || process.env["REQUIRE_SERVERS"] === "1"
if (!runs)
  console.warn(
    `SKIPPED: cloudfiles against Swift with Keystone, which is not installed. Install it with: ${swiftInstall}`,
  )

let swift: Swift
let keystone: Keystone
let rooms = 0

/** A container that nothing else uses. */
const room = Effect.promise(async () => {
  rooms += 1
  const container = `room é ${rooms}`
  await keystone.makeContainer(container)
  return container
})

const settingsFor = (container: string, some: Partial<CloudFilesSettings> = {}): CloudFilesSettings => ({
  username: keystone.user.name,
  api_key: Redacted.make(keystone.user.password),
  auth_url: keystone.authUrl,
  project: keystone.user.project,
  domain: keystone.user.domain,
  container,
  connectTimeout: 10_000,
  idleTimeout: 30_000,
  ...some,
})

const layerOf = (settings: CloudFilesSettings) =>
  cloudFiles.layer(settings, { name: "cdn" as ServerName, maxConnections: 0 })

const open = (settings: CloudFilesSettings) =>
  Effect.map(Layer.build(layerOf(settings)), (context) => Context.get(context, Transporter))

const put = (transporter: TransporterShape, path: string, bytes: Uint8Array) =>
  transporter.put(outputFile(contentOf(bytes)), remote(path))

const failure = <A>(effect: Effect.Effect<A, TransportError>) => Effect.orDie(Effect.flip(effect))

const holds = (container: string, path: string, bytes: Uint8Array) =>
  Effect.promise(async () => {
    const stored = await keystone.read(container, path)
    assert.isDefined(stored, `nothing at ${path}`)
    assert.strictEqual(sha256(stored), sha256(bytes), `other bytes at ${path}`)
  })

describe.skipIf(!runs)("cloudfiles against OpenStack Swift with Keystone", { timeout: 60_000 }, () => {
  beforeAll(async () => {
    swift = await startSwift()
    keystone = await startKeystone(swift)
  }, 600_000)
  afterAll(() => swift.stop())

  transporterContract(
    "cloudfiles with Keystone",
    Effect.map(room, (container) => ({
      layer: layerOf(settingsFor(container, { url: "https://cdn.example/" })),
      read: (path: RemotePath) => Effect.promise(() => keystone.read(container, path)),
      everything: Effect.promise(() => keystone.names(container)),
      url: "https://cdn.example/",
      refuses: hasRawBytes,
    })),
    { timeout: 60_000 },
  )

  it.live("without a url setting the public address is that of the catalog, in the region that is set", () =>
    Effect.gen(function* () {
      const container = yield* room
      const transporter = yield* open(settingsFor(container, { region: keystone.region.toLowerCase() }))
      yield* put(transporter, "a b/ü.css", specimen(5))
      assert.strictEqual(transporter.url(remote("a b/ü.css")), `${keystone.containerUrl(container)}/a%20b/%C3%BC.css`)
      yield* holds(container, "a b/ü.css", specimen(5))
    }),
  )

  it.live("tokens that are revoked are replaced in the middle of work", () =>
    Effect.gen(function* () {
      const container = yield* room
      const transporter = yield* open(settingsFor(container))
      yield* put(transporter, "first", specimen(10))
      yield* Effect.promise(() => keystone.revokeTokens())
      const paths = Array.from({ length: 12 }, (_, at) => `file-${at}`)
      yield* Effect.forEach(paths, (path) => put(transporter, path, specimen(100_000)), { concurrency: 12 })
      for (const path of paths) yield* holds(container, path, specimen(100_000))
      yield* Effect.promise(() => keystone.revokeTokens())
      assert.isTrue(Option.isSome(yield* transporter.stat(remote("first"))))
      yield* Effect.promise(() => keystone.revokeTokens())
      yield* put(transporter, "large", specimen(20 * 1_048_576))
      yield* holds(container, "large", specimen(20 * 1_048_576))
    }),
  )

  it.live("each mistake in the settings is told in words that cure it, without the password", () =>
    Effect.gen(function* () {
      const container = yield* room
      const mistakes: ReadonlyArray<readonly [some: Partial<CloudFilesSettings>, tag: string, words: RegExp]> = [
        [{ api_key: Redacted.make("wr0ng") }, "Unauthorized", /does not accept username and api_key/],
        [{ project: "elsewhere" }, "Unauthorized", /project and domain/],
        [{ domain: "elsewhere" }, "Unauthorized", /project and domain/],
        [{ region: "R2" }, "Unauthorized", /no files in region "R2"; set region to one of: R1/],
        [{ container: "never made" }, "Unreachable", /container "never made" does not exist/],
        [
          { username: keystone.stranger.name, api_key: Redacted.make(keystone.stranger.password) },
          "PermissionDenied",
          /may not do that there; give it write permission/,
        ],
        [{ auth_url: keystone.authUrl.replace(/v3$/, "") }, "Unreachable", /let auth_url end in \/v3/],
        [{ auth_url: keystone.authUrl.replace(/v3$/, "v2.0") }, "Unreachable", /nobody signs in at this address/],
      ]
      for (const [some, tag, words] of mistakes) {
        const error = yield* failure(put(yield* open(settingsFor(container, some)), "file", specimen(10)))
        assert.match(error.message, words)
        assert.strictEqual(error.reason._tag, tag, error.message)
        assert.notInclude(JSON.stringify(error) + error.message, "wr0ng")
      }
      const { project: _, ...unscoped } = settingsFor(container)
      const error = yield* failure(put(yield* open(unscoped), "file", specimen(10)))
      assert.match(error.message, /set project/)
    }),
  )
})
