/** What `check` says of real servers, when all is well and when it is not: words a person can act on. */
import fs from "node:fs"
import path from "node:path"
import { CreateBucketCommand, S3Client } from "@aws-sdk/client-s3"
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import { makePlace, type Place, removePlace, runBeside } from "../support/program.ts"
import { startFaultProxy } from "./faultProxy.ts"
import { freePort } from "./start/freePort.ts"
import { ftpInstall, ftpInstalled, type FtpServer, startFtpServer } from "./start/ftp.ts"
import { type Gateway, gatewayInstall, gatewayInstalled, startGateway } from "./start/rgw.ts"
import { sshInstall, sshInstalled, type SshServer, startSshServer } from "./start/sftp.ts"
import { startSwift, type Swift, swiftInstall, swiftInstalled } from "./start/swift.ts"

const isRequired = process.env["REQUIRE_SERVERS"] === "1"

const needs = (name: string, isInstalled: boolean, install: string): boolean => {
  if (!isInstalled && !isRequired) {
    process.stderr.write(`\ncheck against ${name} was NOT tested: it is not installed. To test it: ${install}\n\n`)
  }
  return isInstalled || isRequired
}

/** A server of the config, and what is to be said of it: its row in the table, and the line below it. */
interface Case {
  readonly settings: Readonly<Record<string, string>>
  readonly transporter: string
  readonly row: RegExp
  readonly detail?: RegExp
}

const escape = (text: string) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;")
const element = ([name, value]: readonly [string, string]) => `<${name}>${escape(value)}</${name}>`

/** Runs `check` with these servers and compares what it says of each. */
const checked = async (cases: Readonly<Record<string, Case>>, secrets: ReadonlyArray<string>) => {
  const names = Object.keys(cases)
  const servers = Object.entries(cases).map(
    ([name, { settings, transporter }]) =>
      `<server name="${name}" transporter="${transporter}">${Object.entries(settings).map(element).join("")}</server>`,
  )
  const destinations = names.map((name) => `<destination server="${name}" path="static"/>`)
  const place: Place = makePlace({
    servers: servers.join("\n"),
    rules: `<rule for="site" label="all"><destinations>${destinations.join("")}</destinations></rule>`,
  })
  try {
    const { code, err, out } = await runBeside(["check", place.config])
    assert.strictEqual(code, Object.values(cases).some((one) => one.detail !== undefined) ? 1 : 0, out + err)
    const lines = out.split("\n")
    for (const [name, { detail, row }] of Object.entries(cases)) {
      const at = lines.findIndex((line) => line.startsWith(`${name} `))
      assert.match(lines[at]?.slice(name.length).trim() ?? "", row, out)
      if (detail !== undefined) assert.match(lines[at + 1] ?? "", detail, out)
      else assert.notMatch(lines[at + 1] ?? "", /^ {4}/, out)
    }
    for (const secret of secrets) assert.notInclude(out + err, secret)
  } finally {
    removePlace(place)
  }
}

