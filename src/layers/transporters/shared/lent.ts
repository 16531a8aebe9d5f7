/**
 * The bytes of a file for whoever only passes them on.
 *
 * @since 1.0.0
 */
import * as Stream from "effect/Stream"
import type { SourceError } from "../../../domain/Errors.ts"
import type { Content } from "../../../domain/SourceFiles.ts"
import { DiskContent, type Lent } from "../../disk/DiskContent.ts"

/** The bytes in order, each piece in memory that is used again once it is given back, as far as it can be. */
export const lentBytes = (content: Content): Stream.Stream<Lent, SourceError> =>
  content instanceof DiskContent ? content.lent : Stream.map(content.bytes, (bytes) => ({ bytes, giveBack: () => {} }))
