/**
 * `cf`: an S3 bucket behind a CloudFront distribution. Files go into the bucket; their addresses are the distribution's.
 * With `distribution_id` the distribution can be told which of them changed.
 *
 * @since 1.0.0
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import type { RemotePath } from "../../domain/Path.ts"
import { defineTransporter, type ServerIdentity, Transporter, type TransporterShape } from "../../domain/Transporter.ts"
import { makeInvalidator } from "./cloudFront/invalidator.ts"
import { addressBehind } from "./s3/address.ts"
import { makeS3 } from "./s3/transporter.ts"
import { CloudFrontSettings, settingsTraits } from "./settings.ts"

const makeCloudFront = Effect.fnUntraced(function* (
  settings: CloudFrontSettings,
  server: ServerIdentity,
): Effect.fn.Return<TransporterShape, never, Scope.Scope> {
  const bucket = yield* makeS3(settings, server)
  const url = (at: RemotePath): string => addressBehind(settings.distro_domain_name, settings, at)
  const { distribution_id: distribution } = settings
  if (distribution === undefined) return { ...bucket, url }
  const invalidator = yield* makeInvalidator({
    server: server.name,
    distribution,
    settings,
    pathOf: (at) => new URL(url(at), "https://any/").pathname,
  })
  return { ...bucket, url, invalidator }
})

export const cf = defineTransporter({
  name: "cf",
  settings: CloudFrontSettings,
  layer: (settings, server) => Layer.effect(Transporter, makeCloudFront(settings, server)),
  identity: settingsTraits["cf"]?.identity ?? [],
})
