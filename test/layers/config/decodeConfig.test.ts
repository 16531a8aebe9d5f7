import { assert, describe, it } from "@effect/vitest"
import { Effect, Redacted } from "effect"
import { mismatch } from "../../../src/domain/Filter.ts"
import type { Config } from "../../../src/domain/Config.ts"
import type { FtpSettings, SftpSettings, SymlinkOrCopySettings } from "../../../src/layers/transporters/settings.ts"
import { relativePath } from "../../../src/domain/Path.ts"
import { classicSample, decode, memoryDisk, mistakesOf, tree } from "./fixture.ts"

const withSettings = (settings: string): string =>
  classicSample.replace("<config>", `<config><settings>${settings}</settings>`)

const withSource = (attributes: string): string =>
  classicSample.replace('scanPath="/home/me/Downloads"', `scanPath="/home/me/Downloads" ${attributes}`)

const withServer = (transporter: string, settings: string): string =>
  classicSample.replace(
    "</servers>",
    () => `<server name="more" transporter="${transporter}">${settings}</server></servers>`,
  )

const settingsOf = <S>(config: Config, name: string): S =>
  config.servers.find((server) => server.name === name)?.settings as S

describe("a classic config", () => {
  it.effect("decodes unchanged", () =>
    Effect.gen(function* () {
      const config = yield* decode(classicSample)
      assert.deepStrictEqual(config.sources, [
        {
          name: "drupal",
          scanPath: "/htdocs/drupal",
          root: "/htdocs/drupal",
          documentRoot: "/htdocs",
          basePath: "/drupal/",
          logicalBasePath: false,
          ignoredDirs: new Set(["CVS", ".svn"]),
          monitor: "auto",
          symlinks: "inside",
        },
        {
          name: "downloads",
          scanPath: "/home/me/Downloads",
          root: "/home/me/Downloads",
          documentRoot: undefined,
          basePath: undefined,
          logicalBasePath: false,
          ignoredDirs: new Set(["CVS", ".svn"]),
          monitor: "auto",
          symlinks: "inside",
        },
      ] as unknown as Config["sources"])
      assert.deepStrictEqual(
        config.servers.map(({ maxConnections, name, transporter }) => [name, transporter, maxConnections]),
        [
          ["origin pull cdn", "symlink_or_copy", 0],
          ["ftp push cdn", "ftp", 5],
        ],
      )
      assert.deepStrictEqual(settingsOf<SymlinkOrCopySettings>(config, "origin pull cdn"), {
        location: "/htdocs/static.example.com",
        url: "http://static.example.com/",
        mode: "auto",
      })
      const { password, ...ftp } = settingsOf<FtpSettings>(config, "ftp push cdn")
      assert.strictEqual(Redacted.value(password), "p")
      assert.deepStrictEqual(ftp, {
        host: "localhost",
        username: "u",
        url: "http://cdn.example.com/u/",
        path: "",
        secure: "none",
        connectTimeout: 20_000,
        idleTimeout: 60_000,
      })
      const [rule, everything] = config.rules
      assert.strictEqual(rule?.id, "drupal/CSS, JS, images and Flash")
      assert.strictEqual(rule?.label, "CSS, JS, images and Flash")
      assert.strictEqual(rule?.fileDeletionDelayAfterSync, 60)
      assert.deepStrictEqual(rule?.filter, {
        paths: ["misc", "profiles", "modules", "themes", "sites/all", "sites/default"],
        extensions: new Set(["ico", "js", "css", "gif", "png", "jpg", "jpeg", "svg", "swf"]),
        ignoredDirs: new Set([".git", "node_modules"]),
        pattern: /.*\/[a-z]+\.css$/uy,
        size: { conditionType: "minimum", bytes: 1_000_000 },
      })
      assert.deepStrictEqual(rule?.chain, [
        { name: "image_optimizer.KeepFilename", settings: {} },
        { name: "unique_filename.Mtime", settings: {} },
      ])
      assert.deepStrictEqual(
        rule?.destinations.map(({ path, server }) => [server, path]),
        [
          ["origin pull cdn", "static"],
          ["ftp push cdn", "static"],
        ] as unknown as Array<[never, string]>,
      )
      assert.strictEqual(everything?.filter, undefined)
      assert.strictEqual(everything?.fileDeletionDelayAfterSync, undefined)
      assert.strictEqual(everything?.onFailure, undefined)
      assert.deepStrictEqual(config.warnings, [])
    }),
  )

  it.effect("gets the documented defaults", () =>
    Effect.gen(function* () {
      const { settings } = yield* decode(classicSample)
      assert.deepStrictEqual(settings, {
        stateDir: "/etc/conveyor/.file-conveyor",
        syncedFilesDb: "/etc/conveyor/synced_files.db",
        workingDir: "/etc/conveyor/.file-conveyor/work",
        logFile: undefined,
        fileLogLevel: "INFO",
        consoleLogLevel: "INFO",
        pidFiles: [],
        maxFilesInPipeline: 256,
        maxSimultaneousProcessorChains: 3,
        maxSimultaneousTransporters: 16,
        retryInterval: 30_000,
        settle: undefined,
        reconcileInterval: 3_600_000,
        monitor: "auto",
        symlinks: "inside",
        maxDeletes: { share: 0.5 },
        bandwidthLimit: undefined,
        status: undefined,
        gracePeriod: 3_600_000,
        processorTimeout: 60_000,
        processorMemory: undefined,
        processorCache: 1_073_741_824,
      })
    }),
  )

  it.effect("may have a byte order mark, CR LF line ends and be given as bytes", () =>
    Effect.gen(function* () {
      const plain = yield* decode(classicSample)
      const bytes = new TextEncoder().encode(`\ufeff${classicSample.replaceAll("\n", "\r\n")}`)
      assert.deepStrictEqual(yield* decode(bytes), plain)
    }),
  )
})

