/** Kinds of destinations of a world: what `<server>` says, what is there now, what ends it. */
import { spawn } from "node:child_process"
import fs from "node:fs"
import net from "node:net"
import os from "node:os"
import path from "node:path"
import { fileURLToPath } from "node:url"

const here = (name) => fileURLToPath(new URL(name, import.meta.url))
export const pause = (millis) => new Promise((resolve) => setTimeout(resolve, millis))

/** Returns once `holds` does; undefined when it did not within `seconds`. */
export const until = async (holds, seconds, step = 25) => {
  const deadline = Date.now() + seconds * 1000
  while (Date.now() < deadline) {
    const found = await holds()
    if (found) return found
    await pause(step)
  }
  return undefined
}

/** Names below a directory, with `/` between, and what is in the files; links are followed. */
export const filesOf = (directory) => {
  const found = new Map()
  const visit = (at, relative) => {
    let entries
    try {
      entries = fs.readdirSync(at, { withFileTypes: true })
    } catch {
      return
    }
    for (const entry of entries) {
      const [full, name] = [path.join(at, entry.name), relative + entry.name]
      try {
        if (fs.statSync(full).isDirectory()) visit(full, `${name}/`)
        else found.set(name, fs.readFileSync(full, "latin1"))
      } catch {
        // It went away meanwhile.
      }
    }
  }
  visit(directory, "")
  return found
}

const freePort = () =>
  new Promise((resolve) => {
    const probe = net.createServer()
    probe.listen(0, "127.0.0.1", () => {
      const { port } = probe.address()
      probe.close(() => resolve(port))
    })
  })

const answers = (port) =>
  new Promise((resolve) => {
    const socket = net.connect(port, "127.0.0.1")
    socket.once("data", () => resolve(true))
    socket.once("error", () => resolve(false))
    socket.once("data", () => socket.destroy())
  })

/** Starts a server of test/servers/start; `stop` ends it. */
const startServer = async (script, directory, words) => {
  const port = await freePort()
  const child = spawn("bash", [here(`../servers/start/${script}`), directory, String(port), ...words], {
    stdio: ["ignore", "ignore", "inherit"],
    detached: true,
  })
  if ((await until(() => answers(port), 30)) === undefined) throw new Error(`no server answers on port ${port}`)
  return { port, stop: () => process.kill(-child.pid, "SIGKILL") }
}

/** Has the gateway's script do something; returns the last line it prints. */
const gateway = async (word, directory) => {
  // Daemons keep what they print to open for ever: a file instead of a pipe lets the script's end be the end.
  const file = `${directory}.${word}.log`
  const log = fs.openSync(file, "w")
  const child = spawn("bash", [here("../servers/start/rgw.sh"), word, directory], { stdio: ["ignore", log, log] })
  const code = await new Promise((resolve) => child.once("exit", resolve))
  fs.closeSync(log)
  const said = fs.readFileSync(file, "utf8")
  if (code !== 0) throw new Error(`rgw.sh ${word} ended with ${code}: ${said}`)
  return said.trim().split("\n").at(-1)
}

/** A bucket of a Ceph object gateway, looked at with a client of its own. */
const bucket = async (directory, named) => {
  const { CreateBucketCommand, GetObjectCommand, ListObjectsV2Command, S3Client } = await import("@aws-sdk/client-s3")
  const place = path.join(directory, "gateway")
  const stop = () => gateway("stop", place)
  let endpoint
  try {
    endpoint = await gateway("start", place)
  } catch (error) {
    await stop()
    throw error
  }
  const client = new S3Client({
    endpoint,
    region: "us-east-1",
    forcePathStyle: true,
    credentials: { accessKeyId: "AKTEST", secretAccessKey: "SKTEST" },
  })
  await client.send(new CreateBucketCommand({ Bucket: "origin" }))
  /** What objects of a name and a tag hold, as it was found out by the last look. */
  let known = new Map()
  const files = async () => {
    const found = new Map()
    const now = new Map()
    let after
    do {
      const page = await client.send(new ListObjectsV2Command({ Bucket: "origin", ContinuationToken: after }))
      for (const { ETag, Key } of page.Contents ?? []) {
        const tag = `${ETag} ${Key}`
        const read = async () => {
          const { Body } = await client.send(new GetObjectCommand({ Bucket: "origin", Key }))
          return Body.transformToString("latin1")
        }
        // It may go away between the list and this.
        const content = known.get(tag) ?? (await read().catch(() => undefined))
        if (content === undefined) continue
        now.set(tag, content)
        found.set(Key, content)
      }
      after = page.NextContinuationToken
    } while (after !== undefined)
    known = now
    return found
  }
  return {
    server: `<server name="origin" transporter="${named("s3")}"><bucket_name>origin</bucket_name><access_key_id>AKTEST</access_key_id><secret_access_key>SKTEST</secret_access_key><endpoint>${endpoint}</endpoint><region>us-east-1</region><forcePathStyle>true</forcePathStyle><url>http://x/</url></server>`,
    files,
    stop: async () => {
      client.destroy()
      await stop()
    },
  }
}

const local = (transporter, settings) => async (directory, named) => ({
  server: `<server name="origin" transporter="${named(transporter)}">${settings(directory)}<url>http://x/</url></server>`,
  files: async () => filesOf(path.join(directory, "out")),
  stop: () => undefined,
})

/** Each is made below a directory, with a transporter as it is `named` in the config. */
const kinds = {
  copy: local("symlink_or_copy", (directory) => `<location>${directory}/out</location><mode>copy</mode>`),
  link: local("symlink_or_copy", (directory) => `<location>${directory}/out</location>`),
  telling: local("default", (directory) => `<directory>${directory}/out</directory>`),
  sftp: async (directory, named) => {
    const { port, stop } = await startServer("sftp.sh", path.join(directory, "server"), [])
    const user = process.getuid?.() === 0 ? "fcsftp" : os.userInfo().username
    const data = path.join(directory, "server/data")
    return {
      server: `<server name="origin" transporter="${named("sftp")}"><host>127.0.0.1</host><port>${port}</port><username>${user}</username><key>${directory}/server/key</key><knownHosts>${directory}/server/known_hosts</knownHosts><path>${data}</path><url>http://x/</url></server>`,
      files: async () => filesOf(data),
      stop,
    }
  },
  ftp: async (directory, named) => {
    const { port, stop } = await startServer("ftp.sh", path.join(directory, "server"), ["proftpd", "none"])
    return {
      server: `<server name="origin" transporter="${named("ftp")}"><host>127.0.0.1</host><port>${port}</port><username>fcftp</username><password>s3cret</password><url>http://x/</url></server>`,
      files: async () => filesOf(path.join(directory, "server/data")),
      stop,
    }
  },
  s3: bucket,
}
export const serverKinds = Object.keys(kinds)

/** Programs that a kind takes. */
const programs = {
  sftp: ["/usr/sbin/sshd"],
  ftp: ["/usr/sbin/proftpd"],
  s3: ["/usr/bin/radosgw", "/usr/bin/ceph-mon", "/usr/bin/ceph-osd"],
}
export const isInstalled = (kind) => (programs[kind] ?? []).every((program) => fs.existsSync(program))

/**
 * Makes one: `server` is its element of the config, `files` tells what is published now, `stop` ends it. With `telling` its
 * transporter ends the program at named moments.
 */
export const makeDestination = (kind, directory, telling) =>
  kinds[kind](directory, (name) => (telling || name === "default" ? `${here("telling.mjs")}#${name}` : name))
