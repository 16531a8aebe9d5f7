// Writes deliveries into the ledger of a state directory until it is killed, and prints the number of each one that was
// acknowledged. Every tenth commit retires, every hundredth marks a source file as deleted.
import { writeSync } from "node:fs"
import * as Effect from "effect/Effect"
import { Ledger } from "../../../dist/domain/Ledger.js"
import { holdStateDirectory } from "../../../dist/layers/ledger/lock.js"
import { layerSqlite } from "../../../dist/layers/ledger/sqlite.js"

const [directory, only] = process.argv.slice(2)

const delivery = (i) => ({
  source: "site",
  path: `d${i % 97}/${i}`,
  server: "cdn",
  rule: "site/all",
  destination: `static/${i}`,
  url: `http://cdn/static/${i}`,
  fingerprint: "f",
  state: { size: i, mtimeNs: BigInt(i), inode: BigInt(i) },
  hash: "",
  deliveredAt: i,
  sourceDeleted: false,
})

const changes = (i) => [
  {
    _tag: "Delivered",
    delivery: delivery(i),
    ...(i % 10 === 0 ? { retire: { destination: `old/${i}`, dueAt: i } } : {}),
  },
  ...(i % 100 === 0
    ? [{ _tag: "SourceDeleted", source: "site", path: delivery(i).path, state: delivery(i).state }]
    : []),
]

const write = Effect.gen(function* () {
  const ledger = yield* Ledger
  let i = 0
  const worker = Effect.gen(function* () {
    for (;;) {
      const mine = i++
      yield* ledger.commit(changes(mine))
      writeSync(1, `${mine}\n`)
    }
  })
  yield* Effect.all(
    Array.from({ length: 16 }, () => worker),
    { concurrency: "unbounded" },
  )
}).pipe(Effect.provide(layerSqlite({ directory })))

const hold = Effect.gen(function* () {
  yield* holdStateDirectory(directory)
  writeSync(1, "held\n")
  yield* only === "lock" ? Effect.never : write
})

// Effect's timers alone would not keep a process alive that only holds a lock.
setInterval(() => {}, 60_000)
Effect.runPromise(Effect.scoped(hold)).catch((error) => {
  console.error(error.message)
  process.exit(1)
})
