import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { CONFIG_BYTES, CONFIG_MISTAKES } from "../../../src/domain/Limits.ts"
import { classicSample, decode, memoryDisk, mistakesOf, tree } from "./fixture.ts"

type Edit = readonly [from: string | RegExp, to: string]

interface Case {
  readonly name: string
  readonly edit: Edit
  readonly element: string
  /** Where it is: the mistake's line and column are those of this text in the edited file. */
  readonly at: string
  readonly problem: RegExp
  readonly cure: RegExp
}

const inSettings = (text: string): Edit => ["<config>", `<config><settings>${text}</settings>`]
const inServers = (transporter: string, settings: string): Edit => [
  "</servers>",
  `<server name="more" transporter="${transporter}">${settings}</server></servers>`,
]
const filter = (text: string): Edit => [/<filter>[^]*<\/filter>/, `<filter>${text}</filter>`]
const s3 = (settings: string): Edit => inServers("s3", `<bucket_name>bucket</bucket_name><acl>private</acl>${settings}`)
const sftp = (settings: string): Edit =>
  inServers("sftp", `<host>h</host><username>u</username><url>http://x/</url>${settings}`)

const c = (name: string, edit: Edit, element: string, at: string, problem: RegExp, cure: RegExp): Case => ({
  name,
  edit,
  element,
  at,
  problem,
  cure,
})

