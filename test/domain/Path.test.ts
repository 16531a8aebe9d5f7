import * as nodePath from "node:path"
import { assert, describe, it } from "@effect/vitest"
import * as Path from "../../src/domain/Path.ts"
import { anyPath, bytes, path, segment, text } from "./arbitraries.ts"

const isUtf8 = (value: Uint8Array): boolean => {
  try {
    new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(value)
    return true
  } catch {
    return false
  }
}

/** Text without lone surrogates: what Unicode calls well-formed. */
const isWellFormed = (value: string): boolean => !/\p{Surrogate}/u.test(value)

describe("Path as bytes and text", () => {
  it.prop("any bytes survive the way through text", [bytes], ([value]) => {
    assert.deepStrictEqual(Path.toBytes(Path.fromBytes(value)), value)
  })

  it.prop("bytes that are UTF-8, and only those, are plain text", [bytes], ([value]) => {
    const view = Path.fromBytes(value)
    assert.strictEqual(Path.hasRawBytes(view), !isUtf8(value))
    assert.strictEqual(isWellFormed(view), isUtf8(value))
    if (isUtf8(value)) assert.strictEqual(view, Buffer.from(value).toString("utf8"))
  })

  it.prop("two different byte strings never look the same", [bytes, bytes], ([a, b]) => {
    assert.strictEqual(Path.fromBytes(a) === Path.fromBytes(b), Buffer.from(a).equals(Buffer.from(b)))
  })

  it.prop("any well-formed text survives the way through bytes", [text], ([value]) => {
    if (isWellFormed(value)) assert.strictEqual(Path.fromBytes(Path.toBytes(value)), value)
  })

  it.prop("text of any kind becomes bytes that are stable from then on", [text, bytes], ([value, raw]) => {
    const once = Path.toBytes(value + Path.fromBytes(raw))
    assert.deepStrictEqual(Path.toBytes(Path.fromBytes(once)), once)
  })

  it("agrees with Python's surrogateescape", () => {
    assert.strictEqual(Path.fromBytes(Uint8Array.from([0x72, 0xe9, 0x73])), "r\uDCE9s")
    assert.strictEqual(Path.fromBytes(Uint8Array.from([0xed, 0xb2, 0x80])), "\uDCED\uDCB2\uDC80")
    assert.strictEqual(Path.fromBytes(Uint8Array.from([0xf0, 0x90, 0x82, 0x80])), "\u{10080}")
    assert.deepStrictEqual(Path.toBytes("\u{10080}\uDC80"), Uint8Array.from([0xf0, 0x90, 0x82, 0x80, 0x80]))
  })
})

describe("Path in URLs", () => {
  it.prop("decodes to the very bytes", [bytes], ([value]) => {
    const encoded = Path.percentEncode(Path.fromBytes(value))
    assert.match(encoded, /^(?:[A-Za-z0-9\-._~/]|%[0-9A-F]{2})*$/)
    const decoded = Array.from(encoded.matchAll(/%(..)|(.)/g), ([, hex, char = ""]) =>
      hex === undefined ? char.charCodeAt(0) : Number.parseInt(hex, 16),
    )
    assert.deepStrictEqual(Uint8Array.from(decoded), value)
  })

  it.prop("text that is Unicode decodes as JavaScript decodes", [path], ([value]) => {
    assert.strictEqual(decodeURIComponent(Path.percentEncode(value)), value)
  })

  it("joins a base with or without a slash at its end", () => {
    const at = Path.remotePath("a b/é+(1).css") as Path.RemotePath
    assert.strictEqual(Path.urlOf("http://x.example/u", at), "http://x.example/u/a%20b/%C3%A9%2B%281%29.css")
    assert.strictEqual(Path.urlOf("http://x.example/u/", at), "http://x.example/u/a%20b/%C3%A9%2B%281%29.css")
  })
})

