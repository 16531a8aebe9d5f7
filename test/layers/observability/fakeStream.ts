import { EventEmitter } from "node:events"
import type { LineStream } from "../../../src/layers/observability/standardError.ts"

/** A stream that keeps what is written to it. */
export class FakeStream extends EventEmitter {
  text = ""
  writableLength = 0
  readonly isTTY: boolean
  readonly columns = 120
  constructor(isTTY: boolean) {
    super()
    this.isTTY = isTTY
  }
  write(text: string): boolean {
    this.text += text
    return true
  }
  get lines(): ReadonlyArray<string> {
    return this.text.split("\n").slice(0, -1)
  }
  /** As the stream it stands for. */
  get stream(): LineStream {
    return this as unknown as LineStream
  }
}
