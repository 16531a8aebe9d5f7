/**
 * A server in memory: it stores whole files, fails as it is told to, and remembers what was asked of it.
 *
 * @since 1.0.0
 */
import { createHash } from "node:crypto"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Random from "effect/Random"
import * as Stream from "effect/Stream"
import { type SourceError, TransportError, type TransportReason } from "../../domain/Errors.ts"
import { MEMORY_LOG } from "../../domain/Limits.ts"
import { type RemotePath, type ServerName, urlOf } from "../../domain/Path.ts"
import type { OutputFile, TransporterCapabilities, TransporterShape } from "../../domain/Transporter.ts"
import { concerns, type FaultKind, healthy, type Operation, type ServerConditions, type ServerFault } from "./faults.ts"

/** A file as the server holds it. */
export interface StoredFile {
  readonly bytes: Uint8Array
  readonly sha256: string
  readonly headers: Readonly<Record<string, string>>
  readonly uniqueName: boolean
  /** Milliseconds since the epoch. */
  readonly storedAt: number
}

/** One operation that ended. */
export interface LoggedOperation {
  readonly at: number
  readonly operation: Operation
  readonly path: RemotePath
  readonly outcome: "done" | "interrupted" | TransportReason["_tag"]
}

/** A server, and the handles by which a test looks at it and makes it fail. */
export interface MemoryServer {
  readonly name: ServerName
  readonly transporter: TransporterShape
  /** What readers see now. */
  readonly files: Effect.Effect<ReadonlyMap<RemotePath, StoredFile>>
  /** The bytes that a reader of this path gets now. */
  readonly read: (path: RemotePath) => Effect.Effect<Option.Option<Uint8Array>>
  /** Stores or removes a file behind the conveyor's back. */
  readonly meddle: (path: RemotePath, bytes: Uint8Array | undefined) => Effect.Effect<void>
  /** Uploads that have begun and not ended: zero once all is quiet, else something was left behind. */
  readonly uploads: Effect.Effect<number>
  /**
   * What no server should ever live through: two writers on one path at once, or a path whose readers see anything but
   * a whole file. Sentences; empty where all is well.
   */
  readonly violations: Effect.Effect<ReadonlyArray<string>>
  /** What was asked, oldest first, as far back as is kept. */
  readonly log: Effect.Effect<ReadonlyArray<LoggedOperation>>
  readonly conditions: Effect.Effect<ServerConditions>
  /** Replaces the conditions that are named; the others stay as they are. */
  readonly set: (conditions: Partial<ServerConditions>) => Effect.Effect<void>
  /** Adds a fault to those there are. */
  readonly inject: (fault: ServerFault) => Effect.Effect<void>
  /** The server works again. */
  readonly heal: Effect.Effect<void>
}

/** What a server is called and can do. */
export interface MemoryServerOptions {
  /** Public address; by default `https://<name>.example/`. */
  readonly url?: string
  readonly capabilities?: Partial<TransporterCapabilities>
  /** It takes many files at once: each is put as if it came alone. */
  readonly many?: boolean
}

const defaults: TransporterCapabilities = {
  atomicReplace: true,
  contentHash: true,
  headers: true,
  directories: false,
  connections: 8,
}

const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex")

const join = (chunks: ReadonlyArray<Uint8Array>, size: number): Uint8Array => {
  const bytes = new Uint8Array(size)
  let at = 0
  for (const chunk of chunks) {
    bytes.set(chunk, at)
    at += chunk.length
  }
  return bytes
}

