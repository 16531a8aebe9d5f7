/**
 * Moves the bytes of an open file: to another one, into a hash, into memory.
 *
 * @since 1.0.0
 */
import { Buffer } from "node:buffer"
import { createHash, type Hash, hash as hashOf } from "node:crypto"
import { closeSync, readSync, writeSync } from "node:fs"
import { DISK_CHUNK } from "../../domain/Limits.ts"
import { display } from "../../domain/Path.ts"
import { type Input, type Original, originalsOf, type Refused } from "./protocol.ts"
import { attempt, Refusal } from "./refusal.ts"
import { openVersion, sourceRefusal, verify } from "./version.ts"
import type { Turn } from "./turn.ts"

/** Reused by everything: its content is of no use any more whenever small requests pass by. */
const buffer = Buffer.allocUnsafeSlow(DISK_CHUNK)

/** Reads until `length` bytes are there or the file ends; how many came. */
const readFully = (descriptor: number, into: Uint8Array, length: number, position: number | null): number => {
  let filled = 0
  while (filled < length) {
    const at = position === null ? null : position + filled
    const count = readSync(descriptor, into, filled, length - filled, at)
    if (count === 0) break
    filled += count
  }
  return filled
}

/** Writes all of the first `length` bytes. */
export const writeAll = (descriptor: number, bytes: Uint8Array, length: number): void => {
  let done = 0
  while (done < length) done += writeSync(descriptor, bytes, done, length - done)
}

/** Reads the next bytes of a file, of which there have to be exactly so many. */
const readExactly = (source: number, location: string, into: Uint8Array, length: number, at: number | null): void => {
  let count: number
  try {
    count = readFully(source, into, length, at)
  } catch (error) {
    throw sourceRefusal(location, error)
  }
  if (count !== length) throw new Refusal("Changed", `${display(location)} became shorter while it was read`)
}

const pieces = (source: number, { location, version }: Original, turn: Turn, take: (bytes: Buffer) => void) => {
  for (let left = version.size; left > 0;) {
    if (turn.cancelled()) throw new Refusal("Cancelled", "nobody waits for it any more")
    const length = Math.min(left, DISK_CHUNK)
    readExactly(source, location, buffer, length, null)
    take(length === DISK_CHUNK ? buffer : buffer.subarray(0, length))
    left -= length
    turn.between()
  }
}

/** Copies the bytes of an open file to another one; their SHA-256. */
export const transfer = (source: number, original: Original, target: number, turn: Turn): string => {
  const { size } = original.version
  if (size <= DISK_CHUNK) {
    readExactly(source, original.location, buffer, size, null)
    const bytes = buffer.subarray(0, size)
    if (size > 0) writeAll(target, bytes, size)
    return hashOf("sha256", bytes, "hex")
  }
  const digest = createHash("sha256")
  pieces(source, original, turn, (bytes) => {
    digest.update(bytes)
    writeAll(target, bytes, bytes.length)
  })
  return digest.digest("hex")
}

/** Hash of this version of a file. */
export const hash = ({ algorithm, original }: Input<"hash">, turn: Turn): string => {
  const source = openVersion(original, turn)
  try {
    const { size } = original.version
    if (size <= DISK_CHUNK) {
      readExactly(source, original.location, buffer, size, null)
      verify(source, original)
      return hashOf(algorithm, buffer.subarray(0, size), "hex")
    }
    const digest = createHash(algorithm)
    pieces(source, original, turn, (bytes) => void digest.update(bytes))
    verify(source, original)
    return digest.digest("hex")
  } finally {
    closeSync(source)
  }
}

/** Hashes of several files: one that has none does not keep the others from theirs. */
export const hashMany = (input: Input<"hashMany">, turn: Turn): ReadonlyArray<string | Refused> => {
  const { algorithm } = input
  return originalsOf(input).map((original) => attempt(() => hash({ algorithm, original }, turn)))
}

/** Whether an open file holds exactly the bytes of this version of another one. */
export const isEqual = (original: Original, other: number, turn: Turn): boolean => {
  const source = openVersion(original, turn)
  try {
    const theirs = Buffer.allocUnsafeSlow(Math.min(original.version.size, DISK_CHUNK))
    let equal = true
    pieces(source, original, turn, (bytes) => {
      if (!equal) return
      const count = readFully(other, theirs, bytes.length, null)
      equal = count === bytes.length && bytes.equals(theirs.subarray(0, count))
    })
    verify(source, original)
    return equal && readFully(other, Buffer.alloc(1), 1, null) === 0
  } finally {
    closeSync(source)
  }
}

/** Files that are being read piece by piece, and the bytes so far. */
const readings = new Map<number, { readonly hash: Hash; offset: number }>()

/** The SHA-256 that this piece of a reading goes into. */
const hashOfReading = (reading: number, offset: number, length: number): Hash => {
  if (offset === 0) readings.set(reading, { hash: createHash("sha256"), offset })
  const state = readings.get(reading)
  if (state?.offset !== offset) throw new Refusal("Failed", "pieces were read in another order than expected")
  state.offset += length
  return state.hash
}

/** A piece of this version of a file. What is hashed is read bit by bit, and hashed while the processor has it at hand. */
export const read = ({ into, length, offset, original, reading }: Input<"read">, turn: Turn): Uint8Array => {
  const source = openVersion(original, turn)
  try {
    const bytes = new Uint8Array(into ?? new ArrayBuffer(length), 0, length)
    const digest = reading === undefined ? undefined : hashOfReading(reading, offset, length)
    const step = digest === undefined ? length : DISK_CHUNK
    for (let at = 0; at < length; at += step) {
      const bit = bytes.subarray(at, at + step)
      readExactly(source, original.location, bit, bit.length, offset + at)
      digest?.update(bit)
    }
    verify(source, original)
    return bytes
  } finally {
    closeSync(source)
  }
}

/** The SHA-256 of the pieces of a reading, which ends with it. */
export const digest = ({ reading }: Input<"digest">): string | undefined => {
  const state = readings.get(reading)
  readings.delete(reading)
  return state?.hash.digest("hex")
}
