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

/** Files that are looked at for stillness at once. */
export const SETTLE_LOOKS = 128

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

/** Files whose approved deletion is written down at once ... */
export const REMOVAL_FILES = 1_000

/** ... and how many of them the disk is asked about one by one. More are looked for in listings of their directories. */
export const REMOVAL_LOOKS = 128

/** Retirements, retries and source deletions fetched from the ledger at once. */
export const AGENDA_BATCH = 256

/** Directories of a tree that a lane lists at once; what is found in them waits in memory. */
export const EXPAND_BATCH = 16

/** How soon a file that changed while it was worked on is looked at again, in milliseconds. */
export const CHANGED_QUIET = 50

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
export const PUBLISH_BATCH = 1_024

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

/** Failed files listed in the readable status; the JSON form has them up to {@link STATUS_FAILURES_TOLD}. */
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

/** Threads that do file system work; never more than the machine has cores. */
export const DISK_WORKERS = 2

/** ... and with those that were started because others hang on a disk that does not answer. */
export const DISK_WORKERS_MAX = 6

/** Requests given to one such thread before it answered. */
export const DISK_IN_FLIGHT = 32

/** A thread with this much in flight counts as busy: another is started for the next request. */
export const DISK_BUSY = 4

/** Requests that follow each other go to the same thread until it has this much more to do than another. */
export const DISK_RUN = 8

/** Requests that may wait for a thread; one more is refused. */
export const DISK_QUEUE = 65_536

/** A thread beyond the first ends after it had nothing to do for this long. */
export const DISK_IDLE = 5_000

/** A thread that did not get on for this long hangs: others take the work. */
export const DISK_STUCK = 5_000

/** Whoever is interrupted waits this long for its request to be given up and cleaned up. */
export const DISK_CANCEL_WAIT = 2_000

/** Threads get this long to finish when they are told to stop. */
export const DISK_STOP_WAIT = 2_000

/** MiB of heap one such thread may take: a directory of a million names fits. */
export const DISK_HEAP = 384

/** Bytes read or copied at once. */
export const DISK_CHUNK = 262_144

/** Files above this size are worked on while small requests pass by. */
export const DISK_LARGE = 1_048_576

/** Opening, checking and closing a small file counts as much as moving so many bytes. */
export const DISK_SMALL = 32_768

/** Answers of one thread that are sent together ... */
export const DISK_ANSWERS = 16

/** ... unless the first of them has waited for this long. */
export const DISK_ANSWER_DELAY = 3

/** Directories remembered as free of leftovers; past it all are forgotten and looked at again. */
export const DISK_SWEPT = 65_536

/** Attempts to use a directory that others remove as empty at the same time. */
export const DISK_ATTEMPTS = 5

/** A temporary file of another machine that was not touched for this long belongs to a run that crashed. */
export const TEMPORARY_STALE = 900_000

/** Directories whose numbers the ledger keeps in memory; past it they are looked up anew. */
export const LEDGER_DIRECTORY_IDS = 8_192

/** Beginnings of URLs that the ledger stores once; past it URLs are stored whole. */
export const LEDGER_URL_BASES = 64

/** Deliveries forgotten between two looks when sources or servers went away. */
export const LEDGER_EVICT_BATCH = 1_000

/** Memory for pages of the ledger's file, in KiB. */
export const LEDGER_CACHE_KIB = 16_384

/** Pages of 4 KiB in the ledger's log before they move into its file; that blocks the thread, so not too many at once. */
export const LEDGER_WAL_PAGES = 2_000

/** How long the ledger waits for another program that has its file locked. */
export const LEDGER_LOCK_WAIT = 2_000

/** Requests to an S3 store at once where the config sets no limit. */
export const S3_CONNECTIONS = 16

/** Bytes of a file up to which an S3 store gets it in one request; larger ones are sent in parts. */
export const S3_SINGLE_BYTES = 8 * 1_048_576

/** Bytes of a part; it grows where a file would need more than `S3_PARTS` of them. */
export const S3_PART_BYTES = 5 * 1_048_576

/** Parts of one file, as the protocol allows. */
export const S3_PARTS = 10_000

/** Parts of one file that are on their way at once. */
export const S3_PARTS_AT_ONCE = 4