describe("settings", () => {
  it.effect("all of them, in every way to write them", () =>
    Effect.gen(function* () {
      const { settings, warnings } = yield* decode(
        withSettings(`
          <stateDir>state</stateDir><syncedFilesDb>../map/synced_files.db</syncedFilesDb><workingDir>/srv/work</workingDir>
          <logFile>/var/log/conveyor.log</logFile><fileLogLevel>DEBUG</fileLogLevel><consoleLogLevel>warning</consoleLogLevel>
          <pidFile>/run/a.pid</pidFile><pidFile>b.pid</pidFile>
          <maxFilesInPipeline>50</maxFilesInPipeline><maxSimultaneousProcessorChains>1</maxSimultaneousProcessorChains>
          <maxSimultaneousTransporters>10</maxSimultaneousTransporters>
          <retryInterval>45</retryInterval><settle>250</settle><reconcileInterval>10min</reconcileInterval>
          <monitor>polling</monitor><symlinks>follow</symlinks><maxDeletes>12.5%</maxDeletes>
          <bandwidthLimit>2M</bandwidthLimit><status>8080</status><gracePeriod>1.5h</gracePeriod>
          <processorTimeout>2min</processorTimeout><processorMemory>1.5G</processorMemory><processorCache>0</processorCache>
          <restartAfterUnhandledException>True</restartAfterUnhandledException><restartInterval>10</restartInterval>`),
      )
      assert.deepStrictEqual(settings, {
        stateDir: "/etc/conveyor/state",
        syncedFilesDb: "/etc/map/synced_files.db",
        workingDir: "/srv/work",
        logFile: "/var/log/conveyor.log",
        fileLogLevel: "DEBUG",
        consoleLogLevel: "WARNING",
        pidFiles: ["/run/a.pid", "/etc/conveyor/b.pid"],
        maxFilesInPipeline: 50,
        maxSimultaneousProcessorChains: 1,
        maxSimultaneousTransporters: 10,
        retryInterval: 45_000,
        settle: 250,
        reconcileInterval: 600_000,
        monitor: "polling",
        symlinks: "follow",
        maxDeletes: { share: 0.125 },
        bandwidthLimit: 2_097_152,
        status: "127.0.0.1:8080",
        gracePeriod: 5_400_000,
        processorTimeout: 120_000,
        processorMemory: 1_610_612_736,
        processorCache: 0,
      })
      assert.deepStrictEqual(
        warnings.map((warning) => warning.split(">")[0]),
        ["<restartAfterUnhandledException", "<restartInterval"],
      )
    }),
  )

  it.effect("monitor and symlinks of a source go before those of all", () =>
    Effect.gen(function* () {
      const text = withSource('monitor="chokidar" symlinks="skip"').replace(
        "<config>",
        "<config><settings><monitor>polling</monitor><symlinks>follow</symlinks></settings>",
      )
      const { sources } = yield* decode(text)
      assert.deepStrictEqual(
        sources.map(({ monitor, symlinks }) => [monitor, symlinks]),
        [
          ["polling", "follow"],
          ["chokidar", "skip"],
        ],
      )
    }),
  )

  it.effect("an address of the status page may say who can see it", () =>
    Effect.gen(function* () {
      for (const address of ["0.0.0.0:80", "[::1]:8080", "localhost:65535"]) {
        const { settings } = yield* decode(withSettings(`<status>${address}</status>`))
        assert.strictEqual(settings.status, address)
      }
    }),
  )
})

