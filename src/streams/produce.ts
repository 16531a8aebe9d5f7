/**
 * Makes what is published of a file on one server: runs its chain, and answers where references in it lead.
 *
 * @since 1.0.0
 */
import * as Effect from "effect/Effect"
import type { Link } from "../domain/Link.ts"
import { baseNameOf, type ServerName } from "../domain/Path.ts"
import { Processors } from "../domain/Processor.ts"
import { type Findings, type Links, noFindings } from "./links.ts"
import type { Longer } from "./longer.ts"
import type { ChainRequest, makeProcess, Processed } from "./process.ts"
import type { Ask, Waits } from "./waits.ts"

/** What is published of a file, and what it refers to: undefined where its chain asks for no references. */
export interface Produced {
  readonly processed: Processed
  readonly links?: ReadonlyArray<Link>
}

export interface ProduceParts {
  readonly server: ServerName
  readonly process: Effect.Success<ReturnType<typeof makeProcess>>
  readonly links: Links
  readonly waits: Waits
  /** Absent where nobody else waits. */
  readonly longer?: Pick<Longer, "during">
}

export const makeProduce = Effect.fnUntraced(function* ({ links, longer, process, server, waits }: ProduceParts) {
  const processors = yield* Processors

  const takesLong = ({ path, rule }: ChainRequest): boolean =>
    rule.chain.some((use) => processors.get(use).long?.(processors.settings(use), baseNameOf(path)) === true)

  const make = Effect.fnUntraced(function* (request: ChainRequest, ask: Ask) {
    const { rule } = request
    if (!rule.chain.some((use) => processors.get(use).perServer === true)) {
      const produced: Produced = { processed: yield* process(request) }
      return produced
    }
    const run = (naming: boolean, findings: Findings) =>
      process({ ...request, addressesOf: links({ ask, rule, server, waits, findings, naming }) }).pipe(
        Effect.catchTag("ProcessorError", (error) =>
          ask.awaited.size > 0 ? Effect.succeed(undefined) : Effect.fail(findings.broken ?? error),
        ),
      )
    const first = noFindings()
    const named = yield* run(true, first)
    if (named === undefined || ask.awaited.size > 0) return undefined
    if (first.broken !== undefined) return yield* first.broken
    // The original stands in for it, which refers to what is beside it.
    if (named.failure !== undefined) return { processed: named, links: [] } satisfies Produced
    // By then those it refers to may be elsewhere, and none may lead back any more.
    const last = first.leftOut ? noFindings() : first
    const filled = first.leftOut ? yield* run(false, last) : named
    if (filled === undefined || ask.awaited.size > 0) return undefined
    if (last.broken !== undefined) return yield* last.broken
    const processed: Processed = last.cyclic ? { ...filled, baseName: named.baseName, uniqueName: false } : filled
    return { processed, links: [...last.links.values()] } satisfies Produced
  })

  /** Undefined where the file has to wait, `ask` says for what, or is put off. */
  return (request: ChainRequest, ask: Ask) =>
    longer !== undefined && takesLong(request) ? longer.during(ask, make(request, ask)) : make(request, ask)
})

export type Produce = Effect.Success<ReturnType<typeof makeProduce>>
