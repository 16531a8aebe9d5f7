import { assert, describe, it } from "@effect/vitest"
import { contentType } from "../../../src/layers/transporters/contentType.ts"

describe("contentType", () => {
  for (const [name, type] of [
    ["style.css", "text/css; charset=utf-8"],
    ["app.js", "text/javascript; charset=utf-8"],
    ["app.mjs", "text/javascript; charset=utf-8"],
    ["icon.SVG", "image/svg+xml"],
    ["font.woff2", "font/woff2"],
    ["font.eot", "application/vnd.ms-fontobject"],
    ["image.webp", "image/webp"],
    ["favicon.ico", "image/vnd.microsoft.icon"],
    ["module.wasm", "application/wasm"],
    ["data.json", "application/json; charset=utf-8"],
    ["stream.m3u8", "application/vnd.apple.mpegurl"],
    ["segment.ts", "video/mp2t"],
    ["archive.tar.br", "application/x-brotli"],
    ["archive.zst", "application/zstd"],
    ["README", "application/octet-stream"],
    [".htaccess", "application/octet-stream"],
    ["what.neverheard", "application/octet-stream"],
    ["odd.constructor", "application/octet-stream"],
  ] as const) {
    it(`${name} is ${type}`, () => assert.strictEqual(contentType(name), type))
  }
})
