import { assert, describe, it } from "@effect/vitest"
import { type Disposition, dispositionOf, type WorkError } from "../../src/domain/Disposition.ts"
import {
  LedgerError,
  ProcessorError,
  SourceError,
  TransportError,
  type TransportReason,
} from "../../src/domain/Errors.ts"

const transport: Record<TransportReason["_tag"], Disposition["_tag"]> = {
  Unreachable: "ParkServer",
  Unauthorized: "ParkServer",
  OutOfSpace: "ParkServer",
  Throttled: "SlowDown",
  SourceChanged: "DecideAgain",
  PermissionDenied: "ParkFile",
  NameRefused: "ParkFile",
  VerificationFailed: "ParkFile",
  Rejected: "ParkFile",
}
const source: Record<SourceError["reason"], Disposition["_tag"]> = {
  Vanished: "DecideAgain",
  Changed: "DecideAgain",
  Unreadable: "ParkFile",
  Failed: "ParkFile",
}
const ledger: Record<LedgerError["reason"], Disposition["_tag"]> = {
  OutOfSpace: "ParkServer",
  Corrupt: "Halt",
  Failed: "Halt",
}

const detail = "the words of whoever failed"
const table: ReadonlyArray<readonly [string, WorkError, Disposition["_tag"]]> = [
  ...Object.entries(transport).flatMap(([_tag, expected]) =>
    (["connect", "put", "remove", "stat"] as const).map((operation) => {
      const reason = { _tag } as TransportReason
      return [
        `transport ${operation} ${_tag}`,
        new TransportError({ server: "s", operation, reason, detail }),
        expected,
      ] as const
    }),
  ),
  ...Object.entries(source).map(([reason, expected]) => {
    const error = new SourceError({ path: "a", reason: reason as SourceError["reason"], detail })
    return [`source ${reason}`, error, expected] as const
  }),
  ...Object.entries(ledger).map(([reason, expected]) => {
    const error = new LedgerError({ reason: reason as LedgerError["reason"], detail })
    return [`ledger ${reason}`, error, expected] as const
  }),
  ["processor", new ProcessorError({ processor: "p", path: "a", detail }), "ParkFile"],
]

describe("Disposition", () => {
  for (const [name, error, expected] of table) {
    it(`${name}: ${expected}`, () => {
      assert.deepStrictEqual(dispositionOf(error), { _tag: expected } as Disposition)
    })
  }

  it("waits as long as the server asked", () => {
    const reason: TransportReason = { _tag: "Throttled", retryAfterMillis: 1_500 }
    const error = new TransportError({ server: "s", operation: "put", reason, detail })
    assert.deepStrictEqual(dispositionOf(error), { _tag: "SlowDown", afterMillis: 1_500 })
  })
})
