/**
 * `s3`: a bucket of Amazon S3 or of any store that speaks its protocol.
 *
 * Nothing is loaded before the first file. Small files are one request, large ones are sent in parts; either way the
 * store shows the old object until it has the whole of the new one. An ACL is sent only when one is set.
 *
 * @since 1.0.0
 */
import * as Layer from "effect/Layer"
import { defineTransporter, Transporter } from "../../domain/Transporter.ts"
import { makeS3 } from "./s3/transporter.ts"
import { S3Settings, settingsTraits } from "./settings.ts"

export const s3 = defineTransporter({
  name: "s3",
  settings: S3Settings,
  layer: (settings, server) => Layer.effect(Transporter, makeS3(settings, server)),
  identity: settingsTraits["s3"]?.identity ?? [],
})
