/**
 * Which files of one server wait for which others, in bounded memory: a file is made again once the files it refers to are
 * there. Nothing of it is written down: who waits is due anyway.
 *
 * @since 1.0.0
 */
import { WAITED_FOR, WAITING_REFERRERS } from "../domain/Limits.ts"
import type { SourceName } from "../domain/Path.ts"
import { fileKey, type FileReference } from "../domain/Reference.ts"
import type { Item } from "./backlog.ts"

/** A file in work, and what it asked for. */
export interface Ask {
  readonly item: Item
  /** Everything it refers to. */
  readonly references: Map<string, FileReference>
  /** What it has to wait for. */
  readonly awaited: Map<string, FileReference>
  /** Nothing was done of it: it is found again later. */
  putOff: boolean
}

interface Entry extends Ask {
  /** Of `references`: whose work ended since they were asked for. */
  readonly ended: Set<string>
}

/** See the module. Every operation is synchronous and happens at once. */
export class Waits {
  readonly #asking = new Map<string, Entry>()
  readonly #waiting = new Map<string, Entry>()
  /** Who asked for a file. */
  readonly #askers = new Map<string, Set<Entry>>()
  #awaited = 0
  /** Sources with files that wait and are not remembered. */
  readonly #beyond = new Set<SourceName>()

  /** How many wait. */
  get size(): number {
    return this.#waiting.size
  }

  /** Nobody waits. */
  get isEmpty(): boolean {
    return this.#waiting.size === 0 && this.#beyond.size === 0
  }

  isWaiting(file: FileReference): boolean {
    return this.#waiting.has(fileKey(file))
  }

  /** Work on a file begins; should it have been waiting, it no longer is. */
  begin(item: Item): Ask {
    const key = fileKey(item)
    const before = this.#waiting.get(key)
    if (before !== undefined) this.#drop(key, before)
    const entry: Entry = { item, references: new Map(), awaited: new Map(), putOff: false, ended: new Set() }
    this.#asking.set(key, entry)
    return entry
  }

  /** To be called before it is looked whether the file is there, so that nothing is missed between the two. */
  refer(ask: Ask, file: FileReference): void {
    const key = fileKey(file)
    ask.references.set(key, file)
    const entry = this.#asking.get(fileKey(ask.item))
    if (entry !== ask) return
    const askers = this.#askers.get(key)
    if (askers === undefined) this.#askers.set(key, new Set([entry]))
    else askers.add(entry)
  }

  /** What a file that is in work or waits refers to, as far as it is known by now. */
  referencesOf(file: FileReference): Iterable<FileReference> {
    const key = fileKey(file)
    return (this.#asking.get(key) ?? this.#waiting.get(key))?.references.values() ?? []
  }

  /** Whether `file` waits for `other`, or may be about to, over whatever number of others. */
  waitsFor(file: FileReference, other: FileReference): boolean {
    const wanted = fileKey(other)
    const seen = new Set<string>([fileKey(file)])
    for (const key of seen) {
      if (key === wanted) return true
      const next = this.#asking.get(key)?.references ?? this.#waiting.get(key)?.awaited
      for (const awaited of next?.keys() ?? []) seen.add(awaited)
    }
    return false
  }

  /** Work on a file ended, and it waits. Gives its item where there is nothing left to wait for. */
  wait(ask: Ask): Item | undefined {
    const key = fileKey(ask.item)
    const entry = this.#asking.get(key)
    if (entry !== ask) return ask.item
    this.#asking.delete(key)
    for (const ended of entry.ended) entry.awaited.delete(ended)
    if (entry.awaited.size === 0) {
      this.#release(entry)
      return entry.item
    }
    if (this.#waiting.size >= WAITING_REFERRERS || this.#awaited + entry.awaited.size > WAITED_FOR) {
      this.#release(entry)
      this.#beyond.add(entry.item.source)
      return undefined
    }
    for (const other of entry.references.keys()) if (!entry.awaited.has(other)) this.#leave(entry, other)
    this.#waiting.set(key, entry)
    this.#awaited += entry.awaited.size
    return undefined
  }

  /**
   * Work on a file ended, one way or another: unless it waits, what it asked for is forgotten. Gives the items that have
   * nothing to wait for any more.
   */
  ended(file: FileReference): ReadonlyArray<Item> {
    if (this.#askers.size === 0) return nobody
    const key = fileKey(file)
    // First, so that a file which refers to itself is not taken up again by its own end.
    const own = this.#asking.get(key)
    if (own !== undefined) {
      this.#asking.delete(key)
      this.#release(own)
    }
    const askers = this.#askers.get(key)
    if (askers === undefined || this.#waiting.has(key)) return nobody
    const ready: Array<Item> = []
    for (const entry of Array.from(askers)) {
      const asker = fileKey(entry.item)
      if (this.#asking.get(asker) === entry) {
        entry.ended.add(key)
        continue
      }
      if (entry.awaited.delete(key)) this.#awaited--
      this.#leave(entry, key)
      if (entry.awaited.size > 0) continue
      this.#drop(asker, entry)
      ready.push(entry.item)
    }
    return ready
  }

  /**
   * Nothing is under way any more: those that wait for nobody who waits himself, and for no file that `comes`, go on without.
   * Sources of which not everybody is remembered are given once.
   */
  giveUp(comes: (file: FileReference) => boolean): {
    readonly items: ReadonlyArray<Item>
    readonly sources: ReadonlyArray<SourceName>
  } {
    const stuck = [...this.#waiting].filter(([, { awaited }]) => {
      for (const [key, file] of awaited) if (this.#waiting.has(key) || comes(file)) return false
      return true
    })
    for (const [key, entry] of stuck) this.#drop(key, entry)
    const sources = this.#waiting.size === 0 && stuck.length === 0 ? [...this.#beyond] : []
    for (const source of sources) this.#beyond.delete(source)
    return { items: stuck.map(([, entry]) => entry.item), sources }
  }

  #drop(key: string, entry: Entry): void {
    this.#waiting.delete(key)
    this.#awaited -= entry.awaited.size
    this.#release(entry)
  }

  #release(entry: Entry): void {
    for (const key of entry.references.keys()) this.#leave(entry, key)
  }

  #leave(entry: Entry, key: string): void {
    const askers = this.#askers.get(key)
    if (askers?.delete(entry) === true && askers.size === 0) this.#askers.delete(key)
  }
}

const nobody: ReadonlyArray<Item> = []
