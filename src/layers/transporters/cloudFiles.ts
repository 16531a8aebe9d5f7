/**
 * The transporter `cloudfiles`: a container of Rackspace Cloud Files or of any OpenStack Swift service.
 *
 * The path of `auth_url` tells how to sign in: one with /v3 is Keystone's, one with /v2.0 takes an API key as Rackspace
 * does, any other is asked with the headers of version 1. Without `auth_url` it is Rackspace.
 *
 * A file is one request that the service takes whole or not at all, with its MD5. Larger ones are sent in segments below
 * `.fc-segments/` in the same container, so that whoever may read the files may read these, and are put together when all
 * are there; the segments go when the file does. Nobody else may use names below `.fc-segments/`. Whoever is in the
 * middle of reading a large file while it is replaced is cut off, which clients notice.
 *
 * The container has to exist and to be readable by the public. The address of a file is below `url`, without it below
 * the container's X-Cdn-Uri where the service has a CDN, without that below the container's own address; the latter two
 * are known from the first answer of the service on.
 *
 * @since 1.0.0
 */
import * as Layer from "effect/Layer"
import { defineTransporter, Transporter } from "../../domain/Transporter.ts"
import { makeCloudFiles } from "./cloudFiles/transporter.ts"
import { CloudFilesSettings, settingsTraits } from "./settings.ts"

export const cloudFiles = defineTransporter({
  name: "cloudfiles",
  settings: CloudFilesSettings,
  layer: (settings, server) => Layer.effect(Transporter, makeCloudFiles(settings, server)),
  identity: settingsTraits["cloudfiles"]?.identity ?? [],
})