describe.skipIf(!needs("OpenSSH", sshInstalled(), sshInstall))("check against OpenSSH", { timeout: 120_000 }, () => {
  let server: SshServer
  beforeAll(async () => {
    server = await startSshServer()
  })
  afterAll(() => server.stop())

  it("tells what it can do, and what is wrong", async () => {
    const proxy = await startFaultProxy(server.port)
    proxy.mode = "blackhole"
    fs.mkdirSync(path.join(server.data, "locked/static"), { recursive: true })
    fs.chmodSync(path.join(server.data, "locked/static"), 0o555)
    const unused = await freePort()
    const sftp = (settings: Readonly<Record<string, string>>) => ({
      transporter: "sftp",
      settings: {
        host: "127.0.0.1",
        port: String(server.port),
        username: server.user,
        url: "https://cdn.example/",
        key: server.key,
        knownHosts: server.knownHosts,
        ...settings,
      },
    })
    const { key: _, ...withoutKey } = sftp({}).settings
    const { knownHosts: __, ...withoutHost } = sftp({}).settings
    await checked(
      {
        good: { ...sftp({}), row: /^sftp +ok +in one step +size +no +yes +64$/ },
        stranger: { ...sftp({}), settings: withoutHost, row: /^sftp +no access$/, detail: /SHA256:.*<hostKey>/ },
        login: {
          transporter: "sftp",
          settings: { ...withoutKey, password: "wr0ng" },
          row: /^sftp +no access$/,
          detail: /did not let user ".*" in with <password>: check <username> and <password>/,
        },
        nobody: {
          ...sftp({ port: String(unused) }),
          row: /^sftp +out of reach$/,
          detail: /nothing listens there; check <host> and <port>/,
        },
        silent: {
          ...sftp({ port: String(proxy.port), connectTimeout: "1" }),
          row: /^sftp +out of reach$/,
          detail: /no connection within 1 s; check <host>, <port> and firewalls/,
        },
        ...(process.getuid?.() === 0
          ? {
              locked: {
                ...sftp({ path: "locked" }),
                row: /^sftp +may not write$/,
                detail: /in static: the user may not .*give it write permission on the server/,
              },
            }
          : {}),
      },
      ["wr0ng"],
    )
    await proxy.close()
  })
})

describe.skipIf(!needs("ProFTPD", ftpInstalled("proftpd"), ftpInstall.proftpd))(
  "check against ProFTPD",
  { timeout: 120_000 },
  () => {
    let plain: FtpServer
    let safe: FtpServer
    let strict: FtpServer
    beforeAll(async () => {
      strict = await startFtpServer("proftpd", "none", "<Limit RNFR RNTO>\nDenyAll\n</Limit>")
      plain = await startFtpServer("proftpd", "none")
      safe = await startFtpServer("proftpd", "explicit")
    })
    afterAll(async () => {
      await plain.stop()
      await safe.stop()
      await strict.stop()
    })

    it("tells what it can do, and what is wrong", async () => {
      const proxy = await startFaultProxy(plain.port)
      proxy.mode = "blackhole"
      const locked = path.join(plain.data, "locked/static")
      fs.mkdirSync(locked, { recursive: true })
      fs.chmodSync(locked, 0o555)
      const unused = await freePort()
      const ftp = (server: FtpServer, settings: Readonly<Record<string, string>>) => ({
        transporter: "ftp",
        settings: {
          host: "127.0.0.1",
          port: String(server.port),
          username: server.user,
          password: server.password,
          url: "https://cdn.example/",
          ...settings,
        },
      })
      await checked(
        {
          good: { ...ftp(plain, {}), row: /^ftp +ok +in one step +size +no +yes +8$/ },
          login: {
            ...ftp(plain, { password: "wr0ng" }),
            row: /^ftp +no access$/,
            detail: /did not let user "fcftp" in: check <username> and <password>/,
          },
          safe: {
            ...ftp(safe, { secure: "explicit", ca: safe.certificate, host: "localhost" }),
            row: /^ftp +ok +in one step/,
          },
          selfsigned: {
            ...ftp(safe, { secure: "explicit" }),
            row: /^ftp +no access$/,
            detail: /certificate of .* is signed by itself; name a file with it in <ca>/,
          },
          unsafe: {
            ...ftp(plain, { secure: "explicit" }),
            row: /^ftp +out of reach$/,
            detail: /offers no encryption.*check <secure> and <port>/,
          },
          nobody: {
            ...ftp(plain, { port: String(unused) }),
            row: /^ftp +out of reach$/,
            detail: /nothing listens there/,
          },
          silent: {
            ...ftp(plain, { port: String(proxy.port), connectTimeout: "1" }),
            row: /^ftp +out of reach$/,
            detail: /no connection within 1 s.*check/,
          },
          strict: {
            ...ftp(strict, {}),
            row: /^ftp +may not write$/,
            detail: /may not rename files, .*; let the user rename on the server/,
          },
          locked: {
            ...ftp(plain, { path: "locked" }),
            row: /^ftp +may not write$/,
            detail: /in static: the user may not|may not write there/,
          },
        },
        ["wr0ng", plain.password],
      )
      await proxy.close()
    })
  },
)

