/**
 * The transporter `sftp`: any server that speaks SFTP version 3 over SSH.
 *
 * Operations share a few SSH connections, many requests in flight on each. A file is uploaded beside its place under a
 * name like `.fc-<who>-<when>.tmp`, gets its permissions (`<mode>`, 0644 without it; directories alike, with search permission) and,
 * where the server lets, the time of its source, is verified by its size and moved into place in one step
 * (posix-rename@openssh.com). A server that lacks this step shows no file for a moment while it is replaced: then
 * `capabilities.atomicReplace` turns false with the first connection.
 *
 * The server must be known by `<hostKey>` or a known_hosts file. It must let the user rename. Its protocol has no
 * checksums. Temporary files of runs that crashed are removed when their directory is used again.
 *
 * @since 1.0.0
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import { TransportError } from "../../domain/Errors.ts"
import { mtimeSeconds } from "../../domain/FileState.ts"
import { SFTP_CONNECTIONS, SFTP_OPERATIONS, SFTP_SLOWEST_BYTES_PER_SECOND, SFTP_TOTAL } from "../../domain/Limits.ts"
import { type RemotePath, toBytes, urlOf } from "../../domain/Path.ts"
import { defineTransporter, type ServerIdentity, Transporter, type TransporterShape } from "../../domain/Transporter.ts"
import { SftpSettings, settingsTraits } from "./settings.ts"
import { openConnection } from "./sftp/connection.ts"
import { makeDirectories } from "./sftp/directories.ts"
import { Lost, Unfit } from "./shared/failures.ts"
import { type Failure, meaningOf } from "./sftp/failures.ts"
import { leftoverWays } from "./sftp/leftovers.ts"
import { makeLeftovers } from "./shared/leftovers.ts"
import * as packets from "./sftp/packets.ts"
import { parentOf, within } from "./shared/paths.ts"
import { makePool } from "./sftp/pool.ts"
import { lookAt, tell } from "./sftp/requests.ts"
import { observed, type SftpSession } from "./sftp/SftpSession.ts"
import { upload, type UploadHost } from "./sftp/upload.ts"

const DEFAULT_MODE = 0o644

/** Who may read a directory's files may enter it. */
const directoryMode = (mode: number): number => (mode & 0o777) | 0o700 | ((mode & 0o444) >> 2)

const make = (settings: SftpSettings, server: ServerIdentity) =>
  Effect.gen(function* () {
    const mode = settings.mode ?? DEFAULT_MODE
    let atomicReplace = true
    let toldMode = false

    const probe = (session: SftpSession) =>
      Effect.suspend(() => {
        const can = session.extensions.has(packets.POSIX_RENAME)
        const isNews = atomicReplace && !can
        atomicReplace = can
        return isNews
          ? Effect.logWarning(
              `Server "${server.name}" can not replace a file in one step (it lacks ${packets.POSIX_RENAME}): visitors find none for a moment when a file changes. Names that change with the content avoid this.`,
            )
          : Effect.void
      })
    const limit = server.maxConnections > 0 ? Math.min(server.maxConnections, SFTP_CONNECTIONS) : SFTP_CONNECTIONS
    const pool = yield* makePool(Effect.tap(openConnection(settings), probe), limit)
    // What stays may hold leftovers that nothing is ever uploaded beside again.
    const prune = (session: SftpSession, directory: string): Effect.Effect<void, Failure> =>
      Effect.map(directories.prune(session, directory, settings.path), (stays) => leftovers.used(stays))
    const leftovers = yield* makeLeftovers(leftoverWays(pool, prune))
    const directories = yield* makeDirectories(directoryMode(mode), leftovers.made)
    const host: UploadHost = {
      directories,
      leftovers,
      modeRefused: (words) =>
        Effect.suspend(() => {
          if (toldMode) return Effect.void
          toldMode = true
          const message = `Server "${server.name}" does not let permissions be set (${words}); its own default counts.`
          return settings.mode === undefined ? Effect.logDebug(message) : Effect.logWarning(message)
        }),
    }

    const place = (path: RemotePath): string => within(settings.path, path)

    /**
     * One operation. A connection that waited for work may have died unnoticed: if it breaks before it answers anything,
     * the operation starts again on a new one, once.
     */
    const operate = <A>(
      operation: "put" | "remove" | "stat",
      path: RemotePath,
      size: number,
      work: (session: SftpSession) => Effect.Effect<A, Failure>,
    ): Effect.Effect<A, TransportError> => {
      const onConnection = (session: SftpSession): Effect.Effect<A, Failure | Stale> => {
        const isNew = session.answered() === 0
        const { heard, session: own } = observed(session)
        leftovers.tidy(session)
        return Effect.mapError(work(own), (failure) =>
          failure._tag === "Lost" && !failure.silent && !isNew && !heard() ? new Stale(failure) : failure,
        )
      }
      const whole = pool.use(onConnection).pipe(
        Effect.catchIf(
          (failure): failure is Stale => failure instanceof Stale,
          () => pool.use(onConnection, { fresh: true }),
        ),
        Effect.mapError((failure) => (failure instanceof Stale ? failure.lost : failure)),
      )
      const total = settings.totalTimeout ?? SFTP_TOTAL + (size / SFTP_SLOWEST_BYTES_PER_SECOND) * 1000
      return whole.pipe(
        Effect.timeoutOrElse({
          duration: total,
          orElse: () => {
            const detail = `not done within ${Math.round(total / 1000)} s`
            return Effect.fail(new Unfit({ reason: { _tag: "Unreachable" }, detail }))
          },
        }),
        Effect.mapError(
          (failure) =>
            new TransportError({ server: server.name, operation, path, ...meaningOf(failure), cause: failure }),
        ),
      )
    }

    const shape: TransporterShape = {
      capabilities: {
        get atomicReplace() {
          return atomicReplace
        },
        contentHash: false,
        headers: false,
        directories: true,
        connections: SFTP_OPERATIONS,
      },
      put: ({ content, state }, to) =>
        operate("put", to, content.size, (session) =>
          Effect.map(
            upload(session, host, { content, path: place(to), mode, modified: mtimeSeconds(state) }),
            (sha256) => ({ sha256 }),
          ),
        ),
      remove: (at) =>
        operate("remove", at, 0, (session) => {
          const path = place(at)
          return tell(session, "remove", packets.remove(toBytes(path))).pipe(
            Effect.catchTag("Refused", (refused) =>
              Effect.flatMap(lookAt(session, toBytes(path)), (there) =>
                there === undefined || packets.isDirectory(there) ? Effect.void : Effect.fail(refused),
              ),
            ),
            Effect.andThen(prune(session, parentOf(path))),
          )
        }),
      stat: (at) =>
        operate("stat", at, 0, (session) =>
          Effect.map(lookAt(session, toBytes(place(at))), (there) =>
            there === undefined || packets.isDirectory(there) ? Option.none() : Option.some({ size: there.size ?? 0 }),
          ),
        ),
      url: (path) => urlOf(settings.url, path),
    }
    return shape
  })

/** The connection broke before it answered anything. */
class Stale {
  readonly lost: Lost
  constructor(lost: Lost) {
    this.lost = lost
  }
}

export const sftp = defineTransporter<SftpSettings>({
  name: "sftp",
  ...settingsTraits["sftp"],
  settings: SftpSettings,
  layer: (settings, server) => Layer.effect(Transporter, make(settings, server)),
})
