/**
 * Videos for the web, by ffmpeg.
 *
 * @since 1.0.0
 */
import { execFile } from "node:child_process"
import { availableParallelism } from "node:os"
import * as Effect from "effect/Effect"
import * as Semaphore from "effect/Semaphore"
import { ProcessorError } from "../../domain/Errors.ts"
import { VIDEO_LOOK, VIDEO_MEMORY, VIDEO_OUTPUT, VIDEO_TIME, VIDEOS_AT_ONCE } from "../../domain/Limits.ts"
import { extensionOf } from "../../domain/Path.ts"
import { defineProcessor, type ProcessorDefinition } from "../../domain/Processor.ts"
import { canTellMemory } from "../programs/groupMemory.ts"
import { locateProgram, programVersion } from "../programs/locate.ts"
import { ProgramError } from "../programs/ProgramError.ts"
import { inWords, runProgram } from "../programs/runProgram.ts"
import { failing, makeProgramPlace, withExtension } from "./command/place.ts"
import { encoders, transcoding } from "./video/parameters.ts"
import { type Description, probe } from "./video/probe.ts"
import { usualExtensions, type VideoFormat, type VideoSettings, videoSettings } from "./video/settings.ts"

const NAME = "video.Transcode"
const USUAL_NICE = 10

/** Shorter than the original by more than this is not the whole of it. */
const SHORTER_SECONDS = 2
const SHORTER_SHARE = 0.1

const install = (attribute: string): string =>
  `Install ffmpeg (Debian and Ubuntu: apt-get install ffmpeg), or say where it is with the attribute ${attribute}`

/** ffprobe comes with ffmpeg, so it is looked for beside one that is named by its path. */
const probeOf = ({ ffmpeg, ffprobe }: VideoSettings): string =>
  ffprobe ?? (ffmpeg?.includes("/") === true ? ffmpeg.replace(/[^/]*$/, "ffprobe") : "ffprobe")

const programs = (settings: VideoSettings) =>
  Effect.all({
    ffmpeg: locateProgram(settings.ffmpeg ?? "ffmpeg", install("ffmpeg")),
    ffprobe: locateProgram(probeOf(settings), install("ffprobe")),
  })

const encodersOf = (ffmpeg: string): Effect.Effect<string, ProgramError> =>
  Effect.callback((resume) => {
    const child = execFile(
      ffmpeg,
      ["-hide_banner", "-v", "error", "-encoders"],
      { timeout: VIDEO_LOOK, maxBuffer: 1_048_576 },
      (cause, stdout) => {
        resume(
          cause === null
            ? Effect.succeed(stdout)
            : Effect.fail(new ProgramError({ detail: `${ffmpeg} does not tell which encoders it has`, cause })),
        )
      },
    )
    return Effect.sync(() => child.kill("SIGKILL"))
  })

const canEncode = Effect.fnUntraced(function* (settings: VideoSettings, format: VideoFormat) {
  const { ffmpeg } = yield* programs(settings)
  const known = new Set(Array.from((yield* encodersOf(ffmpeg)).matchAll(/^ [A-Z.]{6} (\S+)/gm), ([, name]) => name))
  const missing = encoders[format].filter((name) => !known.has(name))
  if (missing.length > 0) {
    return yield* new ProgramError({
      detail: `${ffmpeg} was built without ${missing.join(" and ")}, which ${format} needs. Install a complete ffmpeg (Debian and Ubuntu: apt-get install ffmpeg)`,
    })
  }
  if (settings.memory !== undefined && !canTellMemory) {
    return yield* new ProgramError({ detail: "memory can be limited on Linux only: leave the attribute out" })
  }
})

/** What is wrong with a result, if anything. */
const shortcoming = (before: Description, after: Description): string | undefined => {
  if (!after.video) return "the result has no video in it"
  if (before.seconds === undefined) return undefined
  const got = after.seconds ?? 0
  const lost = before.seconds - got
  return lost > SHORTER_SECONDS && lost > before.seconds * SHORTER_SHARE
    ? `only ${Math.round(got)} of its ${Math.round(before.seconds)} seconds could be read: the file is damaged or not whole`
    : undefined
}

/** ffmpeg uses several cores for one video. */
const turns = Semaphore.makeUnsafe(VIDEOS_AT_ONCE)

/**
 * `video.Transcode`: `holiday.avi` becomes `holiday.mp4` (H.264 and AAC, playable before it is loaded) or `holiday.webm`
 * (VP9 and Opus). A file with sound only is left as it is.
 */
export const transcode: ProcessorDefinition<VideoSettings> = defineProcessor({
  name: NAME,
  settings: videoSettings,
  inline: true,
  long: ({ extensions, format = "mp4" }, baseName) =>
    (extensions ?? usualExtensions(format)).has(extensionOf(baseName)),
  cached: ({ ffmpeg }) => programVersion(ffmpeg ?? "ffmpeg"),
  availableWith: (settings) =>
    Effect.mapError(
      canEncode(settings, settings.format ?? "mp4"),
      ({ detail }) => new ProcessorError({ processor: NAME, path: settings.ffmpeg ?? "ffmpeg", detail }),
    ),
  process: Effect.fnUntraced(function* (job, settings) {
    const format = settings.format ?? "mp4"
    const unchanged = { content: job.content, baseName: job.baseName }
    if (!(settings.extensions ?? usualExtensions(format)).has(extensionOf(job.baseName))) return unchanged
    const fail = failing(NAME, job)
    const { ffmpeg, ffprobe } = yield* Effect.mapError(programs(settings), ({ detail }) => fail(detail))
    const limits = {
      time: settings.timeout ?? VIDEO_TIME,
      memory: settings.memory ?? VIDEO_MEMORY,
      output: settings.maxOutput ?? VIDEO_OUTPUT,
    }
    return yield* Semaphore.withPermit(turns)(
      Effect.gen(function* () {
        const { directory, input, output } = yield* makeProgramPlace(NAME, job, format)
        const before = yield* Effect.mapError(probe(ffprobe, input, directory, limits), ({ cause, detail }) =>
          fail(`this is no video that ffprobe can read: ${detail}`, cause),
        )
        if (!before.video) {
          yield* Effect.logWarning(`${NAME}: ${job.path} has no video in it; it is published as it is`)
          return unchanged
        }
        const ended = yield* runProgram(
          {
            program: ffmpeg,
            parameters: transcoding(input, output, format, settings, availableParallelism()),
            directory,
            nice: settings.nice ?? USUAL_NICE,
          },
          limits,
        ).pipe(Effect.mapError(({ cause, detail }) => fail(`ffmpeg: ${detail}`, cause)))
        if (ended.code !== 0) return yield* fail(`ffmpeg failed with ${inWords(ended)}`)
        const after = yield* Effect.mapError(probe(ffprobe, output, directory, limits), ({ cause, detail }) =>
          fail(`ffmpeg made a file that ffprobe can not read: ${detail}`, cause),
        )
        const wrong = shortcoming(before, after)
        if (wrong !== undefined) return yield* fail(wrong)
        return { content: yield* job.adopt(output), baseName: withExtension(job.baseName, format) }
      }),
    )
  }),
})
