/**
 * Decoding of flat things with a Schema: the attributes of an element, or child elements that hold text only.
 *
 * @since 1.0.0
 */
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as SchemaAST from "effect/SchemaAST"
import { type SettingsDecoder, settingsDecoder } from "../../domain/Settings.ts"
import { type Attribute, type Element, isReferenced, type Text } from "./Element.ts"
import type { Mistakes, Place } from "./mistakes.ts"
import { didYouMean, shown } from "./nearest.ts"
import { VALUE } from "./values.ts"

/** A named value and where it is written. */
export interface Field extends Text {
  readonly name: string
}

/** What the fields are called in messages, and the element that holds them. */
export interface FieldWords {
  readonly owner: Place
  /** "attribute", "setting" or "element". */
  readonly kind: string
  /** In front of every problem, e.g. `server "cdn" (ftp)`; empty for none. */
  readonly subject: string
  /** Between the owner's path and a missing field's name: "/@" for attributes, "/" for elements. */
  readonly separator: "/" | "/@"
}

/** The fields a schema takes, with whether each must be given; undefined where the schema does not tell. */
export const fieldsOf = (
  schema: Schema.ConstraintDecoder<unknown>,
): ReadonlyArray<{ readonly name: string; readonly required: boolean }> | undefined => {
  const encoded = SchemaAST.toEncoded(schema.ast)
  if (encoded._tag !== "Objects" || encoded.indexSignatures.length > 0) return undefined
  return encoded.propertySignatures.map((property) => ({
    name: String(property.name),
    required: !SchemaAST.isOptional(property.type),
  }))
}

const isRedacted = (ast: SchemaAST.AST): boolean => {
  const type = SchemaAST.toType(ast)
  if (type._tag === "Union") return type.types.some(isRedacted)
  return type._tag === "Declaration" && type.annotations?.["expected"] === "Redacted"
}

/** The names of the fields that a schema wraps as secrets. */
export const secretsOf = (schema: Schema.ConstraintDecoder<unknown>): ReadonlySet<string> => {
  const type = SchemaAST.toType(schema.ast)
  const properties = type._tag === "Objects" ? type.propertySignatures : []
  return new Set(properties.filter((property) => isRedacted(property.type)).map((property) => String(property.name)))
}

const holds = (message: string, secret: string): boolean => {
  if (secret === "") return false
  const pieces = secret.length <= 4 ? 1 : secret.length - 3
  for (let at = 0; at < pieces; at++) if (message.includes(secret.slice(at, at + 4))) return true
  return message.includes(JSON.stringify(secret).slice(1, -1))
}

/** A schema's message about a field, without any value that may not be shown. */
const safeMessage = (message: string, field: Field, secret: boolean): string => {
  const placeholder = message.includes(VALUE)
  const template = message.replaceAll(VALUE, "")
  if ((secret || isReferenced(field)) && holds(template, field.value)) return "is not valid here"
  if (!placeholder) return message
  return message.replaceAll(VALUE, secret ? "a value" : shown(field.written))
}

const list = (names: ReadonlyArray<string>, what: string): string => `Valid ${what}: ${names.join(", ")}.`

/**
 * What the fields mean by `schema`, or undefined when there is a mistake: an unknown, missing, repeated or wrong field.
 * All of them are noted.
 */
export const decodeFields = <A>(
  schema: Schema.Decoder<A>,
  fields: ReadonlyArray<Field>,
  words: FieldWords,
  mistakes: Mistakes,
  decode: SettingsDecoder<A> = settingsDecoder(schema),
): A | undefined => {
  const known = fieldsOf(schema)
  const names = known?.map((field) => field.name) ?? []
  const secrets = secretsOf(schema)
  const plural = `${words.kind}s`
  const subject = words.subject === "" ? "" : `${words.subject}: `
  const byName = new Map<string, Field>()
  const input: Record<string, string> = Object.create(null) as Record<string, string>
  let failed = false
  for (const field of fields) {
    if (known !== undefined && !names.includes(field.name)) {
      failed = true
      mistakes.add(
        field,
        `${subject}there is no ${words.kind} ${shown(field.name)}`,
        didYouMean(field.name, names, plural),
      )
      continue
    }
    if (byName.has(field.name)) {
      failed = true
      mistakes.add(field, `${subject}${words.kind} ${shown(field.name)} is given twice`, "Keep one of them.")
      continue
    }
    byName.set(field.name, field)
    input[field.name] = field.value
    if (field.broken) failed = true
  }
  const decoded = Result.getOrElse(
    Result.try(() => decode({ ...input })),
    () => ({ _tag: "Mistakes", mistakes: [{ name: undefined, message: "can not be checked" }] }) as const,
  )
  for (const { message, name } of decoded._tag === "Mistakes" ? decoded.mistakes : []) {
    failed = true
    const field = name === undefined ? undefined : byName.get(name)
    if (field?.broken === true) continue
    const [problem = "", cure] = (
      field === undefined ? message : safeMessage(message, field, secrets.has(field.name))
    ).split("\n")
    if (field !== undefined) {
      mistakes.add(field, `${subject}${words.kind} ${shown(field.name)} ${problem}`, cure)
    } else if (name === undefined) {
      const leaks = [...byName.values()].some(
        (given) => (secrets.has(given.name) || isReferenced(given)) && holds(problem, given.value),
      )
      mistakes.add(words.owner, leaks ? `${subject}the ${plural} do not fit together` : `${subject}${problem}`, cure)
    } else {
      const place = { offset: words.owner.offset, element: `${words.owner.element}${words.separator}${name}` }
      const missing = message === "Missing key"
      mistakes.add(
        place,
        missing
          ? `${subject}${words.kind} ${shown(name)} is missing`
          : `${subject}${words.kind} ${shown(name)} ${problem}`,
        missing ? `Add ${words.separator === "/" ? `<${name}>` : `${name}="..."`}. ${list(names, plural)}` : cure,
      )
    }
  }
  return failed || decoded._tag === "Mistakes" ? undefined : decoded.settings
}

/** The schema of an element that takes no attributes. */
export const noAttributes = Schema.Struct({})

/** The attributes of an element by `schema`. `except` are looked at elsewhere. */
export const decodeAttributes = <A>(
  schema: Schema.Decoder<A>,
  element: Element,
  mistakes: Mistakes,
  except: ReadonlyArray<string> = [],
  subject = "",
  decode?: SettingsDecoder<A>,
): A | undefined =>
  decodeFields(
    schema,
    element.attributes.filter((given: Attribute) => !except.includes(given.name)),
    { owner: element, kind: "attribute", subject, separator: "/@" },
    mistakes,
    decode,
  )

/** Notes what an element that holds text only has besides. */
export const onlyText = (element: Element, mistakes: Mistakes, attributes: ReadonlyArray<string> = []): void => {
  for (const child of element.children) {
    mistakes.add(child, `<${element.name}> holds a value, not elements`, "Write the value as plain text.")
  }
  for (const given of element.attributes) {
    if (attributes.includes(given.name)) continue
    mistakes.add(
      given,
      `there is no attribute ${shown(given.name)}`,
      attributes.length === 0
        ? `<${element.name}> takes no attributes; put the value between its tags.`
        : didYouMean(given.name, attributes, "attributes"),
    )
  }
}

/** A child element as a field: its name, and its text. */
export const textField = (element: Element): Field => ({
  ...element.text,
  offset: element.offset,
  element: element.element,
  name: element.name,
})
