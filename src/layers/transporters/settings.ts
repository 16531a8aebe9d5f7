/**
 * The settings of the built-in transporters: the child elements of `<server>`.
 *
 * Times are milliseconds once decoded and seconds in the file. Secrets are Redacted.
 *
 * @since 1.0.0
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import {
  choice,
  duration,
  flag,
  host,
  localPath,
  matching,
  port,
  publicUrl,
  secret,
  serverPath,
  serviceUrl,
  text,
  value,
  VALUE,
  Wrong,
} from "../config/values.ts"

const optional = Schema.optionalKey

const withDefault = <A>(schema: Schema.Codec<A, string>, written: string) =>
  schema.pipe(Schema.withDecodingDefaultKey(Effect.succeed(written)))

const seconds = duration("s")

/** Every server on a network: how long to wait for a connection, between two signs of life, and for one operation. */
const timeouts = {
  connectTimeout: withDefault(seconds, "20"),
  idleTimeout: withDefault(seconds, "60"),
  totalTimeout: optional(seconds),
}

/** `symlink_or_copy` */
export const SymlinkOrCopySettings = Schema.Struct({
  location: localPath,
  url: publicUrl,
  mode: withDefault(choice("auto", "copy"), "auto"),
})
export type SymlinkOrCopySettings = typeof SymlinkOrCopySettings.Type

/** `ftp`. Without `port`: 21, and 990 where `secure` is `implicit`; see {@link ftpPort}. */
export const FtpSettings = Schema.Struct({
  host,
  username: text,
  password: secret,
  url: publicUrl,
  port: optional(port),
  path: withDefault(serverPath, ""),
  secure: withDefault(choice("none", "explicit", "implicit"), "none"),
  ca: optional(localPath),
  ...timeouts,
})
export type FtpSettings = typeof FtpSettings.Type

/** The port to connect to. */
export const ftpPort = (settings: Pick<FtpSettings, "port" | "secure">): number =>
  settings.port ?? (settings.secure === "implicit" ? 990 : 21)

/** Permissions as three or four octal digits. */
const octalMode = value<number>(
  (input) =>
    /^[0-7]{3,4}$/.test(input)
      ? Number.parseInt(input, 8)
      : new Wrong(`is ${VALUE}, which are no permissions`, "Write octal digits, e.g. 0644."),
  (mode) => `0${mode.toString(8).padStart(3, "0")}`.slice(-4),
)

/** `sftp`. `key` and `knownHosts` are file names, or the text of such a file. */
export const SftpSettings = Schema.Struct({
  host,
  username: text,
  url: publicUrl,
  password: optional(secret),
  port: withDefault(port, "22"),
  path: withDefault(serverPath, ""),
  key: optional(secret),
  passphrase: optional(secret),
  agent: optional(text),
  hostKey: optional(
    matching(
      /^SHA256:[A-Za-z0-9+/]{43}=?$/,
      `is ${VALUE}, which is no host key fingerprint`,
      "Write it as ssh-keygen -lf prints it: SHA256: and 43 characters.",
    ),
  ),
  knownHosts: optional(localPath),
  mode: optional(octalMode),
  ...timeouts,
})
export type SftpSettings = typeof SftpSettings.Type

const bucketName = matching(
  /^[A-Za-z0-9][A-Za-z0-9._-]{1,253}[A-Za-z0-9]$/,
  `is ${VALUE}, which is no bucket name`,
  "Letters, digits, dots and dashes, without a path: a directory in the bucket is the path of a destination.",
)

/** As in the classic: the bucket is called by the prefix with the name behind it. */
const bucketPrefix = matching(
  /^(?:[A-Za-z0-9][A-Za-z0-9._-]{0,253})?$/,
  `is ${VALUE}, which can not be how a bucket's name begins`,
  "The bucket is called bucket_prefix and bucket_name in one word; a directory in the bucket is the path of a destination.",
)

