/**
 * Entry of a disk worker: a thread that does file system work with synchronous calls, which for many small files are much
 * faster than the platform's own pool, and hang nobody else where a disk does not answer.
 *
 * Messages hold requests in batches; answers go back in batches too. Long operations are put behind the small ones and
 * let them pass by between their pieces.
 *
 * @since 1.0.0
 */
import { parentPort, receiveMessageOnPort, workerData } from "node:worker_threads"
import { DISK_ANSWER_DELAY, DISK_IN_FLIGHT } from "../../domain/Limits.ts"
import { isLong, perform, transferablesOf } from "./operations.ts"
import type { Answer, Request, WorkerData } from "./protocol.ts"
import { Refusal, refused } from "./refusal.ts"
import type { Turn } from "./turn.ts"

const port = parentPort
if (port === null) throw new Error("this module is the entry of a worker thread")

const flags = new Int32Array((workerData as WorkerData).flags)
const long: Array<Request> = []

let answers: Array<Answer> = []
let transferables: Array<ArrayBuffer> = []
let lastPost = 0

const post = () => {
  if (answers.length > 0) port.postMessage(answers, transferables)
  answers = []
  transferables = []
  lastPost = performance.now()
}

const answer = (request: Request, real: Turn["real"], between: () => void) => {
  const [slot, operation, input] = request
  Atomics.add(flags, DISK_IN_FLIGHT, 1)
  const cancelled = () => Atomics.load(flags, slot) === 1
  try {
    if (cancelled()) throw new Refusal("Cancelled", "nobody waits for it any more")
    const output = perform(operation, input, { real, cancelled, between })
    answers.push([slot, true, output])
    for (const buffer of transferablesOf(operation, output)) transferables.push(buffer)
  } catch (error) {
    answers.push([slot, false, refused(error)])
  }
  if (performance.now() - lastPost > DISK_ANSWER_DELAY) post()
}

const nothing = () => {
  Atomics.add(flags, DISK_IN_FLIGHT, 1)
}

const takeSmall = (requests: ReadonlyArray<Request>) => {
  const real = new Map<string, string>()
  for (const request of requests) {
    if (isLong(request)) long.push(request)
    else answer(request, real, nothing)
  }
  post()
}

const passBy = () => {
  nothing()
  for (;;) {
    const received = receiveMessageOnPort(port)
    if (received === undefined) return
    takeSmall(received.message as ReadonlyArray<Request>)
  }
}

port.on("message", (requests: ReadonlyArray<Request>) => {
  takeSmall(requests)
  for (let request = long.shift(); request !== undefined; request = long.shift()) {
    answer(request, new Map(), passBy)
    post()
  }
})
