/**
 * Processors that make style sheets, scripts, pictures and pages smaller without changing what they do.
 *
 * @since 1.0.0
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type { ProcessorDefinition } from "../../domain/Processor.ts"
import type { HtmlOptions } from "./minify/html.ts"
import { choice } from "../config/values.ts"
import { minifier } from "./minify/minifier.ts"

/** `minify.CSS`: style sheets. Fallbacks, hacks, licence comments and `@charset` stay. */
export const css: ProcessorDefinition = minifier({
  name: "minify.CSS",
  extensions: new Set(["css"]),
  load: async () => (await import("./minify/css.ts")).minifyCss,
})

/** `minify.JS`: scripts and modules. Names that other files can see, licence comments and `debugger` stay. */
export const javaScript: ProcessorDefinition = minifier({
  name: "minify.JS",
  extensions: new Set(["js", "mjs"]),
  load: async () => (await import("./minify/javascript.ts")).minifyJavaScript,
})

/** `minify.SVG`: drawn the same to the pixel. Ids, titles, styles and scripts stay. */
export const svg: ProcessorDefinition = minifier({
  name: "minify.SVG",
  extensions: new Set(["svg"]),
  load: async () => (await import("./minify/svg.ts")).minifySvg,
})

const htmlSettings: Schema.Decoder<HtmlOptions> = Schema.Struct({
  whitespace: choice("collapse", "keep").pipe(Schema.withDecodingDefaultKey(Effect.succeed("collapse"))),
  inline: choice("minify", "keep").pipe(Schema.withDecodingDefaultKey(Effect.succeed("minify"))),
})

/** `minify.HTML`: pages. Tags, attributes and quotes stay as they are written. */
export const html: ProcessorDefinition<HtmlOptions> = minifier({
  name: "minify.HTML",
  extensions: new Set(["html", "htm"]),
  settings: htmlSettings,
  load: async () => {
    const { minifyHtml } = await import("./minify/html.ts")
    return (text, _, settings) => minifyHtml(text, settings)
  },
})
