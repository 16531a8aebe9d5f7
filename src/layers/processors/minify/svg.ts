/**
 * Smaller SVG pictures.
 *
 * @since 1.0.0
 */
import { type Config, optimize } from "svgo"
import { SyntaxMistake } from "./SyntaxMistake.ts"

/**
 * What would change what is drawn, how style sheets and scripts of the page see the picture, or how precisely it is drawn,
 * is off. So is the minifying of embedded style sheets: what that does not know, it drops.
 */
const lossless: Config = {
  multipass: true,
  plugins: [
    {
      name: "preset-default",
      params: {
        overrides: {
          cleanupIds: false,
          cleanupNumericValues: false,
          collapseGroups: false,
          convertEllipseToCircle: false,
          convertShapeToPath: false,
          convertTransform: false,
          inlineStyles: false,
          mergePaths: false,
          mergeStyles: false,
          minifyStyles: false,
          moveElemsAttrsToGroup: false,
          moveGroupAttrsToElems: false,
          removeDesc: false,
          removeEmptyContainers: false,
          removeHiddenElems: false,
          removeUnknownsAndDefaults: false,
          removeUselessDefs: false,
          removeUselessStrokeAndFill: false,
          convertPathData: {
            applyTransforms: false,
            convertToQ: false,
            curveSmoothShorthands: false,
            floatPrecision: 6,
            lineShorthands: true,
            makeArcs: { threshold: 0, tolerance: 0 },
            removeUseless: false,
            straightCurves: false,
            transformPrecision: 8,
          },
        },
      },
    },
  ],
}

const isParserError = (cause: unknown): cause is Error & { reason: string; line: number; column: number } =>
  cause instanceof Error && cause.name === "SvgoParserError"

/** The same picture, drawn the same to the pixel, in fewer characters. */
export const minifySvg = async (text: string): Promise<string> => {
  try {
    return optimize(text, lossless).data
  } catch (cause) {
    if (isParserError(cause)) throw new SyntaxMistake(cause.line, cause.column, cause.reason)
    throw cause
  }
}
