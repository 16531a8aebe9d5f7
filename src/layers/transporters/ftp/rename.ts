/**
 * Moving an upload to its place.
 *
 * @since 1.0.0
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type { Content } from "../../../domain/SourceFiles.ts"
import { parentOf, within } from "../shared/paths.ts"
import { temporaryName, thisProcess } from "../shared/temporary.ts"
import { Unfit } from "../shared/failures.ts"
import { type Failure, Refused } from "./failures.ts"
import { type FtpSession, isPositive, refusalOf } from "./FtpSession.ts"
import { fileSize, isDirectory } from "./look.ts"
import { noProgress, store } from "./store.ts"
import type { UploadHost } from "./upload.ts"

const NAME_BYTES = 255

const nothing: Content = { origin: "temporary", size: 0, location: undefined, bytes: Stream.empty }

/** Both commands go together: between them some servers answer to nothing else. */
const move = (session: FtpSession, from: string, to: string): Effect.Effect<void, Failure> =>
  Effect.flatMap(session.exchange([`RNFR ${from}`, `RNTO ${to}`]), ([found, moved]) => {
    if (!isPositive(found)) return Effect.fail(refusalOf("rename", found, from))
    return isPositive(moved) ? Effect.void : Effect.fail(refusalOf("rename", moved, to))
  })

/** Finds out, with files of our own, whether the server lets a rename replace a file. */
const canReplace = (session: FtpSession, host: UploadHost, temporary: string): Effect.Effect<boolean, Failure> =>
  Effect.gen(function* () {
    const victim = within(parentOf(temporary), temporaryName(thisProcess, yield* Clock.currentTimeMillis))
    const body = Effect.gen(function* () {
      yield* store(session, host.habits, host.patience, victim, nothing, noProgress())
      const exit = yield* Effect.exit(move(session, temporary, victim))
      if (exit._tag === "Failure") {
        yield* session.exchange([`DELE ${victim}`])
        return false
      }
      yield* move(session, victim, temporary)
      return true
    })
    return yield* Effect.onExit(body, (exit) =>
      exit._tag === "Success" ? Effect.void : Effect.sync(() => host.leftovers.abandon(victim)),
    )
  })

/** The old file goes first, and for a moment there is none. */
const replaceInTwoSteps = (session: FtpSession, from: string, to: string): Effect.Effect<void, Failure> =>
  Effect.andThen(session.exchange([`DELE ${to}`]), move(session, from, to))

const explained = (session: FtpSession, host: UploadHost, from: string, to: string, failure: Refused) =>
  Effect.gen(function* () {
    if (yield* isDirectory(session, to)) {
      const detail = "a directory of this name is on the server where the file belongs; remove or rename it"
      return yield* new Unfit({ reason: { _tag: "Rejected" }, detail, cause: failure })
    }
    if (to.slice(to.lastIndexOf("/") + 1).length > NAME_BYTES) {
      const detail = `the name is longer than ${NAME_BYTES} bytes, which the server does not take (it said: ${failure.words})`
      return yield* new Unfit({ reason: { _tag: "NameRefused" }, detail, cause: failure })
    }
    if (!host.habits.replaces) return yield* failure
    const isInTheWay = (yield* fileSize(session, host.habits, host.patience, to)) !== undefined
    if (!isInTheWay || (yield* canReplace(session, host, from))) return yield* failure
    host.habits.replaces = false
    yield* host.cannotReplace
    yield* replaceInTwoSteps(session, from, to)
  })

/** Moves a file over whatever file is at a path: in one step where the server can. */
export const moveIntoPlace = (
  session: FtpSession,
  host: UploadHost,
  from: string,
  to: string,
): Effect.Effect<void, Failure> =>
  Effect.catchIf(
    host.habits.replaces ? move(session, from, to) : replaceInTwoSteps(session, from, to),
    (failure): failure is Refused => failure instanceof Refused && failure.code >= 450 && failure.code !== 530,
    (failure) => explained(session, host, from, to, failure),
  )