const cases: ReadonlyArray<Case> = [
  // The whole
  c(
    "unknown element",
    ["<rules>", "<rulez/><rules>"],
    "rulez",
    "<rulez",
    /no element "rulez"/,
    /mean "rules".*Valid elements: settings, sources, servers, rules/,
  ),
  c(
    "unknown attribute of config",
    ["<config>", '<config vision="1">'],
    "config/@vision",
    "vision=",
    /no attribute "vision"/,
    /no attributes/,
  ),
  c(
    "servers twice",
    ["</servers>", "</servers><servers/>"],
    "servers[2]",
    "<servers/>",
    /given twice/,
    /one <servers>/,
  ),
  c("stray text", ["</sources>", "hello</sources>"], "sources", "<sources ", /text where only elements/, /Remove/),
  // Sources
  c(
    "name missing",
    ["</sources>", '<source scanPath="/htdocs"/></sources>'],
    "sources/source[3]/@name",
    '<source scanPath="/htdocs',
    /"name" is missing/,
    /Add name="\.\.\."/,
  ),
  c(
    "name with a space",
    ["</sources>", '<source name="down loads" scanPath="/htdocs"/></sources>'],
    "sources/source[3]/@name",
    'name="down loads"',
    /"name" is "down loads"/,
    /letters, digits/,
  ),
  c(
    "name taken",
    ["</sources>", '<source name="drupal" scanPath="/home"/></sources>'],
    "sources/source[3]/@name",
    'name="drupal" scanPath="/home',
    /another source has this name/,
    /of its own/,
  ),
  c(
    "scanPath missing",
    ['scanPath="/home/me/Downloads" ', ""],
    "sources/source[2]/@scanPath",
    '<source name="downloads"',
    /"scanPath" is missing/,
    /Add scanPath/,
  ),
  c(
    "scanPath not there",
    ["/home/me/Downloads", "/home/me/Nowhere"],
    "sources/source[2]/@scanPath",
    'scanPath="/home',
    /does not exist/,
    /Create/,
  ),
  c(
    "scanPath of a shell",
    ["/home/me/Downloads", "~/Downloads"],
    "sources/source[2]/@scanPath",
    'scanPath="~',
    /begins with ~/,
    /whole path/,
  ),
  c(
    "documentRoot not there",
    ['documentRoot="/htdocs"', 'documentRoot="/nowhere"'],
    "sources/source[1]/@documentRoot",
    "documentRoot=",
    /documentRoot does not exist/,
    /Create/,
  ),
  c(
    "basePath without a slash",
    ['basePath="/drupal/"', 'basePath="/drupal"'],
    "sources/source[1]/@basePath",
    "basePath=",
    /is "\/drupal"/,
    /begins and ends with/,
  ),
  c(
    "misspelt attribute",
    ["documentRoot=", "documentroot="],
    "sources/source[1]/@documentroot",
    "documentroot=",
    /no attribute "documentroot"/,
    /mean "documentRoot"/,
  ),
  c(
    "unknown monitor",
    ['name="downloads"', 'name="downloads" monitor="natve"'],
    "sources/source[2]/@monitor",
    "monitor=",
    /is "natve"/,
    /mean "native".*auto, native, chokidar, polling/,
  ),
  c(
    "ignoredDirs with a path",
    ["CVS:.svn", "CVS:a/b"],
    "sources/@ignoredDirs",
    "ignoredDirs=",
    /forbidden character \//,
    /colons/,
  ),
  // Servers
  c(
    "server name missing",
    ["</servers>", '<server transporter="s3"><bucket_name>bucket</bucket_name><acl>private</acl></server></servers>'],
    "servers/server[3]/@name",
    '<server transporter="s3"',
    /"name" is missing/,
    /Add name/,
  ),
  c(
    "transporter missing",
    ["</servers>", '<server name="more"/></servers>'],
    "servers/server[3]/@transporter",
    '<server name="more"',
    /"transporter" is missing/,
    /Add transporter/,
  ),
  c(
    "unknown transporter",
    inServers("ftq", ""),
    "servers/server[3]/@transporter",
    'transporter="ftq"',
    /no transporter "ftq"/,
    /Valid transporters/,
  ),
  c(
    "maxConnections in words",
    ['maxConnections="5"', 'maxConnections="five"'],
    "servers/server[2]/@maxConnections",
    "maxConnections=",
    /is "five".*whole number from 0/,
    /digits/,
  ),
  c(
    "setting missing",
    ["<host>localhost</host>", ""],
    "servers/server[2]/host",
    '<server name="ftp push',
    /server "ftp push cdn" \(ftp\): setting "host" is missing/,
    /Add <host>.*Valid settings: host, username, password/,
  ),
  c(
    "setting unknown",
    ["<host>localhost</host>", "<host>localhost</host><hst>x</hst>"],
    "servers/server[2]/hst",
    "<hst>",
    /server "ftp push cdn" \(ftp\): there is no setting "hst"/,
    /mean "host".*Valid settings/,
  ),
  c(
    "setting twice",
    ["<host>localhost</host>", "<host>localhost</host><host>b</host>"],
    "servers/server[2]/host[2]",
    "<host>b",
    /"host" is given twice/,
    /Keep one/,
  ),
  c(
    "setting with an element in it",
    ["<host>localhost</host>", "<host>localhost<b/></host>"],
    "servers/server[2]/host/b",
    "<b/>",
    /not elements/,
    /plain text/,
  ),
  c(
    "setting with an attribute",
    ["<host>localhost</host>", '<host a="b">localhost</host>'],
    "servers/server[2]/host/@a",
    'a="b"',
    /no attribute "a"/,
    /takes no attributes/,
  ),
  c(
    "host with a scheme",
    ["<host>localhost", "<host>ftp://localhost"],
    "servers/server[2]/host",
    "<host>",
    /is not a host name/,
    /name or address alone/,
  ),
  c(
    "port too high",
    ["<host>localhost</host>", "<host>localhost</host><port>65536</port>"],
    "servers/server[2]/port",
    "<port>",
    /is "65536".*1 to 65535/,
    /digits/,
  ),
  c(
    "url without a scheme",
    ["<url>http://cdn.example.com/u/", "<url>cdn.example.com"],
    "servers/server[2]/url",
    "<url>cdn",
    /paths can be put behind/,
    /https:/,
  ),
  c(
    "empty secret",
    ["<password>p<", "<password><"],
    "servers/server[2]/password",
    "<password>",
    /"password" is empty/,
    /value/,
  ),
  c(
    "secure misspelt",
    ["<host>localhost</host>", "<host>localhost</host><secure>explict</secure>"],
    "servers/server[2]/secure",
    "<secure>",
    /is "explict"/,
    /mean "explicit"/,
  ),
  c(
    "half a key pair",
    s3("<access_key_id>x</access_key_id>"),
    "servers/server[3]/secret_access_key",
    '<server name="more"',
    /secret_access_key" is missing beside access_key_id/,
    /neither/,
  ),
  c(
    "bucket with a path",
    inServers("s3", "<bucket_name>a/b</bucket_name><acl>private</acl>"),
    "servers/server[3]/bucket_name",
    "<bucket_name>",
    /is "a\/b"/,
    /bucket_prefix/,
  ),
  c(
    "unknown acl",
    inServers("s3", "<bucket_name>bucket</bucket_name><acl>public</acl>"),
    "servers/server[3]/acl",
    "<acl>",
    /is "public"/,
    /public-read/,
  ),
  c(
    "flag in words",
    s3("<forcePathStyle>maybe</forcePathStyle>"),
    "servers/server[3]/forcePathStyle",
    "<forcePathStyle>",
    /neither true nor false/,
    /true or false/,
  ),
  c(
    "fingerprint of another hash",
    sftp("<hostKey>MD5:aa</hostKey>"),
    "servers/server[3]/hostKey",
    "<hostKey>",
    /no host key fingerprint/,
    /ssh-keygen/,
  ),
  c("mode in letters", sftp("<mode>rw-r</mode>"), "servers/server[3]/mode", "<mode>", /is "rw-r"/, /octal/),
  c("path that climbs", sftp("<path>../x</path>"), "servers/server[3]/path", "<path>", /leads outside/, /Leave out/),
  c(
    "distribution without a domain",
    inServers("cf", "<bucket_name>bucket</bucket_name><acl>private</acl>"),
    "servers/server[3]/distro_domain_name",
    '<server name="more"',
    /"distro_domain_name" is missing/,
    /Valid settings/,
  ),
  // Rules
  c(
    "rule for an unknown source",
    ['for="downloads"', 'for="download"'],
    "rules/rule[2]/@for",
    'for="download"',
    /no source "download"/,
    /mean "downloads".*drupal, downloads/,
  ),
  c(
    "label missing",
    [' label="Everything"', ""],
    "rules/rule[2]/@label",
    '<rule for="downloads"',
    /"label" is missing/,
    /Add label/,
  ),
  c("label empty", ['label="Everything"', 'label=""'], "rules/rule[2]/@label", 'label=""', /"label" is empty/, /value/),
  c(
    "deletion delay in words",
    ['AfterSync="60"', 'AfterSync="soon"'],
    "rules/rule[1]/@fileDeletionDelayAfterSync",
    "fileDeletionDelayAfterSync=",
    /is "soon".*not a time/,
    /seconds/,
  ),
  c(
    "unknown server",
    ['server="ftp push cdn" />', 'server="ftp psh cdn" />'],
    "rules/rule[2]/destinations/destination/@server",
    'server="ftp psh cdn" />',
    /no server "ftp psh cdn"/,
    /mean "ftp push cdn"/,
  ),
  c(
    "two destinations on one server",
    ['server="ftp push cdn" />', 'server="ftp push cdn" /><destination server="ftp push cdn" path="b"/>'],
    "rules/rule[2]/destinations/destination[2]/@server",
    'server="ftp push cdn" path="b"',
    /another destination on server "ftp push cdn"/,
    /rule of its own/,
  ),
  c(
    "destinations empty",
    [/<destinations>\s*<destination server="ftp push cdn" \/>\s*<\/destinations>/, "<destinations/>"],
    "rules/rule[2]/destinations/destination",
    "<destinations/>",
    /at least one <destination>/,
    /Add/,
  ),
  c(
    "destinations missing",
    [/<destinations>\s*<destination server="ftp push cdn" \/>\s*<\/destinations>/, ""],
    "rules/rule[2]/destinations",
    '<rule for="downloads"',
    /needs a <destinations>/,
    /Add/,
  ),
  c(
    "destination path that climbs",
    ['server="ftp push cdn" />', 'server="ftp push cdn" path="a/../b"/>'],
    "rules/rule[2]/destinations/destination/@path",
    'path="a/',
    /leads outside/,
    /Leave out/,
  ),
  c(
    "processor misspelt",
    ["unique_filename.Mtime", "unique_filename.Mtme"],
    "rules/rule[1]/processorChain/processor[2]/@name",
    'name="unique_filename.Mtme"',
    /no processor "unique_filename.Mtme"/,
    /mean "unique_filename.Mtime".*Built in: filename/,
  ),
  c(
    "processor of another version",
    ["unique_filename.Mtime", "google_closure_compiler.GoogleClosureCompiler"],
    "rules/rule[1]/processorChain/processor[2]/@name",
    'name="google_closure',
    /not part of this version/,
    /Remove/,
  ),
  c(
    "processor with a setting it has not",
    ['"unique_filename.Mtime"', '"unique_filename.Mtime" level="3"'],
    "rules/rule[1]/processorChain/processor[2]/@level",
    "level=",
    /processor "unique_filename.Mtime": there is no attribute "level"/,
    /no attributes/,
  ),
  c(
    "processor without a name",
    ['name="unique_filename.Mtime"', ""],
    "rules/rule[1]/processorChain/processor[2]/@name",
    "<processor  />",
    /"name" is missing/,
    /Add name/,
  ),
  // Filters
  c("filter without a condition", filter(""), "rules/rule[1]/filter", "<filter>", /no condition/, /at least one of/),
  c(
    "unknown condition",
    filter("<path>misc</path>"),
    "rules/rule[1]/filter/path",
    "<path>",
    /no condition "path"/,
    /mean "paths"/,
  ),
  c(
    "star in paths",
    filter("<paths>misc/*</paths>"),
    "rules/rule[1]/filter/paths",
    "<paths>",
    /forbidden character \*/,
    /colons/,
  ),
  c(
    "dot in extensions",
    filter("<extensions>.css</extensions>"),
    "rules/rule[1]/filter/extensions",
    "<extensions>",
    /forbidden character \./,
    /without dots/,
  ),
  c(
    "slash in ignoredDirs",
    filter("<ignoredDirs>a/b</ignoredDirs>"),
    "rules/rule[1]/filter/ignoredDirs",
    "<ignoredDirs>",
    /forbidden character \//,
    /colons/,
  ),
  c(
    "empty extensions",
    filter("<extensions> : </extensions>"),
    "rules/rule[1]/filter/extensions",
    "<extensions>",
    /is empty/,
    /at least one/,
  ),
  c(
    "paths that climb",
    filter("<paths>a/../..</paths>"),
    "rules/rule[1]/filter/paths",
    "<paths>",
    /no directory below/,
    /Leave out/,
  ),
  c(
    "size without its kind",
    filter("<size>1</size>"),
    "rules/rule[1]/filter/size/@conditionType",
    "<size>",
    /"conditionType" is missing/,
    /Add conditionType/,
  ),
  c(
    "size of another kind",
    filter('<size conditionType="min">1</size>'),
    "rules/rule[1]/filter/size/@conditionType",
    "conditionType=",
    /is "min"/,
    /minimum, maximum/,
  ),
  c(
    "size in words",
    filter('<size conditionType="minimum">1k</size>'),
    "rules/rule[1]/filter/size",
    "<size",
    /is "1k".*whole number/,
    /digits/,
  ),
  c(
    "pattern that is none",
    filter("<pattern>(a</pattern>"),
    "rules/rule[1]/filter/pattern",
    "<pattern>",
    /not a regular expression: Unterminated group/,
    /from the start/,
  ),
  c(
    "pattern that can not be translated",
    filter("<pattern>(?(1)a|b)</pattern>"),
    "rules/rule[1]/filter/pattern",
    "<pattern>",
    /conditional group/,
    /without it/,
  ),
  // Settings
  c(
    "unknown setting",
    inSettings("<stateDirectory>/s</stateDirectory>"),
    "settings/stateDirectory",
    "<stateDirectory>",
    /no setting "stateDirectory"/,
    /mean "stateDir".*Valid settings/,
  ),
  c(
    "attribute of settings",
    ["<config>", '<config><settings stateDir="/s"/>'],
    "settings/@stateDir",
    "stateDir=",
    /takes no attributes/,
    /<stateDir>/,
  ),
  c(
    "setting given twice",
    inSettings("<settle>1</settle><settle>2</settle>"),
    "settings/settle[2]",
    "<settle>2",
    /given twice/,
    /Keep one/,
  ),
  c(
    "log level of another system",
    inSettings("<fileLogLevel>WARN</fileLogLevel>"),
    "settings/fileLogLevel",
    "<fileLogLevel>",
    /is "WARN"/,
    /mean "WARNING"|Valid levels: DEBUG/,
  ),
  c(
    "no pipeline at all",
    inSettings("<maxFilesInPipeline>0</maxFilesInPipeline>"),
    "settings/maxFilesInPipeline",
    "<maxFiles",
    /is "0".*from 1/,
    /digits/,
  ),
  c(
    "time in another unit",
    inSettings("<retryInterval>5 minutes</retryInterval>"),
    "settings/retryInterval",
    "<retry",
    /not a time/,
    /10min/,
  ),
  c("time too long", inSettings("<gracePeriod>90d</gracePeriod>"), "settings/gracePeriod", "<grace", /too long/, /24d/),
  c(
    "share over all",
    inSettings("<maxDeletes>150%</maxDeletes>"),
    "settings/maxDeletes",
    "<maxDeletes",
    /is "150%"/,
    /0% to 100%/,
  ),
  c(
    "no time",
    inSettings("<processorTimeout>soon</processorTimeout>"),
    "settings/processorTimeout",
    "<processorTimeout",
    /"soon"/,
    /5s/,
  ),
  c(
    "too little memory",
    inSettings("<processorMemory>1M</processorMemory>"),
    "settings/processorMemory",
    "<processorMemory",
    /"1M", which is not enough memory/,
    /at least 64M/,
  ),
  c(
    "no amount",
    inSettings("<processorCache>-1</processorCache>"),
    "settings/processorCache",
    "<processorCache",
    /"-1", which is no amount of bytes/,
    /or 0 to keep nothing/,
  ),
  c(
    "no way to take a failure",
    ['for="downloads"', 'for="downloads" onFailure="ignore"'],
    "rules/rule[2]/@onFailure",
    "onFailure=",
    /"ignore"/,
    /hold, original/,
  ),
  c(
    "rate in words",
    inSettings("<bandwidthLimit>fast</bandwidthLimit>"),
    "settings/bandwidthLimit",
    "<bandwidth",
    /is "fast"/,
    /500k/,
  ),
  c(
    "status page nowhere",
    inSettings("<status>:8080</status>"),
    "settings/status",
    "<status",
    /is ":8080"/,
    /0\.0\.0\.0:8080/,
  ),
  c(
    "second PID file empty",
    inSettings("<pidFile>/run/a</pidFile><pidFile/>"),
    "settings/pidFile[2]",
    "<pidFile/>",
    /"pidFile" is empty/,
    /path/,
  ),
  // References
  c(
    "variable not set",
    ["<host>localhost", "<host>${env:CDN_HOST}"],
    "servers/server[2]/host",
    "<host>",
    /environment variable "CDN_HOST", which is not set/,
    /Set it/,
  ),
  c(
    "file not there",
    ["<password>p", "<password>${file:/run/secrets/pw}"],
    "servers/server[2]/password",
    "<password>",
    /file "\/run\/secrets\/pw", which does not exist/,
    /can read/,
  ),
  c(
    "reference to nowhere",
    ["<password>p", "<password>${evn:PW}"],
    "servers/server[2]/password",
    "<password>",
    /"evn"/,
    /mean "env".*\$\$/,
  ),
  // XML
  c(
    "element never closed",
    ["</rules>", ""],
    "config",
    "</config>",
    /does not close the element opened in line 22, column 3/,
    /Close the element of line 22/,
  ),
  c("bare ampersand", ["localhost", "a&b"], "config", "&b", /bare &/, /&amp;/),
  c(
    "bare ampersand in an attribute",
    ['path="static" />\n        <', 'path="a&b" />\n        <'],
    "rules/rule[1]/destinations/destination[1]/@path",
    'path="a&b"',
    /bare &/,
    /&amp;/,
  ),
  c(
    "unknown entity",
    ["localhost", "&nbsp;"],
    "servers/server[2]/host",
    "<host>",
    /entity that does not exist/,
    /&quot;/,
  ),
  c(
    "bare < in an attribute",
    ['label="Everything"', 'label="Every<thing"'],
    "rules/rule[2]/@label",
    'label="Every<',
    /bare </,
    /&lt;/,
  ),
  c(
    "attribute without quotes",
    ['maxConnections="5"', "maxConnections=5"],
    "config",
    "maxConnections=5",
    /attribute is wrong/,
    /name="value"/,
  ),
  c(
    "attribute twice",
    ['maxConnections="5"', 'maxConnections="5" maxConnections="5"'],
    "config",
    'maxConnections="5">',
    /given twice/,
    /Keep one/,
  ),
  c(
    "document type",
    ["<config>", '<!DOCTYPE config [<!ENTITY a "b">]>\n<config>'],
    "config",
    "<!DOCTYPE",
    /DOCTYPE, which is refused/,
    /Remove/,
  ),
  c(
    "comment never closed",
    ["<!-- Rules -->", "<!-- Rules"],
    "config",
    "<!-- Rules",
    /comment or CDATA section is never closed/,
    /-->/,
  ),
  c("something behind the end", ["</config>\n", "</config>\n<more/>"], "config", "<more/>", /./, /one <config>/),
  c("control character", ["localhost", "a\u0000b"], "config", "\u0000", /character that XML does not allow/, /UTF-8/),
  c("another root", [/<config>[^]*<\/config>/, "<conf/>"], "config", "<conf/>", /outermost/, /<config>/),
]

