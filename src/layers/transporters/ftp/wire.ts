/**
 * Paths as they travel: commands and replies are bytes, held in strings with one character for each byte.
 *
 * @since 1.0.0
 */
import { Buffer } from "node:buffer"
import { toBytes } from "../../../domain/Path.ts"

const ascii = /^[\x20-\x7e]*$/

/** The bytes of a text, one character each. */
export const wire = (text: string): string => (ascii.test(text) ? text : Buffer.from(toBytes(text)).toString("latin1"))

/** What came over the wire, as a person may read it. */
export const readable = (received: string): string =>
  ascii.test(received) ? received : Buffer.from(received, "latin1").toString("utf8")

/** Byte 255 starts a command of Telnet, on which FTP is built: servers disagree on how it is meant in a name. */
const TELNET_COMMAND = "\udcff"

/** Why FTP can not carry a name; undefined where it can. Nothing of a name with an objection may be sent. */
export const objection = (name: string): string | undefined => {
  if (/[\r\n\0]/.test(name)) {
    return "FTP can not carry a name that holds a line break: the rest of it would be taken for a command; rename the file"
  }
  if (name.includes(TELNET_COMMAND)) {
    return "FTP can not carry a name that holds the byte 255, servers take it for a command; rename the file"
  }
  return undefined
}
