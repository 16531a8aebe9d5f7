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
  {
    what: "the root of a source that was replaced while it was scanned for the first time was taken for the one that was scanned",
    seed: 88002817,
    steps: [
      { after: 0, operation: { do: "crash" } },
      { after: 0, operation: { do: "write", path: "/site/x", text: "13:------------------------" } },
      {
        after: 0,
        operation: { do: "write", path: "/media/k.drop", text: "16:----------------------------------------------" },
      },
      { after: 0, operation: { do: "write", path: "/media/b/d e/0.css", text: "27" } },
      { after: 0, operation: { do: "wait", millis: 30000 } },
      { after: 0, operation: { do: "start" } },
      { after: 63, operation: { do: "rename", from: "/media", to: "/media/b/d e/3.css" } },
      { after: 6, operation: { do: "rename", from: "/media/b/d e/4.css", to: "/media/b/d e/6.css" } },
      { after: 1, operation: { do: "disk", vanishing: 0, latency: 300 } },
      { after: 0, operation: { do: "wait", millis: 60 } },
      { after: 0, operation: { do: "unmount", source: "site" } },
      { after: 0, operation: { do: "mount empty", source: "site" } },
      { after: 0, operation: { do: "wait", millis: 90000 } },
    ],
  },
  {
    what: "deletions that had been held were forgotten when the hold ended by itself",
    seed: 99000529,
    steps: [
      {
        after: 0,
        operation: {
          do: "replace",
          path: "/site/k.drop",
          text: "2:-------------------------------------------------------------",
        },
      },
      { after: 0, operation: { do: "wait", millis: 5 } },
      {
        after: 0,
        operation: { do: "replace", path: "/site/a/c/g-h.css", text: "8:--------------------------------------" },
      },
      { after: 18, operation: { do: "unmount", source: "site" } },
      { after: 0, operation: { do: "mount empty", source: "site" } },
      { after: 0, operation: { do: "wait", millis: 1500 } },
      {
        after: 0,
        operation: { do: "server fault", server: "cdn", fault: { fault: { _tag: "AnswerLost" }, probability: 0.4 } },
      },
      { after: 0, operation: { do: "write", path: "/site/x/g h.css", text: "9{}url(../.git/i.txt?v=1)" } },
      { after: 0, operation: { do: "swap", path: "/site/b/m.txt" } },
      { after: 0, operation: { do: "wait", millis: 6000 } },
    ],
  },
  {
    what: "a server that is down was tried without a pause with a file whose processing takes long",
    seed: 157028437,
    steps: [
      { after: 0, operation: { do: "append", path: "/site/a/k.drop", text: "", close: false } },
      { after: 0, operation: { do: "server", server: "mirror", up: false } },
    ],
  },
]