const positionOf = (text: string, at: string) => {
  const offset = text.indexOf(at)
  const before = text.slice(0, offset).split("\n")
  return { found: offset !== -1, line: before.length, column: (before.at(-1)?.length ?? 0) + 1 }
}

describe("one mistake", () => {
  it("is tried in many ways", () => assert.isAtLeast(cases.length, 60))

  for (const { at, cure, edit, element, name, problem } of cases) {
    it.effect(name, () =>
      Effect.gen(function* () {
        const text = classicSample.replace(edit[0], () => edit[1])
        const place = positionOf(text, at)
        assert.isTrue(place.found, "the edit was made")
        const mistakes = yield* mistakesOf(text)
        assert.deepStrictEqual(
          mistakes.map((mistake) => ({ element: mistake.element, line: mistake.line, column: mistake.column })),
          [{ element, line: place.line, column: place.column }],
          JSON.stringify(mistakes),
        )
        assert.match(mistakes[0]?.problem ?? "", problem)
        assert.match(mistakes[0]?.cure ?? "", cure)
      }),
    )
  }
})

describe("mistakes", () => {
  it.effect("are told all at once, in the order of the file", () =>
    Effect.gen(function* () {
      const edits: ReadonlyArray<Edit> = [
        inSettings("<settle>x</settle><maxDeletes>y</maxDeletes>"),
        ["/home/me/Downloads", "/nowhere"],
        ["<password>p</password>", ""],
        ['for="drupal"', 'for="drpal"'],
        ["<extensions>ico", "<extensions>.ico"],
        ["unique_filename.Mtime", "unique_filename.Time"],
        ['server="ftp push cdn" />', 'server="other" />'],
      ]
      const text = edits.reduce((current, [from, to]) => current.replace(from, () => to), classicSample)
      assert.deepStrictEqual(
        (yield* mistakesOf(text)).map(({ element }) => element),
        [
          "settings/settle",
          "settings/maxDeletes",
          "sources/source[2]/@scanPath",
          "servers/server[2]/password",
          "rules/rule[1]/@for",
          "rules/rule[1]/filter/extensions",
          "rules/rule[1]/processorChain/processor[2]/@name",
          "rules/rule[2]/destinations/destination/@server",
        ],
      )
    }),
  )

  it.effect("read as file, line, column, element, problem and cure", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(decode(classicSample.replace('for="downloads"', 'for="download"')))
      assert.strictEqual(
        error.message,
        `/etc/conveyor/config.xml:40:11  rules/rule[2]/@for: there is no source "download"\n    Did you mean "downloads"? Valid sources: drupal, downloads.`,
      )
    }),
  )

  it.effect("have right lines whatever the line ends", () =>
    Effect.gen(function* () {
      const text = classicSample.replace('for="downloads"', 'for="download"')
      for (const end of ["\r\n", "\r"]) {
        const [mistake] = yield* mistakesOf(text.replaceAll("\n", end))
        assert.deepStrictEqual([mistake?.line, mistake?.column], [40, 11], JSON.stringify(end))
      }
    }),
  )

  it.effect("past a limit are only counted", () =>
    Effect.gen(function* () {
      const mistakes = yield* mistakesOf(
        classicSample.replace("<rules>", `${"<x/>".repeat(CONFIG_MISTAKES + 50)}<rules>`),
      )
      assert.strictEqual(mistakes.length, CONFIG_MISTAKES + 1)
      assert.strictEqual(mistakes.at(-1)?.problem, "and 50 more mistakes")
    }),
  )

  it.effect("two servers of one name: the second is refused, and rules are judged by the first", () =>
    Effect.gen(function* () {
      const text = classicSample.replaceAll("origin pull cdn", "ftp push cdn")
      assert.deepStrictEqual(
        (yield* mistakesOf(text)).map(({ element, problem }) => [element, problem]),
        [
          ["servers/server[2]/@name", "another server has this name"],
          [
            "rules/rule[1]/destinations/destination[2]/@server",
            'this rule has another destination on server "ftp push cdn"',
          ],
        ],
      )
    }),
  )

  it.effect("a processor that can not do its work is one, at each place that names it with other settings", () =>
    Effect.gen(function* () {
      const mistakes = yield* mistakesOf(classicSample, {
        available: (uses) =>
          Effect.succeed(uses.map(({ use }) => (/Max|Keep/.test(use.name) ? "needs the moon" : undefined))),
      })
      assert.deepStrictEqual(
        mistakes.map(({ column, cure, element, line, problem }) => [element, line, column, problem, cure]),
        [
          [
            "rules/rule[1]/processorChain/processor[1]/@name",
            32,
            20,
            'processor "image_optimizer.KeepFilename" can not do its work here: needs the moon',
            "Mend that, or take it out of the chain.",
          ],
        ],
      )
    }),
  )

  it.effect("bytes that are not UTF-8 have a place", () =>
    Effect.gen(function* () {
      const bytes = new TextEncoder().encode(classicSample.replace("localhost", "l\u0001calhost"))
      bytes[bytes.indexOf(1)] = 0xff
      const [mistake, ...more] = yield* mistakesOf(bytes)
      assert.deepStrictEqual(more, [])
      assert.match(mistake?.problem ?? "", /not UTF-8/)
      assert.deepStrictEqual([mistake?.line, mistake?.column], [15, 14])
    }),
  )

  it.effect("a file too large is refused before it is looked at", () =>
    Effect.gen(function* () {
      const [mistake] = yield* mistakesOf(classicSample + " ".repeat(CONFIG_BYTES))
      assert.match(mistake?.problem ?? "", /larger than 1048576 bytes/)
    }),
  )

  it.effect("entities are never expanded, nor anything fetched", () =>
    Effect.gen(function* () {
      const bomb = `<!DOCTYPE config [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;"><!ENTITY x SYSTEM "file:///etc/passwd">]><config>&b;&x;</config>`
      const mistakes = yield* mistakesOf(bomb)
      assert.strictEqual(mistakes.length, 1)
      assert.match(mistakes[0]?.problem ?? "", /DOCTYPE/)
    }),
  )
})

