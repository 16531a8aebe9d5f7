/**
 * A file in one request: the store takes it whole or not at all.
 *
 * @since 1.0.0
 */
import { createHash } from "node:crypto"
import * as Effect from "effect/Effect"
import { TransportError } from "../../../domain/Errors.ts"
import type { Receipt } from "../../../domain/Transporter.ts"
import { wholeOf } from "./buffers.ts"
import type { Upload, Store } from "./store.ts"
import { md5Of } from "./verify.ts"

/** Sends a file whole. The answer's tag, where it is the MD5, proves every byte; else the size is asked for. */
export const putWhole = Effect.fnUntraced(function* (
  store: Store,
  upload: Upload,
): Effect.fn.Return<Receipt, TransportError> {
  const { content } = upload.file
  const path = upload.to
  const bytes = yield* wholeOf(content, { server: store.server, path })
  const receipt: Receipt = { sha256: createHash("sha256").update(bytes).digest("hex") }
  const md5 = createHash("md5").update(bytes).digest()
  const kept = yield* store.requests.send(
    { operation: "put", path, bytes: bytes.length, repeatable: true },
    (s3, abortSignal) =>
      s3.put(
        {
          key: upload.key,
          headers: upload.headers,
          body: bytes,
          md5: md5.toString("base64"),
          sha256: receipt.sha256,
        },
        abortSignal,
      ),
  )
  const told = md5Of(kept)
  if (told === undefined) {
    yield* store.verifySize(upload)
  } else if (told !== md5.toString("hex")) {
    return yield* new TransportError({
      server: store.server,
      operation: "put",
      path,
      reason: { _tag: "VerificationFailed" },
      detail: `what the store keeps has MD5 ${told}, what was sent has ${md5.toString("hex")}`,
    })
  }
  return receipt
})
