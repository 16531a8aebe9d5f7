import { execFileSync, spawnSync } from "node:child_process"
import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import { Effect, Fiber, Layer, Logger, Schema, Stream } from "effect"
import { runProcessor, type Specimen } from "../../src/layers/memory/processors.ts"
import { transcode } from "../../src/layers/processors/video.ts"
import { videoSettings } from "../../src/layers/processors/video/settings.ts"
import { locateProgram } from "../../src/layers/programs/locate.ts"
import { layerDiskWorkers } from "../../src/layers/disk/DiskWorkers.ts"
import { layerWorkspace } from "../../src/layers/processors/workspace.ts"
import { processorContract, workspaceOnDisk } from "../contract/processor.ts"
import { everythingBelow, temporaryDirectory } from "../layers/disk/temporaryTree.ts"
import { makePlace, type Place, removePlace, run as runMain } from "../support/program.ts"

const installed = spawnSync("ffmpeg", ["-version"]).status === 0 && spawnSync("ffprobe", ["-version"]).status === 0
const runs = installed || process.env["REQUIRE_SERVERS"] === "1"
if (!runs) console.warn("SKIPPED: video.Transcode, as ffmpeg is not installed. Install it with: apt-get install ffmpeg")

const settingsOf = (attributes: Readonly<Record<string, string>> = {}) =>
  Schema.decodeUnknownSync(videoSettings)(attributes, { onExcessProperty: "error" })

const availableWith = (settings: ReturnType<typeof settingsOf>) =>
  transcode.availableWith?.(settings) ?? Effect.die("none")

/** Three seconds of a moving test picture with a beep, as a container of the extension. */
const clip = (directory: string, name: string, ...parameters: ReadonlyArray<string>): Uint8Array => {
  const file = join(directory, name)
  const inputs = ["-f", "lavfi", "-i", "testsrc=size=64x48:rate=10:duration=3", "-f", "lavfi", "-i", "sine=duration=3"]
  execFileSync("ffmpeg", ["-nostdin", "-v", "error", "-y", ...inputs, ...parameters, file])
  return readFileSync(file)
}

const avi = ["-c:v", "mpeg4", "-c:a", "mp2"]

interface MediaStream {
  readonly codec_type: string
  readonly codec_name: string
  readonly width?: number
  readonly height?: number
  readonly pix_fmt?: string
}

const streamsOf = (file: string): ReadonlyArray<MediaStream> =>
  JSON.parse(execFileSync("ffprobe", ["-v", "error", "-show_streams", "-of", "json", file], { encoding: "utf8" }))
    .streams

/** Runs the processor in a workspace on disk and gives what it made, as a file that ffprobe can read. */
const transcoded = (attributes: Readonly<Record<string, string>>, specimen: Specimen) =>
  Effect.gen(function* () {
    const directory = yield* temporaryDirectory
    const layer = layerWorkspace({ directory: `${directory}/work` }).pipe(Layer.provide(layerDiskWorkers()))
    const context = yield* Layer.build(layer)
    const made = yield* Effect.provideContext(runProcessor(transcode, settingsOf(attributes), specimen), context)
    const bytes = yield* Stream.mkUint8Array(made.content.bytes)
    const file = join(directory, "made")
    writeFileSync(file, bytes)
    return { baseName: made.baseName, bytes, file, origin: made.content.origin }
  })

const failure = (attributes: Readonly<Record<string, string>>, specimen: Specimen) =>
  Effect.map(Effect.flip(Effect.asVoid(transcoded(attributes, specimen))), (error) => {
    assert.strictEqual(error._tag, "ProcessorError")
    return error.message
  })

/** Boxes of an MP4 file at its top, in their order. */
const boxes = (bytes: Uint8Array): ReadonlyArray<string> => {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const names: Array<string> = []
  for (let at = 0; at + 8 <= bytes.length; at += view.getUint32(at)) {
    names.push(Buffer.from(bytes.subarray(at + 4, at + 8)).toString("latin1"))
  }
  return names
}

