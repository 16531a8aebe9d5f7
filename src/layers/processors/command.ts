/**
 * Any program as a processor.
 *
 * @since 1.0.0
 */
import { availableParallelism } from "node:os"
import * as Effect from "effect/Effect"
import * as Semaphore from "effect/Semaphore"
import { ProcessorError } from "../../domain/Errors.ts"
import { PROGRAM_MEMORY, PROGRAM_OUTPUT, PROGRAM_TIME } from "../../domain/Limits.ts"
import { display, extensionOf } from "../../domain/Path.ts"
import { defineProcessor, type ProcessedFile, type ProcessorDefinition } from "../../domain/Processor.ts"
import { canTellMemory } from "../programs/groupMemory.ts"
import { locateProgram } from "../programs/locate.ts"
import { inWords, runProgram } from "../programs/runProgram.ts"
import { names, parametersOf } from "./command/commandLine.ts"
import { failing, lookAt, makeProgramPlace, withExtension } from "./command/place.ts"
import { type CommandSettings, commandSettings } from "./command/settings.ts"

const NAME = "command.Run"

/** Programs run at once: as many as there are cores. */
const turns = Semaphore.makeUnsafe(availableParallelism())

/**
 * `command.Run`: the file as a program makes it. `{input}` in its parameters is a copy of the file and `{output}` what it
 * is to write; without `{input}` the file is its standard input, without `{output}` what it prints is the result.
 * `{file}` is a copy that it changes in place.
 *
 * Its own process group is its isolation, so it is run by the daemon itself.
 */
export const run: ProcessorDefinition<CommandSettings> = defineProcessor({
  name: NAME,
  settings: commandSettings,
  inline: true,
  long: ({ extensions, timeout = PROGRAM_TIME }, baseName) =>
    timeout > PROGRAM_TIME && extensions?.has(extensionOf(baseName)) !== false,
  availableWith: ({ command, memory }) =>
    Effect.gen(function* () {
      yield* locateProgram(command.program)
      if (memory === undefined || canTellMemory) return
      return yield* Effect.fail({ detail: "memory can be limited on Linux only: leave the attribute out" })
    }).pipe(Effect.mapError(({ detail }) => new ProcessorError({ processor: NAME, path: command.program, detail }))),
  process: Effect.fnUntraced(function* (job, settings) {
    const { command, extensions, outputExtension } = settings
    const unchanged: ProcessedFile = { content: job.content, baseName: job.baseName }
    if (extensions !== undefined && !extensions.has(extensionOf(job.baseName))) return unchanged
    const fail = failing(NAME, job)
    const called = display(command.program)
    const program = yield* Effect.mapError(locateProgram(command.program), ({ detail }) => fail(detail))
    const { ended, output } = yield* Semaphore.withPermit(turns)(
      Effect.gen(function* () {
        const place = yield* makeProgramPlace(NAME, job, outputExtension)
        const inPlace = names(command, "file")
        const output = inPlace ? place.input : place.output
        const running = runProgram(
          {
            program,
            parameters: parametersOf(command, { input: place.input, output, file: place.input }),
            directory: place.directory,
            ...(inPlace || names(command, "input") ? {} : { stdin: place.input }),
            ...(inPlace || names(command, "output") ? {} : { stdout: output }),
            nice: settings.nice ?? 0,
          },
          {
            time: settings.timeout ?? PROGRAM_TIME,
            memory: settings.memory ?? PROGRAM_MEMORY,
            output: settings.maxOutput ?? PROGRAM_OUTPUT,
          },
        )
        const ended = yield* Effect.mapError(running, ({ cause, detail }) => fail(`${called}: ${detail}`, cause))
        return { ended, output }
      }),
    )
    if (ended.code !== undefined && settings.unchangedExitCodes?.has(ended.code) === true) return unchanged
    if (ended.code !== 0) return yield* fail(`${called} failed with ${inWords(ended)}`)
    const made = yield* lookAt(output)
    if (made === "something else") return yield* fail(`${called} made a link or directory where a file should be`)
    if (made === "nothing") {
      return yield* fail(
        `${called} ended well but wrote no output${ended.said === "" ? "" : `: ${ended.said}`}. Does its command name {output} where it should?`,
      )
    }
    return {
      content: yield* job.adopt(output),
      baseName: outputExtension === undefined ? job.baseName : withExtension(job.baseName, outputExtension),
    }
  }),
})
