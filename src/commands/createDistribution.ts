/**
 * `create-distribution`: a CloudFront distribution in front of a server's bucket.
 *
 * @since 1.0.0
 */
import * as Effect from "effect/Effect"
import type { Config, Server } from "../domain/Config.ts"
import { makeDistributions } from "../layers/transporters/cloudFront/distribution.ts"
import type { S3Settings } from "../layers/transporters/settings.ts"
import { UsageError } from "./arguments.ts"
import { print } from "./output.ts"

const refuse = (problem: string) => new UsageError({ problem, isHelp: false, isTerse: true })

/** The server and the settings of its bucket. */
const bucketServer = Effect.fnUntraced(function* (config: Config, name: string) {
  const server = config.servers.find((one) => one.name === name)
  if (server === undefined) {
    const names = config.servers.map((one) => `"${one.name}"`).join(", ")
    return yield* refuse(`there is no server "${name}"; there are: ${names}`)
  }
  if (server.transporter !== "s3" && server.transporter !== "cf") {
    return yield* refuse(
      `server "${name}" is no bucket (its transporter is ${server.transporter}): CloudFront can stand in front of s3 and cf`,
    )
  }
  // The config was decoded by that transporter's own schema.
  const settings = server.settings as S3Settings
  if (settings.endpoint !== undefined) {
    return yield* refuse(
      `server "${name}" is a bucket at ${settings.endpoint}, not at Amazon: CloudFront does not know it`,
    )
  }
  return { server, settings }
})

const lines = (server: Server, id: string, domainName: string): string =>
  [
    `Put this into <server name="${server.name}" transporter="cf">:`,
    `  <distro_domain_name>${domainName}</distro_domain_name>`,
    `  <distribution_id>${id}</distribution_id>`,
  ].join("\n")

/** Creates it, prints what belongs into the config, and waits until it is deployed. */
export const createDistribution = Effect.fnUntraced(function* (config: Config, name: string) {
  const { server, settings } = yield* bucketServer(config, name)
  const { create, deployed } = yield* makeDistributions(server.name, settings)
  const { domainName, id, isDeployed } = yield* create
  yield* print(`created distribution ${id}: ${domainName}`)
  yield* print(lines(server, id, domainName))
  if (!isDeployed) {
    yield* print(
      "CloudFront takes some minutes to deploy it everywhere; waiting. Ending this command does not end that.",
    )
    yield* deployed(id)
  }
  yield* print("it is deployed: addresses at it can be fetched as soon as the bucket may be read")
}, Effect.scoped)
