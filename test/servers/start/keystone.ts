/** Puts a Keystone in front of a Swift for a test, with users and projects to sign in with. */
import type { Swift } from "./swift.ts"

/** A Keystone that is running, and what its administrator can do there. */
export interface Keystone {
  /** Where to sign in, with /v3 at its end. */
  readonly authUrl: string
  /** Who may do anything with the files of the project, which is in the domain as well. */
  readonly user: { readonly name: string; readonly password: string; readonly project: string; readonly domain: string }
  /** Has the right to sign in to the project, and none to its files. */
  readonly stranger: { readonly name: string; readonly password: string }
  readonly region: string
  /** Address of a container of the project. */
  readonly containerUrl: (container: string) => string
  /** Makes a container that everybody may read. */
  readonly makeContainer: (container: string) => Promise<void>
  /** Bytes of an object as the public gets them; undefined where there is none. */
  readonly read: (container: string, name: string) => Promise<Uint8Array | undefined>
  readonly names: (container: string) => Promise<ReadonlyArray<string>>
  /** Takes back all tokens the user was given. Tokens that are asked for afterwards hold. */
  readonly revokeTokens: () => Promise<void>
}

const DOMAIN = "customers"
const PROJECT = "web site"
const USER = { name: "publisher", password: "Publ1sh, please" }
const STRANGER = { name: "stranger", password: "no rights" }

interface Question {
  readonly method: string
  readonly path: string
  readonly token?: string
  readonly body?: unknown
  readonly headers?: Readonly<Record<string, string>>
}

/** Starts one. */
export const startKeystone = async (swift: Swift): Promise<Keystone> => {
  const { identity, storage } = await swift.keystone()
  const base = `${identity}/v3`

  const ask = async ({ body, headers, method, path, token }: Question): Promise<Response> => {
    const answer = await fetch(`${base}/${path}`, {
      method,
      headers: {
        "content-type": "application/json",
        ...(token === undefined ? {} : { "x-auth-token": token }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    if (!answer.ok) throw new Error(`${method} ${path} was answered with ${answer.status}: ${await answer.text()}`)
    return answer
  }
  const tokenOf = async (
    who: { readonly name: string; readonly password: string },
    domain: string,
    project: string,
  ) => {
    const body = {
      auth: {
        identity: { methods: ["password"], password: { user: { ...who, domain: { name: domain } } } },
        scope: { project: { name: project, domain: { name: domain } } },
      },
    }
    return (await ask({ method: "POST", path: "auth/tokens", body })).headers.get("x-subject-token") ?? ""
  }
  const token = await tokenOf({ name: "admin", password: "adminpw" }, "Default", "admin")
  const make = async (kind: string, some: Readonly<Record<string, unknown>>): Promise<string> => {
    const answer = await ask({ method: "POST", path: `${kind}s`, token, body: { [kind]: some } })
    return ((await answer.json()) as Record<string, { readonly id: string }>)[kind]?.id ?? ""
  }
  const role = async (name: string): Promise<string> => {
    const answer = await ask({ method: "GET", path: `roles?name=${name}`, token })
    return ((await answer.json()) as { readonly roles: ReadonlyArray<{ readonly id: string }> }).roles[0]?.id ?? ""
  }
  const grant = (project: string, user: string, roleId: string) =>
    ask({ method: "PUT", path: `projects/${project}/users/${user}/roles/${roleId}`, token })

  const service = await make("project", { name: "service", domain_id: "default" })
  const asker = await make("user", { name: "swift", password: "swiftpw", domain_id: "default" })
  await grant(service, asker, await role("admin"))
  const domain = await make("domain", { name: DOMAIN })
  const project = await make("project", { name: PROJECT, domain_id: domain })
  const user = await make("user", { ...USER, domain_id: domain })
  const stranger = await make("user", { ...STRANGER, domain_id: domain })
  await grant(project, user, await role("member"))
  await grant(project, stranger, await role("reader"))
  const files = await make("service", { type: "object-store", name: "swift" })
  const account = `${storage}/v1/AUTH_`
  for (const kind of ["public", "internal"]) {
    await make("endpoint", {
      service_id: files,
      interface: kind,
      region_id: "R1",
      url: kind === "public" ? `${account}$(project_id)s` : "http://internal.invalid/",
    })
  }

  const containerUrl = (container: string) => `${account}${project}/${encodeURIComponent(container)}`
  const withFiles = async (method: string, url: string, headers: Readonly<Record<string, string>> = {}) => {
    const answer = await fetch(url, {
      method,
      headers: { ...headers, "x-auth-token": await tokenOf(USER, DOMAIN, PROJECT) },
    })
    if (!answer.ok) throw new Error(`${method} ${url} was answered with ${answer.status}`)
    return answer
  }
  return {
    authUrl: base,
    user: { ...USER, project: PROJECT, domain: DOMAIN },
    stranger: STRANGER,
    region: "R1",
    containerUrl,
    makeContainer: async (container) =>
      void (await withFiles("PUT", containerUrl(container), { "x-container-read": ".r:*" })),
    read: async (container, name) => {
      const answer = await fetch(`${containerUrl(container)}/${name.split("/").map(encodeURIComponent).join("/")}`)
      if (answer.status === 404) return undefined
      if (!answer.ok) throw new Error(`reading ${name} was answered with ${answer.status}`)
      return new Uint8Array(await answer.arrayBuffer())
    },
    names: async (container) => {
      const answer = await withFiles("GET", `${containerUrl(container)}?format=json`)
      return ((await answer.json()) as ReadonlyArray<{ readonly name: string }>).map((entry) => entry.name)
    },
    revokeTokens: async () => {
      await ask({ method: "PATCH", path: `users/${user}`, token, body: { user: { password: USER.password } } })
      // Swift remembers which tokens held.
      await swift.forgetTokens()
      // Times of tokens are whole seconds: one given in the very second of the revocation is revoked as well.
      const holds = async () => {
        const fresh = await tokenOf(USER, DOMAIN, PROJECT)
        const headers = { "x-subject-token": fresh }
        return ask({ method: "GET", path: "auth/tokens", token, headers }).then(
          () => true,
          () => false,
        )
      }
      const until = Date.now() + 20_000
      while (!(await holds())) if (Date.now() > until) throw new Error("no token holds any more")
    },
  }
}
