/**
 * Memory of packets that were sent. The SSH client takes new memory for every packet and leaves it to the garbage
 * collector, which for a large file then took more time than all else.
 *
 * @since 1.0.0
 */
import type { Socket } from "node:net"
import { MessageChannel } from "node:worker_threads"
import { SFTP_LET_GO_BYTES } from "../../../domain/Limits.ts"

const { port1: nowhere } = new MessageChannel()
nowhere.close()

/** It fills a piece of memory, so nobody uses the rest of that, and is large enough to be worth it. */
const isWhole = (packet: Uint8Array): packet is Uint8Array<ArrayBuffer> =>
  packet.byteLength >= SFTP_LET_GO_BYTES &&
  packet.byteLength === packet.buffer.byteLength &&
  packet.buffer instanceof ArrayBuffer

/**
 * From now on memory of large packets is let go as soon as they are sent: what is given to this socket belongs to it. To
 * be called when it connects already, which sets its way of writing.
 */
export const letGoOfSent = (socket: Socket): void => {
  const write = socket.write.bind(socket)
  socket.write = (data: Uint8Array | string, ...more: ReadonlyArray<unknown>): boolean =>
    typeof data === "string" || more.length > 0 || !isWhole(data)
      ? Reflect.apply(write, socket, [data, ...more])
      : // What is transferred leaves this thread, and a closed port leads nowhere.
        write(data, () => nowhere.postMessage(undefined, [data.buffer]))
}
