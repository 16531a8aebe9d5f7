/** An FTP server in this process that behaves as it is told, and remembers what it was told. */
import { Buffer } from "node:buffer"
import * as net from "node:net"
import { Effect, type Scope } from "effect"

export interface FtpDouble {
  readonly port: number
  /** Files by path; names in Latin-1. Directories end in "/". */
  readonly files: Map<string, Buffer>
  /** Commands of all connections in order, without the password. */
  readonly commands: Array<string>
  /** What a command is answered instead of being done; undefined: done all the same. By its first word. */
  readonly answers: Map<string, (argument: string) => string | undefined>
  /** Connections so far. */
  readonly connections: () => number
  /** Answers only the first of commands that come together, as servers do that forget what they have not read. */
  deaf: boolean
}

const features = ["EPSV", "PASV", "SIZE", "UTF8", "MFMT"]

/** Listens on 127.0.0.1 until the scope ends. */
export const ftpDouble: Effect.Effect<FtpDouble, never, Scope.Scope> = Effect.acquireRelease(
  Effect.promise<FtpDouble & { readonly close: () => void }>(
    () =>
      new Promise((resolve) => {
        const sockets = new Set<net.Socket>()
        let connections = 0
        const files = new Map<string, Buffer>([["/", Buffer.alloc(0)]])
        const commands: Array<string> = []
        const answers: FtpDouble["answers"] = new Map()
        const directoryOf = (path: string): string => path.slice(0, path.lastIndexOf("/") + 1)

        const serve = (control: net.Socket): void => {
          connections += 1
          sockets.add(control)
          control.setEncoding("latin1")
          control.setNoDelay(true)
          control.on("error", () => {})
          let passive: net.Server | undefined
          let data: Promise<net.Socket> | undefined
          let from = ""
          const say = (line: string): void => {
            control.write(`${line}\r\n`, "latin1")
          }
          const listen = (told: (port: number) => string): void => {
            passive?.close()
            const listener = net.createServer()
            passive = listener
            data = new Promise((accepted) => listener.once("connection", accepted))
            listener.listen(0, "127.0.0.1", () => say(told((listener.address() as net.AddressInfo).port)))
          }
          const send = async (text: string): Promise<void> => {
            say("150 here it comes")
            const socket = await data
            socket?.end(text, "latin1", () => say("226 sent"))
          }
          const done: Record<string, (argument: string) => void | Promise<void>> = {
            USER: () => say("331 password"),
            PASS: () => say("230 welcome"),
            FEAT: () => say(`211-Features:\r\n${features.map((feature) => ` ${feature}`).join("\r\n")}\r\n211 End`),
            OPTS: () => say("200 yes"),
            TYPE: () => say("200 yes"),
            PWD: () => say('257 "/" is it'),
            EPSV: () => listen((port) => `229 Entering (|||${port}|)`),
            PASV: () => listen((port) => `227 Entering (10,1,2,3,${port >> 8},${port & 255})`),
            STOR: async (path) => {
              if (!files.has(directoryOf(path))) return say(`550 ${path}: No such file or directory`)
              say("150 go on")
              const socket = await data
              const chunks: Array<Buffer> = []
              for await (const chunk of socket ?? []) chunks.push(chunk as Buffer)
              files.set(path, Buffer.concat(chunks))
              say("226 got it")
            },
            SIZE: (path) => {
              const file = path.endsWith("/") ? undefined : files.get(path)
              say(file === undefined ? `550 ${path}: No such file` : `213 ${file.length}`)
            },
            MFMT: () => say("213 yes"),
            MLST: (path) => {
              const file = files.get(path)
              say(file === undefined ? "550 nothing" : `250-it\r\n type=file;size=${file.length}; ${path}\r\n250 End`)
            },
            RNFR: (path) => {
              from = path
              say(files.has(path) ? "350 to what" : "550 no such file")
            },
            RNTO: (path) => {
              files.set(path, files.get(from) ?? Buffer.alloc(0))
              files.delete(from)
              say("250 moved")
            },
            DELE: (path) => say(files.delete(path) ? "250 gone" : `550 ${path}: No such file`),
            MKD: (path) => {
              const isThere = files.has(`${path}/`) || !files.has(directoryOf(path))
              if (!isThere) files.set(`${path}/`, Buffer.alloc(0))
              say(isThere ? "550 can not" : `257 "${path}" made`)
            },
            RMD: (path) => {
              const isEmpty = ![...files.keys()].some((name) => name !== `${path}/` && name.startsWith(`${path}/`))
              say(isEmpty && files.delete(`${path}/`) ? "250 gone" : "550 can not")
            },
            CWD: (path) => say(files.has(path.endsWith("/") ? path : `${path}/`) ? "250 there" : "550 no"),
            LIST: () =>
              send(
                [...files]
                  .map(
                    ([name, bytes]) =>
                      `-rw-r--r-- 1 me us ${bytes.length} Jan 01 2024 ${name.slice(name.lastIndexOf("/") + 1)}\r\n`,
                  )
                  .join(""),
              ),
            NLST: () => send([...files.keys()].map((name) => `${name.slice(name.lastIndexOf("/") + 1)}\r\n`).join("")),
            QUIT: () => {},
          }
          const obey = async (line: string): Promise<void> => {
            const [verb = ""] = line.split(" ", 1)
            const argument = line.slice(verb.length + 1)
            commands.push(verb === "PASS" ? verb : line)
            const told = answers.get(verb)?.(argument)
            if (told === undefined) return (done[verb] ?? (() => say("502 what?")))(argument)
            if (told !== "") say(told)
            if (told.startsWith("421")) control.end()
          }
          let turn = Promise.resolve()
          let rest = ""
          control.on("data", (chunk: string) => {
            const lines = (rest + chunk).split("\r\n")
            rest = lines.pop() ?? ""
            const heard = double.deaf ? lines.slice(0, 1) : lines
            for (const line of heard) turn = turn.then(() => obey(line))
          })
          control.on("close", () => passive?.close())
          const greeting = answers.get("greeting")?.("") ?? "220 hello"
          if (greeting !== "") say(greeting)
        }
        const listener = net.createServer(serve)
        const double = {
          port: 0,
          files,
          commands,
          answers,
          connections: () => connections,
          deaf: false,
          close: () => {
            for (const socket of sockets) socket.destroy()
            listener.close()
          },
        }
        listener.listen(0, "127.0.0.1", () => {
          double.port = (listener.address() as net.AddressInfo).port
          resolve(double)
        })
      }),
  ),
  (double) => Effect.sync(double.close),
)