describe.skipIf(!needs("vsftpd", ftpInstalled("vsftpd"), ftpInstall.vsftpd))(
  "check against vsftpd",
  { timeout: 120_000 },
  () => {
    let server: FtpServer
    beforeAll(async () => {
      server = await startFtpServer("vsftpd", "implicit")
    })
    afterAll(() => server.stop())

    it("tells what it can do", () =>
      checked(
        {
          good: {
            transporter: "ftp",
            settings: {
              host: "localhost",
              port: String(server.port),
              username: server.user,
              password: server.password,
              url: "https://cdn.example/",
              secure: "implicit",
              ca: server.certificate,
            },
            row: /^ftp +ok +in one step +size +no +yes +8$/,
          },
        },
        [server.password],
      ))
  },
)

describe.skipIf(!needs("Ceph RGW", gatewayInstalled(), gatewayInstall))(
  "check against Ceph RGW",
  { timeout: 120_000 },
  () => {
    let gateway: Gateway
    beforeAll(async () => {
      gateway = await startGateway()
      const { id: accessKeyId, secret: secretAccessKey } = gateway.keys
      const admin = new S3Client({
        endpoint: gateway.endpoint,
        region: "us-east-1",
        forcePathStyle: true,
        credentials: { accessKeyId, secretAccessKey },
      })
      await admin.send(new CreateBucketCommand({ Bucket: "acme-assets" }))
      admin.destroy()
    }, 120_000)
    afterAll(() => gateway.stop())

    it("tells what it can do, and what is wrong", async () => {
      const unused = await freePort()
      const s3 = (settings: Readonly<Record<string, string>>) => ({
        transporter: "s3",
        settings: {
          bucket_name: "assets",
          bucket_prefix: "acme-",
          access_key_id: gateway.keys.id,
          secret_access_key: gateway.keys.secret,
          endpoint: gateway.endpoint,
          ...settings,
        },
      })
      await checked(
        {
          good: { ...s3({}), row: /^s3 +ok +in one step +size, checksum +stored +no +16$/ },
          login: {
            ...s3({ secret_access_key: "wr0ng-s3cret" }),
            row: /^s3 +no access$/,
            detail: /the signature is not accepted; check access_key_id and secret_access_key/,
          },
          missing: {
            ...s3({ bucket_name: "none" }),
            row: /^s3 +out of reach$/,
            detail: /bucket "acme-none" does not exist at .*; create it, or correct bucket_name/,
          },
          other: {
            ...s3({ access_key_id: gateway.other.id, secret_access_key: gateway.other.secret }),
            row: /^s3 +may not write$/,
            detail: /access denied to bucket "acme-assets": the policy/,
          },
          nobody: {
            ...s3({ endpoint: `http://127.0.0.1:${unused}` }),
            row: /^s3 +out of reach$/,
            detail: /refuses connections: is the address right/,
          },
          tls: {
            ...s3({ endpoint: gateway.endpoint.replace("http:", "https:") }),
            row: /^s3 +out of reach$/,
            detail: /no secure connection to .*speaks plain http/,
          },
        },
        ["wr0ng-s3cret", gateway.keys.secret],
      )
    })
  },
)

