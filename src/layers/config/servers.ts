/**
 * `<servers>`: where files go.
 *
 * @since 1.0.0
 */
import * as Schema from "effect/Schema"
import type { Server } from "../../domain/Config.ts"
import type { ServerName } from "../../domain/Path.ts"
import { absolute, type Context } from "./Context.ts"
import { attribute, childrenNamed, type Element, isReferenced } from "./Element.ts"
import { decodeAttributes, decodeFields, type Field, onlyText, textField, noAttributes } from "./fields.ts"
import type { Found } from "./found.ts"
import type { ConfiguredTransporter } from "./Lookup.ts"
import { shown } from "./nearest.ts"
import { checkChildren, uniqueName } from "./structure.ts"
import { count, text } from "./values.ts"

const serverAttributes = Schema.Struct({
  name: text,
  transporter: text,
  maxConnections: Schema.optionalKey(count(0, 10_000)),
})

/** A server, its transporter's definition and the element it was read from. */
export interface DecodedServer {
  readonly server: Server
  readonly definition: ConfiguredTransporter
  readonly element: Element
}

/** Settings that only this project has: a server without any of them was written for the classic. */
const newS3Settings: ReadonlySet<string> = new Set([
  "acl",
  "endpoint",
  "region",
  "forcePathStyle",
  "storageClass",
  "cacheControl",
  "checksum",
  "url",
])

const withAbsolutePath = (field: Field, definition: ConfiguredTransporter, context: Context): Field => {
  const { value } = field
  const isPath = definition.paths?.includes(field.name) === true && !field.broken
  if (!isPath || value === "" || value.includes("\n") || value.startsWith("-----BEGIN") || value.startsWith("~"))
    return field
  // What is written stays what is shown, unless it has parts that are not.
  const path = absolute(context, value)
  return { ...field, value: path, written: isReferenced(field) ? field.written : path }
}

const decodeServer = (
  element: Element,
  context: Context,
  found: Found<ConfiguredTransporter>,
): DecodedServer | undefined => {
  const { mistakes } = context
  const given = decodeAttributes(serverAttributes, element, mistakes)
  for (const child of element.children) onlyText(child, mistakes)
  if (element.text.written !== "")
    mistakes.add(element, "<server> holds text where only settings belong", "Remove the text.")
  const transporter = attribute(element, "transporter")
  const definition = transporter === undefined ? undefined : found(transporter, mistakes)
  if (definition === undefined || transporter === undefined) return undefined
  const name = attribute(element, "name")
  const settings = decodeFields(
    definition.settings,
    element.children.map((child) => withAbsolutePath(textField(child), definition, context)),
    {
      owner: element,
      kind: "setting",
      subject: `server ${shown(name?.written ?? "")} (${transporter.written})`,
      separator: "/",
    },
    mistakes,
    definition.decode,
  )
  if (given === undefined || settings === undefined) return undefined
  if (
    (transporter.value === "s3" || transporter.value === "cf") &&
    !element.children.some((child) => newS3Settings.has(child.name))
  ) {
    context.warnings.push(
      `Server ${shown(name?.written ?? "")}: objects no longer get the ACL public-read by themselves. If visitors can not read them, add <acl>public-read</acl> or a bucket policy.`,
    )
  }
  const server: Server = {
    name: given.name as ServerName,
    transporter: given.transporter,
    maxConnections: given.maxConnections ?? 0,
    settings,
  }
  return { server, definition, element }
}

/** The servers of `<servers>` that are right; mistakes are noted. */
export const decodeServers = (
  element: Element,
  context: Context,
  found: Found<ConfiguredTransporter>,
): ReadonlyArray<DecodedServer> => {
  checkChildren(element, { server: "some" }, context.mistakes)
  decodeAttributes(noAttributes, element, context.mistakes)
  const names = new Set<string>()
  const servers: Array<DecodedServer> = []
  for (const child of childrenNamed(element, "server")) {
    const free = uniqueName(names, attribute(child, "name"), "server", context.mistakes)
    const server = decodeServer(child, context, found)
    if (server !== undefined && free) servers.push(server)
  }
  return servers
}
