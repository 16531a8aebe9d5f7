/**
 * After the ledger was lost: what a server holds already is written down instead of being uploaded again.
 *
 * A decorator of transporters, so that everything else goes its usual way. Only places that no delivery is recorded at are
 * asked about; where the server can not tell for certain that it holds exactly these bytes, they are uploaded.
 *
 * @since 1.0.0
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { Ledger } from "../domain/Ledger.ts"
import type { RemotePath, ServerName } from "../domain/Path.ts"
import { Workspace } from "../domain/Processor.ts"
import type { OutputFile, Receipt, TransporterShape } from "../domain/Transporter.ts"

/**
 * What is proof enough that a server holds a file. `content`: the bytes were compared, by the server's own hash or by
 * reading them on this machine; or the name promises the content and the size is right. `size`: the right size will do,
 * for servers that tell nothing else, unless the source file is to be deleted.
 */
export type AdoptProof = "content" | "size"

export const makeAdopt = Effect.fnUntraced(function* (proof: AdoptProof) {
  const ledger = yield* Ledger
  const workspace = yield* Workspace
  let adopted = 0

  const isFree = (server: ServerName, place: RemotePath) =>
    Effect.map(ledger.occupants(server, place), (occupants) => occupants.length === 0)

  /** What is recorded: the hash of the source file's bytes, for whoever delivers them as they are. */
  const receiptOf = Effect.fnUntraced(function* ({ content }: OutputFile): Effect.fn.Return<Receipt, unknown> {
    return { sha256: content.origin === "source" ? yield* workspace.hash(content, "sha256") : "" }
  })

  const compare = Effect.fnUntraced(function* (transporter: TransporterShape, file: OutputFile, to: RemotePath) {
    const found = Option.getOrUndefined(yield* transporter.stat(to))
    if (found === undefined || found.size !== file.content.size) return undefined
    if (found.hash !== undefined) {
      const { algorithm, hex } = found.hash
      const own = yield* workspace.hash(file.content, algorithm)
      if (own !== hex) return undefined
      return algorithm === "sha256" && file.content.origin === "source" ? { sha256: own } : yield* receiptOf(file)
    }
    const isEnough = file.uniqueName || (proof === "size" && file.sourceStays)
    // Nobody compared the bytes, so their hash is not on record either.
    return isEnough ? { sha256: "" } : undefined
  })

  const look = Effect.fnUntraced(function* (
    server: ServerName,
    transporter: TransporterShape,
    file: OutputFile,
    to: RemotePath,
  ) {
    if (!(yield* isFree(server, to))) return undefined
    if (transporter.holds === undefined) return yield* compare(transporter, file, to)
    return (yield* transporter.holds(file, to)) ? yield* receiptOf(file) : undefined
  })

  return {
    /** Files that were right already. */
    count: () => adopted,
    decorate: (server: ServerName, transporter: TransporterShape): TransporterShape => {
      const { putMany: _, ...one } = transporter
      return {
        ...one,
        put: Effect.fnUntraced(function* (file, to) {
          // Whatever keeps it from being looked at will be told by the upload.
          const receipt = yield* Effect.orElseSucceed(look(server, transporter, file, to), () => undefined)
          if (receipt === undefined) return yield* transporter.put(file, to)
          adopted++
          return receipt
        }),
      }
    },
  }
})

export type Adopt = Effect.Success<ReturnType<typeof makeAdopt>>
