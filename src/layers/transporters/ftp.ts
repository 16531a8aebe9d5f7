/**
 * The transporter `ftp`: any server that speaks FTP, plain, with explicit TLS or with implicit TLS.
 *
 * Each operation has a connection of its own out of a few (`maxConnections`); fewer are used when the server refuses
 * some. A file is uploaded beside its place under a name like `.fc-<who>-<when>.tmp`, verified by its size, made
 * readable for everyone where it is not, gets the time of its source where the server lets (MFMT, or vsftpd's MDTM), and
 * is moved into place (RNFR, RNTO). When a control connection dies at the end of an upload, another one looks whether the
 * file arrived whole.
 *
 * A server that does not let a rename replace a file shows none for a moment while it is replaced: then
 * `capabilities.atomicReplace` turns false. The server must let the user rename, and offer passive mode. Names that hold
 * line breaks or the byte 255 are refused. Temporary files of runs that crashed are removed when a file is put beside
 * them or removed there. With TLS the certificate is verified, against `<ca>` where it is set.
 *
 * @since 1.0.0
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import { TransportError } from "../../domain/Errors.ts"
import { mtimeSeconds } from "../../domain/FileState.ts"
import { FTP_CONNECTIONS, FTP_SLOWEST_BYTES_PER_SECOND, FTP_TOTAL } from "../../domain/Limits.ts"
import { type RemotePath, urlOf } from "../../domain/Path.ts"
import { defineTransporter, type ServerIdentity, Transporter, type TransporterShape } from "../../domain/Transporter.ts"
import { openConnection } from "./ftp/connection.ts"
import { makeDirectories } from "./ftp/directories.ts"
import { Lost, Unfit } from "./shared/failures.ts"
import { type Failure, meaningOf, Refused, Unconfirmed } from "./ftp/failures.ts"
import { type FtpSession, isPositive, refusalOf } from "./ftp/FtpSession.ts"
import { newHabits } from "./ftp/habits.ts"
import { leftoverWays } from "./ftp/leftovers.ts"
import { makeLeftovers } from "./shared/leftovers.ts"
import { fileSize } from "./ftp/look.ts"
import { makePool } from "./ftp/pool.ts"
import { resumeUnconfirmed, type Upload, upload, type UploadHost } from "./ftp/upload.ts"
import { objection, wire } from "./ftp/wire.ts"
import { FtpSettings, settingsTraits } from "./settings.ts"
import { parentOf, within } from "./shared/paths.ts"

const CLOSING = 421

/** The connection broke, or the server ended it, before it answered anything. */
class Stale {
  readonly failure: Failure
  constructor(failure: Failure) {
    this.failure = failure
  }
}

const isEnd = (failure: Failure): boolean =>
  (failure instanceof Lost && !failure.silent) || (failure instanceof Refused && failure.code === CLOSING)

