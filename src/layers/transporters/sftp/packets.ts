/**
 * The packets of the SSH File Transfer Protocol, version 3, as far as a publisher needs them. Names are bytes: a server
 * must get the very bytes a file is called by, which a client that takes names as text can not send.
 *
 * @since 1.0.0
 */
import { Buffer } from "node:buffer"

const INIT = 1
const OPEN = 3
const CLOSE = 4
const WRITE = 6
const FSTAT = 8
const SETSTAT = 9
const FSETSTAT = 10
const OPENDIR = 11
const READDIR = 12
const REMOVE = 13
const MKDIR = 14
const RMDIR = 15
const STAT = 17
const RENAME = 18
const EXTENDED = 200

/** Kinds of answers. */
export const VERSION = 2
export const STATUS = 101
export const HANDLE = 102
export const NAME = 104
export const ATTRS = 105
export const EXTENDED_REPLY = 201

/** Codes of a status answer. */
export const status = {
  ok: 0,
  eof: 1,
  noSuchFile: 2,
  permissionDenied: 3,
  failure: 4,
  badMessage: 5,
  noConnection: 6,
  connectionLost: 7,
  unsupported: 8,
} as const

/** Permission bits and times (whole seconds since the epoch); what is left out is left alone. */
export interface Attributes {
  readonly mode?: number
  readonly modified?: number
}

/** What a server tells about a file; what it does not tell is undefined. */
export interface RemoteAttributes {
  readonly size: number | undefined
  readonly mode: number | undefined
}

/** Length of the packet, its type and the number of the request, which the session fills in. */
const HEAD = 9
export const REQUEST_ID_AT = 5

const SIZE_FLAG = 0x1
const OWNER_FLAG = 0x2
const MODE_FLAG = 0x4
const TIMES_FLAG = 0x8
const EXTENDED_FLAG = 0x80000000
const TIME_MAX = 0xffffffff

const string = (text: Uint8Array): Buffer => {
  const bytes = Buffer.allocUnsafe(4 + text.length)
  bytes.writeUInt32BE(text.length, 0)
  bytes.set(text, 4)
  return bytes
}

const uint32 = (value: number): Buffer => {
  const bytes = Buffer.allocUnsafe(4)
  bytes.writeUInt32BE(value, 0)
  return bytes
}

const attributes = ({ mode, modified }: Attributes): Buffer => {
  const time = modified === undefined || modified < 0 || modified > TIME_MAX ? undefined : modified
  const fields = [uint32((mode === undefined ? 0 : MODE_FLAG) | (time === undefined ? 0 : TIMES_FLAG))]
  if (mode !== undefined) fields.push(uint32(mode))
  if (time !== undefined) fields.push(uint32(time), uint32(time))
  return Buffer.concat(fields)
}

const request = (type: number, ...fields: ReadonlyArray<Uint8Array>): Buffer => {
  const packet = Buffer.allocUnsafe(fields.reduce((sum, field) => sum + field.length, HEAD))
  packet.writeUInt32BE(packet.length - 4, 0)
  packet[4] = type
  let at = HEAD
  for (const field of fields) {
    packet.set(field, at)
    at += field.length
  }
  return packet
}

/** The first packet of a session; it has no number. */
export const init = (): Buffer => Buffer.from([0, 0, 0, 5, INIT, 0, 0, 0, 3])

const WRITE_CREATE_EXCLUSIVE = 0x02 | 0x08 | 0x20

/** Creates a file for writing; fails where there is one already. */
export const create = (path: Uint8Array, mode: number): Buffer =>
  request(OPEN, string(path), uint32(WRITE_CREATE_EXCLUSIVE), attributes({ mode }))
export const close = (handle: Uint8Array): Buffer => request(CLOSE, string(handle))
export const fstat = (handle: Uint8Array): Buffer => request(FSTAT, string(handle))
export const stat = (path: Uint8Array): Buffer => request(STAT, string(path))
export const setStat = (path: Uint8Array, attrs: Attributes): Buffer =>
  request(SETSTAT, string(path), attributes(attrs))