describe("values", () => {
  it.effect("know the predefined and the numeric entities, CDATA and comments", () =>
    Effect.gen(function* () {
      const text = withServer(
        "ftp",
        `<host>h</host><username>a&amp;b&#x20AC;&#233;</username>
         <password> <!-- c -->x<![CDATA[ <&amp;> ]]></password><url>http://x/?</url>`,
      ).replace("http://x/?", "http://x/")
      const settings = settingsOf<FtpSettings>(yield* decode(text), "more")
      assert.strictEqual(settings.username, "a&b€é")
      assert.strictEqual(Redacted.value(settings.password), "x <&amp;> ")
    }),
  )

  it.effect("come from the environment and from files, in text and attributes", () =>
    Effect.gen(function* () {
      const text = withServer(
        "sftp",
        `<host>\${env:HOST}</host><username>u</username><url>https://\${env:HOST}/x/</url>
         <password>\${file:secrets/pw}</password><path>$\${env:HOST}</path>`,
      ).replace('label="Everything"', 'label="All of ${env:HOST}"')
      const config = yield* decode(text, {
        env: { HOST: "cdn.example.com" },
        disk: memoryDisk({ ...tree, files: { "/etc/conveyor/secrets/pw": " p&w\n\n" } }),
      })
      const settings = settingsOf<SftpSettings>(config, "more")
      assert.strictEqual(settings.host, "cdn.example.com")
      assert.strictEqual(settings.url, "https://cdn.example.com/x/")
      assert.strictEqual(settings.path, "${env:HOST}")
      assert.strictEqual(settings.password === undefined ? "" : Redacted.value(settings.password), " p&w\n")
      assert.strictEqual(config.rules[1]?.label, "All of cdn.example.com")
    }),
  )

  it.effect("paths of transporters are relative to the config file", () =>
    Effect.gen(function* () {
      const text = withServer(
        "sftp",
        "<host>h</host><username>u</username><url>http://x/</url><key>keys/id</key><knownHosts>known</knownHosts><mode>0640</mode>",
      )
      const settings = settingsOf<SftpSettings>(yield* decode(text), "more")
      assert.strictEqual(settings.key === undefined ? "" : Redacted.value(settings.key), "/etc/conveyor/keys/id")
      assert.strictEqual(settings.knownHosts, "/etc/conveyor/known")
      assert.strictEqual(settings.mode, 0o640)
    }),
  )

  it.effect("of a filter are brought into one form", () =>
    Effect.gen(function* () {
      const text = classicSample
        .replace(/<paths>.*<\/paths>/, "<paths>/misc/:./a//b:::</paths>")
        .replace(/<extensions>.*<\/extensions>/, "<extensions>CSS:Js</extensions>")
      const { rules } = yield* decode(text)
      assert.deepStrictEqual(rules[0]?.filter?.paths, ["misc", "a/b"])
      assert.deepStrictEqual(rules[0]?.filter?.extensions, new Set(["css", "js"]))
    }),
  )

  it.effect("of a pattern hold from the start of the absolute path", () =>
    Effect.gen(function* () {
      const { rules } = yield* decode(classicSample.replace(/<paths>[^]*<\/ignoredDirs>/, "").replace(/<size.*/, ""))
      const filter = rules[0]?.filter ?? {}
      const judge = (absolutePath: string) =>
        mismatch(filter, { path: relativePath("x") ?? assert.fail(), absolutePath, size: undefined }) === undefined
      assert.isTrue(judge("/htdocs/drupal/a/style.css"))
      assert.isFalse(judge("/htdocs/drupal/a/style2.css"))
    }),
  )
})

