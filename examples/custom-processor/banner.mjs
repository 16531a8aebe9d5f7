// A processor of one's own: puts a line at the top of every style sheet. config.xml says which.
import { Effect, Schema } from "effect"
import { defineProcessor } from "file-conveyor"

export const Banner = defineProcessor({
  name: "banner.Banner",
  extensions: new Set(["css"]),
  settings: Schema.Struct({ text: Schema.NonEmptyString }),
  process: Effect.fnUntraced(function* (job, { text }) {
    const bytes = Buffer.concat([Buffer.from(`/* ${text} */\n`), yield* job.read])
    return { baseName: job.baseName, content: yield* job.write(bytes) }
  }),
})
