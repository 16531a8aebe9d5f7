/**
 * The directory of kept results: for each a record and, where the content is another than it was, its bytes. What is not as
 * it was written is no result. When there is too much, what was not used for longest goes.
 *
 * @since 1.0.0
 */
import { hash } from "node:crypto"
import { constants, promises as fs } from "node:fs"
import * as Schema from "effect/Schema"
import { PROCESSOR_CACHE_ENTRIES, PROCESSOR_CACHE_RECORD_BYTES } from "../../domain/Limits.ts"
import { codeOf } from "../disk/refusal.ts"
import { native } from "../nativePath.ts"

const Record = Schema.Struct({
  baseName: Schema.String,
  headers: Schema.optional(Schema.Record(Schema.String, Schema.String)),
  references: Schema.optional(Schema.Array(Schema.String)),
  uniqueName: Schema.optional(Schema.Boolean),
  /** Undefined: the content is what it was. */
  bytes: Schema.optional(Schema.Struct({ sha256: Schema.String, size: Schema.Number })),
})

/** What is written down about a result. */
export type Kept = typeof Record.Type

const decode = Schema.decodeUnknownOption(Schema.fromJsonString(Record))

/** Share of the results that goes when the disk is full: there are others who need room. */
const SHED = 0.25

const missing = (): undefined => undefined

/** Files of results. Nothing here ever fails: what can not be read is not there, what can not be kept is not kept. */
export class ResultFiles {
  readonly #directory: string
  readonly #most: number
  /** Sizes by key, what was used last at the end. What is on disk from before is known once `#looking` is done. */
  #sizes = new Map<string, number>()
  #bytes = 0
  #looking: Promise<void> | undefined
  #looked = false
  #closed = false
  #temporary = 0

  constructor(directory: string, most: number) {
    this.#directory = directory
    this.#most = most
  }

  /** Bytes of all that are known. */
  get bytes(): number {
    return this.#bytes
  }

  /** How many are known. */
  get size(): number {
    return this.#sizes.size
  }

  /** The record of a result, if there is one that is whole. */
  async find(key: string): Promise<Kept | undefined> {
    const file = this.#file(key, "json")
    const text = await fs.readFile(native(file), "utf8").catch(missing)
    if (text === undefined) return undefined
    const [check, body = ""] = text.split("\n")
    const record = check === hash("sha256", body, "hex") ? decode(body) : undefined
    if (record?._tag !== "Some") {
      await this.drop(key)
      return undefined
    }
    const now = new Date()
    await fs.utimes(native(file), now, now).catch(missing)
    const size = this.#sizes.get(key)
    if (size !== undefined) {
      this.#sizes.delete(key)
      this.#sizes.set(key, size)
    }
    return record.value
  }

  /** Makes the bytes of a result a file of the caller's. False where they are gone. */
  async take(key: string, location: string): Promise<boolean> {
    const done = await this.#link(this.#file(key, "bytes"), location)
    return done === undefined
  }

