// A server to try the transporter on: takes PUT, DELETE, HEAD and GET, and keeps files in memory.
import { createServer } from "node:http"

/** Starts one on a free port of this machine, or on the given one. */
export const startServer = (port = 0) =>
  new Promise((resolve) => {
    const files = new Map()
    const state = { broken: false }
    const server = createServer((request, response) => {
      const pieces = []
      request.on("data", (piece) => pieces.push(piece))
      // Only the end of a request stores anything: what is cut off leaves what was there.
      request.on("end", () => {
        const answer = (status, body) => response.writeHead(status, { "content-length": body?.length ?? 0 }).end(body)
        if (state.broken) return answer(503)
        if (request.method === "PUT") return answer(files.set(request.url, Buffer.concat(pieces)) ? 201 : 500)
        if (request.method === "DELETE") return answer(files.delete(request.url) ? 204 : 404)
        return files.has(request.url) ? answer(200, files.get(request.url)) : answer(404)
      })
    })
    server.listen(port, "127.0.0.1", () => {
      const stop = () => new Promise((stopped) => server.close(stopped).closeAllConnections())
      resolve({ address: `http://127.0.0.1:${server.address().port}/`, files, state, stop })
    })
  })
