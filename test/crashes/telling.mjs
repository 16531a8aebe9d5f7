/**
 * The built-in transporters, and one that publishes into a directory by itself, told to have their whole process killed at
 * a named moment of the two phases of publishing: when the file that CRASH_PLAN names says so. To the program they are
 * modules of a third party: `telling.mjs#sftp`.
 */
import { createHash } from "node:crypto"
import fs from "node:fs"
import path from "node:path"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { defineTransporter, Transporter, TransportError } from "../../dist/index.js"
import { ftp as realFtp } from "../../dist/layers/transporters/ftp.js"
import { s3 as realS3 } from "../../dist/layers/transporters/s3.js"
import { sftp as realSftp } from "../../dist/layers/transporters/sftp.js"
import { symlinkOrCopy as realSymlinkOrCopy } from "../../dist/layers/transporters/symlinkOrCopy.js"

const plan = process.env.CRASH_PLAN ?? ""
const passed = new Map()

/** The process may end here. */
const moment = (name) => {
  const times = (passed.get(name) ?? 0) + 1
  passed.set(name, times)
  const [wanted, after] = fs.existsSync(plan) ? fs.readFileSync(plan, "utf8").split("|") : []
  if (wanted === name && times > Number(after)) process.kill(process.pid, "SIGKILL")
}

/** The same content; whoever reads it passes two moments: half of it is read, and all of it. */
const watched = ({ bytes, location, origin, size }) => ({
  location,
  origin,
  size,
  bytes: Stream.suspend(() => {
    let read = 0
    const pass = (chunk) => {
      const before = read
      read += chunk.length
      if (before * 2 <= size && read * 2 > size) moment("put half done")
      return chunk
    }
    return Stream.map(bytes, pass).pipe(
      Stream.concat(Stream.suspend(() => (moment("put not yet in place"), Stream.empty))),
    )
  }),
})

/** What local copies are made of is not read here: they are met in between by a moment that is a little later. */
const underWay = () => void setTimeout(moment, 1, "put half done")

const told = (real) => {
  const local = real.capabilities.local === true
  const begun = ({ content, ...rest }) => {
    moment("put begun")
    if (local) underWay()
    return { ...rest, content: local ? content : watched(content) }
  }
  return {
    ...real,
    capabilities: real.capabilities,
    put: (file, to) =>
      Effect.suspend(() => real.put(begun(file), to)).pipe(
        Effect.tap(() => Effect.sync(() => moment("put done, not acknowledged"))),
      ),
    ...(real.putMany === undefined
      ? {}
      : {
          putMany: (files) =>
            Effect.suspend(() => real.putMany(files.map(({ file, to }) => ({ file: begun(file), to })))).pipe(
              Effect.tap((results) =>
                Effect.sync(() => results.some(Result.isSuccess) && moment("put done, not acknowledged")),
              ),
            ),
        }),
    remove: (at) =>
      Effect.suspend(() => {
        moment("remove begun")
        return real.remove(at)
      }).pipe(Effect.tap(() => Effect.sync(() => moment("remove done, not acknowledged")))),
  }
}

const telling = (definition) =>
  defineTransporter({
    ...definition,
    layer: (settings, server) =>
      Layer.effect(
        Transporter,
        Effect.map(Layer.build(definition.layer(settings, server)), (context) =>
          Transporter.of(told(Context.get(context, Transporter))),
        ),
      ),
  })

export const symlink_or_copy = telling(realSymlinkOrCopy)
export const sftp = telling(realSftp)
export const ftp = telling(realFtp)
export const s3 = telling(realS3)

const bytesOf = (content) => Effect.map(Stream.runCollect(content.bytes), (chunks) => Buffer.concat(Array.from(chunks)))

const directory = ({ directory: root, url }, server) => {
  let count = 0
  const failed = (operation, at) => (cause) =>
    new TransportError({
      server: server.name,
      operation,
      path: at,
      reason: { _tag: cause._tag === "SourceError" ? "SourceChanged" : "Rejected" },
      detail: String(cause),
    })
  const attempt = (operation, at, work) => Effect.try({ try: work, catch: failed(operation, at) })

  return {
    capabilities: { atomicReplace: true, contentHash: false, headers: false, directories: false, connections: 4 },
    put: Effect.fnUntraced(function* (file, to) {
      moment("put begun")
      const bytes = yield* Effect.mapError(bytesOf(file.content), failed("put", to))
      return yield* attempt("put", to, () => {
        const target = path.join(root, to)
        const temporary = `${root}.uploads/${process.pid}-${count++}`
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
        fs.rmSync(path.join(root, at), { force: true })
        moment("remove done, not acknowledged")
      }),
    stat: (at) =>
      attempt("stat", at, () => {
        const stats = fs.statSync(path.join(root, at), { throwIfNoEntry: false })
        return stats === undefined ? Option.none() : Option.some({ size: stats.size })
      }),
    url: (at) => url + encodeURI(at),
  }
}

export default defineTransporter({
  name: "telling",
  settings: Schema.Struct({ directory: Schema.String, url: Schema.String }),
  layer: (settings, server) =>
    Layer.effect(
      Transporter,
      Effect.sync(() => Transporter.of(directory(settings, server))),
    ),
})
