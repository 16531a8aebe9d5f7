/**
 * Finds out what changed in one source: watches directories before it lists them, compares what it lists with the ledger,
 * and hands over what is due. Start-up, lost events, moved trees and the periodic reconcile are one and the same scan.
 *
 * @since 1.0.0
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { type LedgerError, type SourceError, WatcherError } from "../domain/Errors.ts"
import type { FileChange } from "../domain/FileChange.ts"
import { mtimeMillis } from "../domain/FileState.ts"
import { Ledger } from "../domain/Ledger.ts"
import { BLIND_PAUSE, BLIND_SCAN, LINKS, NAMES_IN_WARNING, ROOT_CHECK, SCAN_BATCH } from "../domain/Limits.ts"
import { child, directoryOf, display, isWithin, type RelativePath, root, type ServerName } from "../domain/Path.ts"
import { plan, rulesFor } from "../domain/Plan.ts"
import { type RootIdentity, SourceFiles } from "../domain/SourceFiles.ts"
import type { SourceStatus } from "../domain/Telemetry.ts"
import { type BlindSpot, type WatchSession, type WatchSignal, Watcher } from "../domain/Watcher.ts"
import { Backlog, directory, type Item, listed } from "./backlog.ts"
import { makePulse } from "./pulse.ts"
import { type Settle, settleTimes } from "./settle.ts"
import type { Shared, SourceBook } from "./shared.ts"
import { makeUnreadable } from "./unreadable.ts"
import { type DirectoryView, eachFile, makeWalk } from "./walk.ts"

/** A file this young, in milliseconds, may still be in writing when a listing finds it. */
const YOUNG = 1_000

/** Scan requests of one source that are remembered one by one. */
const SCAN_REQUESTS = { paths: 1, directories: 1024 }

type OnTheirWay = Map<RelativePath, Item>

export interface DiscoverOptions {
  readonly shared: Shared
  readonly settle: Settle
  readonly book: SourceBook
}

