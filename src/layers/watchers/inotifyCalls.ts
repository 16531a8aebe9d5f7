/**
 * The system calls of inotify, through koffi, and the records the kernel answers with. For the watching thread alone.
 *
 * @since 1.0.0
 */
import { Buffer } from "node:buffer"
import { fromBytes, toBytes } from "../../domain/Path.ts"

/** Bits of an event's mask (inotify(7)). */
export const IN = {
  MODIFY: 0x2,
  ATTRIB: 0x4,
  CLOSE_WRITE: 0x8,
  MOVED_FROM: 0x40,
  MOVED_TO: 0x80,
  CREATE: 0x100,
  DELETE: 0x200,
  DELETE_SELF: 0x400,
  MOVE_SELF: 0x800,
  UNMOUNT: 0x2000,
  Q_OVERFLOW: 0x4000,
  IGNORED: 0x8000,
  ONLYDIR: 0x1000000,
  DONT_FOLLOW: 0x2000000,
  ISDIR: 0x40000000,
} as const

/** What is asked of every directory. */
export const DIRECTORY_MASK =
  IN.MODIFY |
  IN.ATTRIB |
  IN.CLOSE_WRITE |
  IN.MOVED_FROM |
  IN.MOVED_TO |
  IN.CREATE |
  IN.DELETE |
  IN.DELETE_SELF |
  IN.MOVE_SELF |
  IN.ONLYDIR

const NONBLOCK = 0o4000
const CLOEXEC = 0o2000000
const POLLIN = 1
const POLLFD_BYTES = 8
const HEADER_BYTES = 16

/** A failed call: its errno. */
export interface CallFailed {
  readonly errno: number
}

/** Linux' numbers of the failures that are told apart (the same on every architecture koffi runs on). */
export const ERRNO = { ENOENT: 2, EINTR: 4, EACCES: 13, ENOTDIR: 20, ENFILE: 23, EMFILE: 24, ENOSPC: 28, ELOOP: 40 }

export type OnEvent = (watch: number, mask: number, cookie: number, name: string) => void

export interface InotifyCalls {
  /** A descriptor that counts wake-ups. */
  readonly makeWake: () => number
  readonly drainWake: (descriptor: number) => void
  readonly init: () => number | CallFailed
  /** The watch descriptor; the same for the same directory, whatever its path. */
  readonly addWatch: (descriptor: number, path: string, mask: number) => number | CallFailed
  readonly removeWatch: (descriptor: number, watch: number) => void
  /** One read of what is there. False where nothing was. `name` is empty for an event of the directory itself. */
  readonly read: (descriptor: number, onEvent: OnEvent) => boolean
  /** Waits until one of them can be read; which ones, in order. Milliseconds; -1: for ever. */
  readonly poll: (descriptors: ReadonlyArray<number>, timeout: number) => ReadonlyArray<boolean>
  readonly close: (descriptor: number) => void
}

const nameAt = (buffer: Buffer, from: number, length: number): string => {
  let end = from
  let bits = 0
  for (; end < from + length; end++) {
    const byte = buffer[end] ?? 0
    if (byte === 0) break
    bits |= byte
  }
  return bits < 0x80 ? buffer.toString("latin1", from, end) : fromBytes(buffer.subarray(from, end))
}

/** Rejects where koffi or the calls are not to be had on this machine. */
export const loadInotifyCalls = async (): Promise<InotifyCalls> => {
  const { default: koffi } = await import("koffi")
  // The process itself: whatever C library it runs on is in it already.
  const library = koffi.load(null)
  const init = library.func("int inotify_init1(int flags)")
  const add = library.func("int inotify_add_watch(int fd, const void *path, uint32_t mask)")
  const remove = library.func("int inotify_rm_watch(int fd, int wd)")
  const read = library.func("long read(int fd, void *buffer, unsigned long bytes)")
  const poll = library.func("int poll(void *descriptors, unsigned long count, int timeout)")
  const close = library.func("int close(int fd)")
  const eventfd = library.func("int eventfd(unsigned int initial, int flags)")
  const events = Buffer.allocUnsafeSlow(65_536)
  const wakes = Buffer.alloc(8)
  let polled = Buffer.alloc(POLLFD_BYTES * 4)
  const checked = (result: number): number | CallFailed => (result < 0 ? { errno: koffi.errno() } : result)

  return {
    makeWake: () => Number(eventfd(0, CLOEXEC | NONBLOCK)),
    drainWake: (descriptor) => void read(descriptor, wakes, wakes.length),
    init: () => checked(Number(init(NONBLOCK | CLOEXEC))),
    addWatch: (descriptor, path, mask) => checked(Number(add(descriptor, toBytes(`${path}\0`), mask))),
    removeWatch: (descriptor, watch) => void remove(descriptor, watch),
    read: (descriptor, onEvent) => {
      const length = Number(read(descriptor, events, events.length))
      if (length <= 0) return false
      for (let at = 0; at < length;) {
        const nameBytes = events.readUInt32LE(at + 12)
        const name = nameBytes === 0 ? "" : nameAt(events, at + HEADER_BYTES, nameBytes)
        onEvent(events.readInt32LE(at), events.readUInt32LE(at + 4), events.readUInt32LE(at + 8), name)
        at += HEADER_BYTES + nameBytes
      }
      return true
    },
    poll: (descriptors, timeout) => {
      if (polled.length < descriptors.length * POLLFD_BYTES)
        polled = Buffer.alloc(descriptors.length * POLLFD_BYTES * 2)
      descriptors.forEach((descriptor, index) => {
        polled.writeInt32LE(descriptor, index * POLLFD_BYTES)
        polled.writeInt32LE(POLLIN, index * POLLFD_BYTES + 4)
      })
      const ready = Number(poll(polled, descriptors.length, timeout))
      return descriptors.map((_, index) => ready > 0 && polled.readInt16LE(index * POLLFD_BYTES + 6) !== 0)
    },
    close: (descriptor) => void close(descriptor),
  }
}
