/**
 * Signing in: what is asked of which service, and what its answer tells.
 *
 * @since 1.0.0
 */
import { Buffer } from "node:buffer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import type { CloudFilesSettings } from "../settings.ts"
import type { Answer, Outgoing } from "./exchange.ts"

/** Rackspace's service, for accounts without an auth_url. */
export const RACKSPACE = "https://identity.api.rackspacecloud.com/v2.0"

/** What signing in gives. */
export interface Access {
  readonly token: Redacted.Redacted
  /** Address of the account's files. */
  readonly storage: string
  /** Address where the account's CDN is asked about, where it has one. */
  readonly cdn: string | undefined
  /** How long the token holds, in milliseconds; undefined where the service does not say. */
  readonly life: number | undefined
}

/** What an answer lacks, in words. */
export interface Lacking {
  readonly lacking: string
}

/** One way to sign in. */
export interface SignIn {
  readonly request: Outgoing
  readonly read: (answer: Answer) => Access | Lacking
}

type Who = Pick<CloudFilesSettings, "username" | "api_key" | "auth_url" | "region" | "project" | "domain">

const optional = Schema.optionalKey
const words = optional(Schema.NullOr(Schema.String))

const V3Token = Schema.Struct({
  token: Schema.Struct({
    expires_at: words,
    catalog: optional(
      Schema.Array(
        Schema.Struct({
          type: Schema.String,
          endpoints: Schema.Array(
            Schema.Struct({ interface: Schema.String, url: Schema.String, region: words, region_id: words }),
          ),
        }),
      ),
    ),
  }),
})

const V2Access = Schema.Struct({
  access: Schema.Struct({
    token: Schema.Struct({ id: Schema.String, expires: words }),
    user: optional(Schema.Struct({ "RAX-AUTH:defaultRegion": words })),
    serviceCatalog: optional(
      Schema.Array(
        Schema.Struct({
          type: Schema.String,
          endpoints: Schema.Array(Schema.Struct({ publicURL: Schema.String, region: words })),
        }),
      ),
    ),
  }),
})

const decodeV3 = Schema.decodeUnknownOption(Schema.fromJsonString(V3Token))
const decodeV2 = Schema.decodeUnknownOption(Schema.fromJsonString(V2Access))

interface Endpoint {
  readonly url: string
  readonly region: string | undefined
}

const sameRegion = (region: string, endpoint: Endpoint): boolean =>
  endpoint.region?.toLowerCase() === region.toLowerCase()

/** The endpoint of the region that is asked for, or of the only one. */
const chosen = (endpoints: ReadonlyArray<Endpoint>, region: string | undefined): Endpoint | Lacking => {
  const [first] = endpoints
  if (first === undefined) {
    return {
      lacking: "signed in, but this account has no files service; set project, or ask for the right to use files",
    }
  }
  const regions = [...new Set(endpoints.map((endpoint) => endpoint.region ?? "(none)"))].join(", ")
  if (region !== undefined) {
    const there = endpoints.find((endpoint) => sameRegion(region, endpoint))
    return there ?? { lacking: `this account has no files in region "${region}"; set region to one of: ${regions}` }
  }
  const one = endpoints.every((endpoint) => endpoint.region === first.region)
  return one ? first : { lacking: `this account has files in several regions; set region to one of: ${regions}` }
}

/** Counted with the service's own clock, since that of this machine may differ. */
const lifeOf = (expires: string | null | undefined, answer: Answer): number | undefined => {
  const life = Date.parse(expires ?? "") - Date.parse(answer.headers["date"] ?? "")
  return Number.isFinite(life) ? life : undefined
}

const notUnderstood: Lacking = { lacking: "the answer to signing in is none that is known; check auth_url" }

const jsonRequest = (url: string, body: unknown): Outgoing => ({
  method: "POST",
  url,
  headers: { "content-type": "application/json", accept: "application/json" },
  body: new TextEncoder().encode(JSON.stringify(body)),
})