export const fsetStat = (handle: Uint8Array, attrs: Attributes): Buffer =>
  request(FSETSTAT, string(handle), attributes(attrs))
export const openDirectory = (path: Uint8Array): Buffer => request(OPENDIR, string(path))
export const readDirectory = (handle: Uint8Array): Buffer => request(READDIR, string(handle))
export const remove = (path: Uint8Array): Buffer => request(REMOVE, string(path))
export const makeDirectory = (path: Uint8Array, attrs: Attributes): Buffer =>
  request(MKDIR, string(path), attributes(attrs))
export const removeDirectory = (path: Uint8Array): Buffer => request(RMDIR, string(path))
export const rename = (from: Uint8Array, to: Uint8Array): Buffer => request(RENAME, string(from), string(to))

const extended = (name: string, ...fields: ReadonlyArray<Uint8Array>): Buffer =>
  request(EXTENDED, string(Buffer.from(name)), ...fields)

export const POSIX_RENAME = "posix-rename@openssh.com"
export const STATVFS = "statvfs@openssh.com"
/** Servers that have it take writes of 255 KiB, others may stop at 32 KiB. */
export const LIMITS = "limits@openssh.com"

/** Renames over what is there, in one step. */
export const posixRename = (from: Uint8Array, to: Uint8Array): Buffer =>
  extended(POSIX_RENAME, string(from), string(to))
/** Asks for the room left on the file system of this path. */
export const fileSystem = (path: Uint8Array): Buffer => extended(STATVFS, string(path))

/** What a request that writes so many bytes is longer than these. */
export const writeOverhead = (handle: Uint8Array): number => HEAD + 4 + handle.length + 8 + 4

/** Writes a part of a file, given in pieces: fills `packet`, which is as long as pieces and overhead. The data is copied. */
export const write = (
  packet: Buffer,
  handle: Uint8Array,
  offset: number,
  pieces: ReadonlyArray<Uint8Array>,
): Buffer => {
  packet.writeUInt32BE(packet.length - 4, 0)
  packet[4] = WRITE
  packet.writeUInt32BE(handle.length, HEAD)
  packet.set(handle, HEAD + 4)
  let at = HEAD + 4 + handle.length
  packet.writeUInt32BE(Math.floor(offset / 0x100000000), at)
  packet.writeUInt32BE(offset % 0x100000000, at + 4)
  packet.writeUInt32BE(packet.length - at - 12, at + 8)
  at += 12
  for (const piece of pieces) {
    packet.set(piece, at)
    at += piece.length
  }
  return packet
}

/** Reads the fields of an answer in their order; throws a RangeError where the answer is shorter than it says. */
export const reader = (bytes: Buffer) => {
  let at = 0
  const take = (length: number): Buffer => {
    if (length > bytes.length - at) throw new RangeError("the server's answer is cut off")
    at += length
    return bytes.subarray(at - length, at)
  }
  const uint32 = (): number => take(4).readUInt32BE(0)
  const uint64 = (): number => Number(take(8).readBigUInt64BE(0))
  const string = (): Buffer => take(uint32())
  const attributes = (): RemoteAttributes => {
    const flags = uint32()
    const size = (flags & SIZE_FLAG) === 0 ? undefined : uint64()
    if ((flags & OWNER_FLAG) !== 0) take(8)
    const mode = (flags & MODE_FLAG) === 0 ? undefined : uint32()
    if ((flags & TIMES_FLAG) !== 0) take(8)
    if ((flags & EXTENDED_FLAG) !== 0) {
      for (let count = uint32(); count > 0; count--) {
        string()
        string()
      }
    }
    return { size, mode }
  }
  return { uint32, uint64, string, attributes, atEnd: () => at >= bytes.length }
}

const FILE_TYPE = 0o170000
const DIRECTORY_TYPE = 0o040000

/** True for a directory, as far as the server tells. */
export const isDirectory = ({ mode }: RemoteAttributes): boolean =>
  mode !== undefined && (mode & FILE_TYPE) === DIRECTORY_TYPE
