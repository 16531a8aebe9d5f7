/**
 * What ffmpeg and ffprobe are told.
 *
 * @since 1.0.0
 */
import type { VideoFormat, VideoSettings } from "./settings.ts"

/**
 * Files are opened as one of these containers or not at all. Among the formats that ffmpeg would guess there are lists of
 * other files and addresses, with which an uploaded "video" could have files of this machine put into the result.
 */
const containers = "asf,avi,dv,flv,ivf,matroska,mov,mpeg,mpegts,mpegvideo,mxf,ogg,rm,webm,3g2,3gp,m4a,mj2,mp4"

const reading = ["-protocol_whitelist", "file", "-format_whitelist", containers]

/** Parameters with which ffprobe describes a file as JSON. */
export const probing = (file: string): ReadonlyArray<string> =>
  [
    ["-v", "error", ...reading],
    ["-show_entries", "format=duration:stream=codec_type,nb_frames,avg_frame_rate:stream_disposition=attached_pic"],
    ["-of", "json", "-i", file],
  ].flat()

/** Encoders that a format needs. */
export const encoders: Readonly<Record<VideoFormat, ReadonlyArray<string>>> = {
  mp4: ["libx264", "aac"],
  webm: ["libvpx-vp9", "libopus"],
}

const usualCrf: Readonly<Record<VideoFormat, number>> = { mp4: 23, webm: 32 }

const encoding = (format: VideoFormat, crf: number): ReadonlyArray<string> =>
  format === "mp4"
    ? [
        ["-c:v", "libx264", "-preset", "medium", "-profile:v", "high", "-crf", String(crf)],
        ["-c:a", "aac", "-b:a", "128k", "-movflags", "+faststart"],
      ].flat()
    : [
        ["-c:v", "libvpx-vp9", "-crf", String(crf), "-b:v", "0"],
        ["-deadline", "good", "-cpu-used", "3", "-row-mt", "1"],
        ["-c:a", "libopus", "-b:a", "96k"],
      ].flat()

/** Widths and heights are even, as colours at half the resolution need it. */
const scaling = (maxHeight: number | undefined): string =>
  maxHeight === undefined ? "scale=w=trunc(iw/2)*2:h=trunc(ih/2)*2" : `scale=w=-2:h=trunc(min(ih\\,${maxHeight})/2)*2`

/** Parameters with which ffmpeg turns one file into another: its first video and its first sound, and nothing else. */
export const transcoding = (
  input: string,
  output: string,
  format: VideoFormat,
  settings: VideoSettings,
  cores: number,
): ReadonlyArray<string> => {
  const threads = ["-threads", String(settings.threads ?? cores)]
  return [
    ["-nostdin", "-hide_banner", "-v", "error", ...threads, ...reading, "-i", input],
    ["-map", "0:V:0", "-map", "0:a:0?", "-sn", "-dn", "-map_chapters", "-1"],
    ["-vf", scaling(settings.maxHeight), "-pix_fmt", "yuv420p", "-ac", "2"],
    encoding(format, settings.crf ?? usualCrf[format]),
    // Without dates and random identifiers the same video gives the same bytes, and so the same name.
    [...threads, "-fflags", "+bitexact", "-flags:v", "+bitexact", "-flags:a", "+bitexact"],
    ["-f", format, output],
  ].flat()
}
