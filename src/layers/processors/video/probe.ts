/**
 * What is in a video file, as ffprobe tells it.
 *
 * @since 1.0.0
 */
import { open } from "node:fs/promises"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { VIDEO_DESCRIPTION_BYTES, VIDEO_LOOK } from "../../../domain/Limits.ts"
import { ProgramError } from "../../programs/ProgramError.ts"
import { inWords, type ProgramLimits, runProgram } from "../../programs/runProgram.ts"
import { probing } from "./parameters.ts"

/** Seconds as the head of the file tells them, undefined where it does not; and whether there is a picture that moves. */
export interface Description {
  readonly seconds: number | undefined
  readonly video: boolean
}

const text = Schema.optionalKey(Schema.String)
const mediaStream = Schema.Struct({
  codec_type: text,
  nb_frames: text,
  avg_frame_rate: text,
  disposition: Schema.optionalKey(Schema.Struct({ attached_pic: Schema.optionalKey(Schema.Number) })),
})
const description = Schema.fromJsonString(
  Schema.Struct({ streams: Schema.Array(mediaStream), format: Schema.Struct({ duration: text }) }),
)

/** Of a file that was cut off ffprobe guesses the duration by what is left; the number of frames stays that of the whole. */
const secondsOf = (stream: typeof mediaStream.Type | undefined): number => {
  const [frames = "", over = "1"] = (stream?.avg_frame_rate ?? "").split("/")
  return (Number(stream?.nb_frames) * Number(over)) / Number(frames)
}

const readSome = async (file: string): Promise<string> => {
  const handle = await open(file, "r")
  try {
    const buffer = Buffer.alloc(VIDEO_DESCRIPTION_BYTES)
    const { bytesRead } = await handle.read(buffer, 0, buffer.length, 0)
    return buffer.toString("utf8", 0, bytesRead)
  } finally {
    await handle.close()
  }
}

/** Looks into a file. Fails where ffprobe can not read it. `directory` is where ffprobe works. */
export const probe = (
  ffprobe: string,
  file: string,
  directory: string,
  limits: ProgramLimits,
): Effect.Effect<Description, ProgramError> =>
  Effect.gen(function* () {
    const stdout = `${file}.json`
    const ended = yield* runProgram(
      { program: ffprobe, parameters: probing(file), directory, stdout, nice: 0 },
      { ...limits, time: VIDEO_LOOK },
    )
    if (ended.code !== 0) return yield* new ProgramError({ detail: inWords(ended) })
    const told = yield* Effect.flatMap(
      Effect.promise(() => readSome(stdout)),
      Schema.decodeUnknownEffect(description),
    ).pipe(Effect.mapError((cause) => new ProgramError({ detail: "its description makes no sense", cause })))
    const video = told.streams.find((one) => one.codec_type === "video" && one.disposition?.attached_pic !== 1)
    const known = [Number(told.format.duration), secondsOf(video)].filter((one) => Number.isFinite(one) && one > 0)
    return { seconds: known.length === 0 ? undefined : Math.max(...known), video: video !== undefined }
  })
