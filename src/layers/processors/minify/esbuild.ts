/**
 * What minifying CSS and JavaScript with esbuild has in common.
 *
 * @since 1.0.0
 */
import { type TransformFailure, type TransformOptions, transform } from "esbuild"
import { isAscii } from "./minifier.ts"
import { hasInlineMap } from "./sourceMap.ts"
import { SyntaxMistake } from "./SyntaxMistake.ts"

const isFailure = (cause: unknown): cause is TransformFailure =>
  cause instanceof Error && Array.isArray((cause as Partial<TransformFailure>).errors)

/**
 * The minified text. Licence comments stay where they are; text that is ASCII stays ASCII; a source map that the text
 * carries in itself is brought in line with the result, and a reference to one in another file is left out.
 */
export const esbuildMinify = async (text: string, baseName: string, options: TransformOptions): Promise<string> => {
  const mapped = hasInlineMap(text)
  try {
    const { code } = await transform(text, {
      minify: true,
      legalComments: "inline",
      platform: "neutral",
      treeShaking: false,
      ignoreAnnotations: true,
      logLevel: "silent",
      charset: isAscii(text) ? "ascii" : "utf8",
      sourcefile: baseName,
      sourcemap: mapped ? "inline" : false,
      ...options,
    })
    return mapped ? code : code.trimEnd()
  } catch (cause) {
    const [mistake] = isFailure(cause) ? cause.errors : []
    if (mistake === undefined) throw cause
    throw new SyntaxMistake(mistake.location?.line ?? 1, (mistake.location?.column ?? 0) + 1, mistake.text)
  }
}