const make = (settings: FtpSettings, server: ServerIdentity) =>
  Effect.gen(function* () {
    const habits = newHabits()
    const used = new WeakSet<FtpSession>()
    const connections = server.maxConnections > 0 ? server.maxConnections : FTP_CONNECTIONS
    const pool = yield* makePool(openConnection(settings, habits), connections)
    // What stays may hold leftovers that nothing is ever uploaded beside again.
    const prune = (session: FtpSession, directory: string): Effect.Effect<void, Failure> =>
      Effect.map(directories.prune(session, directory, top(session)), (stays) => leftovers.used(stays))
    const leftovers = yield* makeLeftovers(leftoverWays(pool, habits, settings.connectTimeout, prune))
    const directories = yield* makeDirectories(habits, settings.connectTimeout, leftovers.made)
    const host: UploadHost = {
      habits,
      directories,
      leftovers,
      patience: settings.connectTimeout,
      cannotReplace: Effect.logWarning(
        `Server "${server.name}" can not replace a file in one step: visitors find none for a moment when a file changes. Names that change with the content avoid this.`,
      ),
    }

    const top = (session: FtpSession): string => {
      if (settings.path === "") return session.home
      return settings.path.startsWith("/") ? wire(settings.path) : within(session.home, wire(settings.path))
    }
    const place = (session: FtpSession, path: RemotePath): string => within(top(session), wire(path))

    const failed = (operation: "put" | "remove" | "stat", path: RemotePath, failure: Failure): TransportError =>
      new TransportError({ server: server.name, operation, path, ...meaningOf(failure), cause: failure })

    /**
     * One operation. A connection that waited for work may have ended unnoticed: if it does before it answers anything,
     * the operation starts again on a new one, once.
     */
    const operate = <A>(
      operation: "put" | "remove" | "stat",
      path: RemotePath,
      size: number,
      work: (session: FtpSession) => Effect.Effect<A, Failure>,
      rescue: (unconfirmed: Unconfirmed) => Effect.Effect<A, Failure> = Effect.fail,
    ): Effect.Effect<A, TransportError> => {
      const problem = objection(path)
      if (problem !== undefined) {
        return Effect.fail(
          new TransportError({
            server: server.name,
            operation,
            path,
            reason: { _tag: "NameRefused" },
            detail: problem,
          }),
        )
      }
      const onConnection = (session: FtpSession): Effect.Effect<A, Failure | Stale> => {
        const before = session.answered()
        const waited = used.has(session)
        used.add(session)
        leftovers.tidy(session)
        return Effect.mapError(work(session), (failure) => {
          const heard = session.answered() - before - (failure instanceof Refused ? 1 : 0)
          return waited && heard <= 0 && isEnd(failure) ? new Stale(failure) : failure
        })
      }
      const whole = pool.use(onConnection).pipe(
        Effect.catchIf(
          (failure): failure is Stale => failure instanceof Stale,
          () => pool.use(onConnection, { fresh: true }),
        ),
        Effect.mapError((failure) => (failure instanceof Stale ? failure.failure : failure)),
        Effect.catchIf((failure): failure is Unconfirmed => failure instanceof Unconfirmed, rescue),
      )
      const total = settings.totalTimeout ?? FTP_TOTAL + (size / FTP_SLOWEST_BYTES_PER_SECOND) * 1000
      return whole.pipe(
        Effect.timeoutOrElse({
          duration: total,
          orElse: () => {
            const detail = `not done within ${Math.round(total / 1000)} s`
            return Effect.fail(new Unfit({ reason: { _tag: "Unreachable" }, detail }))
          },
        }),
        Effect.mapError((failure) => failed(operation, path, failure)),
      )
    }
    const shape: TransporterShape = {
      capabilities: {
        get atomicReplace() {
          return habits.replaces
        },
        contentHash: false,
        headers: false,
        directories: true,
        connections,
      },
      put: ({ content, state }, to) => {
        const order = (session: FtpSession): Upload => ({
          content,
          path: place(session, to),
          modified: mtimeSeconds(state),
        })
        const receipt = Effect.map((sha256: string) => ({ sha256 }))
        return operate(
          "put",
          to,
          content.size,
          (session) => receipt(upload(session, host, order(session))),
          (unconfirmed) =>
            receipt(
              Effect.tapError(
                pool.use((session) => resumeUnconfirmed(session, host, order(session), unconfirmed), { fresh: true }),
                () => Effect.sync(() => leftovers.abandon(unconfirmed.temporary)),
              ),
            ),
        )
      },
      remove: (at) =>
        operate("remove", at, 0, (session) =>
          Effect.gen(function* () {
            const path = place(session, at)
            const [reply] = yield* session.exchange([`DELE ${path}`])
            if (!isPositive(reply)) {
              const refused = refusalOf("remove", reply, path)
              if (refused.code !== 550 && refused.code !== 553 && refused.code !== 450) return yield* refused
              if ((yield* fileSize(session, habits, settings.connectTimeout, path)) !== undefined) return yield* refused
            }
            yield* prune(session, parentOf(path))
          }),
        ),
      stat: (at) =>
        operate("stat", at, 0, (session) =>
          Effect.map(fileSize(session, habits, settings.connectTimeout, place(session, at)), (size) =>
            size === undefined ? Option.none() : Option.some({ size }),
          ),
        ),
      url: (path) => urlOf(settings.url, path),
    }
    return shape
  })

export const ftp = defineTransporter<FtpSettings>({
  name: "ftp",
  ...settingsTraits["ftp"],
  settings: FtpSettings,
  layer: (settings, server) => Layer.effect(Transporter, make(settings, server)),
})
