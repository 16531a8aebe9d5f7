/**
 * Every bound of the system, by name. Times are in milliseconds.
 *
 * @since 1.0.0
 */

/** Paths a lane remembers one by one; past it a path is remembered as "list its directory". */
export const BACKLOG_PATHS = 4096

/** Directories a lane remembers; past it they are remembered as "look at the whole tree". */
export const BACKLOG_DIRECTORIES = 8192

/** Paths that may wait for their writers at once; past it the longest waiting one is taken as it is and checked again later. */
export const SETTLE_PATHS = 4096

/** Upper end of the quiet time of a file that keeps changing. */
export const SETTLE_QUIET_MAX = 2_000

/** A file that is never closed and never still is looked at after this long all the same. */
export const SETTLE_DELAY_MAX = 10_000

/** Directories asked of the watcher and the disk at once during a scan. */
export const SCAN_BATCH = 64

/** Links whose target is followed for changes; past it a link is brought up to date by the reconcile only. */
export const LINKS = 10_000

/** Files with problems named in one warning. */
export const NAMES_IN_WARNING = 5

/** Deletions wait until none came for this long ... */
export const GATHER_QUIET = 200

/** ... but not longer than this while they are few ... */
export const GATHER_MAX = 5_000

/** ... nor longer than this while they are many. */
export const GATHER_MAX_MANY = 60_000

/** Deletions below this count are never held (the guard is about accidents, not about housekeeping). */
export const GUARD_COUNT = 100

/** Retirements, retries and source deletions fetched from the ledger at once. */
export const AGENDA_BATCH = 256

/** Waits for the agenda never exceed this, so that a clock that jumped is noticed. */
export const AGENDA_SLEEP_MAX = 60_000

/** First retry of a failed file or server; it doubles from there. */
export const RETRY_FIRST = 1_000

/** Ceiling of the retries of a server that is down. */
export const SERVER_RETRY_MAX = 300_000

/** How long an old name stays on a server after the file got a new one: pages in caches still refer to it. */
export const GRACE_PERIOD = 3_600_000

/** In-flight work gets this long to finish when the daemon is asked to stop. */
export const DRAIN_GRACE = 10_000

/** Changes of one ledger commit. */
export const COMMIT_BATCH = 512

/** Rows of the published map changed in one transaction. */
export const PUBLISH_BATCH = 500

/** Restarts of a failing part: the wait doubles from the first to the last. */
export const RESTART_FIRST = 250
export const RESTART_MAX = 10_000

/** Bytes of a config file. */
export const CONFIG_BYTES = 1_048_576