/** Bytes of files that are in memory on their way to one S3 store. */
export const S3_BUFFER_BYTES = 64 * 1_048_576

/** Bytes of an S3 key. */
export const S3_KEY_BYTES = 1_024

/** A connection to an S3 store that nothing uses is closed after this time. */
export const S3_SOCKET_IDLE = 15_000

/** One request to an S3 store may take this long, and longer the more bytes it carries at `S3_SLOWEST_RATE`. */
export const S3_REQUEST_TOTAL = 120_000

/** Bytes per second below which a request to an S3 store is given up. */
export const S3_SLOWEST_RATE = 4_096

/** Bytes that are read of an S3 store's answer to a file. */
export const S3_ANSWER_BYTES = 65_536

/** An upload in parts that failed is given up on the server within this time, else later. */
export const S3_ABORT_TIMEOUT = 10_000

/** Failed uploads in parts that are remembered to be given up later; past it the search for old ones finds them. */
export const S3_PENDING_ABORTS = 64

/** An unfinished upload in parts that is older than this was left behind by a crashed run. */
export const S3_ORPHAN_AGE = 604_800_000

/** How often such are looked for, when there are large files. */
export const S3_ORPHAN_SEARCH = 86_400_000

/** Pages of unfinished uploads that are looked through for such. */
export const S3_ORPHAN_PAGES = 20

/** Addresses in one CloudFront invalidation; more are put together to wildcards, one for a directory. */
export const CLOUDFRONT_PATHS = 100

/** Wildcards in one CloudFront invalidation, as many as the service takes at once. */
export const CLOUDFRONT_WILDCARDS = 15

/** One request to CloudFront may take this long. */
export const CLOUDFRONT_REQUEST_TOTAL = 120_000

/** CloudFront has too many invalidations under way: the next is tried after this time. */
export const CLOUDFRONT_BUSY = 60_000

/** SSH connections to one SFTP server; each carries many operations at once. */
export const SFTP_CONNECTIONS = 4

/** Operations at once on an SFTP server where the config sets no limit. */
export const SFTP_OPERATIONS = 64

/** Operations that a connection carries before another is opened beside it. */
export const SFTP_SHARE = 32

/** After a further connection was refused, this long passes before another is tried. */
export const SFTP_GROW_RETRY = 60_000

/** A connection nobody used for this long is closed, before a firewall forgets it. */
export const SFTP_IDLE_CLOSE = 60_000

/** An unused connection is asked for a sign of life this often. */
export const SFTP_KEEPALIVE = 15_000

/** Bytes of file content on one connection that the server has not confirmed yet. */
export const SFTP_WINDOW_BYTES = 4 * 1_048_576

/** Bytes of file content in one request to a server that promises no more. */
export const SFTP_WRITE_BYTES = 32_000

/**
 * Bytes of one request to a server that takes long ones: whole packets of SSH. Short enough that the answers show life on
 * a slow line.
 */
export const SFTP_FRAME_BYTES = 4 * 32_768

/** Bytes of one answer of an SFTP server. */
export const SFTP_PACKET_BYTES = 1_048_576

/** An operation on an SFTP server may take this long, and for its bytes as long as the slowest line takes. */
export const SFTP_TOTAL = 600_000
export const SFTP_SLOWEST_BYTES_PER_SECOND = 1_024

/** Cleaning up after an interrupted upload gets this long. */
export const SFTP_CLEAN_UP = 5_000

/** Entries of one directory that are searched for leftovers. */
export const SFTP_SWEEP_ENTRIES = 100_000

/** Attempts to use a directory that somebody else removes as empty at the same time. */
export const SFTP_DIRECTORY_ATTEMPTS = 5

/** Directories above a removed file that are looked at whether they are empty now. */
export const SFTP_PRUNE_LEVELS = 64

/** Connections to one FTP server, each with one operation at a time, where the config sets no limit. */
export const FTP_CONNECTIONS = 8

/** After an FTP server refused a further connection, this long passes before another is tried. */
export const FTP_GROW_RETRY = 60_000

/** An FTP connection nobody used for this long is closed, before the server or a firewall does it. */
export const FTP_IDLE_CLOSE = 60_000

