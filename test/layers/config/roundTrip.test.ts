/** Generated and damaged configs. Every run has another seed; FC_SEED repeats one. */
import { assert, describe, it } from "@effect/vitest"
import { Cause, Effect, Exit, Redacted } from "effect"
import type { Config } from "../../../src/domain/Config.ts"
import { ConfigError } from "../../../src/domain/Errors.ts"
import { printConfig } from "../../../src/layers/config/printConfig.ts"
import { classicSample, decode, memoryDisk, schemas, tree } from "./fixture.ts"

const seed = process.env["FC_SEED"] === undefined ? Math.floor(Math.random() * 2 ** 31) : Number(process.env["FC_SEED"])

class Dice {
  #state: number
  constructor(from: number) {
    this.#state = from
  }
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0
    let t = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
  below(limit: number): number {
    return Math.floor(this.next() * limit)
  }
  chance(share: number): boolean {
    return this.next() < share
  }
  pick<A>(from: ReadonlyArray<A>): A {
    return from[this.below(from.length)] as A
  }
  some<A>(from: ReadonlyArray<A>): ReadonlyArray<A> {
    return from.filter(() => this.chance(0.5))
  }
}

const escapes = (text: string): string =>
  text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll('"', "&quot;").replaceAll("${", "$${")

const words = [
  "a",
  "Ünïcode",
  "x & y",
  "<b>",
  'quo"te',
  "sp ace",
  "$${env:A}",
  "${",
  "a'b",
  "€",
  "tab\u00a0",
  "100%",
  "#2",
  "]]>",
]

