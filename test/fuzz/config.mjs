/** Config files that are almost right, or not at all: whatever is in them, the answer is a config or a list of mistakes. */
import { writeFileSync } from "node:fs"
import path from "node:path"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import { loadConfig } from "../../dist/layers/config/loadConfig.js"

const SECRET = "correct-horse-battery-staple"

const sample = `<?xml version="1.0" encoding="UTF-8"?>
<config>
  <settings><stateDir>state</stateDir><gracePeriod>1h</gracePeriod><maxDeletes>50%</maxDeletes><status>8080</status></settings>
  <sources ignoredDirs="CVS:.svn"><source name="site" scanPath="site" documentRoot="." basePath="/site/"/></sources>
  <servers>
    <server name="cdn" transporter="symlink_or_copy"><location>out</location><url>http://cdn.example.com/</url></server>
    <server name="ftp" transporter="ftp" maxConnections="5"><host>h</host><username>u</username><password>${SECRET}</password><url>http://x/</url></server>
    <server name="s3" transporter="s3"><secret_access_key>${SECRET}</secret_access_key><access_key_id>id</access_key_id><bucket_name>bucket</bucket_name></server>
  </servers>
  <rules>
    <rule for="site" label="all" fileDeletionDelayAfterSync="60">
      <filter><paths>a:b/c</paths><extensions>css:js</extensions><ignoredDirs>x</ignoredDirs><pattern>.*/[a-z]+\\.css$</pattern><size conditionType="minimum">10</size></filter>
      <processorChain><processor name="unique_filename.Mtime"/></processorChain>
      <destinations><destination server="cdn" path="static"/><destination server="ftp"/></destinations>
    </rule>
  </rules>
</config>`

const pieces = [
  ..."<>&'\"/=!?-[]%:;\0\n\r\t ",
  "<!--",
  "-->",
  "<![CDATA[",
  "]]>",
  "<!DOCTYPE a [<!ENTITY b 'c'>]>",
  "&b;",
  "&#0;",
  "&#xD800;",
  "&#1114112;",
  "&amp;",
  "<?x?>",
  "<a>",
  "</a>",
  "<config>",
  "</config>",
  "__proto__",
  "constructor",
  "${env:HOME}",
  "${file:/etc/hostname}",
  "${env:",
  "${file:/dev/zero}",
  "../../..",
  "/",
  "\ufeff",
  "\udc80",
  "\u2028",
  "𝒳",
  "1e309",
  "-1",
  "99999999999999999999",
  "(a+)+$",
  "(?<=x)",
  "[",
  "\\",
  'name="x"',
]

const mutate = (random, text) => {
  const from = random.below(text.length + 1)
  const to = Math.min(text.length, from + random.below(random.chance(0.1) ? 500 : 20))
  switch (random.below(6)) {
    case 0:
      return text.slice(0, from) + text.slice(to)
    case 1:
      return text.slice(0, from) + random.of(pieces) + text.slice(from)
    case 2:
      return text.slice(0, from) + random.of(pieces) + text.slice(to)
    case 3:
      return (
        text.slice(0, from) +
        text.slice(from, to).repeat(1 + random.below(random.chance(0.02) ? 2_000 : 4)) +
        text.slice(to)
      )
    case 4: {
      const at = random.below(text.length + 1)
      return text.slice(0, at) + text.slice(from, to) + text.slice(at)
    }
    default:
      return text.slice(0, from) + String.fromCharCode(random.below(random.chance(0.5) ? 128 : 65_536)) + text.slice(to)
  }
}

/** One try; a finding in words, or undefined. */
export const tryConfig = async (random, directory) => {
  let text = sample
  for (let i = random.below(8); i >= 0; i--) text = mutate(random, text)
  const bytes = Buffer.from(text)
  if (random.chance(0.2) && bytes.length > 0) bytes[random.below(bytes.length)] = random.below(256)
  const file = path.join(directory, "config.xml")
  writeFileSync(file, bytes)
  const startedAt = process.cpuUsage()
  const exit = await Effect.runPromiseExit(loadConfig(file))
  const { system, user } = process.cpuUsage(startedAt)
  const told = (what) => `${what}\n--- config ---\n${bytes.toString("base64")} (base64)`
  if (user + system > 5_000_000) return told(`it took ${((user + system) / 1e6).toFixed(1)} s of work`)
  if (exit._tag === "Success") return undefined
  const error = Cause.squash(exit.cause)
  if (Cause.hasDies(exit.cause) || error?._tag !== "ConfigError") return told(`it broke: ${error?.stack ?? error}`)
  if (error.message.includes(SECRET)) return told(`a secret is in the message: ${error.message}`)
  if (error.mistakes.length === 0) return told("it is refused without a mistake")
  return undefined
}