/** TCP asks a silent FTP connection for a sign of life this often: during a long upload nothing else uses it. */
export const FTP_KEEPALIVE = 15_000

/** Bytes given to an FTP data connection at once. Small enough that a slow line shows life between two of them ... */
export const FTP_WRITE_BYTES = 65_536

/** ... and up to this many on a line that takes each in less than this time. */
export const FTP_WRITE_BYTES_MAX = 262_144
export const FTP_WRITE_FAST = 100

/** An operation on an FTP server may take this long, and for its bytes as long as the slowest line takes. */
export const FTP_TOTAL = 600_000
export const FTP_SLOWEST_BYTES_PER_SECOND = 1_024

/** Cleaning up after an interrupted FTP upload, and waiting for the last words of a broken one, gets this long. */
export const FTP_CLEAN_UP = 5_000

/** Bytes of a directory's listing that are read from an FTP server. */
export const FTP_LISTING_BYTES = 16_777_216

/** Bytes of one line of such a listing. */
export const FTP_LISTING_LINE_BYTES = 65_536

/** Leftovers removed from one directory in one search. */
export const FTP_SWEEP_REMOVALS = 1_024

/** Attempts to use a directory that somebody else removes as empty at the same time. */
export const FTP_DIRECTORY_ATTEMPTS = 5

/** Directories above a removed file that are looked at whether they are empty now. */
export const FTP_PRUNE_LEVELS = 64

/** Bytes of a file handed out at once. */
export const DISK_READ = 1_048_576

/** How long one write of the published map may block the thread while a reader is in the way ... */
export const MAP_LOCK_WAIT = 20

/** ... before it is tried again after this pause ... */
export const MAP_BUSY_PAUSE = 50

/** ... so many times. */
export const MAP_BUSY_TRIES = 200

/** Rows of the pipeline tables, which a CMS counts, changed in one transaction. */
export const PIPELINE_ROWS = 2_000

/** Requests to a Cloud Files service at once where the config sets no limit. */
export const CLOUDFILES_CONNECTIONS = 16

/** Bytes of a file up to which it is one object; larger ones are put together of segments. */
export const CLOUDFILES_SINGLE_BYTES = 8 * 1_048_576

/** Bytes of a segment; it grows where a file would need more than `CLOUDFILES_SEGMENTS` of them. */
export const CLOUDFILES_SEGMENT_BYTES = 8 * 1_048_576

/** Segments of one file, as services allow. */
export const CLOUDFILES_SEGMENTS = 1_000

/** Segments of one file that are on their way, or are removed, at once. */
export const CLOUDFILES_SEGMENTS_AT_ONCE = 4

/** Bytes of files that are in memory on their way to one Cloud Files service. */
export const CLOUDFILES_BUFFER_BYTES = 64 * 1_048_576

/** Bytes of a file: a segment of a larger one would not fit into `CLOUDFILES_BUFFER_BYTES`. */
export const CLOUDFILES_FILE_BYTES = CLOUDFILES_SEGMENTS * CLOUDFILES_BUFFER_BYTES

/** Bytes of an object's name. */
export const CLOUDFILES_NAME_BYTES = 1_024

/** A connection to a Cloud Files service that nothing uses is closed after this time. */
export const CLOUDFILES_SOCKET_IDLE = 15_000

/** One request to a Cloud Files service may take this long, and longer the more bytes it carries at `CLOUDFILES_SLOWEST_RATE`. */
export const CLOUDFILES_REQUEST_TOTAL = 120_000

/** Bytes per second below which a request to a Cloud Files service is given up. */
export const CLOUDFILES_SLOWEST_RATE = 4_096

/** Bytes of an answer of a Cloud Files service. */
export const CLOUDFILES_ANSWER_BYTES = 8 * 1_048_576

/** A token that is valid for less than this is replaced before it is used. */
export const CLOUDFILES_RENEW_BEFORE = 60_000

/** Segments of an upload that failed are removed within this time, else by a later search. */
export const CLOUDFILES_CLEAN_UP = 10_000

/** Segments older than this that no file refers to were left behind by a crashed run; they are searched for this often. */
export const CLOUDFILES_ORPHAN_AGE = 86_400_000