/** Waits for a file. */
const appears = (file: string) =>
  Effect.promise(async () => {
    for (const until = Date.now() + 20_000; !existsSync(file);) {
      if (Date.now() > until) throw new Error(`${file} does not appear`)
      await new Promise((resume) => setTimeout(resume, 10))
    }
  })

describe.skipIf(!runs)("video.Transcode", () => {
  let place: Place
  let directory: string
  beforeAll(() => {
    place = makePlace()
    directory = place.directory
  })
  afterAll(() => removePlace(place))

  it.live("makes H.264 and AAC that plays before it is loaded", () =>
    Effect.gen(function* () {
      const bytes = clip(directory, "a.avi", ...avi)
      const made = yield* transcoded({}, { path: "films/holiday.in.AVI", bytes })
      assert.strictEqual(made.baseName, "holiday.in.mp4")
      assert.deepInclude(streamsOf(made.file)[0], { codec_name: "h264", pix_fmt: "yuv420p", width: 64, height: 48 })
      assert.deepInclude(streamsOf(made.file)[1], { codec_name: "aac" })
      const order = boxes(made.bytes)
      assert.isBelow(order.indexOf("moov"), order.indexOf("mdat"), order.join(" "))
    }),
  )

  it.live("makes VP9 and Opus", () =>
    Effect.gen(function* () {
      const bytes = clip(directory, "b.avi", ...avi)
      const made = yield* transcoded({ format: "webm" }, { path: "a.avi", bytes })
      assert.strictEqual(made.baseName, "a.webm")
      assert.deepStrictEqual(
        streamsOf(made.file).map((stream) => stream.codec_name),
        ["vp9", "opus"],
      )
    }),
  )

  it.live("takes the first picture that moves and the first sound, and colours and sizes as they come", () =>
    Effect.gen(function* () {
      const picture = "testsrc2=size=33x35:rate=5:duration=3"
      const inputs = ["-f", "lavfi", "-i", picture, "-f", "lavfi", "-i", "sine=duration=3"]
      const order = ["-map", "2:v", "-map", "0:v", "-map", "1:a", "-map", "3:a"]
      const codecs = ["-pix_fmt", "yuv444p", "-c:v", "ffv1", "-c:a", "flac", "-ac", "1"]
      const bytes = clip(directory, "many.mkv", ...inputs, ...order, ...codecs)
      const made = yield* transcoded({ extensions: "mkv:mp4", threads: "1" }, { path: "a.mkv", bytes })
      const streams = streamsOf(made.file)
      assert.lengthOf(streams, 2)
      assert.deepInclude(streams[0], { codec_name: "h264", pix_fmt: "yuv420p", width: 32, height: 34 })
      const small = yield* transcoded({ maxHeight: "21" }, { path: "a.mkv", bytes })
      assert.deepInclude(streamsOf(small.file)[0], { width: 18, height: 20 })
      const tall = yield* transcoded({ maxHeight: "480" }, { path: "a.mkv", bytes })
      assert.deepInclude(streamsOf(tall.file)[0], { height: 34 })
    }),
  )

  it.live("makes the same bytes of the same video", () =>
    Effect.gen(function* () {
      const bytes = clip(directory, "same.avi", ...avi)
      for (const format of ["mp4", "webm"]) {
        const one = yield* transcoded({ format }, { path: "a.avi", bytes })
        const two = yield* transcoded({ format }, { path: "b.avi", bytes })
        assert.isTrue(Buffer.from(one.bytes).equals(two.bytes), format)
      }
    }),
  )

  it.live("leaves other extensions, the format itself, and files with sound only as they are", () =>
    Effect.gen(function* () {
      const bytes = clip(directory, "sound.mkv", "-vn")
      const warnings: Array<string> = []
      const logger = Logger.make(({ message }) => void warnings.push(String(message)))
      for (const path of ["a.mp4", "a.css", "a.ts", "sound.mkv"]) {
        const made = yield* Effect.provide(transcoded({}, { path, bytes }), Logger.layer([logger]))
        assert.deepInclude(made, { baseName: path, origin: "source" })
        assert.isTrue(Buffer.from(bytes).equals(made.bytes))
      }
      assert.deepStrictEqual(warnings, ["video.Transcode: sound.mkv has no video in it; it is published as it is"])
      const only = ["-map", "1:a", "-map", "0:v", "-frames:v", "1", "-c:v", "mjpeg", "-disposition:v", "attached_pic"]
      const song = { path: "song.m4a", bytes: clip(directory, "song.m4a", ...only) }
      assert.deepInclude(yield* transcoded({ extensions: "m4a" }, song), { baseName: "song.m4a", origin: "source" })
    }),
  )

  it.live("does not publish what is damaged, cut off or no video at all", () =>
    Effect.gen(function* () {
      assert.include(
        yield* failure({}, { path: "a.avi", bytes: new Uint8Array(1000) }),
        "this is no video that ffprobe can read: exit code 1: input.avi: Invalid data found",
      )
      assert.include(yield* failure({}, { path: "a.avi", bytes: new Uint8Array(0) }), "no video that ffprobe can read")
      for (const extension of ["avi", "mkv", "flv"]) {
        const file = join(directory, `whole.${extension}`)
        const codec = extension === "flv" ? "flv1" : "mpeg4"
        const picture = "testsrc=size=64x48:rate=10:duration=20"
        execFileSync("ffmpeg", ["-nostdin", "-v", "error", "-f", "lavfi", "-i", picture, "-c:v", codec, file])
        const whole = readFileSync(file)
        const cut = yield* failure({}, { path: `a.${extension}`, bytes: whole.subarray(0, whole.length >> 2) })
        assert.match(cut, /only \d+ of its 20 seconds could be read: the file is damaged or not whole/)
        yield* transcoded({}, { path: `a.${extension}`, bytes: whole })
      }
    }),
  )

  it.live("opens no other file, whatever an uploaded one asks for", () =>
    Effect.gen(function* () {
      const secret = join(directory, "secret.avi")
      clip(directory, "secret.avi", ...avi)
      const lists = [
        `ffconcat version 1.0\nfile '${secret}'\n`,
        `#EXTM3U\n#EXT-X-TARGETDURATION:3\n#EXTINF:3,\nfile://${secret}\n#EXT-X-ENDLIST\n`,
        `#EXTM3U\n#EXT-X-TARGETDURATION:3\n#EXTINF:3,\nconcat:${secret}\n#EXT-X-ENDLIST\n`,
      ]
      for (const list of lists) {
        const message = yield* failure({}, { path: "upload.avi", bytes: new TextEncoder().encode(list) })
        assert.include(message, "this is no video that ffprobe can read")
      }
    }),
  )

  it.live("does not publish what ffprobe can not read, nor what ffmpeg fails at", () =>
    Effect.gen(function* () {
      const bytes = clip(directory, "c.avi", ...avi)
      const fake = yield* temporaryDirectory
      symlinkSync(yield* locateProgram("ffprobe"), `${fake}/ffprobe`)
      const ffmpeg = `${fake}/ffmpeg`
      const behaves = (script: string) =>
        writeFileSync(ffmpeg, `#!/bin/sh\nfor output; do :; done\n${script}\n`, { mode: 0o755 })
      const specimen = { path: "a.avi", bytes }
      behaves('echo rubbish > "$output"')
      assert.include(yield* failure({ ffmpeg }, specimen), "ffmpeg made a file that ffprobe can not read")
      behaves("exit 0")
      assert.include(yield* failure({ ffmpeg }, specimen), "ffmpeg made a file that ffprobe can not read")
      behaves('echo "no luck" >&2; exit 3')
      assert.include(yield* failure({ ffmpeg }, specimen), "ffmpeg failed with exit code 3: no luck")
      behaves("sleep 20")
      assert.include(yield* failure({ ffmpeg, timeout: "500ms" }, specimen), "had not ended after 500 ms")
    }),
  )

  it.live("works on one video at a time, with what cores are left by others, and none once nobody wants it", () =>
    Effect.gen(function* () {
      const bytes = clip(directory, "d.avi", ...avi)
      const fake = yield* temporaryDirectory
      symlinkSync(yield* locateProgram("ffprobe"), `${fake}/ffprobe`)
      const ffmpeg = `${fake}/ffmpeg`
      mkdirSync(`${fake}/running`)
      const script = `#!/bin/sh
        mkdir ${fake}/running/one || touch ${fake}/together
        cut -d ' ' -f 19 /proc/$$/stat > ${fake}/nice
        sleep 0.3
        rmdir ${fake}/running/one
        exec ${yield* locateProgram("ffmpeg")} "$@"`
      writeFileSync(ffmpeg, script, { mode: 0o755 })
      const specimens = ["a.avi", "b.avi", "c.avi"].map((path) => ({ path, bytes }))
      yield* Effect.forEach(specimens, (specimen) => transcoded({ ffmpeg }, specimen), { concurrency: "unbounded" })
      assert.isFalse(existsSync(`${fake}/together`))
      if (process.platform === "linux") assert.strictEqual(readFileSync(`${fake}/nice`, "utf8").trim(), "10")
      writeFileSync(ffmpeg, `#!/bin/sh\ntouch ${fake}/begun\nsleep 20\n`)
      const waiting = yield* Effect.forEach(specimens, (specimen) => Effect.forkChild(transcoded({ ffmpeg }, specimen)))
      yield* appears(`${fake}/begun`)
      yield* Effect.forEach(waiting, Fiber.interrupt, { discard: true })
      writeFileSync(ffmpeg, script)
      yield* transcoded({ ffmpeg }, { path: "a.avi", bytes })
    }),
  )

  it.live("says what is missing", () =>
    Effect.gen(function* () {
      yield* availableWith(settingsOf())
      yield* availableWith(settingsOf({ format: "webm" }))
      const absent = yield* Effect.flip(availableWith(settingsOf({ ffmpeg: "/opt/none/ffmpeg" })))
      assert.include(absent.message, 'there is no program "/opt/none/ffmpeg". Install ffmpeg (Debian and Ubuntu')
      const fake = yield* temporaryDirectory
      symlinkSync(yield* locateProgram("ffprobe"), `${fake}/ffprobe`)
      writeFileSync(`${fake}/ffmpeg`, '#!/bin/sh\necho " V....D mpeg4  MPEG-4"; echo " A....D aac  AAC"\n', {
        mode: 0o755,
      })
      const poor = yield* Effect.flip(availableWith(settingsOf({ ffmpeg: `${fake}/ffmpeg` })))
      assert.include(poor.message, `${fake}/ffmpeg was built without libx264, which mp4 needs`)
    }),
  )

  it("is published by the daemon under its new name", () => {
    const site = makePlace({
      rules: `<rule for="site" label="films">
        <processorChain><processor name="video.Transcode" /><processor name="unique_filename.MD5" /></processorChain>
        <destinations><destination server="origin" /></destinations></rule>`,
    })
    try {
      writeFileSync(join(site.site, "holiday.avi"), clip(directory, "e.avi", ...avi))
      writeFileSync(join(site.site, "page.html"), "<p>")
      const { code, err, out } = runMain(site.config, "--once")
      assert.strictEqual(code, 0, out + err)
      const published = readdirSync(site.out).sort()
      assert.match(published.join(" "), /^holiday_[0-9a-f]{32}\.mp4 page_[0-9a-f]{32}\.html$/)
      assert.strictEqual(streamsOf(join(site.out, published[0] ?? ""))[0]?.codec_name, "h264")
      assert.deepStrictEqual(
        everythingBelow(join(site.directory, "state")).filter((path) => path.includes("job-")),
        [],
      )
    } finally {
      removePlace(site)
    }
  })
})

if (runs) {
  const place = makePlace()
  const bytes = clip(place.directory, "contract.avi", ...avi)
  removePlace(place)
  processorContract(transcode, {
    settings: settingsOf(),
    workspace: workspaceOnDisk,
    live: true,
    examples: [{ path: "films/a b.avi", bytes, baseName: "a b.mp4" }],
  })
}
