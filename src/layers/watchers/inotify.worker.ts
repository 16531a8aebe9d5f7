/**
 * The watching thread: it waits in poll(2) for the kernel and for commands, and does nothing else. One thread serves all
 * sources. A batch that nobody took yet costs a credit; without credits a root is not read, its events stay in the
 * kernel's bounded queue, and the kernel says so when that overflows.
 *
 * @since 1.0.0
 */
import { performance } from "node:perf_hooks"
import { type MessagePort, parentPort, receiveMessageOnPort } from "node:worker_threads"
import { WATCH_CREDITS, WATCH_HEARTBEAT } from "../../domain/Limits.ts"
import { instancesExhausted } from "./exhausted.ts"
import { failureText } from "./failureCode.ts"
import { ERRNO, type InotifyCalls, loadInotifyCalls } from "./inotifyCalls.ts"
import type { Batch, Command, Report } from "./inotifyMessages.ts"
import { InotifyRoot } from "./inotifyRoot.ts"

interface Session {
  readonly root: InotifyRoot
  credits: number
}

const unavailable = (detail: string): Report => ({ _tag: "Unavailable", detail })

/** A writer that keeps the kernel busy with nothing new to tell is looked at this often, in milliseconds. */
const REST = 1

const serve = (calls: InotifyCalls, port: MessagePort): void => {
  const wake = calls.makeWake()
  if (wake < 0) return port.postMessage(unavailable("no descriptor is left for it"), [])
  const sessions = new Map<number, Session>()
  const report = (message: Report) => port.postMessage(message)
  const done = (request: number, watched = 0) => report({ _tag: "Done", request, watched, blind: [] })

  const send = (id: number, session: Session, batch: Batch | undefined): boolean => {
    if (batch === undefined) return false
    session.credits--
    report({ _tag: "Batch", session: id, watched: session.root.watched, batch })
    return true
  }

  const open = (command: Command & { readonly _tag: "Open" }) => {
    const descriptor = calls.init()
    if (typeof descriptor === "number") {
      sessions.set(command.session, { root: new InotifyRoot(calls, descriptor, command), credits: WATCH_CREDITS })
      return done(command.request)
    }
    const { errno } = descriptor
    const exhausted = errno === ERRNO.EMFILE || errno === ERRNO.ENFILE
    report({
      _tag: "Failed",
      request: command.request,
      detail: exhausted ? instancesExhausted : `inotify can not be started (errno ${errno})`,
    })
  }

  const obey = (command: Command): boolean => {
    if (command._tag === "Stop") return false
    if (command._tag === "Open") {
      open(command)
      return true
    }
    const session = sessions.get(command.session)
    switch (command._tag) {
      case "Watch":
        if (session === undefined) {
          report({ _tag: "Failed", request: command.request, detail: "it was closed" })
        } else {
          const blind = session.root.watch(command.directories)
          report({ _tag: "Done", request: command.request, watched: session.root.watched, blind })
        }
        return true
      case "Taken":
        if (session !== undefined) session.credits += command.batches
        return true
      case "Close":
        session?.root.close()
        sessions.delete(command.session)
        done(command.request)
        return true
    }
  }

  const obeyAll = (): boolean => {
    calls.drainWake(wake)
    for (let next = receiveMessageOnPort(port); next !== undefined; next = receiveMessageOnPort(port)) {
      if (!obey(next.message as Command)) return false
    }
    return true
  }

  report({ _tag: "Ready", wake })
  let restUntil = 0
  for (;;) {
    let now = performance.now()
    let timeout = WATCH_HEARTBEAT
    const listening: Array<readonly [number, Session]> = []
    for (const entry of sessions) {
      const [id, session] = entry
      if (session.credits <= 0) continue
      const { due } = session.root
      if (due !== undefined) timeout = Math.min(timeout, Math.max(0, due - now))
      // Commands may have left something to tell that no event announces.
      if (!send(id, session, session.root.take(now)) || session.credits > 0) listening.push(entry)
    }
    const rests = restUntil > now
    if (rests) timeout = Math.min(timeout, restUntil - now)
    const descriptors = rests ? [wake] : [wake, ...listening.map(([, session]) => session.root.descriptor)]
    const ready = calls.poll(descriptors, Math.ceil(timeout))
    if (ready[0] === true && !obeyAll()) break
    if (rests) continue
    now = performance.now()
    listening.forEach(([id, session], index) => {
      if (ready[index + 1] !== true || sessions.get(id) !== session) return
      const told = send(id, session, session.root.read(now))
      if (!told && session.root.due !== undefined) restUntil = now + REST
    })
  }
  for (const { root } of sessions.values()) root.close()
}

const port = parentPort
if (port !== null) {
  const calls = await loadInotifyCalls().catch((cause: unknown) => {
    port.postMessage(unavailable(failureText(cause)), [])
    return undefined
  })
  if (calls !== undefined) serve(calls, port)
  port.close()
}
