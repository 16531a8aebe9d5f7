/**
 * Histories that went wrong once, shrunk: what `npm run simulate` prints for a failure. They are of the worlds that a seed
 * makes now; `npm run simulate -- --regressions` brings each bug back and says whether its history still shows it.
 */
import type { Step } from "./operations.ts"

export interface Regression {
  /** What went wrong. */
  readonly what: string
  /** The bug on purpose (mutants.ts) that is what went wrong; absent where no history of today's worlds is known to show it. */
  readonly bug?: string
  readonly seed: number
  readonly steps: ReadonlyArray<Step>
}

export const regressions: ReadonlyArray<Regression> = [
  {
    what: "a server that came back while directories were listed for it was never tried again",
    seed: 58,
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
    bug: "who confirms means any root",
    seed: 292,
    steps: [
      {
        after: 0,
        operation: { do: "write", path: "/site/a/f.css", text: '13{}@import "../../media/.git/0%20v.txt";' },
      },
      {
        after: 0,
        operation: {
          do: "write",
          path: "/site/b/d e/p.png",
          text: "14:-------------------------------------------------------------------------------",
        },
      },
      { after: 0, operation: { do: "wait", millis: 300 } },
      { after: 0, operation: { do: "confirm", source: "site" } },
      { after: 0, operation: { do: "unmount", source: "site" } },
      { after: 0, operation: { do: "mount empty", source: "site" } },
      { after: 0, operation: { do: "wait", millis: 90000 } },
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
    bug: "what was held is forgotten when the hold ends by itself",
    seed: 32,
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
  {
    what: "a link stayed on its server although the link that it leads through was gone",
    bug: "a link outlives the link that it leads through",
    seed: 922610,
    steps: [
      {
        after: 0,
        operation: {
          do: "write",
          path: "/site/x/j",
          text: "5:-----------------------------------------------------------------------------",
        },
      },
      { after: 0, operation: { do: "link", path: "/site/a/f.css", target: "/site/x/j" } },
      { after: 0, operation: { do: "link", path: "/site/u.png", target: "/site/a/f.css" } },
      { after: 0, operation: { do: "wait", millis: 30000 } },
      { after: 0, operation: { do: "rename", from: "/site/a", to: "/elsewhere/kept" } },
    ],
  },
  {
    what: "a file that is written and that its server asks for again all the time was never looked at",
    seed: 151720986,
    steps: [
      { after: 0, operation: { do: "write", path: "/media/a/1 v.css", text: "20{}url(../../site/missing.png)" } },
      { after: 0, operation: { do: "write", path: "/media/a/1-v.css", text: "21:----------" } },
      { after: 0, operation: { do: "wait", millis: 6000 } },
      {
        after: 0,
        operation: {
          do: "append",
          path: "/media/a/1-v.css",
          text: "5{}url('../../site/b/m.txt.br') url(/media/a/1%20v.css) @import \"../../site/b/j\";",
          close: false,
        },
      },
    ],
  },
  {
    what: "a file that went while it was delivered stayed on its server, where another server was busy with it when its deletion was written down",
    seed: 500001534,
    steps: [
      { after: 3, operation: { do: "swap", path: "/site/b/x" } },
      {
        after: 5,
        operation: {
          do: "replace",
          path: "/media/x/g h.css",
          text: "1{}url('g-h.css?v=1') url(../../site/b/d%20e/p.png) url(/media/x/g%20h.css)/*-----------------------------------------------*/",
        },
      },
      { after: 11, operation: { do: "truncate", path: "/site/b/g h.css", size: 3 } },
      {
        after: 5,
        operation: {
          do: "replace",
          path: "/site/b/g h.css",
          text: "4{}url(../a/c/c) url( \"/media/x/g-h.css\" ) url('/media/a/x')",
        },
      },
      { after: 11, operation: { do: "rename", from: "/site/a/c/k.drop", to: "/site/a" } },
      { after: 30, operation: { do: "rename", from: "/site/b", to: "/site/a/g-h.css" } },
    ],
  },
  {
    what: "a file whose companion was overwritten by an upload that failed was not delivered again until the next scan",
    bug: "a file whose companion's place is in doubt waits for the next scan",
    seed: 500002610,
    steps: [
      { after: 0, operation: { do: "write", path: "/site/b/d e/g h.css", text: '14{}@import "/site/b/g-h.css";' } },
      { after: 0, operation: { do: "disk", vanishing: 0.3, latency: 5 } },
      {
        after: 0,
        operation: {
          do: "write",
          path: "/site/b/d e/c",
          text: "11:-----------------------------------------------------------------------------",
        },
      },
      { after: 0, operation: { do: "wait", millis: 6000 } },
      { after: 0, operation: { do: "write", path: "/site/b/d e/c.br", text: "12:--------------------------" } },
      { after: 0, operation: { do: "wait", millis: 60 } },
      { after: 0, operation: { do: "remove", path: "/site/b/d e/c.br" } },
    ],
  },
]
