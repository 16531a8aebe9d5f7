/**
 * A config file, read and decoded with what this machine has.
 *
 * @since 1.0.0
 */
import * as Effect from "effect/Effect"
import * as Os from "node:os"
import * as Path from "node:path"
import type { Config } from "../../domain/Config.ts"
import type { ConfigError } from "../../domain/Errors.ts"
import { CONFIG_BYTES } from "../../domain/Limits.ts"
import { available } from "../processors/available.ts"
import { processorDefinition } from "../processors/registry.ts"
import { transporterDefinition } from "../transporters/registry.ts"
import { decodeConfig, type Surroundings, unreadable } from "./decodeConfig.ts"
import { nodeDisk } from "./Disk.ts"

/** The environment, the disk, and every transporter and processor of this machine. */
export const nodeSurroundings = (): Surroundings => ({
  env: process.env,
  cores: Os.availableParallelism(),
  disk: nodeDisk,
  lookup: { transporter: transporterDefinition, processor: processorDefinition },
  available,
})

/** Reads a config file. Fails with all of its mistakes; nothing that the file holds makes it fail in any other way. */
export const loadConfig = (
  file: string,
  surroundings: Partial<Surroundings> = {},
): Effect.Effect<Config, ConfigError> =>
  Effect.suspend(() => {
    const options = { ...nodeSurroundings(), ...surroundings, file: Path.resolve(file) }
    const read = options.disk.readFile(options.file, CONFIG_BYTES)
    return read._tag === "Read"
      ? decodeConfig(read.bytes, options)
      : Effect.fail(unreadable(options.file, read.why, "Name a config file that this user can read."))
  })
