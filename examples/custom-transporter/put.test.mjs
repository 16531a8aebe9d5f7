// Holds the transporter to the contract of all transporters: node --test
import { test } from "node:test"
import { Effect } from "effect"
import { Path } from "file-conveyor"
import { transporterSuite } from "file-conveyor/testing"
import put from "./put.mjs"
import { startServer } from "./server.mjs"

const url = "http://cdn.example/"

/** The path that a request's address stands for. */
const pathOf = (address) =>
  Path.fromBytes(
    Buffer.from(
      address.slice(1).replace(/%(..)/g, (_, hex) => String.fromCharCode(`0x${hex}`)),
      "latin1",
    ),
  )

const harness = Effect.map(
  Effect.acquireRelease(
    Effect.promise(() => startServer()),
    (server) => Effect.promise(server.stop),
  ),
  ({ address, files, state }) => ({
    layer: put.layer({ address, url }, { name: "shelf", maxConnections: 0 }),
    read: (path) => Effect.sync(() => files.get(`/${Path.percentEncode(path)}`)),
    everything: Effect.sync(() => Array.from(files.keys(), pathOf)),
    url,
    breakDown: Effect.sync(() => {
      state.broken = true
      return Effect.sync(() => void (state.broken = false))
    }),
  }),
)

for (const { name, run } of transporterSuite("put", harness)) test(name, run)