/** An empty server that works. */
export const makeServer = (name: ServerName, options?: MemoryServerOptions): Effect.Effect<MemoryServer> =>
  Effect.sync(() => {
    const capabilities = { ...defaults, ...options?.capabilities }
    const base = options?.url ?? `https://${encodeURIComponent(name)}.example/`
    const stored = new Map<RemotePath, StoredFile>()
    const writers = new Map<RemotePath, number>()
    const violations: Array<string> = []
    const log: Array<LoggedOperation> = []
    /** How often each fault has struck. */
    const strikes = new WeakMap<ServerFault, number>()
    let conditions = healthy
    let uploads = 0
    let used = 0
    let uploading = 0

    const failure = (operation: Operation, path: RemotePath, reason: TransportReason, detail: string) =>
      new TransportError({ server: name, operation, path, reason, detail })
    const unreachable = (operation: Operation, path: RemotePath, detail: string) =>
      failure(operation, path, { _tag: "Unreachable" }, detail)

    const reachable = (operation: Operation, path: RemotePath) =>
      Effect.suspend(() => (conditions.up ? Effect.void : Effect.fail(unreachable(operation, path, "it is down"))))

    /** The fault that strikes this operation, if any: the first that is about it and whose turn it is. */
    const strike = (operation: Operation, path: RemotePath) =>
      Effect.gen(function* () {
        for (const fault of conditions.faults) {
          if (!concerns(fault, operation, path)) continue
          if (fault.probability !== undefined && (yield* Random.next) >= fault.probability) continue
          const before = strikes.get(fault) ?? 0
          if (before >= (fault.times ?? Number.POSITIVE_INFINITY)) continue
          strikes.set(fault, before + 1)
          return fault.fault
        }
        return undefined
      })

    const wait = Effect.suspend(() => {
      const { maximum, minimum } = conditions.latency
      if (maximum <= 0) return Effect.yieldNow
      return Effect.flatMap(Random.nextBetween(minimum, Math.max(minimum, maximum)), (millis) =>
        Effect.sleep(Math.ceil(millis)),
      )
    })

    const record = (operation: Operation, path: RemotePath, outcome: LoggedOperation["outcome"]) =>
      Effect.map(Clock.currentTimeMillis, (at) => {
        log.push({ at, operation, path, outcome })
        if (log.length > MEMORY_LOG) log.splice(0, log.length - MEMORY_LOG)
      })

    /** What every operation has in common: the way there, the faults, the way back, the log. */
    const operate = <A>(
      operation: Operation,
      path: RemotePath,
      effect: (fault: FaultKind | undefined) => Effect.Effect<A, TransportError>,
    ): Effect.Effect<A, TransportError> =>
      Effect.gen(function* () {
        yield* wait
        yield* reachable(operation, path)
        const fault = yield* strike(operation, path)
        if (fault?._tag === "Hang") return yield* Effect.never
        if (fault?._tag === "Fail")
          return yield* failure(operation, path, fault.reason, `it answered ${fault.reason._tag}`)
        if (fault?._tag === "Disconnect" && operation !== "put") {
          return yield* unreachable(operation, path, "the connection broke")
        }
        const answer = yield* effect(fault)
        if (fault?._tag === "AnswerLost") return yield* unreachable(operation, path, "the connection broke")
        return answer
      }).pipe(
        Effect.tap(() => record(operation, path, "done")),
        Effect.tapError((error) => record(operation, path, error.reason._tag)),
        Effect.onInterrupt(() => record(operation, path, "interrupted")),
      )

    /** Runs what changes a path, and notices when two do at once. */
    const writing = <A, E>(path: RemotePath, effect: Effect.Effect<A, E>): Effect.Effect<A, E> =>
      Effect.acquireUseRelease(
        Effect.sync(() => {
          const others = writers.get(path) ?? 0
          if (others > 0) violations.push(`${path} was written by ${others + 1} at once`)
          writers.set(path, others + 1)
        }),
        () => effect,
        () =>
          Effect.sync(() => {
            const others = (writers.get(path) ?? 1) - 1
            if (others > 0) writers.set(path, others)
            else writers.delete(path)
          }),
      )

    const place = (path: RemotePath, file: StoredFile | undefined) => {
      used += (file?.bytes.length ?? 0) - (stored.get(path)?.bytes.length ?? 0)
      if (file === undefined) stored.delete(path)
      else stored.set(path, file)
    }

    const sourceFailure = (path: RemotePath, error: SourceError) =>
      failure(
        "put",
        path,
        { _tag: error.reason === "Vanished" || error.reason === "Changed" ? "SourceChanged" : "Rejected" },
        error.message,
      )

    const upload = (file: OutputFile, to: RemotePath, fault: FaultKind | undefined) =>
      Effect.suspend(() => {
        const chunks: Array<Uint8Array> = []
        let size = 0
        const receive = (chunk: Uint8Array) =>
          Effect.gen(function* () {
            yield* Effect.yieldNow
            yield* reachable("put", to)
            size += chunk.length
            uploading += chunk.length
            chunks.push(chunk)
            if (fault?._tag === "Disconnect" && size > fault.afterBytes) {
              return yield* unreachable("put", to, `the connection broke after ${fault.afterBytes} bytes`)
            }
            if (used + uploading > conditions.capacity) {
              return yield* failure("put", to, { _tag: "OutOfSpace" }, "no room is left")
            }
          })
        const commit = Effect.gen(function* () {
          yield* reachable("put", to)
          if (fault?._tag === "Disconnect") return yield* unreachable("put", to, "the connection broke")
          if (size !== file.content.size) {
            const detail = `${size} of ${file.content.size} bytes came`
            return yield* failure("put", to, { _tag: "SourceChanged" }, detail)
          }
          const bytes = join(chunks, size)
          const hash = sha256(bytes)
          const storedAt = yield* Clock.currentTimeMillis
          const headers = capabilities.headers ? file.headers : {}
          place(to, { bytes, sha256: hash, headers, uniqueName: file.uniqueName, storedAt })
          return { sha256: hash }
        })
        return Effect.acquireUseRelease(
          Effect.sync(() => void (uploads += 1)),
          () =>
            Stream.runForEach(file.content.bytes, receive).pipe(
              Effect.catchTag("SourceError", (error) => Effect.fail(sourceFailure(to, error))),
              Effect.andThen(commit),
            ),
          () =>
            Effect.sync(() => {
              uploads -= 1
              uploading -= size
            }),
        )
      })

    const transporter: TransporterShape = {
      capabilities,
      put: (file, to) =>
        writing(
          to,
          operate("put", to, (fault) => upload(file, to, fault)),
        ),
      remove: (path) =>
        writing(
          path,
          operate("remove", path, () => Effect.sync(() => place(path, undefined))),
        ),
      stat: (path) =>
        operate("stat", path, () =>
          Effect.sync(() => {
            const file = stored.get(path)
            if (file === undefined) return Option.none()
            const hash = { algorithm: "sha256", hex: file.sha256 } as const
            return Option.some({ size: file.bytes.length, ...(capabilities.contentHash ? { hash } : {}) })
          }),
        ),
      url: (path) => urlOf(base, path),
    }
    const { put } = transporter
    const all: TransporterShape =
      options?.many === true
        ? { ...transporter, putMany: (files) => Effect.forEach(files, ({ file, to }) => Effect.result(put(file, to))) }
        : transporter

    return {
      name,
      transporter: all,
      files: Effect.sync(() => new Map(stored)),
      read: (path) => Effect.sync(() => Option.map(Option.fromUndefinedOr(stored.get(path)), ({ bytes }) => bytes)),
      meddle: (path, bytes) =>
        Effect.map(Clock.currentTimeMillis, (storedAt) =>
          place(
            path,
            bytes === undefined
              ? undefined
              : { bytes: bytes.slice(), sha256: sha256(bytes), headers: {}, uniqueName: false, storedAt },
          ),
        ),
      uploads: Effect.sync(() => uploads),
      violations: Effect.sync(() => {
        const damaged = Array.from(stored).filter(([, file]) => sha256(file.bytes) !== file.sha256)
        return [...violations, ...damaged.map(([path]) => `${path} is not what was sent`)]
      }),
      log: Effect.sync(() => log.slice()),
      conditions: Effect.sync(() => conditions),
      set: (some) =>
        Effect.sync(() => {
          conditions = { ...conditions, ...some }
        }),
      inject: (fault) =>
        Effect.sync(() => {
          conditions = { ...conditions, faults: [...conditions.faults, { ...fault }] }
        }),
      heal: Effect.sync(() => {
        conditions = healthy
      }),
    }
  })
