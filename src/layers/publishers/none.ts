/**
 * No published map: for whoever has no CMS that reads one.
 *
 * @since 1.0.0
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { Publisher } from "../../domain/Publisher.ts"

export const layerNone: Layer.Layer<Publisher> = Layer.succeed(Publisher, {
  isNew: false,
  apply: () => Effect.void,
  replaceAll: () => Effect.void,
  pipeline: () => Effect.void,
})
