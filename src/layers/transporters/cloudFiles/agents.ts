/**
 * Connections that are kept for the next request, and given up when nothing moves on them.
 *
 * @since 1.0.0
 */
import * as http from "node:http"
import * as https from "node:https"
import { Socket } from "node:net"
import type { Duplex } from "node:stream"
import { CLOUDFILES_SOCKET_IDLE } from "../../../domain/Limits.ts"

/** In milliseconds. */
export interface Deadlines {
  readonly connectTimeout: number
  readonly idleTimeout: number
}

const timedOut = (message: string): Error => Object.assign(new Error(message), { code: "ETIMEDOUT" })

const inSeconds = (millis: number): string => `${millis / 1000} s`

/** Breaks a connection that does not come about, or on which no byte moves, in time. */
const watch = (socket: Socket, connected: "connect" | "secureConnect", deadlines: Deadlines): void => {
  const { connectTimeout, idleTimeout } = deadlines
  const connecting = setTimeout(
    () => socket.destroy(timedOut(`no connection within ${inSeconds(connectTimeout)}`)),
    connectTimeout,
  )
  const settled = () => clearTimeout(connecting)
  socket.once(connected, settled)
  socket.once("close", settled)
  socket.setTimeout(idleTimeout)
  socket.on("timeout", () => socket.destroy(timedOut(`no sign of life for ${inSeconds(idleTimeout)}`)))
}

const watched = <A extends http.Agent>(agent: A, connected: "connect" | "secureConnect", deadlines: Deadlines): A => {
  const plain: http.Agent = agent
  const createConnection = plain.createConnection.bind(plain)
  const keepSocketAlive = plain.keepSocketAlive.bind(plain)
  const reuseSocket = plain.reuseSocket.bind(plain)
  const setTimeoutOf = (socket: Duplex, millis: number) => {
    if (socket instanceof Socket) socket.setTimeout(millis)
  }
  plain.createConnection = (options, callback) => {
    const socket = createConnection(options, callback)
    if (socket instanceof Socket) watch(socket, connected, deadlines)
    return socket
  }
  plain.keepSocketAlive = (socket) => {
    const kept = keepSocketAlive(socket)
    setTimeoutOf(socket, CLOUDFILES_SOCKET_IDLE)
    return kept
  }
  plain.reuseSocket = (socket, request) => {
    reuseSocket(socket, request)
    setTimeoutOf(socket, deadlines.idleTimeout)
  }
  return agent
}

/** Agents for http and https that hold at most so many connections to a host. */
export const makeAgents = (deadlines: Deadlines, connections: number) => {
  const options = { keepAlive: true, maxSockets: connections }
  return {
    http: watched(new http.Agent(options), "connect", deadlines),
    https: watched(new https.Agent(options), "secureConnect", deadlines),
  }
}