describe("secrets", () => {
  const canary = "hunter2-correct-horse"
  const secretsInReach = {
    env: { SECRET: canary, PATTERN: `(${canary}` },
    disk: memoryDisk({ ...tree, files: { "/run/secret": `${canary}\n` } }),
  }

  it.effect("from the environment or a file are in no message, wherever they are put", () =>
    Effect.gen(function* () {
      const values = [...classicSample.matchAll(/="([^"]*)"|>([^<>\s][^<>]*)</g)].filter(({ index }) => index > 40)
      assert.isAtLeast(values.length, 35)
      for (const reference of ["${env:SECRET}", "${file:/run/secret}", "${env:PATTERN}", "x ${env:SECRET} y"]) {
        for (const match of values) {
          const value = match[1] ?? match[2] ?? ""
          const start = match.index + match[0].indexOf(value, 1)
          const text = classicSample.slice(0, start) + reference + classicSample.slice(start + value.length)
          const told = yield* decode(text, secretsInReach).pipe(
            Effect.match({
              onSuccess: ({ servers, warnings }) =>
                JSON.stringify([servers.map(({ settings }) => String(settings)), warnings]),
              onFailure: (error) => `${error.message} ${JSON.stringify(error)} ${String(error.cause)}`,
            }),
          )
          assert.notInclude(told, canary, text)
        }
      }
    }),
  )

  it.effect("written into the file are in no message either", () =>
    Effect.gen(function* () {
      const secret = (settings: string) => `<host>ftp://h</host><username>u</username>${settings}<url>x</url>`
      for (const password of [
        `<password>${canary}</password><password>${canary}</password>`,
        `<pasword>${canary}</pasword>`,
        `<password a="${canary}">${canary}<${canary}/></password>`,
        `<password>${canary}&${canary}</password>`,
        `<password>${canary}<${canary}</password>`,
        `<password value="a"${canary}"/>`,
      ]) {
        const text = classicSample.replace(
          "</servers>",
          `<server name="s" transporter="ftp">${secret(password)}</server></servers>`,
        )
        const mistakes = yield* mistakesOf(text)
        assert.isAbove(mistakes.length, 0)
        const told = mistakes.map(({ cure, problem }) => `${problem} ${cure}`).join("\n")
        // The name of an element or attribute is no secret, but nothing else of it may be told.
        assert.notInclude(told.replaceAll(`element "${canary}"`, ""), canary, password)
      }
    }),
  )
})