export const makeDiscover = Effect.fnUntraced(function* (options: DiscoverOptions) {
  const { book, settle, shared } = options
  const { source } = book
  const watcher = yield* Watcher
  const files = yield* SourceFiles
  const ledger = yield* Ledger
  const clock = yield* Clock.Clock
  const { reconcileInterval, retryInterval, settle: configuredSettle } = shared.config.settings

  const requests = new Backlog(SCAN_REQUESTS)
  const pulse = makePulse()
  /** Delivered links by the file they stand for. */
  const links = new Map<RelativePath, Set<RelativePath>>()
  /** The same the other way round. Links to one file may lead there through one another. */
  const standsFor = new Map<RelativePath, RelativePath>()
  const warned = new Set<string>()
  /** Rules that no file matched yet; asked during the first scan only. */
  const unmatched = new Set(book.rules)
  let wasAway = false
  const status = {
    state: "scanning" as SourceStatus["state"],
    monitor: "",
    directories: 0,
    watched: 0,
    blind: 0,
    /** Some directories are neither watched nor told as unreadable. */
    unseen: false,
    scanMillis: 0,
    overflows: 0,
    scanned: false,
    scanning: true,
  }

  const request = (path: RelativePath, kind: "listing" | "tree") => {
    requests.add(directory(source.name, path, kind))
    pulse.wake()
  }

  const unreadable = yield* makeUnreadable((path) => request(path, "tree"), retryInterval)

  const warnOnce = (kind: string, message: string): Effect.Effect<void> =>
    Effect.suspend(() => {
      if (warned.has(kind)) return Effect.void
      warned.add(kind)
      return Effect.logWarning(message).pipe(Effect.annotateLogs({ source: source.name }))
    })

  const linked = (link: RelativePath, target: RelativePath) => {
    const known = links.get(target)
    if (known !== undefined) known.add(link)
    else if (links.size < LINKS) links.set(target, new Set([link]))
    else return
    standsFor.set(link, target)
  }

  /** One scan's findings, for the log. */
  const makeFindings = () => ({
    files: 0,
    directories: 0,
    due: 0,
    skipped: [] as Array<string>,
    reasons: new Set<string>(),
    unreadable: [] as Array<string>,
    blind: [] as Array<BlindSpot>,
  })
  type Findings = ReturnType<typeof makeFindings>

  /**
   * Files that a server is being given while a scan begins: those that are not there any more it can not miss, since they
   * may be on record only after it asked.
   */
  const onTheirWayBelow = (path: RelativePath, recursive: boolean): OnTheirWay =>
    new Map(
      shared
        .busyWith(source.name)
        .filter((item) => (recursive ? isWithin(path, item.path) : directoryOf(item.path) === path))
        .map((item) => [item.path, listed(source.name, item.path, undefined)]),
    )

  const compare = (view: DirectoryView, findings: Findings, youngSince: number, onTheirWay: OnTheirWay) => {
    findings.directories++
    if (view.unreadable === undefined) unreadable.remove(view.directory)
    else if (unreadable.add(view.directory, view.unreadable)) {
      findings.unreadable.push(`${display(view.directory === "" ? "." : view.directory)} (${view.unreadable})`)
    }
    for (const { link, target } of view.links) linked(link, target)
    for (const entry of view.entries ?? []) {
      if (entry.kind !== "skipped") continue
      findings.reasons.add(entry.reason)
      if (findings.skipped.length < NAMES_IN_WARNING) findings.skipped.push(display(child(view.directory, entry.name)))
    }
    eachFile(view, (file) => {
      if (file.state !== undefined) {
        findings.files++
        if (onTheirWay.size > 0) onTheirWay.delete(file.path)
        if (!status.scanned && unmatched.size > 0) {
          for (const rule of rulesFor(book, file.path, file.state)) unmatched.delete(rule)
        }
      }
      const jobs = plan(book, file.path, file.state, file.deliveries)
      if (jobs.length === 0) return
      findings.due++
      const item = listed(source.name, file.path, file.state)
      if (file.state === undefined) return shared.vanished(item)
      const isYoung = mtimeMillis(file.state) > youngSince
      if (isYoung) settle.again(source.name, file.path, 50)
      // What no rule wants any more need not settle, and its server may be one that settled files do not go to.
      const servers = new Set<ServerName>()
      for (const job of jobs) {
        if (job._tag === "Retire") servers.add(job.delivery.server)
        else if (!isYoung) servers.add(job.destination.server)
      }
      for (const server of servers) shared.enqueue(server, item)
    })
  }

  const scan = Effect.fnUntraced(function* (session: WatchSession, path: RelativePath, recursive: boolean) {
    const startedAt = clock.currentTimeMillisUnsafe()
    const identity = path === root && recursive ? yield* files.identity(source) : undefined
    const findings = makeFindings()
    const onTheirWay = onTheirWayBelow(path, recursive)
    const watch = (directories: ReadonlyArray<RelativePath>) =>
      Effect.map(session.watch(directories), (blind) => void findings.blind.push(...blind))
    const walk = yield* makeWalk(source, path, { recursive, batch: SCAN_BATCH, before: watch }).pipe(
      Effect.provideService(Ledger, ledger),
      Effect.provideService(SourceFiles, files),
    )
    for (;;) {
      const views = yield* walk.next
      if (views === undefined) break
      for (const view of views) compare(view, findings, startedAt - YOUNG, onTheirWay)
      yield* shared.room(source.name)
    }
    onTheirWay.forEach(shared.enqueueAll)
    yield* report(findings)
    status.watched = yield* session.watched
    const unseen = findings.blind.some((spot) => !unreadable.has(spot.directory))
    if (path !== root || !recursive) {
      status.blind = Math.max(status.blind, findings.blind.length)
      status.unseen ||= unseen
      return
    }
    status.directories = findings.directories
    status.blind = findings.blind.length
    status.unseen = unseen
    status.scanMillis = clock.currentTimeMillisUnsafe() - startedAt
    shared.emit({
      _tag: "Scanned",
      source: source.name,
      files: findings.files,
      directories: findings.directories,
      due: findings.due,
      millis: status.scanMillis,
      first: !status.scanned,
    })
    yield* firstScanDone(findings, identity)
  })

  /** `identity`: of the root before it was scanned, so that another that takes its place meanwhile is known for another. */
  const firstScanDone = Effect.fnUntraced(function* (findings: Findings, identity: RootIdentity | undefined) {
    const known = (yield* ledger.roots).get(source.name)
    if (identity !== undefined && (known === undefined || findings.due === 0)) {
      yield* ledger.commit([{ _tag: "RootSeen", source: source.name, root: { path: source.root, identity } }])
    }
    if (status.scanned) return
    status.scanned = true
    if (findings.files === 0) return
    for (const rule of unmatched) {
      yield* Effect.logWarning(
        `rule "${rule.label}" matches none of the ${findings.files} files of its source; \`file-conveyor explain <config> <path>\` says why for one file`,
      ).pipe(Effect.annotateLogs({ source: source.name }))
    }
  })

  const report = Effect.fnUntraced(function* (findings: Findings) {
    for (const reason of findings.reasons) {
      yield* warnOnce(reason, `${reason}, e.g. ${findings.skipped.join(", ")}`)
    }
    if (findings.unreadable.length > 0) {
      const names = findings.unreadable.slice(0, NAMES_IN_WARNING).join(", ")
      const count = findings.unreadable.length === 1 ? "1 directory" : `${findings.unreadable.length} directories`
      yield* Effect.logWarning(
        `${count} can not be read; what was delivered from there stays as it is, and it is tried again: ${names}`,
      ).pipe(Effect.annotateLogs({ source: source.name }))
    }
    for (const spot of findings.blind.slice(0, 1)) {
      yield* warnOnce(
        spot.reason,
        `${findings.blind.length} directories can not be watched and are scanned every few seconds instead: ${spot.reason}`,
      )
    }
  })

  const hint = (session: WatchSession, change: FileChange) => {
    const times = settleTimes(session.capabilities.closes, configuredSettle)
    if (change.kind === "tree" || change.kind === "listing") {
      request(change.path, change.kind)
      // The name may be a file by now, or have been one before.
      if (change.kind === "tree" && change.path !== root) settle.hint(source.name, change.path, "growing", times)
      for (const [target, standing] of links) {
        const isThere = isWithin(change.path, target) || [...standing].some((link) => isWithin(change.path, link))
        if (!isThere) continue
        for (const link of standing) settle.hint(source.name, link, "growing", times)
      }
      return
    }
    settle.hint(source.name, change.path, change.kind, times)
    for (const link of links.get(change.path) ?? []) settle.hint(source.name, link, change.kind, times)
    const target = standsFor.get(change.path)
    if (target === undefined) return
    for (const link of links.get(target) ?? []) {
      if (link !== change.path) settle.hint(source.name, link, change.kind, times)
    }
  }

  const listen = (session: WatchSession) => (signal: WatchSignal) => {
    switch (signal._tag) {
      case "Changes":
        return Effect.sync(() => {
          for (const change of signal.changes) hint(session, change)
        })
      case "Overflowed":
        return Effect.sync(() => {
          status.overflows++
          request(signal.directory, "tree")
        })
      case "RootLost":
        return Effect.fail(away("the directory was moved, unmounted or removed"))
    }
  }

  const scans = Effect.fnUntraced(function* (session: WatchSession) {
    for (;;) {
      const item = requests.take()
      if (item === undefined) {
        status.scanning = false
        status.state = "watching"
        shared.rested()
        yield* pulse.wait
        continue
      }
      status.scanning = true
      yield* scan(session, item.path, item.kind === "tree")
    }
  })

  const reconcile = Effect.sleep(reconcileInterval).pipe(
    Effect.andThen(Effect.sync(() => request(root, "tree"))),
    Effect.forever,
  )

  /** The less often, the longer it takes. A scan asks for watches again, too: the limit may have been raised. */
  const scanBlind = Effect.suspend(() => Effect.sleep(Math.max(BLIND_SCAN, BLIND_PAUSE * status.scanMillis))).pipe(
    Effect.andThen(
      Effect.sync(() => {
        if (status.unseen && !status.scanning) request(root, "tree")
      }),
    ),
    Effect.forever,
  )

  const away = (detail: string) => new WatcherError({ root: source.root, detail })

  /** No monitor tells that something was mounted over the directory, or a part of a disk that stays elsewhere unmounted. */
  const watchRoot = Effect.fnUntraced(function* (identity: RootIdentity) {
    for (;;) {
      yield* Effect.sleep(ROOT_CHECK)
      const now = yield* files.identity(source)
      if (now === undefined) return yield* away("the directory is missing")
      if (now !== identity) return yield* away("another disk or directory was mounted or moved there")
    }
  })

  const session = Effect.gen(function* () {
    status.scanning = true
    const identity = yield* files.identity(source)
    if (identity === undefined) return yield* away("the directory is missing")
    const opened = yield* watcher.open(source)
    status.monitor = opened.name
    if (wasAway) shared.emit({ _tag: "SourceBack", source: source.name })
    wasAway = false
    status.state = "scanning"
    request(root, "tree")
    const signals = Stream.runForEach(opened.signals, listen(opened))
    return yield* Effect.raceAllFirst([
      Effect.andThen(signals, Effect.never),
      scans(opened),
      reconcile,
      scanBlind,
      unreadable.run,
      watchRoot(identity),
    ])
  }).pipe(
    Effect.scoped,
    Effect.tapError((error) =>
      Effect.sync(() => {
        if (error._tag !== "WatcherError") return
        wasAway = true
        shared.emit({ _tag: "SourceAway", source: source.name, reason: error.detail })
      }),
    ),
    Effect.onExit(() =>
      Effect.sync(() => {
        status.state = "away"
        status.scanning = false
        requests.drain()
        shared.rested()
      }),
    ),
  )

  return {
    source: source.name,
    linked,
    scan: (path: RelativePath) => request(path, "tree"),
    isIdle: () => status.state === "away" || (!status.scanning && requests.size === 0 && status.scanned),
    isAway: () => status.state === "away",
    snapshot: () => ({
      name: source.name,
      state: status.state,
      monitor: status.monitor,
      directories: status.directories,
      watched: status.watched,
      blind: status.blind,
      overflows: status.overflows,
      unreadable: unreadable.list(),
    }),
    run: session as Effect.Effect<never, WatcherError | SourceError | LedgerError>,
  }
})

export type Discover = Effect.Success<ReturnType<typeof makeDiscover>>