const text = (dice: Dice): string => {
  const made = Array.from({ length: 1 + dice.below(3) }, () => dice.pick(words)).join(dice.pick(["", " ", "-"]))
  return escapes(made.replace(/^\$+\{env/, "env"))
}

const duration = (dice: Dice): string => `${dice.below(5_000)}${dice.pick(["", "ms", "s", "min"])}`

const leaves = (dice: Dice, all: ReadonlyArray<readonly [string, () => string]>): string =>
  dice
    .some(all)
    .map(([name, value]) => `<${name}>${value()}</${name}>`)
    .join(dice.pick(["", "\n", " <!-- c --> "]))

const settings = (dice: Dice): string =>
  leaves(dice, [
    ["stateDir", () => dice.pick(["/var/state", "state", "../x", "st&amp;te"])],
    ["syncedFilesDb", () => "map.db"],
    ["workingDir", () => "/srv/w"],
    ["logFile", () => "logs/a b.log"],
    ["fileLogLevel", () => dice.pick(["DEBUG", "info", "CRITICAL"])],
    ["consoleLogLevel", () => "ERROR"],
    ["pidFile", () => "/run/one.pid</pidFile><pidFile>two.pid"],
    ["maxFilesInPipeline", () => String(1 + dice.below(1000))],
    ["maxSimultaneousProcessorChains", () => "2"],
    ["maxSimultaneousTransporters", () => "7"],
    ["retryInterval", () => duration(dice)],
    ["settle", () => duration(dice)],
    ["reconcileInterval", () => duration(dice)],
    ["monitor", () => dice.pick(["auto", "native", "chokidar", "polling"])],
    ["symlinks", () => dice.pick(["inside", "follow", "skip"])],
    [
      "maxDeletes",
      () =>
        `${dice.pick([dice.below(101), dice.below(1000) / 10, dice.below(10_000) / 777 >= 12.8 ? 7 : 0.07, 33.333333])}%`,
    ],
    ["bandwidthLimit", () => `${1 + dice.below(900)}${dice.pick(["", "k", "M"])}`],
    ["status", () => dice.pick(["8080", "[::1]:80", "host:9000"])],
    ["gracePeriod", () => duration(dice)],
    ["processorTimeout", () => duration(dice)],
    ["processorMemory", () => dice.pick(["64M", "1.5G", "100000000"])],
    ["processorCache", () => dice.pick(["0", "1", "500k", "2G"])],
  ])

const timeouts = (dice: Dice) =>
  [
    ["connectTimeout", () => duration(dice)],
    ["idleTimeout", () => duration(dice)],
    ["totalTimeout", () => duration(dice)],
  ] as const

const server = (dice: Dice, name: string): string => {
  const secret = () => escapes(dice.pick(["p", "s3cret & more", "<>", "${x}"]))
  const [transporter, body] = dice.pick<readonly [string, string]>([
    ["symlink_or_copy", `<location>/srv/cdn</location><url>//cdn/</url>${leaves(dice, [["mode", () => "copy"]])}`],
    [
      "ftp",
      `<host>h</host><username>${text(dice)}</username><password>${secret()}</password><url>http://h/</url>${leaves(
        dice,
        [
          ["port", () => "2121"],
          ["path", () => "/pub//x/"],
          ["secure", () => dice.pick(["none", "explicit", "implicit"])],
          ["ca", () => "ca.pem"],
          ...timeouts(dice),
        ],
      )}`,
    ],
    [
      "sftp",
      `<host>::1</host><username>u</username><url>https://h</url>${leaves(dice, [
        ["password", secret],
        ["key", () => "keys/id"],
        ["passphrase", secret],
        ["mode", () => dice.pick(["0644", "600", "1777"])],
        ["knownHosts", () => "known"],
        ["agent", () => "/run/agent"],
        ["hostKey", () => `SHA256:${"A".repeat(43)}`],
        ...timeouts(dice),
      ])}`,
    ],
    [
      "s3",
      `<bucket_name>bucket.x</bucket_name>${leaves(dice, [
        ["bucket_prefix", () => "/a/b/"],
        ["endpoint", () => "https://s3.example.com:9000"],
        ["region", () => "auto"],
        ["forcePathStyle", () => dice.pick(["yes", "0", "TRUE"])],
        ["acl", () => "public-read"],
        ["storageClass", () => "STANDARD"],
        ["cacheControl", () => "public, max-age=5"],
        ["checksum", () => "when_supported"],
        ["url", () => "https://x/"],
      ])}`,
    ],
    [
      "cf",
      `<bucket_name>bucket</bucket_name><access_key_id>a</access_key_id><secret_access_key>${secret()}</secret_access_key><distro_domain_name>d.cloudfront.net</distro_domain_name>${leaves(dice, [["distribution_id", () => "E1ABCDEFGHIJKL"]])}`,
    ],
    ["cloudfiles", `<username>u</username><api_key>${secret()}</api_key><container>c d</container>`],
  ])
  const limit = dice.chance(0.5) ? ` maxConnections="${dice.below(20)}"` : ""
  return `<server name="${name}" transporter="${transporter}"${limit}>${body}</server>`
}

const filter = (dice: Dice): string => {
  const conditions = leaves(dice, [
    ["paths", () => dice.pick(["misc", "a/b:c d:é", "/x/:./y", "a::b"])],
    ["extensions", () => dice.pick(["css:JS", "tar"])],
    ["ignoredDirs", () => ".git:node_modules"],
    [
      "pattern",
      () => escapes(dice.pick([String.raw`.*/[^\W_]+\.(?P<x>css|js)$`, "(?i)/a&b", String.raw`\w{,3}`, "/x<y"])),
    ],
  ])
  const size =
    dice.chance(0.5) || !conditions.includes("</")
      ? `<size conditionType="${dice.pick(["minimum", "maximum"])}">${dice.below(9999)}</size>`
      : ""
  return `<filter>${conditions}${size}</filter>`
}

const generate = (dice: Dice): string => {
  const sources = ["drupal", "downloads"].map(
    (name) =>
      `<source name="${name}" scanPath="${dice.pick(["/htdocs/drupal", "/home/me/Downloads"])}"${dice.some([' documentRoot="/htdocs"', ' basePath="/x/"', ' monitor="polling"', ' symlinks="skip"']).join("")}/>`,
  )
  const names = Array.from({ length: 1 + dice.below(4) }, (_, index) => `${text(dice)} ${index}`)
  const rules = Array.from({ length: 1 + dice.below(4) }, () => {
    const chain = dice.some(["filename.SpacesToDashes", "unique_filename.MD5", "image_optimizer.Max"])
    const to = dice.some(names)
    const destinations = (to.length === 0 ? [names[0] ?? ""] : to).map(
      (name) =>
        `<destination server="${name}"${dice.chance(0.5) ? ` path="${dice.pick(["", "static", "/a//b/", "é"])}"` : ""}/>`,
    )
    return `<rule for="${dice.pick(["drupal", "downloads"])}" label="${dice.pick(["one", "two", text(dice)])}"${dice.chance(0.5) ? ` fileDeletionDelayAfterSync="${duration(dice)}"` : ""}${dice.chance(0.5) ? ` onFailure="${dice.pick(["hold", "original"])}"` : ""}>
      ${dice.chance(0.7) ? filter(dice) : ""}
      ${dice.chance(0.7) ? `<processorChain>${chain.map((name) => `<processor name="${name}"/>`).join("")}</processorChain>` : ""}
      <destinations>${destinations.join("")}</destinations></rule>`
  })
  return `<config>${dice.chance(0.8) ? `<settings>${settings(dice)}</settings>` : ""}<sources${dice.chance(0.5) ? ` ignoredDirs="${dice.pick(["", "CVS:.svn"])}"` : ""}>${sources.join("")}</sources>
    <servers>${names.map((name) => server(dice, name)).join("\n")}</servers><rules>${rules.join("")}</rules></config>`
}

/** A config with its secrets in the open, for comparison. */
const plain = (config: Config): unknown => ({
  ...config,
  // What is told once need not be told again: supervision settings are not printed.
  warnings: [],
  servers: config.servers.map((one) => ({
    ...one,
    settings: Object.fromEntries(
      Object.entries(one.settings as Record<string, unknown>).map(([name, value]) => [
        name,
        Redacted.isRedacted(value) ? { secret: Redacted.value(value) } : value,
      ]),
    ),
  })),
})

const print = (config: Config): string =>
  printConfig(config, {
    secret: (_server, _setting, value) => String(Redacted.value(value)).replaceAll("${", "$${"),
    schema: (name) => schemas[name],
  })

describe("a config", () => {
  it.effect(`printed and decoded again is the same (seed ${seed})`, () =>
    Effect.gen(function* () {
      for (let round = 0; round < 150; round++) {
        const source = generate(new Dice(seed + round))
        const decoded = yield* Effect.result(decode(source))
        if (decoded._tag === "Failure") {
          assert.fail(`FC_SEED=${seed + round} does not decode: ${decoded.failure.message}\n${source}`)
        }
        const config = decoded.success
        const printed = print(config)
        const again = yield* Effect.result(decode(printed))
        if (again._tag === "Failure") assert.fail(`FC_SEED=${seed + round}: ${again.failure.message}\n${printed}`)
        else
          assert.deepStrictEqual(plain(again.success), plain(config), `FC_SEED=${seed + round}\n${source}\n${printed}`)
      }
    }),
  )

  it.effect("printed may refer to its secrets instead of telling them", () =>
    Effect.gen(function* () {
      const config = yield* decode(classicSample)
      const printed = printConfig(config, {
        secret: (_server, setting) => `\${env:${setting.toUpperCase()}}`,
        schema: (name) => schemas[name],
      })
      assert.include(printed, "<password>${env:PASSWORD}</password>")
      assert.notInclude(printed, ">p<")
      const again = yield* decode(printed, { env: { PASSWORD: "p" } })
      assert.deepStrictEqual(plain(again), plain(config))
    }),
  )
})

const mutate = (dice: Dice, source: string): Uint8Array => {
  let current = source
  for (let times = 1 + dice.below(3); times > 0; times--) {
    const at = dice.below(current.length)
    const to = Math.min(current.length, at + dice.below(30))
    const tags = [...current.matchAll(/<[^<>]*>/g)]
    const attributes = [...current.matchAll(/\s[\w]+="[^"]*"/g)]
    const tag = tags.length === 0 ? undefined : dice.pick(tags)
    const attribute = attributes.length === 0 ? undefined : dice.pick(attributes)
    const junk = dice.pick([
      "<",
      ">",
      "&",
      '"',
      "'",
      "/",
      "\0",
      "\u202e",
      "\ud800",
      "&#0;",
      "&#x110000;",
      "&#99999999999;",
      "<!--",
      "-->",
      "<![CDATA[",
      "]]>",
      "<?xml?>",
      "<!DOCTYPE x>",
      "<constructor/>",
      "<__proto__>x</__proto__>",
      ' __proto__="1"',
      ' constructor="1"',
      ' toString="1"',
      "<a:b/>",
      "${env:X}",
      "${file:/dev/zero}",
      "${",
      "(",
      "[",
      "(?P<",
      "\\",
      "{9999999999}",
      "../",
      "/",
      "é",
      "1e999",
      "-1",
      "%",
    ])
    const edits: ReadonlyArray<() => string> = [
      () => current.slice(0, at) + junk + current.slice(at),
      () => current.slice(0, at) + current.slice(to),
      () => current.slice(0, at) + current.slice(at, to).repeat(2) + current.slice(to),
      () => (tag === undefined ? current : current.replace(tag[0], "")),
      () => (tag === undefined ? current : current.replace(tag[0], () => `${tag[0]}${dice.pick(tags)[0]}`)),
      () =>
        tag === undefined
          ? current
          : current.replace(/(?<=<\/?)\w+/, () =>
              dice.pick(["rule", "constructor", "settings", "__proto__", "hasOwnProperty"]),
            ),
      () => (attribute === undefined ? current : current.replace(attribute[0], "")),
      () => (attribute === undefined ? current : current.replace(attribute[0], () => attribute[0].repeat(2))),
      () =>
        attribute === undefined
          ? current
          : current.replace(attribute[0], () => attribute[0].replace(/"[^"]*"/, () => `"${junk}"`)),
    ]
    current = dice.pick(edits)()
  }
  const bytes = new TextEncoder().encode(current)
  if (dice.chance(0.3) && bytes.length > 0) bytes[dice.below(bytes.length)] = dice.below(256)
  return dice.chance(0.1) ? bytes.subarray(0, dice.below(bytes.length + 1)) : bytes
}

describe("a damaged config", () => {
  it.effect(`is a ConfigError or fine, never anything else (seed ${seed})`, () =>
    Effect.gen(function* () {
      let refused = 0
      const rounds = 1_000
      for (let round = 0; round < rounds; round++) {
        const dice = new Dice(seed + round)
        const damaged = mutate(dice, dice.chance(0.5) ? classicSample : generate(dice))
        const exit = yield* Effect.exit(decode(damaged, { disk: memoryDisk(tree) }))
        if (Exit.isSuccess(exit)) continue
        refused++
        const told = `FC_SEED=${seed + round}: ${Cause.pretty(exit.cause)}\n${new TextDecoder().decode(damaged)}`
        const [reason, ...more] = exit.cause.reasons
        assert.deepStrictEqual(more, [], told)
        if (reason === undefined || !Cause.isFailReason(reason)) assert.fail(told)
        assert.instanceOf(reason.error, ConfigError, told)
        assert.isAbove(reason.error.mistakes.length, 0, told)
        for (const mistake of reason.error.mistakes) {
          assert.isAtLeast(mistake.line ?? 0, 1, told)
          assert.isAtLeast(mistake.column ?? 0, 1, told)
          assert.notMatch(mistake.problem, /\n|\bat .*:\d+:\d+|undefined|\[object/, told)
          assert.notStrictEqual(mistake.cure ?? "", "", told)
        }
      }
      assert.isAbove(refused, rounds / 2)
    }),
  )
})
