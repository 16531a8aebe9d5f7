/**
 * What has to be done for a file: a pure function of the disk, the rules and the deliveries.
 *
 * @since 1.0.0
 */
import type { Delivery } from "./Delivery.ts"
import { type FileState, isRestored, isSame } from "./FileState.ts"
import type { RelativePath, ServerName } from "./Path.ts"
import { applies, candidate, type Destination, type Rule } from "./Rule.ts"

/**
 * - `Put`: deliver the file; `previous` is what the server holds of it under this rule, if anything.
 * - `Compare`: size and time are those of the delivery, but the inode is another (a restored tree): if the content hash is
 *   still the recorded one, only the record is brought up to date, else it is a `Put`.
 * - `Retire`: no rule wants this delivery any more, or its source file is gone.
 */
export type Job =
  | {
      readonly _tag: "Put"
      readonly rule: Rule
      readonly destination: Destination
      readonly previous: Delivery | undefined
    }
  | { readonly _tag: "Compare"; readonly rule: Rule; readonly destination: Destination; readonly previous: Delivery }
  | { readonly _tag: "Retire"; readonly delivery: Delivery; readonly vanished: boolean }

/** The rules of one source, with what is needed to ask them about a path. */
export interface RuleBook {
  /** The source's absolute root. */
  readonly root: string
  readonly rules: ReadonlyArray<Rule>
}

/** The rules that apply to a file that exists. */
export const rulesFor = (book: RuleBook, path: RelativePath, state: FileState): ReadonlyArray<Rule> => {
  const file = candidate(book.root, path, state.size)
  return book.rules.filter((rule) => applies(rule, file))
}

/**
 * Everything that has to be done for one file: `state` is what is on disk now (undefined: no such file), `deliveries` what
 * servers hold of it. Applying the jobs and planning again gives no jobs. With `server`, for that server alone.
 */
export const plan = (
  book: RuleBook,
  path: RelativePath,
  state: FileState | undefined,
  deliveries: ReadonlyArray<Delivery>,
  server?: ServerName,
): ReadonlyArray<Job> => {
  const jobs: Array<Job> = []
  const wanted = state === undefined ? [] : rulesFor(book, path, state)
  const kept = deliveries.length === 0 ? nothing : new Set<Delivery>()
  for (const rule of wanted) {
    for (const destination of rule.destinations) {
      if (server !== undefined && destination.server !== server) continue
      const previous = deliveries.find((d) => d.rule === rule.id && d.server === destination.server)
      if (previous !== undefined) kept.add(previous)
      const job = jobFor(rule, destination, previous, state as FileState)
      if (job !== undefined) jobs.push(job)
    }
  }
  for (const delivery of deliveries) {
    if (kept.has(delivery) || (server !== undefined && delivery.server !== server)) continue
    if (state === undefined && delivery.sourceDeleted) continue
    jobs.push({ _tag: "Retire", delivery, vanished: state === undefined })
  }
  return jobs
}

const jobFor = (
  rule: Rule,
  destination: Destination,
  previous: Delivery | undefined,
  state: FileState,
): Job | undefined => {
  if (previous === undefined) return { _tag: "Put", rule, destination, previous }
  if (previous.fingerprint !== destination.fingerprint) return { _tag: "Put", rule, destination, previous }
  if (isSame(previous.state, state) && !previous.sourceDeleted) return undefined
  if (isRestored(previous.state, state) && previous.hash !== "") return { _tag: "Compare", rule, destination, previous }
  return { _tag: "Put", rule, destination, previous }
}

/** The servers on which something has to be done for a file. Same meaning as {@link plan}, cheaper to ask. */
export const serversDue = (
  book: RuleBook,
  path: RelativePath,
  state: FileState | undefined,
  deliveries: ReadonlyArray<Delivery>,
): ReadonlySet<ServerName> => {
  const jobs = plan(book, path, state, deliveries)
  if (jobs.length === 0) return nobody
  return new Set(jobs.map((job) => (job._tag === "Retire" ? job.delivery.server : job.destination.server)))
}

/** Never added to: there is nothing to keep. */
const nothing = new Set<Delivery>()

const nobody: ReadonlySet<ServerName> = new Set()

/**
 * The rule under which a source file may be deleted now: every destination of every rule that applies holds exactly this
 * version, and a rule asks for deletion. Undefined where anything is still owed.
 */
export const deletionRule = (
  book: RuleBook,
  path: RelativePath,
  state: FileState,
  deliveries: ReadonlyArray<Delivery>,
): { readonly rule: Rule; readonly notBefore: number } | undefined => {
  const rules = rulesFor(book, path, state)
  let chosen: { rule: Rule; notBefore: number } | undefined
  for (const rule of rules) {
    // Without a destination there is no copy, so nothing may go.
    if (rule.destinations.length === 0) return undefined
    let latest = 0
    for (const destination of rule.destinations) {
      const delivery = deliveries.find((d) => d.rule === rule.id && d.server === destination.server)
      if (delivery === undefined || delivery.fingerprint !== destination.fingerprint) return undefined
      if (!isSame(delivery.state, state)) return undefined
      latest = Math.max(latest, delivery.deliveredAt)
    }
    if (rule.fileDeletionDelayAfterSync === undefined) continue
    const notBefore = latest + rule.fileDeletionDelayAfterSync * 1000
    if (chosen === undefined || notBefore > chosen.notBefore) chosen = { rule, notBefore }
  }
  return chosen
}