/** Pages of names of segments that are read. */
export const CLOUDFILES_LISTING_PAGES = 20

/** Files in segments that are remembered; past it the service is asked about each file before it is replaced or removed. */
export const CLOUDFILES_LARGE_KNOWN = 10_000

/** Files in segments that one search for orphans looks at. */
export const CLOUDFILES_ORPHAN_CHECKS = 1_000

/** Changed addresses are told to a CDN together: when none came for this long ... */
export const INVALIDATION_QUIET = 2_000

/** ... but none waits longer than this for others. */
export const INVALIDATION_DELAY_MAX = 30_000

/** Addresses told to a CDN at once; more take several orders. */
export const INVALIDATION_BATCH = 20_000

/** A CDN has to take an order within this time. */
export const INVALIDATION_TOTAL = 180_000

/** A CDN that asks to wait so many times in a row counts as out of reach: nobody waits for it any longer. */
export const INVALIDATION_PATIENCE = 5

/** Deliveries that are compared with their servers in one go, ... */
export const VERIFY_PAGE = 500

/** ... so many of them at once. */
export const VERIFY_AT_ONCE = 64

/** A server that did not answer so often in a row is not asked any more. */
export const VERIFY_PATIENCE = 3

/** Differences listed; past it they are only counted (and repaired, when that is asked for). */
export const VERIFY_SHOWN = 1_000

/** While a repair is under way its files are looked at at least this often. */
export const REPAIR_LOOK = 1_000

/** Rows of a classic map taken over in one go. */
export const IMPORT_PAGE = 500

/** Files named for each reason why some were not taken over. */
export const IMPORT_EXAMPLES = 3

/** Different reasons told; files of any other are told together. */
export const IMPORT_REASONS = 100

/** How long it is waited until a new CloudFront distribution is deployed, ... */
export const DISTRIBUTION_WAIT = 1_800_000

/** ... asking after this long at first, ... */
export const DISTRIBUTION_POLL_FIRST = 1_000

/** ... and at most this long in the end. */
export const DISTRIBUTION_POLL_MAX = 20_000

/** Top directories of an S3 bucket remembered as searched for unfinished uploads; past it all are searched again. */
export const S3_ORPHAN_PLACES = 256

/** Directories of a server that wait to be searched for leftovers of crashed runs. */
export const LEFTOVERS_QUEUE = 256

/** Directories remembered as searched; past it all are forgotten and searched again. */
export const LEFTOVERS_SEARCHED = 8_192

/** Leftovers of broken uploads remembered for removal by the next connection. */
export const LEFTOVERS_ABANDONED = 1_024

/** A temporary file of another machine that is older than this belongs to a run that crashed. */
export const LEFTOVER_AGE = 86_400_000

/** `check` tries a server in this many of the directories that rules put files in ... */
export const CHECK_DIRECTORIES = 10

/** ... and gives each this long. */
export const CHECK_TOTAL = 120_000

/** Servers tried at once. */
export const CHECK_AT_ONCE = 8
/** Bytes of a text file that is minified; a larger one is published as it is. */
export const MINIFY_BYTES = 33_554_432

/** Bytes of a file that is compressed; a larger one is published as it is. */
export const COMPRESS_BYTES = 268_435_456

/** Bytes up to which Brotli tries hardest where the config does not say: past it that takes seconds for each file. */
export const BROTLI_HARDEST_BYTES = 8 * 1_048_576

/** YUI Compressor and Closure Compiler get this long for one file. */
export const COMPRESSOR_TIME = 120_000

/** Bytes that such a program may print for one file ... */
export const COMPRESSOR_OUTPUT_BYTES = 67_108_864

/** ... and bytes that are read of its messages. */
export const COMPRESSOR_MESSAGE_BYTES = 65_536
/** A processor may take this long for one file where the config sets no limit. */
export const PROCESSOR_TIME = 60_000

/** Share of the machine's memory for all processors at once, and what one of them gets of it at least and at most. */
export const PROCESSOR_MEMORY_SHARE = 0.5
export const PROCESSOR_MEMORY_MIN = 256 * 1_048_576
export const PROCESSOR_MEMORY_MAX = 2_048 * 1_048_576

