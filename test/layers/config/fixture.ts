import { Effect } from "effect"
import type * as Schema from "effect/Schema"
import { defineProcessor } from "../../../src/domain/Processor.ts"
import type { Config } from "../../../src/domain/Config.ts"
import type { ConfigError, ConfigMistake } from "../../../src/domain/Errors.ts"
import { decodeConfig, type Surroundings } from "../../../src/layers/config/decodeConfig.ts"
import type { Disk } from "../../../src/layers/config/Disk.ts"
import { type ConfiguredTransporter, LookupError } from "../../../src/layers/config/Lookup.ts"
import { processorDefinition } from "../../../src/layers/processors/registry.ts"
import * as Settings from "../../../src/layers/transporters/settings.ts"

/** Directories by path, with where they lead to where they are links, and files by path with their text. */
export interface Tree {
  readonly directories: ReadonlyArray<string>
  readonly links?: Readonly<Record<string, string>>
  readonly files?: Readonly<Record<string, string>>
}

export const memoryDisk = ({ directories, files = {}, links = {} }: Tree): Disk => {
  const follow = (path: string): string => {
    for (const [link, target] of Object.entries(links)) {
      if (path === link || path.startsWith(`${link}/`)) return follow(target + path.slice(link.length))
    }
    return path
  }
  const trimmed = (path: string) => (path.length > 1 ? path.replace(/\/$/, "") : path)
  const isDirectory = (path: string) =>
    path === "/" || directories.some((known) => known === path || known.startsWith(`${path}/`))
  return {
    isDirectory: (path) => isDirectory(follow(trimmed(path))),
    isSymbolicLink: (path) => Object.hasOwn(links, path),
    realPath: (path) => {
      const real = follow(trimmed(path))
      return isDirectory(real) || Object.hasOwn(files, real) ? real : undefined
    },
    readFile: (path) =>
      Object.hasOwn(files, path)
        ? { _tag: "Read", bytes: new TextEncoder().encode(files[path]) }
        : { _tag: "Unreadable", why: "does not exist" },
  }
}

export const schemas: Readonly<Record<string, Schema.Codec<unknown, unknown>>> = {
  symlink_or_copy: Settings.SymlinkOrCopySettings,
  ftp: Settings.FtpSettings,
  sftp: Settings.SftpSettings,
  s3: Settings.S3Settings,
  cf: Settings.CloudFrontSettings,
  cloudfiles: Settings.CloudFilesSettings,
} as unknown as Readonly<Record<string, Schema.Codec<unknown, unknown>>>

const localDirectories = (settings: unknown): ReadonlyArray<string> => {
  const { location } = settings as { readonly location?: string }
  return location === undefined ? [] : [location]
}

/** The names of all classic processors, whether or not they are part of this version. */
const classic = new Set([
  "image_optimizer.KeepFilename",
  "image_optimizer.Max",
  "yui_compressor.YUICompressor",
  "link_updater.CSSURLUpdater",
])

/** All built-in transporters by their schemas, and the processors of the registry besides the classic ones. */
export const lookup: Surroundings["lookup"] = {
  transporter: (name) => {
    const settings = Object.hasOwn(schemas, name) ? schemas[name] : undefined
    const definition: ConfiguredTransporter | undefined =
      settings === undefined ? undefined : { name, settings, localDirectories, ...Settings.settingsTraits[name] }
    return definition === undefined
      ? Effect.fail(new LookupError({ problem: `there is no transporter "${name}"`, cure: "Valid transporters: ftp." }))
      : Effect.succeed(definition)
  },
  processor: (name, file) =>
    classic.has(name)
      ? Effect.succeed(defineProcessor({ name, process: (job) => Effect.succeed(job) }))
      : processorDefinition(name, file),
}

export const tree: Tree = { directories: ["/htdocs/drupal", "/home/me/Downloads", "/etc/conveyor"] }

type Options = Surroundings & { readonly file: string }

export const surroundings = (more: Partial<Options> = {}): Options => ({
  env: {},
  cores: 3,
  disk: memoryDisk(tree),
  lookup,
  file: "/etc/conveyor/config.xml",
  ...more,
})

export const decode = (text: string | Uint8Array, more: Partial<Options> = {}): Effect.Effect<Config, ConfigError> =>
  decodeConfig(text, surroundings(more))

export const mistakesOf = (
  text: string | Uint8Array,
  more: Partial<Options> = {},
): Effect.Effect<ReadonlyArray<ConfigMistake>> =>
  decode(text, more).pipe(
    Effect.match({
      onSuccess: () => [],
      onFailure: (error) => error.mistakes,
    }),
  )

/** The sample of the classic, element for element. */
export const classicSample = `<?xml version="1.0" encoding="UTF-8"?>
<config>
  <!-- Sources -->
  <sources ignoredDirs="CVS:.svn">
    <source name="drupal" scanPath="/htdocs/drupal" documentRoot="/htdocs" basePath="/drupal/" />
    <source name="downloads" scanPath="/home/me/Downloads" />
  </sources>
  <!-- Servers -->
  <servers>
    <server name="origin pull cdn" transporter="symlink_or_copy">
      <location>/htdocs/static.example.com</location>
      <url>http://static.example.com/</url>
    </server>
    <server name="ftp push cdn" transporter="ftp" maxConnections="5">
      <host>localhost</host>
      <username>u</username>
      <password>p</password>
      <url>http://cdn.example.com/u/</url>
    </server>
  </servers>
  <!-- Rules -->
  <rules>
    <rule for="drupal" label="CSS, JS, images and Flash" fileDeletionDelayAfterSync="60">
      <filter>
        <paths>misc:profiles:modules:themes:sites/all:sites/default</paths>
        <extensions>ico:js:css:gif:png:jpg:jpeg:svg:swf</extensions>
        <ignoredDirs>.git:node_modules</ignoredDirs>
        <pattern>.*/[a-z]+\\.css$</pattern>
        <size conditionType="minimum">1000000</size>
      </filter>
      <processorChain>
        <processor name="image_optimizer.KeepFilename" />
        <processor name="unique_filename.Mtime" />
      </processorChain>
      <destinations>
        <destination server="origin pull cdn" path="static" />
        <destination server="ftp push cdn" path="static" />
      </destinations>
    </rule>
    <rule for="downloads" label="Everything">
      <destinations>
        <destination server="ftp push cdn" />
      </destinations>
    </rule>
  </rules>
</config>
`
