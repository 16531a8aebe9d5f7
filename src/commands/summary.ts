/**
 * What is left when nothing more can be done, in words.
 *
 * @since 1.0.0
 */
import { display } from "../domain/Path.ts"
import type { Status } from "../domain/Telemetry.ts"
import { confirmCommand } from "../layers/observability/messages.ts"
import { counted } from "../layers/observability/words.ts"

/** One line for each thing that keeps disk and servers apart; empty when they are in sync. */
export const leftOver = (status: Status, configFile: string): ReadonlyArray<string> => [
  ...status.sources
    .filter((source) => source.state === "away")
    .map((source) => `source "${source.name}": its directory is missing; nothing of it was deleted on any server`),
  ...status.sources.flatMap((source) =>
    source.hold === undefined
      ? []
      : [
          `source "${source.name}": deletions are held: ${source.hold.reason}. If they were meant: ${confirmCommand(configFile, source.name)}`,
        ],
  ),
  ...status.sources.flatMap((source) =>
    (source.unreadable ?? []).map(
      ({ directory, reason }) =>
        `source "${source.name}": the directory ${directory === "" ? "itself" : display(directory)} can not be read (${reason}); what was delivered from there stays`,
    ),
  ),
  ...status.servers
    .filter((server) => server.state === "down")
    .map((server) => `server "${server.name}" is down: ${display(server.reason ?? "out of reach")}`),
  ...status.servers.flatMap(({ invalidation, name }) =>
    invalidation === undefined || invalidation.waiting === 0
      ? []
      : [
          `the CDN of "${name}" was not told of ${counted(invalidation.waiting, "changed address", "changed addresses")}: ${invalidation.reason ?? "it is still to be asked"}`,
        ],
  ),
  ...status.failures.map((failure) => `${display(failure.path)} to "${failure.server}": ${display(failure.reason)}`),
]