/** Share of a processor's memory that JavaScript objects may take; the rest is for buffers and libraries. */
export const PROCESSOR_HEAP_SHARE = 0.75

/** How often a processor's memory is measured, and whether the daemon still lives. */
export const PROCESSOR_WATCH = 250

/** Processes for processors, whatever number of chains at once the config allows. */
export const PROCESSOR_CHILDREN = 64

/** A process for processors that has nothing to do for this long is ended. */
export const PROCESSOR_IDLE = 30_000

/** One that holds more memory than this after a file is replaced, so that no file pays for the ones before it. */
export const PROCESSOR_RECYCLE_BYTES = 512 * 1_048_576

/** A process for processors must be there within this time ... */
export const PROCESSOR_START = 30_000

/** ... and one that is there must begin with a file within this, else another gets the file. */
export const PROCESSOR_BEGIN = 5_000

/** A processor that is to stop has this long to do so in good order. */
export const PROCESSOR_CANCEL = 2_000

/** By how much processes for processors are less urgent than the daemon. */
export const PROCESSOR_NICE = 10

/**
 * The same of their sessions, where the system shares the processor among those: all threads of a session get the share of
 * one process, so that on a busy machine 10 leaves next to nothing for them.
 */
export const PROCESSOR_SESSION_NICE = 5

/** After this long the system is asked once more to make a session less urgent, in milliseconds. */
export const GIVE_WAY_AGAIN = 150

/** How readily the system ends them when memory runs out, from 0 to 1000. */
export const PROCESSOR_OOM_SCORE = 500

/** Bytes of what such a process last printed that are kept. */
export const PROCESSOR_OUTPUT_BYTES = 8_192

/** Questions of one file's processor to the daemon that wait for an answer. */
export const PROCESSOR_QUESTIONS = 1_024

/** Bytes of results of processors that are kept where the config does not say ... */
export const PROCESSOR_CACHE_BYTES = 1_024 * 1_048_576

/** ... how many of them ... */
export const PROCESSOR_CACHE_ENTRIES = 65_536

/** ... and bytes of what is written down about each besides its content. */
export const PROCESSOR_CACHE_RECORD_BYTES = 65_536
/**
 * Files that are delivered in one go where a transporter takes many at once (twice as many where they share a directory),
 * and their bytes.
 */
export const BATCH_FILES = 256
export const BATCH_BYTES = 4_194_304

/** Files above this size go one by one. */
export const BATCH_FILE_BYTES = 262_144

/** From so many files on, a directory that is new on a server of this machine is filled before it gets its name. */
export const NEW_DIRECTORY_FILES = 4

/** An upload to a new place that was never confirmed, in milliseconds: what it may have left there is removed after this time. */
export const UPLOAD_DOUBT = 600_000

/** How often it is made sure that the root of a source is the directory it was, in milliseconds. */
export const ROOT_CHECK = 10_000
/** A program that a processor starts may run this long where the config does not say otherwise ... */
export const PROGRAM_TIME = 60_000

/** ... its memory, together with that of the programs it starts, may grow to this (bytes) ... */
export const PROGRAM_MEMORY = 1024 * 1_048_576

/** ... and all files it writes together to this (bytes). */
export const PROGRAM_OUTPUT = 1024 * 1_048_576

/** How often memory and files of a running program are looked at. */
export const PROGRAM_LOOK = 50

/** Files that a program may write; the counting of them ends there. */
export const PROGRAM_FILES = 10_000

/** Bytes kept of the end of what a program says ... */
export const PROGRAM_SAID_BYTES = 8_192

/** ... and lines of it in a message, and characters of those lines. */
export const PROGRAM_SAID_LINES = 8
export const PROGRAM_SAID_LINE = 300

/** A program that was killed is waited for this long. */
export const PROGRAM_KILLED = 5_000

/** What a program that ended said is waited for this long, should something of it hold the other end open. */
export const PROGRAM_LAST_WORDS = 1_000

/** Transcoding one video may take this long where the config does not say otherwise, use this memory, and write this. */
export const VIDEO_TIME = 4 * 3_600_000
export const VIDEO_MEMORY = 4 * 1024 * 1_048_576
export const VIDEO_OUTPUT = 32 * 1024 * 1_048_576