describe.skipIf(!needs("OpenStack Swift", swiftInstalled(), swiftInstall))(
  "check against OpenStack Swift",
  { timeout: 120_000 },
  () => {
    let swift: Swift
    beforeAll(async () => {
      swift = await startSwift()
      await swift.makeContainer("assets")
    }, 120_000)
    afterAll(() => swift.stop())

    it("tells what it can do, and what is wrong", async () => {
      const unused = await freePort()
      const silent = await startFaultProxy(swift.port)
      silent.mode = "blackhole"
      const cloudfiles = (settings: Readonly<Record<string, string>>) => ({
        transporter: "cloudfiles",
        settings: {
          username: swift.user.name,
          api_key: swift.user.key,
          container: "assets",
          auth_url: swift.authUrl,
          ...settings,
        },
      })
      await checked(
        {
          good: { ...cloudfiles({}), row: /^cloudfiles +ok +in one step +size, checksum +stored +no +16$/ },
          login: {
            ...cloudfiles({ api_key: "wr0ng" }),
            row: /^cloudfiles +no access$/,
            detail: /username and api_key/,
          },
          missing: {
            ...cloudfiles({ container: "none" }),
            row: /^cloudfiles +/,
            detail: /container "none" does not exist/,
          },
          stranger: {
            ...cloudfiles({ username: swift.stranger.name, api_key: swift.stranger.key }),
            row: /^cloudfiles +may not write$/,
            detail: /may not|permission|allow/,
          },
          nobody: {
            ...cloudfiles({ auth_url: `http://127.0.0.1:${unused}/auth/v1.0` }),
            row: /^cloudfiles +out of reach$/,
            detail: /refuse|listen/,
          },
          silent: {
            ...cloudfiles({ auth_url: `http://127.0.0.1:${silent.port}/auth/v1.0`, idleTimeout: "1" }),
            row: /^cloudfiles +out of reach$/,
            detail: /did not answer in time: .*; check auth_url and firewalls, or raise/,
          },
          tls: {
            ...cloudfiles({ auth_url: swift.authUrl.replace("http:", "https:") }),
            row: /^cloudfiles +out of reach$/,
            detail: /no secure connection to .*speaks plain http/,
          },
          another: {
            ...cloudfiles({ auth_url: `${swift.endpoint}/v3` }),
            row: /^cloudfiles +no access$/,
            detail: /check auth_url, whose path tells which protocol/,
          },
        },
        ["wr0ng"],
      )
      await silent.close()
    })

    it("tells the same of its S3", async () => {
      await swift.makeContainer("full")
      await swift.ask("POST", "full", undefined, { headers: { "x-container-meta-quota-bytes": "5" } })
      const silent = await startFaultProxy(swift.port)
      silent.mode = "blackhole"
      const s3 = (settings: Readonly<Record<string, string>>) => ({
        transporter: "s3",
        settings: {
          bucket_name: "assets",
          access_key_id: swift.user.name,
          secret_access_key: swift.user.key,
          endpoint: swift.endpoint,
          ...settings,
        },
      })
      await checked(
        {
          good: { ...s3({}), row: /^s3 +ok +in one step +size, checksum +stored +no +16$/ },
          login: {
            ...s3({ secret_access_key: "wr0ng" }),
            row: /^s3 +no access$/,
            detail: /check access_key_id and secret_access_key/,
          },
          missing: {
            ...s3({ bucket_name: "none" }),
            row: /^s3 +out of reach$/,
            detail: /create it, or correct bucket_name/,
          },
          stranger: {
            ...s3({ access_key_id: swift.stranger.name, secret_access_key: swift.stranger.key }),
            row: /^s3 +may not write$/,
            detail: /access denied to bucket "assets": the policy/,
          },
          full: { ...s3({ bucket_name: "full" }), row: /^s3 +full$/, detail: /bucket "full" is full/ },
          path: {
            ...s3({ endpoint: `${swift.endpoint}/v1` }),
            row: /^s3 +out of reach$/,
            detail: /check bucket_name, and that the endpoint has no path/,
          },
          silent: {
            ...s3({ endpoint: `http://127.0.0.1:${silent.port}`, idleTimeout: "1" }),
            row: /^s3 +out of reach$/,
            detail: /did not answer in time; check the endpoint and firewalls/,
          },
        },
        ["wr0ng"],
      )
      await silent.close()
    })
  },
)
