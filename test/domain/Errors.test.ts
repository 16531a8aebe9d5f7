import { assert, describe, it } from "@effect/vitest"
import {
  ConfigError,
  LedgerError,
  ProcessorError,
  PublisherError,
  SourceError,
  StateDirectoryHeld,
  TransportError,
  WatcherError,
} from "../../src/domain/Errors.ts"

const secret = "hunter2"
const cause = new Error(`530 login of joe:${secret}@example.com failed`)
const detail = "login failed"

const errors = [
  new TransportError({
    server: "ftp push cdn",
    operation: "put",
    path: "a/b.css",
    reason: { _tag: "Unauthorized" },
    detail,
    cause,
  }),
  new ProcessorError({ processor: "unique_filename.MD5", path: "a/b.css", detail, cause }),
  new SourceError({ path: "/srv/a", reason: "Unreadable", detail, cause }),
  new WatcherError({ root: "/srv", detail, cause }),
  new LedgerError({ reason: "Failed", detail, cause }),
  new PublisherError({ detail, cause }),
]

describe("Errors", () => {
  for (const error of errors) {
    it(`${error._tag} says what happened to what, and nothing of what its cause holds`, () => {
      assert.include(error.message, detail)
      for (const text of [error.message, String(error)]) assert.notInclude(text, secret)
      assert.strictEqual(error.cause, cause, "whoever debugs finds the cause")
    })
  }

  it("names the place of a failure", () => {
    assert.strictEqual(errors[0]?.message, 'put a/b.css on "ftp push cdn": login failed')
    const connect = new TransportError({ server: "s", operation: "connect", reason: { _tag: "Unreachable" }, detail })
    assert.strictEqual(connect.message, 'connect on "s": login failed')
  })

  it("says who holds a state directory, and what to do", () => {
    const { message } = new StateDirectoryHeld({ directory: "/var/lib/x", holder: "process 12" })
    assert.include(message, "/var/lib/x")
    assert.include(message, "process 12")
    assert.include(message, "<stateDir>")
  })

  it("lists all mistakes of a config, each with its place and its cure", () => {
    const { message } = new ConfigError({
      file: "config.xml",
      mistakes: [
        { line: 3, column: 5, element: "rules/rule", problem: "no such source", cure: 'did you mean "drupal"?' },
        { line: 9, element: "servers/server", problem: "url is missing" },
        { element: "config", problem: "it is empty" },
      ],
    })
    assert.deepStrictEqual(message.split("\n"), [
      "config.xml:3:5  rules/rule: no such source",
      '    did you mean "drupal"?',
      "config.xml:9:1  servers/server: url is missing",
      "config.xml  config: it is empty",
    ])
  })
})
