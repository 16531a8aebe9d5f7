// Holds the processor to the contract of all processors: node --test
import { test } from "node:test"
import { processorSuite } from "file-conveyor/testing"
import { Banner } from "./banner.mjs"

const suite = processorSuite(Banner, {
  settings: { text: "ours" },
  examples: [{ path: "css/site.css", bytes: Buffer.from("a{}"), output: Buffer.from("/* ours */\na{}") }],
})
for (const { name, run } of suite) test(name, run)
