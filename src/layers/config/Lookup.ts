/**
 * How names of transporters and processors in a config become definitions.
 *
 * @since 1.0.0
 */
import * as Data from "effect/Data"
import type * as Effect from "effect/Effect"
import type { ProcessorDefinition } from "../../domain/Processor.ts"
import type { TransporterDefinition } from "../../domain/Transporter.ts"

/** There is no such transporter or processor, or its module is of no use. */
export class LookupError extends Data.TaggedError("LookupError")<{
  readonly problem: string
  readonly cure: string
}> {
  override get message(): string {
    return `${this.problem}\n${this.cure}`
  }
}

/**
 * A transporter as decoding a config needs it. `paths` names the settings that are paths on this machine: relative ones
 * are made relative to the config file before they are decoded.
 */
export type ConfiguredTransporter = Pick<
  TransporterDefinition,
  "name" | "settings" | "decode" | "identity" | "localDirectories" | "paths"
>

/** Finds the definitions that a config names. `configFile` is absolute: third-party modules are looked for from there. */
export interface Lookup {
  readonly transporter: (name: string, configFile: string) => Effect.Effect<ConfiguredTransporter, LookupError>
  readonly processor: (name: string, configFile: string) => Effect.Effect<ProcessorDefinition, LookupError>
}
