/**
 * The attributes of `video.Transcode`.
 *
 * @since 1.0.0
 */
import { isAbsolute } from "node:path"
import * as Schema from "effect/Schema"
import { choice, count, value, Wrong } from "../../config/values.ts"
import { limitSettings } from "../command/settings.ts"

/** A program by its name or whole path. */
const program = value<string>(
  (input) =>
    input === "" || input.includes("\0") || (input.includes("/") && !isAbsolute(input))
      ? new Wrong(
          "is neither the name of a program nor a whole path",
          "Write e.g. /opt/ffmpeg/bin/ffmpeg, or leave it out to have it looked for in the directories of PATH.",
        )
      : input,
  (input) => input,
)

/** What a video becomes. */
export type VideoFormat = "mp4" | "webm"

export const videoSettings = Schema.Struct({
  format: Schema.optionalKey(choice("mp4", "webm")),
  crf: Schema.optionalKey(count(0, 63)),
  maxHeight: Schema.optionalKey(count(16, 16_384)),
  threads: Schema.optionalKey(count(1, 256)),
  ffmpeg: Schema.optionalKey(program),
  ffprobe: Schema.optionalKey(program),
  ...limitSettings,
})

export type VideoSettings = typeof videoSettings.Type

const containers = "3g2:3gp:asf:avi:divx:f4v:flv:m2ts:m4v:mkv:mov:mpeg:mpg:mts:ogv:vob:wmv".split(":")

/** Extensions that are handled where the config does not say: those of videos, but for the format they become. */
export const usualExtensions = (format: VideoFormat): ReadonlySet<string> =>
  new Set([...containers, format === "mp4" ? "webm" : "mp4"])
