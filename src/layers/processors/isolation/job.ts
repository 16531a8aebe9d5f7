/**
 * The job of a processor, on its own side: it reads and writes files by itself and asks the daemon for the rest.
 *
 * @since 1.0.0
 */
import * as Effect from "effect/Effect"
import type { Companion } from "../../../domain/Companion.ts"
import { ProcessorError, type SourceError } from "../../../domain/Errors.ts"
import type { RelativePath, ServerName, SourceName } from "../../../domain/Path.ts"
import { isWithin } from "../../../domain/Path.ts"
import { askedOfDaemon, type ProcessedFile, type ProcessorJob } from "../../../domain/Processor.ts"
import type { Content } from "../../../domain/SourceFiles.ts"
import * as Stream from "effect/Stream"
import { DiskContent, sourceError } from "../../disk/DiskContent.ts"
import { DiskError } from "../../disk/DiskError.ts"
import type { DiskWorkers } from "../../disk/DiskWorkers.ts"
import { perform } from "../../disk/operations.ts"
import type { Input, Operation, Output } from "../../disk/protocol.ts"
import { refused } from "../../disk/refusal.ts"
import { makePlace } from "../place.ts"
import type { FileWork, Made } from "./messages.ts"

/** Asks the daemon for a member of the job. */
export type Ask = (name: string, argument: unknown) => Effect.Effect<unknown, ProcessorError | SourceError>

/** File system work in this thread: nothing else waits for it here. */
const disk: DiskWorkers["Service"] = {
  run: <O extends Operation>(operation: O, input: Input<O>) =>
    Effect.try({
      try: (): Output<O> =>
        perform(operation, input, { real: new Map(), cancelled: () => false, between: () => undefined }),
      catch: (error) => new DiskError(refused(error)),
    }),
  threads: Effect.succeed(0),
}

/** A job, and whether its processor looked at the state of the file. */
export const makeJob = (
  work: FileWork,
  ask: Ask,
): { readonly job: ProcessorJob; readonly usedState: () => boolean } => {
  const { directory, original } = work
  const content = new DiskContent(disk, original)
  const place = makePlace(disk, directory, Effect.void, directory)
  const failed = sourceError(original.location)
  let usedState = false
  const members = askedOfDaemon.filter((name) => name !== "addressesOf" || work.server !== undefined)
  const asked = Object.fromEntries(members.map((name) => [name, (argument: unknown) => ask(name, argument)]))
  const job = {
    source: work.source as SourceName,
    path: work.path as RelativePath,
    get state() {
      usedState = true
      return work.state
    },
    baseName: work.baseName,
    content,
    server: work.server as ServerName | undefined,
    ...(work.serverHas === undefined ? {} : { serverHas: work.serverHas }),
    read: Effect.mapError(disk.run("read", { original, offset: 0, length: content.size }), failed),
    hash: (algorithm) => Effect.mapError(disk.run("hash", { original, algorithm }), failed),
    write: place.write,
    directory: place.directory,
    adopt: place.adopt,
  } satisfies Partial<ProcessorJob>
  return {
    job: Object.defineProperties(asked, Object.getOwnPropertyDescriptors(job)) as never,
    usedState: () => usedState,
  }
}

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null

const isContent = (value: unknown): value is Content =>
  isRecord(value) && typeof value["size"] === "number" && Stream.isStream(value["bytes"])

const isHeaders = (value: unknown): value is ProcessedFile["headers"] =>
  value === undefined || (isRecord(value) && Object.values(value).every((header) => typeof header === "string"))

const isCompanions = (value: unknown): value is ReadonlyArray<Companion> =>
  Array.isArray(value) &&
  value.every((one) => isRecord(one) && typeof one["suffix"] === "string" && isContent(one["content"]))

/** What a processor returned, as it travels; a failure where that is not what the contract says. */
export const madeOf = Effect.fnUntraced(function* (
  returned: unknown,
  { job, usedState }: ReturnType<typeof makeJob>,
  { directory, path, use }: FileWork,
) {
  const wrong = (detail: string) => new ProcessorError({ processor: use.name, path, detail })
  if (!isRecord(returned)) return yield* wrong("returned no processed file: { content, baseName } is expected")
  const { baseName, companions = [], content, headers, uniqueName } = returned
  if (typeof baseName !== "string") return yield* wrong("returned no base name")
  if (!isContent(content)) return yield* wrong("returned no content: what job.write or job.adopt gives is expected")
  if (!isHeaders(headers)) return yield* wrong("returned headers that are not text")
  if (!isCompanions(companions)) return yield* wrong("returned companions that are not suffixes with contents")
  const locationOf = Effect.fnUntraced(function* (content: Content) {
    if (content === job.content) return undefined
    const isOurs = content instanceof DiskContent && isWithin(directory, content.location)
    const stored = isOurs ? content : yield* Stream.mkUint8Array(content.bytes).pipe(Effect.flatMap(job.write))
    return stored.location
  })
  const made: Made = {
    location: yield* locationOf(content),
    companions: yield* Effect.forEach(companions, ({ content, suffix }) =>
      Effect.map(locationOf(content), (location) => ({ suffix, location })),
    ),
    baseName,
    headers,
    uniqueName: uniqueName === true ? true : undefined,
    usedState: usedState(),
  }
  return made
})
