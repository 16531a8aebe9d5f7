/**
 * Entry of a disk worker: a thread that does file system work with synchronous calls, which for many small files are much
 * faster than the platform's own pool, and hang nobody else where a disk does not answer.
 *
 * Messages hold requests in batches; answers go back in batches too: one request and one answer a message would cost more
 * than a small copy. Long operations are put behind the small ones and
 * let them pass by between their pieces.
 *
 * @since 1.0.0
 */
import { parentPort, receiveMessageOnPort, workerData } from "node:worker_threads"
import { DISK_ANSWER_DELAY, DISK_ANSWERS, DISK_IN_FLIGHT } from "../../domain/Limits.ts"
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
let firstAnswer = 0

const post = () => {
  if (answers.length > 0) port.postMessage(answers, transferables)
  answers = []
  transferables = []
}

const answer = (request: Request, real: Turn["real"], between: () => void) => {
  const [slot, operation, input] = request
  if (answers.length === 0) firstAnswer = performance.now()
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
  if (answers.length >= DISK_ANSWERS || performance.now() - firstAnswer > DISK_ANSWER_DELAY) post()
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
}

/** Works off what has arrived since, so that its answers go together with those before. */
const takeWaiting = () => {
  for (;;) {
    const received = receiveMessageOnPort(port)
    if (received === undefined) return post()
    takeSmall(received.message as ReadonlyArray<Request>)
  }
}

const passBy = () => {
  nothing()
  takeWaiting()
}

port.on("message", (requests: ReadonlyArray<Request>) => {
  takeSmall(requests)
  takeWaiting()
  for (let request = long.shift(); request !== undefined; request = long.shift()) {
    answer(request, new Map(), passBy)
    takeWaiting()
  }
})