describe("rules", () => {
  it.effect("have ids that stay apart where labels repeat", () =>
    Effect.gen(function* () {
      const rule = (label: string) =>
        `<rule for="downloads" label="${label}"><destinations><destination server="ftp push cdn"/></destinations></rule>`
      const labels = ["Everything", "Everything#2", "Everything"]
      const { rules } = yield* decode(classicSample.replace("</rules>", `${labels.map(rule).join("")}</rules>`))
      assert.deepStrictEqual(
        rules.map(({ id }) => String(id)),
        [
          "drupal/CSS, JS, images and Flash",
          "downloads/Everything",
          "downloads/Everything#2",
          "downloads/Everything#2#2",
          "downloads/Everything#3",
        ],
      )
    }),
  )

  it.effect("get another fingerprint when what matters changes, and only then", () =>
    Effect.gen(function* () {
      const fingerprints = (text: string) =>
        Effect.map(decode(text), (config) =>
          config.rules.flatMap((rule) => rule.destinations.map(({ fingerprint }) => fingerprint)),
        )
      const [pull, push, all] = yield* fingerprints(classicSample)
      for (const one of [pull, push, all]) assert.match(one ?? "", /^[0-9a-f]{16}$/)
      assert.strictEqual(new Set([pull, push, all]).size, 3)
      for (const same of [
        ["<password>p<", "<password>other<"],
        ['maxConnections="5"', 'maxConnections="7"'],
        ["<host>localhost</host>", "<host>localhost</host><connectTimeout>5</connectTimeout>"],
        ['fileDeletionDelayAfterSync="60"', ""],
      ] as const) {
        assert.deepStrictEqual(yield* fingerprints(classicSample.replace(same[0], same[1])), [pull, push, all], same[1])
      }
      const host = yield* fingerprints(classicSample.replace("<host>localhost", "<host>other"))
      assert.strictEqual(host[0], pull)
      assert.notStrictEqual(host[1], push)
      assert.notStrictEqual(host[2], all)
      const path = yield* fingerprints(classicSample.replace('path="static"', 'path="other"'))
      assert.notStrictEqual(path[0], pull)
      assert.deepStrictEqual(path.slice(1), [push, all])
      const chain = yield* fingerprints(classicSample.replace("unique_filename.Mtime", "unique_filename.MD5"))
      assert.notStrictEqual(chain[0], pull)
      assert.notStrictEqual(chain[1], push)
      assert.strictEqual(chain[2], all)
    }),
  )

  it.effect("depend on where references lead only where a processor asks for that", () =>
    Effect.gen(function* () {
      const fingerprints = (text: string) =>
        Effect.map(decode(text), (config) =>
          config.rules.flatMap((rule) => rule.destinations.map(({ fingerprint }) => fingerprint)),
        )
      const elsewhere = (text: string) => text.replace('basePath="/drupal/"', 'basePath="/d/"')
      assert.deepStrictEqual(yield* fingerprints(elsewhere(classicSample)), yield* fingerprints(classicSample))
      const asks = classicSample.replace("image_optimizer.KeepFilename", "link_updater.HTMLURLUpdater")
      const [pull, push, all] = yield* fingerprints(asks)
      const moved = yield* fingerprints(elsewhere(asks))
      assert.notStrictEqual(moved[0], pull)
      assert.notStrictEqual(moved[1], push)
      assert.strictEqual(moved[2], all)
      // What one source refers to may be in another.
      const more = yield* fingerprints(
        asks.replace("</sources>", '<source name="more" scanPath="/home/me" /></sources>'),
      )
      assert.notStrictEqual(more[0], pull)
      assert.strictEqual(more[2], all)
    }),
  )
})

describe("warnings", () => {
  const warningsOf = (text: string, disk = memoryDisk(tree)) => Effect.map(decode(text, { disk }), (c) => c.warnings)

  it.effect("a scan path that is a link", () =>
    Effect.gen(function* () {
      const disk = memoryDisk({
        directories: ["/data/d", "/home/me/Downloads", "/etc/conveyor"],
        links: { "/htdocs/drupal": "/data/d", "/htdocs": "/data" },
      })
      const config = yield* decode(classicSample, { disk })
      assert.strictEqual(config.sources[0]?.scanPath, "/htdocs/drupal")
      assert.strictEqual(config.sources[0]?.root, "/data/d")
      assert.match(config.warnings.join("\n"), /drupal.*symbolic link/)
    }),
  )

  it.effect("a base path that lives in URLs only", () =>
    Effect.gen(function* () {
      const text = classicSample.replace('basePath="/drupal/"', 'basePath="/elsewhere/"')
      const config = yield* decode(text)
      assert.isTrue(config.sources[0]?.logicalBasePath)
      assert.match(config.warnings.join("\n"), /"drupal".*URLs only/)
    }),
  )

  it.effect("an S3 server of the classic, which counted on a public ACL", () =>
    Effect.gen(function* () {
      const keys =
        "<access_key_id>a</access_key_id><secret_access_key>s</secret_access_key><bucket_name>bucket</bucket_name>"
      assert.match((yield* warningsOf(withServer("s3", keys))).join("\n"), /"more".*<acl>public-read<\/acl>/)
      assert.deepStrictEqual(yield* warningsOf(withServer("s3", `${keys}<acl>private</acl>`)), [])
    }),
  )

  it.effect("a config file that could be published", () =>
    Effect.gen(function* () {
      const settings = "<stateDir>/var/s</stateDir><syncedFilesDb>/var/m.db</syncedFilesDb>"
      const config = yield* decode(withSettings(settings), { file: "/htdocs/drupal/config.xml" })
      assert.match(config.warnings.join("\n"), /config file lies inside of source "drupal"/)
    }),
  )
})

it.effect("a config of nothing lists what is missing", () =>
  Effect.gen(function* () {
    assert.deepStrictEqual(
      (yield* mistakesOf("<config/>")).map(({ element }) => element),
      ["sources", "servers", "rules"],
    )
  }),
)