const byKeystone = (base: string, who: Who): SignIn => {
  const domain = { name: who.domain ?? "Default" }
  return {
    request: jsonRequest(`${base}/auth/tokens`, {
      auth: {
        identity: {
          methods: ["password"],
          password: { user: { name: who.username, domain, password: Redacted.value(who.api_key) } },
        },
        ...(who.project === undefined ? {} : { scope: { project: { name: who.project, domain } } }),
      },
    }),
    read: (answer) => {
      const token = answer.headers["x-subject-token"]
      const decoded = Option.getOrUndefined(decodeV3(answer.body))
      if (token === undefined || decoded === undefined) return notUnderstood
      const endpoints = (decoded.token.catalog ?? [])
        .filter((service) => service.type === "object-store")
        .flatMap((service) => service.endpoints)
        .filter((endpoint) => endpoint.interface === "public")
        .map(({ region, region_id, url }) => ({ url, region: region ?? region_id ?? undefined }))
      const endpoint = chosen(endpoints, who.region)
      if ("lacking" in endpoint) return endpoint
      const life = lifeOf(decoded.token.expires_at, answer)
      return { token: Redacted.make(token), storage: endpoint.url, cdn: undefined, life }
    },
  }
}

const byApiKey = (base: string, who: Who): SignIn => ({
  request: jsonRequest(`${base}/tokens`, {
    auth: {
      "RAX-KSKEY:apiKeyCredentials": { username: who.username, apiKey: Redacted.value(who.api_key) },
    },
  }),
  read: (answer) => {
    const access = Option.getOrUndefined(decodeV2(answer.body))?.access
    if (access === undefined) return notUnderstood
    const endpointsOf = (type: string) =>
      (access.serviceCatalog ?? [])
        .filter((service) => service.type === type)
        .flatMap((service) => service.endpoints)
        .map(({ publicURL, region }) => ({ url: publicURL, region: region ?? undefined }))
    const region = who.region ?? access.user?.["RAX-AUTH:defaultRegion"] ?? undefined
    const endpoint = chosen(endpointsOf("object-store"), region)
    if ("lacking" in endpoint) return endpoint
    const cdn = endpointsOf("rax:object-cdn").find((other) => other.region === endpoint.region)?.url
    const life = lifeOf(access.token.expires, answer)
    return { token: Redacted.make(access.token.id), storage: endpoint.url, cdn, life }
  },
})

/** Headers carry bytes: those of UTF-8, which Node takes one character each. */
const wire = (text: string): string => Buffer.from(text, "utf8").toString("latin1")

const byHeaders = (url: string, who: Who): SignIn => ({
  request: {
    method: "GET",
    url,
    headers: { "x-auth-user": wire(who.username), "x-auth-key": wire(Redacted.value(who.api_key)) },
  },
  read: ({ headers }) => {
    const token = headers["x-auth-token"] ?? headers["x-storage-token"]
    const storage = headers["x-storage-url"]
    if (token === undefined || storage === undefined) return notUnderstood
    const seconds = Number(headers["x-auth-token-expires"] ?? Number.NaN)
    const life = Number.isFinite(seconds) ? seconds * 1000 : undefined
    return { token: Redacted.make(token), storage, cdn: headers["x-cdn-management-url"], life }
  },
})

/** How these settings sign in: the path of auth_url tells the protocol. */
export const signInOf = (who: Who): SignIn => {
  const url = who.auth_url ?? RACKSPACE
  const path = new URL(url).pathname
  const upTo = (version: RegExp): string => {
    const found = version.exec(url)
    return found === null ? url : url.slice(0, found.index) + (found[1] ?? "")
  }
  if (/\/v3(\/|$)/.test(path)) return byKeystone(upTo(/(\/v3)(?:\/auth\/tokens)?\/*$/), who)
  if (/\/v2\.0(\/|$)/.test(path)) return byApiKey(upTo(/(\/v2\.0)(?:\/tokens)?\/*$/), who)
  return byHeaders(url, who)
}
