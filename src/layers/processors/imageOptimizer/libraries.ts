/**
 * The libraries that do the work, loaded when the first picture needs them.
 *
 * @since 1.0.0
 */
import * as Effect from "effect/Effect"
import { ProcessorError } from "../../../domain/Errors.ts"

const load = <A>(name: string, module: () => Promise<A>): Effect.Effect<A, ProcessorError> =>
  Effect.tryPromise({
    try: module,
    catch: (cause) =>
      new ProcessorError({
        processor: "image_optimizer",
        path: name,
        detail: `${name} does not load on this machine. It comes prebuilt for Linux, macOS and Windows; install file-conveyor again without --omit=optional.`,
        cause,
      }),
  })

/** Reads pictures of every kind and writes PNG and WebP. */
export const sharp = load("sharp", async () => {
  const { default: sharp } = await import("sharp")
  // No picture is read twice in a row: a cache would only hold memory.
  sharp.cache(false)
  return sharp
})

/** Recompresses PNG (oxipng) and JPEG (mozjpeg) without loss. */
export const napiImage = load("@napi-rs/image", () => import("@napi-rs/image"))

/**
 * The path of the gifsicle program, or undefined where the package is not installed: it is under another licence (GPL),
 * so it is the user's to add.
 */
export const gifsicleProgram: Effect.Effect<string | undefined> = Effect.orElseSucceed(
  Effect.tryPromise(async () => {
    const name: string = "@343dev/gifsicle"
    const module = (await import(name)) as { readonly default?: unknown }
    return typeof module.default === "string" ? module.default : undefined
  }),
  () => undefined,
)
