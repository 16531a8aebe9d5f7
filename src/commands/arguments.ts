/**
 * The command line, parsed. A mistake gets a sentence and exit code 2.
 *
 * @since 1.0.0
 */
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import { parseArgs } from "node:util"

/** What is to be done. Paths are as typed. */
export interface Invocation {
  readonly command: CommandName
  readonly config: string
  /** What follows the config file: paths, or the source of `confirm-deletes`. */
  readonly rest: ReadonlyArray<string>
  readonly json: boolean
  readonly repair: boolean
  readonly logFormat: "pretty" | "json" | "logfmt" | undefined
  /** Write down what servers hold already: compared by content, or by size where they tell no more. */
  readonly adopt?: "content" | "size"
}

export type CommandName =
  | "run"
  | "once"
  | "dry-run"
  | "check"
  | "explain"
  | "status"
  | "wait"
  | "retry"
  | "confirm-deletes"
  | "verify"
  | "import"
  | "create-distribution"

/**
 * The command line can not be understood. `isHelp`: help was asked for, which is no mistake. `isTerse`: the words are
 * fine but for what they name, so all of the help would be too much.
 */
export class UsageError extends Data.TaggedError("UsageError")<{
  readonly problem: string
  readonly isHelp: boolean
  readonly isTerse?: boolean
}> {
  override get message(): string {
    if (this.isTerse === true) return this.problem
    return this.isHelp ? usage : `${this.problem}\n\n${usage}`
  }
}

interface CommandShape {
  readonly takes: "nothing" | "one path" | "paths" | "one source" | "one directory" | "one server"
}

const commands: Readonly<Record<Exclude<CommandName, "run" | "once" | "dry-run">, CommandShape>> = {
  check: { takes: "nothing" },
  explain: { takes: "one path" },
  status: { takes: "nothing" },
  wait: { takes: "paths" },
  retry: { takes: "paths" },
  "confirm-deletes": { takes: "one source" },
  verify: { takes: "nothing" },
  import: { takes: "one directory" },
  "create-distribution": { takes: "one server" },
}

/** What `--help` prints. */
export const usage = `file-conveyor keeps servers equal to directories, as config.xml says.

  file-conveyor <config>                 run the daemon in the foreground
  file-conveyor <config> --once          sync everything that is due, then exit: 0 in sync, 1 something failed
  file-conveyor <config> --dry-run       print what would be put and deleted, and where; touch nothing

  file-conveyor check <config>           validate, load everything, try every server
  file-conveyor explain <config> <path>  why this file is published where it is, or is not
  file-conveyor status <config>          in sync or not, backlog, servers, failures
  file-conveyor wait <config> [paths]    return when these, or all, are in sync
  file-conveyor retry <config> [paths]   try failed files, and servers that are down, now
  file-conveyor confirm-deletes <config> <source>
                                         let deletions pass that the mass-delete guard holds back
  file-conveyor verify <config> [--repair]
                                         compare every delivered file with its server; deliver what differs again
  file-conveyor import <config> <dir>    take over a classic installation's synced_files.db, so that nothing is
                                         uploaded twice
  file-conveyor create-distribution <config> <server>
                                         create a CloudFront distribution for a server's bucket

  --adopt                after the ledger was lost or damaged: what a server already holds is not uploaded again
  --adopt-by-size        the same; the right size will do where a server (FTP, SFTP) can tell nothing else
  --json                 status as JSON
  --repair               with verify: also put right what differs
  --log-format <format>  pretty (default on a terminal), logfmt (default elsewhere) or json
  --help, --version

SIGTERM and SIGINT: finish what is in flight, exit 0; twice: at once. SIGHUP: read the config again.
Exit codes: 0 fine, 1 work failed, 2 bad config or usage, 3 another daemon holds this state directory.`

const isCommand = (word: string): word is keyof typeof commands => Object.hasOwn(commands, word)

const mistake = (problem: string) => new UsageError({ problem, isHelp: false })

const checkRest = (command: keyof typeof commands, rest: ReadonlyArray<string>): string | undefined => {
  switch (commands[command].takes) {
    case "nothing":
      return rest.length === 0 ? undefined : `${command} takes nothing after the config file`
    case "one path":
      return rest.length === 1 ? undefined : `${command} takes the config file and one path`
    case "one source":
      return rest.length === 1 ? undefined : `${command} takes the config file and the name of one source`
    case "one directory":
      return rest.length === 1
        ? undefined
        : `${command} takes the config file and the directory of a classic installation`
    case "one server":
      return rest.length === 1 ? undefined : `${command} takes the config file and the name of one server`
    case "paths":
      return undefined
  }
}

/** Understands the words after the program's name. */
export const parseArguments = Effect.fnUntraced(function* (words: ReadonlyArray<string>) {
  const parsed = yield* Effect.try({
    try: () =>
      parseArgs({
        args: [...words],
        allowPositionals: true,
        options: {
          once: { type: "boolean", default: false },
          "dry-run": { type: "boolean", default: false },
          adopt: { type: "boolean", default: false },
          "adopt-by-size": { type: "boolean", default: false },
          json: { type: "boolean", default: false },
          repair: { type: "boolean", default: false },
          help: { type: "boolean", short: "h", default: false },
          version: { type: "boolean", default: false },
          "log-format": { type: "string" },
        },
      }),
    catch: (error) => mistake(error instanceof Error ? (error.message.split(". ")[0] ?? error.message) : String(error)),
  })
  const { positionals, values } = parsed
  if (values.help) return yield* new UsageError({ problem: "", isHelp: true })
  if (values.version) return "version" as const
  const format = values["log-format"]
  if (format !== undefined && format !== "pretty" && format !== "json" && format !== "logfmt") {
    return yield* mistake(`--log-format is pretty, json or logfmt, not "${format}"`)
  }
  if (values.once && values["dry-run"]) return yield* mistake("--once and --dry-run do not go together")
  const [first, ...others] = positionals
  if (first === undefined) return yield* mistake("which config file?")
  const adopt = values["adopt-by-size"] ? "size" : values.adopt ? "content" : undefined
  if (adopt !== undefined && (values["dry-run"] || (first !== undefined && isCommand(first)))) {
    return yield* mistake("--adopt goes with the daemon and with --once")
  }
  const common: Pick<Invocation, "json" | "repair" | "logFormat" | "adopt"> = {
    json: values.json,
    repair: values.repair,
    logFormat: format,
    ...(adopt === undefined ? {} : { adopt }),
  }
  if (values.repair && first !== "verify") return yield* mistake("--repair goes with verify only")
  if (!isCommand(first)) {
    if (others.length > 0) return yield* mistake(`"${first}" is not a command, and a config file stands alone`)
    const command: CommandName = values.once ? "once" : values["dry-run"] ? "dry-run" : "run"
    const invocation: Invocation = { command, config: first, rest: [], ...common }
    return invocation
  }
  if (values.once || values["dry-run"]) return yield* mistake(`--once and --dry-run do not go with ${first}`)
  const [config, ...rest] = others
  if (config === undefined) return yield* mistake(`${first} needs the config file`)
  const problem = checkRest(first, rest)
  if (problem !== undefined) return yield* mistake(problem)
  const invocation: Invocation = { command: first, config, rest, ...common }
  return invocation
})
