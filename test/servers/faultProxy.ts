/** A TCP proxy that misbehaves as it is told to. */
import * as net from "node:net"

/**
 * - `pass`: hands everything on.
 * - `refuse`: resets new connections; those there are stay.
 * - `blackhole`: takes what comes and hands nothing on, without a word.
 */
export type ProxyMode = "pass" | "refuse" | "blackhole"

export interface FaultProxy {
  readonly port: number
  /** Connections taken so far. */
  readonly taken: () => number
  /** Connections that are open. */
  readonly open: () => number
  /** Bytes that came from clients so far. */
  readonly received: () => number
  mode: ProxyMode
  /** Bytes that a client may send on one connection before it is reset. */
  cutAfter: number
  /** Milliseconds that everything takes on its way, each way. */
  delay: number
  /** Resets the connections there are. */
  readonly reset: () => void
  /** Resets the connections there are as soon as their clients say something. */
  readonly resetWhenUsed: () => void
  readonly close: () => Promise<void>
}

/** Starts one on 127.0.0.1 in front of a port there. */
export const startFaultProxy = (target: number): Promise<FaultProxy> => {
  const pairs = new Set<{ readonly client: net.Socket; readonly server: net.Socket; doomed: boolean }>()
  let taken = 0
  let received = 0
  const listener = net.createServer({ allowHalfOpen: true }, (client) => {
    taken += 1
    if (proxy.mode === "refuse") {
      client.resetAndDestroy()
      return
    }
    const server = net.connect({ port: target, host: "127.0.0.1", allowHalfOpen: true })
    const pair = { client, server, doomed: false }
    pairs.add(pair)
    let sent = 0
    const end = (): void => {
      pairs.delete(pair)
      client.resetAndDestroy()
      server.destroy()
    }
    const carry = (from: net.Socket, to: net.Socket): void => {
      const later = (work: () => void): void => {
        if (proxy.delay === 0) work()
        else setTimeout(work, proxy.delay)
      }
      from.on("data", (data) => {
        if (from === client) {
          received += data.length
          sent += data.length
          if (pair.doomed || sent > proxy.cutAfter) return end()
        }
        if (proxy.mode === "blackhole") return
        later(() => {
          if (to.destroyed || to.write(data)) return
          from.pause()
          to.once("drain", () => from.resume())
        })
      })
      from.on("end", () => later(() => to.end()))
      from.on("error", end)
      from.on("close", () => {
        if (to.destroyed) pairs.delete(pair)
      })
    }
    carry(client, server)
    carry(server, client)
  })
  const proxy = {
    port: 0,
    taken: () => taken,
    open: () => pairs.size,
    received: () => received,
    mode: "pass" as ProxyMode,
    cutAfter: Number.POSITIVE_INFINITY,
    delay: 0,
    reset: () => {
      for (const { client, server } of pairs) {
        client.resetAndDestroy()
        server.destroy()
      }
      pairs.clear()
    },
    resetWhenUsed: () => {
      for (const pair of pairs) pair.doomed = true
    },
    close: () =>
      new Promise<void>((resolve) => {
        proxy.reset()
        listener.close(() => resolve())
      }),
  }
  return new Promise((resolve, reject) => {
    listener.once("error", reject)
    listener.listen(0, "127.0.0.1", () => {
      proxy.port = (listener.address() as net.AddressInfo).port
      resolve(proxy)
    })
  })
}
