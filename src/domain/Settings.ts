/**
 * Settings of a processor or transporter as its own schema decodes them.
 *
 * A module of a third party may come with a copy of Effect of its own, and schemas of two copies do not work together. So
 * its settings are decoded by the copy that made the schema; the outcome is plain data.
 *
 * @since 1.0.0
 */
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as SchemaIssue from "effect/SchemaIssue"

/** What a schema has to say against settings; `name` is that of the setting, undefined: about all of them. */
export interface SettingsMistake {
  readonly name: string | undefined
  readonly message: string
}

export type DecodedSettings<S> =
  | { readonly _tag: "Settings"; readonly settings: S }
  | { readonly _tag: "Mistakes"; readonly mistakes: ReadonlyArray<SettingsMistake> }

/** Decodes a record of strings. All mistakes at once, names that the schema does not know among them. */
export type SettingsDecoder<S> = (given: Readonly<Record<string, string>>) => DecodedSettings<S>

/** What of a copy of Effect is needed to decode. */
export interface SchemaModules {
  readonly Schema: Pick<typeof Schema, "decodeUnknownResult">
  readonly SchemaIssue: Pick<typeof SchemaIssue, "makeFormatterStandardSchemaV1">
}

/** Decodes by this schema with the copy of Effect that it was made with. */
export const settingsDecoder = <S>(
  schema: Schema.Decoder<S>,
  copy: SchemaModules = { Schema, SchemaIssue },
): SettingsDecoder<S> => {
  const decode = copy.Schema.decodeUnknownResult(schema)
  const format = copy.SchemaIssue.makeFormatterStandardSchemaV1()
  return (given) => {
    const decoded = decode(given, { errors: "all", onExcessProperty: "error" })
    if (Result.isSuccess(decoded)) return { _tag: "Settings", settings: decoded.success }
    const mistakes = format(decoded.failure.issue).issues.map(({ message, path }) => {
      const key = path?.[0]
      return { name: key === undefined ? undefined : String(typeof key === "object" ? key.key : key), message }
    })
    return { _tag: "Mistakes", mistakes }
  }
}

/** The decoder that came with a definition, or one for its schema; without a schema nothing is taken. */
export const decoderOf = <S>(definition: {
  readonly settings?: Schema.Decoder<S>
  readonly decode?: SettingsDecoder<S>
}): SettingsDecoder<S> =>
  definition.decode ?? settingsDecoder(definition.settings ?? (Schema.Struct({}) as unknown as Schema.Decoder<S>))