const s3Fields = {
  bucket_name: bucketName,
  access_key_id: optional(secret),
  secret_access_key: optional(secret),
  bucket_prefix: withDefault(bucketPrefix, ""),
  endpoint: optional(serviceUrl),
  region: optional(matching(/^[A-Za-z0-9-]+$/, `is ${VALUE}, which is no region`, "Write e.g. eu-central-1, or auto.")),
  forcePathStyle: optional(flag),
  acl: optional(
    choice(
      "private",
      "public-read",
      "public-read-write",
      "authenticated-read",
      "aws-exec-read",
      "bucket-owner-read",
      "bucket-owner-full-control",
    ),
  ),
  storageClass: optional(
    matching(/^[A-Z0-9_]+$/, `is ${VALUE}, which is no storage class`, "Write e.g. STANDARD or INTELLIGENT_TIERING."),
  ),
  cacheControl: optional(matching(/^[\x20-\x7e]+$/, "is not a header value", "Write e.g. public, max-age=86400.")),
  checksum: withDefault(choice("when_required", "when_supported"), "when_required"),
  url: optional(publicUrl),
  ...timeouts,
}

interface Keys {
  readonly access_key_id?: unknown
  readonly secret_access_key?: unknown
}

/** Half a key pair would fall back to credentials that nobody meant. */
const bothKeys = Schema.makeFilter((settings: Keys) => {
  if ((settings.access_key_id === undefined) === (settings.secret_access_key === undefined)) return true
  return settings.access_key_id === undefined
    ? {
        path: ["access_key_id"],
        issue:
          "is missing beside secret_access_key\nGive both keys, or neither: then the AWS default credentials are used.",
      }
    : {
        path: ["secret_access_key"],
        issue:
          "is missing beside access_key_id\nGive both keys, or neither: then the AWS default credentials are used.",
      }
})

/** `s3` */
export const S3Settings = Schema.Struct(s3Fields).check(bothKeys)
export type S3Settings = typeof S3Settings.Type

/** `cf`: an S3 bucket behind a CloudFront distribution. */
export const CloudFrontSettings = Schema.Struct({
  ...s3Fields,
  distro_domain_name: host,
  distribution_id: optional(
    matching(/^[A-Z0-9]{8,32}$/, `is ${VALUE}, which is no distribution id`, "Write e.g. E1ABCDEFGHIJKL."),
  ),
}).check(bothKeys)
export type CloudFrontSettings = typeof CloudFrontSettings.Type

/** `cloudfiles` */
export const CloudFilesSettings = Schema.Struct({
  username: text,
  api_key: secret,
  container: matching(
    /^(?!\.{1,2}$)[^/?]{1,256}$/,
    "is not a container name",
    'At most 256 characters, without / and ?, and neither "." nor "..".',
  ),
  auth_url: optional(serviceUrl),
  region: optional(text),
  project: optional(text),
  domain: optional(text),
  url: optional(publicUrl),
  ...timeouts,
})
export type CloudFilesSettings = typeof CloudFilesSettings.Type

/** What a definition needs to say besides its schema, for each built-in transporter. */
export interface SettingsTraits {
  /** Settings that are paths on this machine. */
  readonly paths: ReadonlyArray<string>
  /** Settings that say where files end up and what they look like there. */
  readonly identity: ReadonlyArray<string>
}

const s3Identity = ["bucket_name", "bucket_prefix", "endpoint", "region", "acl", "storageClass", "cacheControl", "url"]

/** The traits of the built-in transporters by name. */
export const settingsTraits: Readonly<Record<string, SettingsTraits>> = {
  symlink_or_copy: { paths: ["location"], identity: ["location", "url", "mode"] },
  ftp: { paths: ["ca"], identity: ["host", "port", "username", "path", "url"] },
  sftp: { paths: ["key", "knownHosts"], identity: ["host", "port", "username", "path", "url", "mode"] },
  s3: { paths: [], identity: s3Identity },
  cf: { paths: [], identity: [...s3Identity, "distro_domain_name"] },
  cloudfiles: { paths: [], identity: ["username", "container", "auth_url", "region", "project", "domain", "url"] },
}
