/**
 * Processors that make file names fit for URLs that people read.
 *
 * @since 1.0.0
 */
import * as Effect from "effect/Effect"
import { type ProcessorDefinition, renaming } from "../../domain/Processor.ts"

const replacingSpaces = (name: string, replacement: string): ProcessorDefinition =>
  renaming(name, (job) => Effect.succeed(job.baseName.replaceAll(" ", replacement)))

/** `filename.SpacesToUnderscores`: `my logo.gif` becomes `my_logo.gif`. */
export const spacesToUnderscores: ProcessorDefinition = replacingSpaces("filename.SpacesToUnderscores", "_")

/** `filename.SpacesToDashes`: `my logo.gif` becomes `my-logo.gif`. */
export const spacesToDashes: ProcessorDefinition = replacingSpaces("filename.SpacesToDashes", "-")
