/**
 * A directory for one run of a program, with a copy of the file under a name of our own.
 *
 * The program never sees the name of the file, so no name can be taken for an option, a pattern or another path, and it
 * never sees the file itself, so whatever it does the source stays as it is.
 *
 * @since 1.0.0
 */
import { lstat, mkdtemp, open } from "node:fs/promises"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { ProcessorError, type SourceError } from "../../../domain/Errors.ts"
import { extensionOf, hasRawBytes } from "../../../domain/Path.ts"
import type { ProcessorJob } from "../../../domain/Processor.ts"
import type { Content } from "../../../domain/SourceFiles.ts"

/** Where a program finds and puts things. All absolute. */
export interface ProgramPlace {
  readonly directory: string
  readonly input: string
  readonly output: string
}

const SAFE_EXTENSION = /^[a-z0-9]{1,16}$/

const withDot = (extension: string): string => (SAFE_EXTENSION.test(extension) ? `.${extension}` : "")

/** A name with another extension: `a.tar.gz` and `br` give `a.tar.br`. */
export const withExtension = (name: string, extension: string): string => {
  const dot = name.lastIndexOf(".")
  return `${dot <= 0 ? name : name.slice(0, dot)}.${extension}`
}

const inWords = (cause: unknown): string => {
  const code = (cause as NodeJS.ErrnoException | undefined)?.code ?? String(cause)
  return code === "ENOSPC" || code === "EDQUOT"
    ? "no space is left for the copy that the program gets: free some, or name another <workingDir>"
    : `the copy that the program gets can not be made (${code})`
}

/** Failures of this processor on this file. */
export const failing =
  (processor: string, job: ProcessorJob) =>
  (detail: string, cause?: unknown): ProcessorError =>
    new ProcessorError({ processor, path: job.path, detail, ...(cause === undefined ? {} : { cause }) })

const copy = (content: Content, file: string, fail: ReturnType<typeof failing>) => {
  const attempt = <A>(act: () => Promise<A>): Effect.Effect<A, ProcessorError> =>
    Effect.tryPromise({ try: act, catch: (cause) => fail(inWords(cause), cause) })
  return Effect.scoped(
    Effect.flatMap(
      Effect.acquireRelease(
        attempt(() => open(file, "wx", 0o600)),
        (handle) => Effect.promise(() => handle.close()),
      ),
      (handle): Effect.Effect<void, ProcessorError | SourceError> =>
        Stream.runForEach(content.bytes, (piece) => attempt(() => handle.writeFile(piece))),
    ),
  )
}

/** Makes the place in the job's directory. `outputExtension`: what the output is to be called; else as the input. */
export const makeProgramPlace = Effect.fnUntraced(function* (
  processor: string,
  job: ProcessorJob,
  outputExtension: string | undefined,
) {
  const fail = failing(processor, job)
  const jobDirectory = yield* job.directory
  if (hasRawBytes(jobDirectory)) {
    return yield* fail(
      "the path of the working directory is not UTF-8, which programs can not be told: name another <workingDir>",
    )
  }
  // A chain may run several programs on one job.
  const directory = yield* Effect.tryPromise({
    try: () => mkdtemp(`${jobDirectory}/program-`),
    catch: (cause) => fail(inWords(cause), cause),
  })
  const extension = extensionOf(job.baseName)
  const place: ProgramPlace = {
    directory,
    input: `${directory}/input${withDot(extension)}`,
    output: `${directory}/output${withDot((outputExtension ?? extension).toLowerCase())}`,
  }
  yield* copy(job.content, place.input, fail)
  return place
})

/** What is at a path. A link is something else, wherever it leads. */
export const lookAt = (file: string): Effect.Effect<"nothing" | "a file" | "something else"> =>
  Effect.promise(() =>
    lstat(file).then(
      (stats) => (stats.isFile() ? "a file" : "something else"),
      () => "nothing",
    ),
  )