  /** Keeps a result; `location` is where its bytes are. Returns why that could not be, where it could not. */
  async keep(key: string, kept: Kept, location: string | undefined): Promise<string | undefined> {
    const body = JSON.stringify(kept)
    const text = `${hash("sha256", body, "hex")}\n${body}`
    const size = text.length + (kept.bytes?.size ?? 0)
    if (text.length > PROCESSOR_CACHE_RECORD_BYTES || size > this.#most || this.#closed) return undefined
    this.#looking ??= this.#look()
    const temporary = `${this.#directory}/${key.slice(0, 2)}/.${process.pid}-${this.#temporary++}`
    try {
      await fs.mkdir(native(`${this.#directory}/${key.slice(0, 2)}`), { recursive: true, mode: 0o700 })
      if (location !== undefined) {
        const problem = await this.#link(location, temporary)
        if (problem !== undefined) throw problem
        await fs.rename(native(temporary), native(this.#file(key, "bytes")))
      }
      await fs.writeFile(native(temporary), text, { mode: 0o600 })
      await fs.rename(native(temporary), native(this.#file(key, "json")))
    } catch (error) {
      await fs.unlink(native(temporary)).catch(missing)
      const code = codeOf(error)
      if (code === "ENOSPC" || code === "EDQUOT") await this.#evict(this.#bytes * (1 - SHED))
      // Somebody removed the directory, or empties it.
      return code === "ENOENT" ? undefined : error instanceof Error ? error.message : String(error)
    }
    this.#bytes += size - (this.#sizes.get(key) ?? 0)
    this.#sizes.delete(key)
    this.#sizes.set(key, size)
    if (this.#looked) await this.#evict(this.#most)
    return undefined
  }

  /** Forgets a result. The record goes first: bytes without one are never looked at. */
  async drop(key: string): Promise<void> {
    this.#bytes -= this.#sizes.get(key) ?? 0
    this.#sizes.delete(key)
    await fs.unlink(native(this.#file(key, "json"))).catch(missing)
    await fs.unlink(native(this.#file(key, "bytes"))).catch(missing)
  }

  /** Returns when nothing is under way any more. */
  async close(): Promise<void> {
    this.#closed = true
    await this.#looking
  }

  /** Returns when what earlier runs kept is known, and what is too much of it is gone. */
  async settled(): Promise<void> {
    await (this.#looking ??= this.#look())
  }

  #file(key: string, kind: "json" | "bytes"): string {
    return `${this.#directory}/${key.slice(0, 2)}/${key}.${kind}`
  }

  /** The same file under another name; a copy where the disk has no such thing. */
  async #link(from: string, to: string): Promise<unknown> {
    try {
      await fs.link(native(from), native(to)).catch((error: unknown) => {
        if (!["EXDEV", "EPERM", "EMLINK", "ENOTSUP", "ENOSYS"].includes(codeOf(error))) throw error
        return fs.copyFile(native(from), native(to), constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE)
      })
      return undefined
    } catch (error) {
      return error
    }
  }

  async #evict(most: number): Promise<void> {
    for (const key of this.#sizes.keys()) {
      if (this.#bytes <= most && this.#sizes.size <= PROCESSOR_CACHE_ENTRIES) return
      await this.drop(key)
    }
  }

  /** Finds what earlier runs kept, and clears away what they left unfinished. */
  async #look(): Promise<void> {
    const found: Array<{ readonly key: string; readonly size: number; readonly usedAt: number }> = []
    const shelves = await fs.readdir(native(this.#directory)).catch((): Array<string> => [])
    for (const shelf of shelves) {
      const place = `${this.#directory}/${shelf}`
      const names = new Set(await fs.readdir(native(place)).catch((): Array<string> => []))
      for (const name of names) {
        if (this.#closed) return
        const [key = "", kind] = name.split(".")
        const file = `${place}/${name}`
        if (kind === "bytes" && names.has(`${key}.json`)) continue
        const stats = await fs.stat(native(file)).catch(missing)
        if (stats === undefined) continue
        if (kind === "json") {
          const bytes = await fs.stat(native(`${place}/${key}.bytes`)).catch(missing)
          found.push({ key, size: stats.size + (bytes?.size ?? 0), usedAt: stats.mtimeMs })
        } else if (Date.now() - stats.mtimeMs > LEFTOVER_AGE) await fs.unlink(native(file)).catch(missing)
      }
    }
    const later = this.#sizes
    const earlier = found.sort((a, b) => a.usedAt - b.usedAt).filter(({ key }) => !later.has(key))
    this.#sizes = new Map([...earlier.map(({ key, size }) => [key, size] as const), ...later])
    for (const { size } of earlier) this.#bytes += size
    this.#looked = true
    await this.#evict(this.#most)
  }
}

/** A file without a record may still be on its way to one for this long. */
const LEFTOVER_AGE = 60_000
