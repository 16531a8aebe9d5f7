/** Which monitor a source gets. */
import * as fs from "node:fs"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import type { Monitor } from "../../../src/domain/Config.ts"
import { Watcher } from "../../../src/domain/Watcher.ts"
import { networkFileSystem, networkFileSystemOf } from "../../../src/layers/watchers/networkFileSystem.ts"
import { layerWatcher, layerWatcherWith } from "../../../src/layers/watchers/select.ts"
import { makeListener, makePlace, makeSource } from "../../contract/watcherDriver.ts"

const native = process.platform === "linux" ? "inotify" : "fs.watch recursive"

describe("the choice of a monitor", () => {
  const chosen = Effect.fnUntraced(function* (monitor: Monitor) {
    const { root } = yield* makePlace
    const watcher = yield* Watcher
    return (yield* watcher.open({ ...makeSource(root), monitor })).name
  })

  for (const [monitor, name] of [
    ["auto", native],
    ["native", native],
    ["chokidar", "chokidar"],
    ["polling", "polling"],
  ] as const) {
    it.live(`${monitor} gives ${name} on a local disk`, () =>
      Effect.gen(function* () {
        assert.strictEqual(yield* chosen(monitor), name)
      }).pipe(Effect.provide(layerWatcher)),
    )
  }

  it.live("auto polls a network file system, native does not", () =>
    Effect.gen(function* () {
      assert.strictEqual(yield* chosen("auto"), "polling")
      assert.strictEqual(yield* chosen("native"), native)
    }).pipe(Effect.provide(layerWatcherWith(() => Effect.succeed("NFS")))),
  )

  it.live("what was chosen works", () =>
    Effect.gen(function* () {
      const { root } = yield* makePlace
      const driver = yield* makeListener(makeSource(root))
      fs.writeFileSync(driver.path("file"), "file")
      yield* driver.converged
    }).pipe(Effect.provide(layerWatcher)),
  )

  it("knows network file systems by their numbers, however they are signed", () => {
    assert.strictEqual(networkFileSystem(0x6969), "NFS")
    assert.strictEqual(networkFileSystem(0x65735546), "FUSE")
    assert.strictEqual(networkFileSystem(0xff534d42), "CIFS")
    assert.strictEqual(networkFileSystem(0xff534d42 | 0), "CIFS")
    for (const local of [0xef53, 0x01021994, 0x9123683e, 0x58465342, 0x794c7630]) {
      assert.isUndefined(networkFileSystem(local))
    }
  })

  it.live("takes what can not be asked for local", () =>
    Effect.gen(function* () {
      assert.isUndefined(yield* networkFileSystemOf("/proc"))
      assert.isUndefined(yield* networkFileSystemOf("/there/is/no/such/directory"))
    }),
  )
})