/** Looking into one video may take this long. */
export const VIDEO_LOOK = 60_000

/** Bytes of what is read of a video's description. */
export const VIDEO_DESCRIPTION_BYTES = 1_048_576

/** Videos transcoded at once: ffmpeg uses all cores for one. */
export const VIDEOS_AT_ONCE = 1

/** Files of one server that are at long work, or wait for their turn at it, without a place in its lane. */
export const LONG_FILES = 1_024

/** Referrers of one server that are remembered while they wait; past it their source is looked at again. */
export const WAITING_REFERRERS = 10_000

/** Files that they wait for, all together. */
export const WAITED_FOR = 100_000

/** Referrers that are due again because files changed are remembered one by one up to this many at once. */
export const STALE_REFERRERS = 1_000

/** Files that are looked at to find out whether a reference leads back; past it, it counts as if it did. */
export const CYCLE_SEARCH = 2_000

/** How often it is looked whether there is still something to wait for, in milliseconds. */
export const WAITING_LOOK = 250
/** Bytes of a picture that is optimized; a larger one is published as it is. */
export const IMAGE_BYTES = 32 * 1_048_576

/** Pixels of a picture that is optimized, all its frames together. */
export const IMAGE_PIXELS = 30_000_000

/** Memory that optimizing takes at most, measured: by itself, for each pixel of 8 bits a sample, and for each byte of the file. */
export const IMAGE_MEMORY_BASE = 64 * 1_048_576
export const IMAGE_MEMORY_PER_PIXEL = 16
export const IMAGE_MEMORY_PER_BYTE = 4

/** Frames of an animation that is optimized. */
export const IMAGE_FRAMES = 2_000

/** A picture is worked on for this long; then it is published as it is. Less than a processor gets by default. */
export const IMAGE_TIME = 45_000

/** Bytes of a PNG up to which many ways to filter it are tried; of a larger one, the one that suits photos. */
export const PNG_THOROUGH_BYTES = 4 * 1_048_576

/** Pixels of a lossless WebP up to which every way to code it is tried; that takes seconds a megapixel ... */
export const WEBP_THOROUGH_PIXELS = 1_000_000

/** ... and up to which it is coded anew at all. */
export const WEBP_PIXELS = 8_000_000

/** Directories of a source that could not be read and are tried again; any others are found again by the reconcile. */
export const UNREADABLE_DIRECTORIES = 1_024

/** Directories without a watch are scanned this often, in milliseconds ... */
export const BLIND_SCAN = 10_000

/** ... or with pauses so many times as long as a scan takes. */
export const BLIND_PAUSE = 20

/** Where files go together, so many may be at work for each operation that the server takes at once. */
export const BATCH_CROWD = 4

/** Files that wait in a quick lane before scans wait for it ... */
export const LISTED_AHEAD = 2_048

/** ... and how often it is looked whether it still is quick, in milliseconds. */
export const LISTING_WAIT = 1_000

/** Files with a retry or a removal that is due and that a lane remembers; its agenda comes back for the others. */
export const LANE_AGENDA = 4_096
/**
 * Pieces of a large file, each of `DISK_READ` bytes, that are read while those before them are sent: enough that the thread
 * that reads and hashes need not wait for the one that sends. Large files that are sent at once share them ...
 */
export const DISK_READ_AHEAD = 6

/** ... but each has so many. */
export const DISK_READ_AHEAD_LEAST = 2

/** Bytes of an SSH packet from which its memory is let go as soon as it is sent. */
export const SFTP_LET_GO_BYTES = 16_384
/** A file that its writer opened and did not close is taken once it held still for this long ... */
export const SETTLE_OPEN_QUIET = 10_000

/** ... or after this long at the latest, as a log that is written without end. */
export const SETTLE_OPEN_DELAY_MAX = 60_000
/** Hashes of small files that are asked of a disk worker together. */
export const HASHES_TOGETHER = 32

/** Deliveries that stand in the ledger's outbox as one row. */
export const OUTBOX_PACK = 512

/** Failed files that a status tells, each with its reason; past it they are only counted. */
export const STATUS_FAILURES_TOLD = 10_000
