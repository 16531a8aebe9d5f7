/** Histories that went wrong once, shrunk: what `npm run simulate` prints for a failure. */
import type { Step } from "./operations.ts"

export interface Regression {
  /** What went wrong. */
  readonly what: string
  readonly seed: number
  readonly steps: ReadonlyArray<Step>
}

export const regressions: ReadonlyArray<Regression> = [
  {
    what: "a server that came back while directories were listed for it was never tried again",
    seed: 20710,
    steps: [
      {
        after: 0,
        operation: {
          do: "write",
          path: "/site/a/g h.css",
          text: "1:------------------------------------------------------",
        },
      },
      {
        after: 0,
        operation: { do: "server fault", server: "cdn", fault: { fault: { _tag: "AnswerLost" }, times: 3 } },
      },
      { after: 6, operation: { do: "confirm", source: "site" } },
      {
        after: 0,
        operation: {
          do: "write",
          path: "/site/a/c/g-h.css",
          text: "4:---------------------------------------------------------------------------------",
        },
      },
      { after: 67, operation: { do: "unmount", source: "site" } },
      { after: 0, operation: { do: "wait", millis: 30000 } },
    ],
  },
  {
    what: "files were deleted from their server because deletions had been confirmed a moment before their source went away",
    seed: 100399,
    steps: [
      { after: 0, operation: { do: "write", path: "/site/a/j", text: "1:--------------" } },
      { after: 0, operation: { do: "wait", millis: 30000 } },
      { after: 0, operation: { do: "confirm", source: "site" } },
      { after: 0, operation: { do: "unmount", source: "site" } },
      { after: 0, operation: { do: "wait", millis: 1500 } },
    ],
  },
]
