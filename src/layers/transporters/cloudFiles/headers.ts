/**
 * What a service is told about a file besides its bytes.
 *
 * @since 1.0.0
 */
import { percentEncode, type RemotePath } from "../../../domain/Path.ts"
import type { OutputFile } from "../../../domain/Transporter.ts"
import { wireHeaders } from "../s3/directPut.ts"
import { objectHeaders as commonHeaders } from "../s3/headers.ts"

const META = "x-object-meta-"

/** Headers that say something to an S3 store alone. */
const foreign = /^x-amz-/

/** Header values outside ASCII travel percent-encoded. */
const ascii = (value: string): string => value.replace(/[^\x20-\x7e]+/gu, percentEncode)

/** Seconds since the epoch with nine decimals, as other clients of such services write it. */
const seconds = (nanos: bigint): string => {
  const digits = (nanos < 0n ? -nanos : nanos).toString().padStart(10, "0")
  return `${nanos < 0n ? "-" : ""}${digits.slice(0, -9)}.${digits.slice(-9)}`
}

/**
 * Headers of an object, their names in lower case: those of the file, which win over what its name says. Which of them a
 * service keeps is up to its config; Content-Type, Content-Encoding and x-object-meta-* always are.
 */
export const objectHeaders = (file: OutputFile, to: RemotePath): Readonly<Record<string, string>> => {
  const common = Object.entries(wireHeaders(commonHeaders(file, to, {}))).filter(([name]) => !foreign.test(name))
  const meta = Object.entries(file.headers)
    .filter(([name]) => name.startsWith(META))
    .map(([name, value]) => [name, ascii(value)] as const)
  return { ...Object.fromEntries(common), [`${META}mtime`]: seconds(file.state.mtimeNs), ...Object.fromEntries(meta) }
}
