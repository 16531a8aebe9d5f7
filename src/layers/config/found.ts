/**
 * Definitions that a config names, looked up before decoding goes on.
 *
 * @since 1.0.0
 */
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import { isReferenced, type Text } from "./Element.ts"
import type { LookupError } from "./Lookup.ts"
import type { Mistakes } from "./mistakes.ts"

/** The definition that a value names, or undefined: then a mistake was noted at its place. */
export type Found<D> = (name: Text, mistakes: Mistakes) => D | undefined

/** Looks every name up once. A module that throws is a mistake like any other. */
export const findAll = <D>(
  names: ReadonlyArray<Text>,
  lookup: (name: string) => Effect.Effect<D, LookupError>,
): Effect.Effect<Found<D>> =>
  Effect.gen(function* () {
    const found = new Map<string, Result.Result<D, Pick<LookupError, "problem" | "cure">>>()
    for (const { broken, value } of names) {
      if (broken || found.has(value)) continue
      const definition = lookup(value).pipe(
        Effect.catchDefect(() =>
          Effect.fail({
            problem: "its module fails while it is loaded",
            cure: "Load it with node to see the whole error.",
          }),
        ),
      )
      found.set(value, yield* Effect.result(definition))
    }
    return (name, mistakes) => {
      const result = found.get(name.value)
      if (name.broken || result === undefined) return undefined
      if (Result.isSuccess(result)) return result.success
      if (isReferenced(name)) {
        mistakes.add(
          name,
          "the value does not name anything that can be loaded",
          "Correct the value that it refers to.",
        )
      } else mistakes.add(name, result.failure.problem, result.failure.cure)
      return undefined
    }
  })
