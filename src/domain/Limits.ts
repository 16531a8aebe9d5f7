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

/** Entries kept of what happened on an in-memory disk or server; past it the oldest go. */
export const MEMORY_LOG = 100_000

/** Bytes of an in-memory file handed out at once. */
export const MEMORY_CHUNK = 65_536

/** Hints an in-memory monitor holds while nobody pulls them; past it they turn into an overflow. */
export const MEMORY_WATCH_QUEUE = 16_384

/** Symbolic links followed on the way to one file, as Linux counts them. */
export const LINK_HOPS = 40

/** Size a log file may reach; the line that would not fit starts a new one. */
export const LOG_FILE_BYTES = 5 * 1_048_576

/** Log files kept beside the current one: `.1` is the youngest. */
export const LOG_FILES = 5

/** Characters of one log line; the rest is cut off. */
export const LOG_LINE_CHARS = 65_536

/** Wait before a log file that could not be written is tried again; lines in between are counted and dropped. */
export const LOG_RETRY = 10_000

/** How often a look is taken whether the log file was moved away or removed by somebody else. */
export const LOG_CHECK = 1_000

/** Bytes that may wait for a slow reader of stderr; past it log lines are counted and dropped. */
export const STDERR_BACKLOG_BYTES = 1_048_576

/** Files whose last failure is remembered, so that the same one is not told again and again. */
export const TOLD_FAILURES = 4_096

/** Warnings about one kind of failure on one server; past it they go to the debug log until the server is in order. */
export const TOLD_ALIKE = 5

/** Redraws of the progress line a second. */
export const PROGRESS_FPS = 10

/** Failed files listed in the readable status; the JSON form has all. */
export const STATUS_FAILURES = 50

/** Bytes of a request to the running daemon. */
export const CONTROL_REQUEST_BYTES = 1_048_576

/** Bytes of its answer. */
export const CONTROL_RESPONSE_BYTES = 67_108_864

/** Requests answered at once; one more is told to come back. */
export const CONTROL_CONNECTIONS = 64

/** A request has to arrive, and its answer to be taken, within this time. */
export const CONTROL_IO_TIMEOUT = 10_000

/** An answer has to arrive within this time, unless the request asks to wait. */
export const CONTROL_TIMEOUT = 30_000

/** Bytes of a socket's path that every platform accepts. */
export const CONTROL_PATH_BYTES = 100

/** Signals that may wait for being looked at; the latest are kept. */
export const SIGNALS_PENDING = 16

/** Paths a native monitor tells in one message. */
export const WATCH_BATCH = 1_024

/** Messages of a native monitor that may wait for the stream; past it events stay in the kernel, which reports its overflow. */
export const WATCH_CREDITS = 4

/** Paths the other monitors remember between two pulls; past it they are remembered as "events were lost". */
export const WATCH_PATHS = 4_096

/** Files a native monitor remembers as being written; past it the oldest is forgotten, and a touch of it counts as complete. */
export const WATCH_WRITERS = 4_096

/** A file that is being written is told at most once in this time. */
export const WATCH_GROWING = 50

/** A watching thread looks up from its wait this often, so that it can be ended even when nobody wakes it. */
export const WATCH_HEARTBEAT = 2_000

/** MiB of heap a watching thread may take (about 300 bytes a directory are used). */
export const WATCH_HEAP = 512

/** Polling waits this long after a change was found ... */
export const POLL_FIRST = 1_000

/** ... and grows to this while nothing changes. */
export const POLL_MAX = 10_000

/** Entries of one directory that polling examines at once. */
export const POLL_CONCURRENCY = 16

/** Mistakes of a config file told at once; past it they are only counted. */
export const CONFIG_MISTAKES = 200

/** Bytes of a file that a config value is read from. */
export const CONFIG_VALUE_BYTES = 65_536

/** Longest time a config may ask for: 24 days, what the timers of the platform can hold. */
export const DURATION_MAX = 2_073_600_000

/** Events a slow subscriber may be behind before it misses the oldest. */
export const EVENTS = 1024