describe("Path confinement", () => {
  it.prop("what is safe stays below its root, exactly where it says", [anyPath], ([value]) => {
    if (!Path.isSafe(value)) return
    for (const root of ["/srv/site", "/"]) {
      const resolved = nodePath.posix.resolve(root, value)
      assert.strictEqual(resolved, root === "/" ? `/${value}` : `${root}/${value}`)
    }
  })

  it.prop("what would leave its root, or name the root itself, is not safe", [anyPath], ([value]) => {
    const resolved = nodePath.posix.resolve("/srv/site", value)
    if (!resolved.startsWith("/srv/site/")) assert.isFalse(Path.isSafe(value))
    assert.strictEqual(Path.remotePath(value), Path.isSafe(value) ? value : undefined)
    assert.strictEqual(Path.relativePath(value), value === "" || Path.isSafe(value) ? value : undefined)
  })

  it("refuses each of the known ways out", () => {
    for (const way of ["..", "../x", "a/../../x", "a/..", "/etc/passwd", "a//b", "a/", "./a", "a/.", "a\0b", "."]) {
      assert.isFalse(Path.isSafe(way), JSON.stringify(way))
    }
    for (const fine of ["...", "..a", "a..", "a/.b", " ", "\\", "~", "-rf"]) assert.isTrue(Path.isSafe(fine), fine)
  })

  it.prop("isWithin is what comparing segments says", [anyPath, anyPath], ([directory, value]) => {
    const parts = directory === "" ? [] : directory.split("/")
    const expected = parts.every((part, index) => value.split("/")[index] === part)
    assert.strictEqual(Path.isWithin(directory, value), expected)
  })

  it("isWithin holds for neighbours of one beginning only where a slash follows", () => {
    assert.isFalse(Path.isWithin("misc", "misc.js"))
    assert.isFalse(Path.isWithin("srv/a", "srv/ab/x"))
    assert.isTrue(Path.isWithin("srv/a", "srv/a/x"))
    assert.isTrue(Path.isWithin("srv/a", "srv/a"))
    assert.isFalse(Path.isWithin("srv/a/x", "srv/a"))
  })
})

describe("Path taken apart", () => {
  it.prop("directory and base name make the path again", [path], ([value]) => {
    assert.strictEqual(Path.child(Path.directoryOf(value), Path.baseNameOf(value)), value)
    assert.isFalse(Path.baseNameOf(value).includes("/"))
    assert.isTrue(Path.isWithin(Path.directoryOf(value), value))
    assert.strictEqual(Path.directoryOf(value), nodePath.posix.dirname(`/${value}`).slice(1))
  })

  it.prop("the extension is that of node:path, in lower case", [path], ([value]) => {
    assert.strictEqual(Path.extensionOf(value), nodePath.posix.extname(value).slice(1).toLowerCase())
  })

  it.prop("a suffix goes in front of the extension and changes nothing else", [segment], ([name]) => {
    if (!Path.isSafe(name)) return
    const suffixed = Path.withSuffix(name, "_1")
    assert.strictEqual(suffixed.replace("_1", ""), name)
    assert.strictEqual(Path.extensionOf(suffixed), Path.extensionOf(name))
  })

  it.prop(
    "a directory of one of these names is found wherever it is, a file of that name is not",
    [path],
    ([value]) => {
      const names = new Set(["misc", ".git"])
      const expected = value
        .split("/")
        .slice(0, -1)
        .some((part) => names.has(part))
      assert.strictEqual(Path.hasDirectoryNamed(value, names), expected)
    },
  )
})

describe("Path on a terminal", () => {
  it.prop("never holds a control character nor half a character", [bytes, text], ([raw, value]) => {
    const shown = Path.display(Path.fromBytes(raw))
    assert.notMatch(shown, /[\p{Cc}\p{Zl}\p{Zp}\p{Surrogate}]/u)
    assert.notMatch(Path.display(value), /[\p{Cc}\p{Zl}\p{Zp}]/u)
  })

  it("shows every control character as an escape, and every other as it is", () => {
    for (let code = 0; code < 0x3000; code++) {
      const char = String.fromCodePoint(code)
      const isControl = /[\p{Cc}\p{Zl}\p{Zp}]/u.test(char)
      assert.strictEqual(Path.display(char) !== char, isControl, code.toString(16))
    }
  })

  it("shows what was there", () => {
    assert.strictEqual(Path.display("a\nb\t\u001b[31m\u0085\u2028\uDCFF.é"), "a\\nb\\t\\x1b[31m\\x85\\u2028\\xff.é")
  })
})
