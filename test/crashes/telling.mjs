/**
 * A transporter of a third party that publishes into a directory, in the two phases of any other, and that can be told to
 * have its whole process killed at a named moment: when the file `plan` says so.
 */
import { createHash } from "node:crypto"
import fs from "node:fs"
import path from "node:path"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { defineTransporter, Transporter, TransportError } from "../../dist/index.js"

const bytesOf = (content) => Effect.map(Stream.runCollect(content.bytes), (chunks) => Buffer.concat(Array.from(chunks)))

const make = ({ directory, plan, url }, server) => {
  const passed = new Map()
  let count = 0
  /** The process may end here. */
  const moment = (name) => {
    const times = (passed.get(name) ?? 0) + 1
    passed.set(name, times)
    const [wanted, after] = fs.existsSync(plan) ? fs.readFileSync(plan, "utf8").split("|") : []
    if (wanted === name && times > Number(after)) process.kill(process.pid, "SIGKILL")
  }
  const failed = (operation, at) => (cause) =>
    cause._tag === "SourceError"
      ? new TransportError({
          server: server.name,
          operation,
          path: at,
          reason: { _tag: "SourceChanged" },
          detail: cause.message,
        })
      : new TransportError({
          server: server.name,
          operation,
          path: at,
          reason: { _tag: "Rejected" },
          detail: String(cause),
        })
  const attempt = (operation, at, work) => Effect.try({ try: work, catch: failed(operation, at) })

  return {
    capabilities: { atomicReplace: true, contentHash: false, headers: false, directories: false, connections: 4 },
    put: Effect.fnUntraced(function* (file, to) {
      moment("put begun")
      const bytes = yield* Effect.mapError(bytesOf(file.content), failed("put", to))
      return yield* attempt("put", to, () => {
        const target = path.join(directory, to)
        const temporary = `${directory}.uploads/${process.pid}-${count++}`
        fs.mkdirSync(path.dirname(target), { recursive: true })
        fs.mkdirSync(path.dirname(temporary), { recursive: true })
        fs.writeFileSync(temporary, bytes.subarray(0, bytes.length / 2))
        moment("put half done")
        fs.appendFileSync(temporary, bytes.subarray(bytes.length / 2))
        moment("put not yet in place")
        fs.renameSync(temporary, target)
        moment("put done, not acknowledged")
        return { sha256: createHash("sha256").update(bytes).digest("hex") }
      })
    }),
    remove: (at) =>
      attempt("remove", at, () => {
        moment("remove begun")
        fs.rmSync(path.join(directory, at), { force: true })
        moment("remove done, not acknowledged")
      }),
    stat: (at) =>
      attempt("stat", at, () => {
        const stats = fs.statSync(path.join(directory, at), { throwIfNoEntry: false })
        return stats === undefined ? Option.none() : Option.some({ size: stats.size })
      }),
    url: (at) => url + encodeURI(at),
  }
}

export default defineTransporter({
  name: "telling",
  settings: Schema.Struct({ directory: Schema.String, plan: Schema.String, url: Schema.String }),
  layer: (settings, server) =>
    Layer.effect(
      Transporter,
      Effect.sync(() => Transporter.of(make(settings, server))),
    ),
})
