/**
 * Bugs on purpose: each is an edit of one source file, made while the simulation is bundled, so the product itself carries
 * nothing for it. The simulation must catch every one of them within 2,000 seeds; one whose text is no longer found is an
 * error.
 */

export interface Mutant {
  readonly name: string
  /** Relative to the project. */
  readonly file: string
  readonly edits: ReadonlyArray<readonly [find: string, replace: string]>
  /** So rare that it is looked for in its regression alone (regressions.ts). */
  readonly isRare?: true
  /** Looked for in worlds that go past the product's limits (tight.ts). */
  readonly isTight?: true
}

export const mutants: ReadonlyArray<Mutant> = [
  {
    name: "acknowledge before confirm",
    file: "src/streams/deliver.ts",
    edits: [
      [
        "transporter.put(outputFor(processed.content), place),",
        `Effect.catchTag(transporter.put(outputFor(processed.content), place), "TransportError", () =>
          Effect.map(workspace.hash(files.content(book.source, item.path, state), "sha256"), (sha256) => ({ sha256 }))),`,
      ],
    ],
  },
  {
    name: "forget to retire the old name",
    file: "src/streams/acknowledge.ts",
    edits: [
      [
        "...(previous !== undefined && hasMoved(confirmation)",
        "...(false && previous !== undefined && hasMoved(confirmation)",
      ],
    ],
  },
  {
    name: "skip the check that a file held still while it was read",
    file: "src/layers/memory/sourceFiles.ts",
    edits: [["if (wrong !== undefined) return Effect.fail(wrong)", ""]],
  },
  {
    name: "forget a file that changed while it was delivered",
    file: "src/streams/lanes.ts",
    edits: [["Effect.sync(() => shared.unsettled(item.source, item.path, CHANGED_QUIET))", "Effect.void"]],
  },
  {
    name: "drop an overflow",
    file: "src/streams/discover.ts",
    edits: [['request(signal.directory, "tree")', ""]],
  },
  {
    name: "list before watching",
    file: "src/streams/walk.ts",
    edits: [
      ["if (options.before !== undefined) yield* options.before(batch)", ""],
      [
        "const listings = yield* files.list(source, batch)",
        "const listings = yield* files.list(source, batch); if (options.before !== undefined) yield* options.before(batch)",
      ],
    ],
  },
  {
    name: "two jobs for one path",
    file: "src/streams/lanes.ts",
    edits: [
      ["if (inFlight.again(item)) owed.drop(item.key)", 'if (item.key === "") owed.drop(item.key)'],
      ['if (item.kind !== "path" || !inFlight.again(item)) backlog.add(item)', "backlog.add(item)"],
    ],
  },
  {
    name: "two files at one place at once",
    file: "src/streams/places.ts",
    edits: [["if (busy.has(place)) return false", ""]],
  },
  {
    name: "take a place without asking whose it is",
    file: "src/streams/deliver.ts",
    edits: [["const takenFrom = yield* claim(item, place, rule)", "const takenFrom = undefined"]],
  },
  {
    name: "remove before the published map let go",
    file: "src/layers/ledger/memoryState.ts",
    edits: [["(state.publishedAfter.get(placeKey(server, destination)) ?? 0) <", "-1 <"]],
  },
  {
    name: "remove what the agenda saw, not what is due",
    file: "src/streams/deliver.ts",
    edits: [
      [
        "yield* ledger.retirable(target, clock.currentTimeMillisUnsafe())",
        "(yield* ledger.retirementsOf(target)).filter(({ dueAt }) => dueAt <= clock.currentTimeMillisUnsafe())",
      ],
    ],
  },
  {
    name: "lose a retry",
    file: "src/streams/failures.ts",
    edits: [['yield* ledger.commit([{ _tag: "Failed", failure }])', ""]],
  },
  {
    name: "lose the work of a server that is down",
    file: "src/streams/lanes.ts",
    edits: [["add({ ...item, urgent: false })\n    const down", "const down"]],
  },
  {
    name: "guard off",
    file: "src/streams/deliver.ts",
    edits: [["if (job.vanished) shared", "if (false) shared"]],
  },
  {
    name: "a file whose companion's place is in doubt waits for the next scan",
    isRare: true,
    file: "src/streams/deliver.ts",
    edits: [
      [
        ": Effect.andThen(acknowledge.end(server, id, [], uploads), tellOther)",
        ": acknowledge.end(server, id, [], uploads)",
      ],
    ],
  },
  {
    name: "the ledger says it is written before it is",
    file: "src/layers/ledger/memory.ts",
    edits: [
      ["const ask = Effect.sync\n", "const ask = Effect.sync\n  let late: ReadonlyArray<LedgerChange> = []\n"],
      [
        "commit: (changes) => ask(() => changes.forEach((one) => change(state, one))),",
        `commit: (changes) => ask(() => {
          const written = late
          late = changes
          written.forEach((one) => change(state, one))
        }),`,
      ],
    ],
  },
  {
    name: "no note of an upload under way",
    file: "src/layers/ledger/memoryState.ts",
    edits: [["return void state.uploads.set(one.uploads.id, one.uploads)", "return"]],
  },
  {
    name: "a place in doubt counts as delivered",
    file: "src/layers/ledger/memoryState.ts",
    edits: [['there.includes(delivery) ? { ...delivery, fingerprint: "" } : delivery', "delivery"]],
  },
  {
    name: "delete a source file that another server lacks",
    file: "src/domain/Plan.ts",
    edits: [
      [
        "if (delivery === undefined || delivery.fingerprint !== destination.fingerprint) return undefined",
        "if (delivery === undefined) continue",
      ],
    ],
  },
  {
    name: "a config edit does not deliver again",
    file: "src/domain/Plan.ts",
    edits: [["if (previous.fingerprint !== destination.fingerprint) return", "if (false) return"]],
  },
  {
    name: "a restored file is taken for the one on record",
    file: "src/streams/deliver.ts",
    edits: [["if (hash !== job.previous.hash) {", "if (false) {"]],
  },
  {
    name: "a deletion by the daemon is taken for a user's",
    file: "src/domain/Plan.ts",
    edits: [["if (state === undefined && delivery.sourceDeleted) continue", ""]],
  },
  {
    name: "links are not followed",
    file: "src/streams/discover.ts",
    edits: [["for (const link of links.get(change.path) ?? [])", "for (const link of [] as Array<RelativePath>)"]],
  },
  {
    name: "a link outlives the directory it points into",
    file: "src/streams/discover.ts",
    edits: [["if (!isThere) continue", "continue"]],
  },
  {
    name: "a link outlives the link that it leads through",
    file: "src/streams/discover.ts",
    edits: [
      ["|| [...standing].some((link) => isWithin(change.path, link))", ""],
      ["const target = standsFor.get(change.path)", "const target = undefined"],
    ],
    isRare: true,
  },
  {
    name: "what the agenda handed over is lost where more waits than is remembered",
    isTight: true,
    file: "src/streams/owed.ts",
    edits: [["return this.#inWork.delete(key) &&", "return this.#inWork.has(key) &&"]],
  },
  {
    name: "the turn to try a server is never given back",
    isTight: true,
    file: "src/streams/lanes.ts",
    edits: [["        breaker.unproven()\n        continue", "        continue"]],
  },
  {
    name: "a server that asks for less while it is probed is asked on",
    file: "src/streams/breaker.ts",
    edits: [
      [
        'Math.max(state._tag === "Down" ? state.nextTry : 0, pausedUntil)',
        'state._tag === "Down" ? state.nextTry : pausedUntil',
      ],
    ],
  },
  {
    name: "one refusal withholds a file everywhere",
    file: "src/streams/deliver.ts",
    edits: [["refused ??= done.failure", "return yield* done.failure"]],
  },
  {
    name: "deletions reach only the servers of rules",
    file: "src/streams/removal.ts",
    edits: [['job._tag === "Retire"', 'job._tag === "Retire" && book.servers.has(job.delivery.server)']],
  },
  {
    name: "failed removals are handed over without a pause",
    file: "src/layers/ledger/memory.ts",
    edits: [["failure !== undefined && failure.nextTry > now", "false"]],
  },
  {
    name: "old copies wait for a file that can not be delivered",
    file: "src/streams/deliver.ts",
    edits: [
      ["const retired = retirements\n", "const retired = false\n"],
      [
        "if (Result.isFailure(retired)) return yield* retired.failure",
        "if (retirements && (yield* retire({ source: item.source, path: item.path, server }))) asked = true",
      ],
    ],
  },
  {
    name: "rows of a removed source stay in the map after a crash",
    file: "src/streams/publish.ts",
    edits: [["if (!rebuilt && targets.some(", "if (false && targets.some("]],
  },
  {
    name: "a deletion by the daemon is not told to the map",
    file: "src/streams/sweep.ts",
    edits: [["    shared.outboxChanged()\n", ""]],
  },
  {
    name: "young files without a rule stay",
    file: "src/streams/discover.ts",
    edits: [
      [
        "if (isYoung) settle.again(source.name, file.path, 50)",
        "if (isYoung) return settle.again(source.name, file.path, 50)",
      ],
    ],
  },
  {
    name: "a batch takes places that other files have",
    file: "src/streams/batch.ts",
    edits: [["if (occupied[index] === false || one.previous?.destination === one.place) return true", "return true"]],
  },
  {
    name: "a batch forgets the files that were refused",
    file: "src/streams/batch.ts",
    edits: [["else failed.push([one.item, result.failure])", ""]],
  },
  {
    name: "a batch forgets what needs a closer look",
    file: "src/streams/lanes.ts",
    edits: [["const rest = new Set([...left, ...outcome.left])", "const rest = new Set(left)"]],
  },
  {
    name: "a batch mixes up its receipts",
    file: "src/streams/batch.ts",
    edits: [["const result = results[index]", "const result = results[ready.length - 1 - index]"]],
  },
  {
    name: "a batch forgets the old names",
    file: "src/streams/batch.ts",
    edits: [["previous: one.previous,", "previous: undefined,"]],
  },
  {
    name: "a batch whose answers are lost leaves no doubt",
    file: "src/streams/batch.ts",
    edits: [
      ["yield* acknowledge.end(server, id, confirmed, unknown)", "yield* acknowledge.end(server, id, confirmed, [])"],
    ],
  },
  {
    name: "uploads that a crash cut off leave no doubt",
    file: "src/layers/ledger/memory.ts",
    edits: [["for (const id of state.uploads.keys()) endUploads(state, id)", "state.uploads.clear()"]],
  },
  {
    name: "what an upload may have left behind is not cleared away",
    file: "src/layers/ledger/memoryState.ts",
    edits: [["retire(state, target, destination, removeAt, 0)", "return"]],
  },
  {
    name: "a style sheet is not due again when an image is elsewhere",
    file: "src/layers/ledger/memoryState.ts",
    edits: [
      [
        "markStale(state, one.delivery, one.delivery)",
        'markStale(state, { ...one.delivery, path: "" as RelativePath }, one.delivery)',
      ],
    ],
  },
  {
    name: "an image that moves while its style sheet is on its way",
    file: "src/layers/ledger/memoryState.ts",
    edits: [["markStale(state, one.delivery, one.delivery)", "markStale(state, one.delivery)"]],
  },
  {
    name: "style sheets that are due again wait for the next scan",
    file: "src/streams/referrers.ts",
    edits: [["for (const target of stale) shared.stale(target)", ""]],
  },
  {
    name: "old images go before the style sheets that show them",
    file: "src/layers/ledger/memoryState.ts",
    edits: [["if (until !== undefined && until <= now) return true", "return true"]],
  },
  {
    name: "who waited for an image is not taken up again",
    file: "src/streams/lanes.ts",
    edits: [
      ["for (const referrer of waits.ended(item)) backlog.add({ ...referrer, urgent: false })", "waits.ended(item)"],
    ],
  },
  {
    name: "work that ended counts as under way",
    file: "src/streams/waits.ts",
    edits: [["if (own !== undefined) {", "if (false && own !== undefined) {"]],
  },
  {
    name: "names in a cycle depend on one another",
    file: "src/streams/links.ts",
    edits: [["if (!isBack || !naming) return now.delivery.url", "return now.delivery.url"]],
  },
  {
    name: "two rules replace each other's output",
    file: "src/streams/deliver.ts",
    edits: [["if (madeBy(rule) === madeBy(otherRule)) return Effect.succeed(false)", "return Effect.succeed(false)"]],
  },
  {
    name: "a CDN is not told of what is removed",
    file: "src/streams/deliver.ts",
    edits: [
      [': outdating(shared, server, retirement.destination, "removed", clock.currentTimeMillisUnsafe())),', ": []),"],
    ],
  },
  {
    name: "an order that a CDN refused counts as taken",
    file: "src/streams/invalidate.ts",
    edits: [["if (refusal !== undefined) return yield* failed(refusal)", ""]],
  },
  {
    name: "what changed while a CDN was told is forgotten",
    file: "src/layers/ledger/memoryState.ts",
    edits: [["if (server === one.server && seq <= one.through)", "if (server === one.server)"]],
  },
  {
    name: "the same source counts as the same content whatever it refers to",
    file: "src/streams/acknowledge.ts",
    edits: [["  links.length === 0 &&\n", ""]],
  },
  {
    name: "approved deletions reach any root",
    file: "src/streams/removal.ts",
    // Before the look, and after it.
    edits: [
      ["if ((yield* files.identity(book.source)) !== approved) return false", ""],
      ["if ((yield* files.identity(book.source)) !== approved) return false", ""],
    ],
  },
  {
    name: "who confirms means any root",
    file: "src/streams/guard.ts",
    edits: [['now.state !== "missing" && (isMeant || now.state === "same")', 'now.state !== "missing"']],
  },
  {
    name: "few missing files of another root are no accident",
    file: "src/streams/guard.ts",
    edits: [['if (!isMany && now.state === "same" && hold', 'if (!isMany && now.state !== "missing" && hold']],
  },
  {
    name: "what was held is forgotten when the hold ends by itself",
    isRare: true,
    file: "src/streams/guard.ts",
    edits: [["const isAll = isMany || hold !== undefined", "const isAll = isMany"]],
  },
  {
    name: "what is published beside a file stays when the file makes it no more",
    file: "src/layers/ledger/memoryState.ts",
    edits: [["before === undefined ? [] : placesOf(before).slice(1), now", "[] as Array<RemotePath>, now"]],
  },
  {
    name: "what is published beside a file leaves no doubt",
    file: "src/streams/deliver.ts",
    edits: [["const uploads = [place, ...kept.map((one) => one.place)]", "const uploads = [place]"]],
  },
  {
    name: "a file that lost its companion waits for the next scan",
    file: "src/streams/deliver.ts",
    edits: [["          yield* tellOther\n", ""]],
  },
  {
    name: "a companion is not made again when the file that had its place is gone",
    file: "src/streams/companions.ts",
    edits: [["links.push({ source: other.source, path: other.path, place: one.place })", ""]],
  },
  {
    name: "a companion takes the place of a file",
    file: "src/streams/companions.ts",
    edits: [["if (other === undefined) {", "if (true) {"]],
  },
  {
    name: "a CDN is not told of what is published beside a file",
    file: "src/streams/acknowledge.ts",
    edits: [["placesOf(confirmation.delivery).flatMap", "[confirmation.delivery.destination].flatMap"]],
  },
]
