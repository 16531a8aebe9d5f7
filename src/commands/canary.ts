/**
 * Tries a server with a small file: written, looked at, written over, removed, wherever rules put files.
 *
 * @since 1.0.0
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import process from "node:process"
import type { Config } from "../domain/Config.ts"
import { TransportError, type TransportReason } from "../domain/Errors.ts"
import { CHECK_DIRECTORIES, CHECK_TOTAL } from "../domain/Limits.ts"
import { relativePath, type RemotePath, remotePath, type ServerName, type SourceName } from "../domain/Path.ts"
import { Workspace } from "../domain/Processor.ts"
import { isAboutServer } from "../streams/ask.ts"
import { type OutputFile, type RemoteFile, Transporters, type TransporterShape } from "../domain/Transporter.ts"

/** What came of it: `trouble` in a few words, `detail` with what would cure it. */
export interface Trial {
  readonly server: ServerName
  readonly transporter: TransporterShape
  readonly failure: { readonly trouble: string; readonly detail: string } | undefined
}

/** A reason as the verdict names it. */
const troubles: Readonly<Record<TransportReason["_tag"], string>> = {
  Unreachable: "out of reach",
  Unauthorized: "no access",
  Throttled: "asks for less",
  OutOfSpace: "full",
  PermissionDenied: "may not write",
  NameRefused: "refuses the name",
  VerificationFailed: "not what was sent",
  SourceChanged: "not what was sent",
  Rejected: "refused",
}

/** Directories on the server that rules put files below, each once. */
const directoriesOf = (config: Config, server: ServerName): ReadonlyArray<string> => {
  const paths = config.rules.flatMap((rule) =>
    rule.destinations.filter((destination) => destination.server === server).map((destination) => destination.path),
  )
  return paths.length === 0 ? [""] : [...new Set(paths)].slice(0, CHECK_DIRECTORIES)
}

const bytesOf = (server: string, version: number): Uint8Array =>
  new TextEncoder().encode(`file-conveyor tries whether it can write to ${server}, version ${version}\n`)

const tryPlace = Effect.fnUntraced(function* (server: ServerName, transporter: TransporterShape, at: RemotePath) {
  const workspace = yield* Workspace
  const place = yield* workspace.open
  const wrong = (detail: string) =>
    new TransportError({ server, operation: "stat", path: at, reason: { _tag: "VerificationFailed" }, detail })
  const put = Effect.fnUntraced(function* (version: number) {
    const bytes = bytesOf(server, version)
    const content = yield* place.write(bytes)
    const path = relativePath("canary.txt")
    if (path === undefined) return yield* Effect.die("a constant path is not safe")
    const file: OutputFile = {
      content,
      source: "check" as SourceName,
      path,
      state: { size: bytes.length, mtimeNs: 0n, inode: 0n, mode: 0o644 },
      sourceStays: false,
      headers: {},
      uniqueName: false,
    }
    yield* transporter.put(file, at)
    return content
  })
  const compare = Effect.fnUntraced(function* (
    content: Effect.Success<ReturnType<typeof put>>,
    remote: Option.Option<RemoteFile>,
  ) {
    if (Option.isNone(remote)) return yield* wrong("a file that was written is not there")
    const { hash, size } = remote.value
    if (size !== content.size) {
      return yield* wrong(`a file of ${content.size} bytes that was written has ${size} there`)
    }
    if (hash !== undefined && hash.hex !== (yield* workspace.hash(content, hash.algorithm))) {
      return yield* wrong("a file that was written has other content there")
    }
  })
  const work = Effect.gen(function* () {
    yield* compare(yield* put(1), yield* transporter.stat(at))
    yield* compare(yield* put(2), yield* transporter.stat(at))
  })
  yield* Effect.tapError(work, () => Effect.ignore(transporter.remove(at)))
  yield* transporter.remove(at)
  if (Option.isSome(yield* transporter.stat(at))) {
    return yield* wrong(
      "a file that was deleted is still there; does something between here and the server keep copies?",
    )
  }
}, Effect.scoped)

const inTime = (server: ServerName) =>
  Effect.timeoutOrElse({
    duration: CHECK_TOTAL,
    orElse: () =>
      Effect.fail(
        new TransportError({
          server,
          operation: "connect",
          reason: { _tag: "Unreachable" },
          detail: `no result after ${CHECK_TOTAL / 1000} s; the server, or the way to it, is too slow`,
        }),
      ),
  })

/** Tries one server. */
export const tryServer = Effect.fnUntraced(function* (config: Config, server: ServerName) {
  const transporter = (yield* Transporters).get(server)
  const work = Effect.gen(function* () {
    for (const directory of directoriesOf(config, server)) {
      const name = `.file-conveyor-check-${process.pid}.txt`
      const at = remotePath(directory === "" ? name : `${directory}/${name}`)
      if (at === undefined) return yield* Effect.die("a path of the config is not safe")
      const where = directory === "" ? "" : `in ${directory}: `
      yield* Effect.mapError(inTime(server)(tryPlace(server, transporter, at)), (error) => ({ error, where }))
    }
  })
  const failure = yield* work.pipe(
    Effect.match({
      onSuccess: () => undefined,
      onFailure: ({ error, where }) => ({
        trouble: error._tag === "TransportError" ? troubles[error.reason._tag] : "not tried",
        detail: error._tag === "TransportError" && isAboutServer(error) ? error.detail : where + error.detail,
      }),
    }),
  )
  const trial: Trial = { server, transporter, failure }
  return trial
})
