/**
 * Where a program is.
 *
 * @since 1.0.0
 */
import { accessSync, constants, statSync } from "node:fs"
import { isAbsolute, join } from "node:path"
import * as Effect from "effect/Effect"
import { shown } from "../config/nearest.ts"
import { ProgramError } from "./ProgramError.ts"

/** Where programs are looked for when the environment does not say. */
const usualPath = "/usr/local/bin:/usr/bin:/bin"

/** The directories of PATH. Relative ones are left out: they would lead into the directory a program works in. */
const searched = (): ReadonlyArray<string> => (process.env["PATH"] ?? usualPath).split(":").filter(isAbsolute)

const lookAt = (file: string): "missing" | "not executable" | "fine" => {
  try {
    if (!statSync(file).isFile()) return "missing"
  } catch {
    return "missing"
  }
  try {
    accessSync(file, constants.X_OK)
    return "fine"
  } catch {
    return "not executable"
  }
}

/**
 * The absolute path of a program: itself where it is one, else the first executable file of that name in a directory
 * of PATH. `install` says how to get it, for when it is not there.
 */
export const locateProgram = (name: string, install?: string): Effect.Effect<string, ProgramError> =>
  Effect.suspend(() => {
    const candidates = isAbsolute(name) ? [name] : searched().map((directory) => join(directory, name))
    const looks = candidates.map((file) => [file, lookAt(file)] as const)
    const fine = looks.find(([, look]) => look === "fine")
    if (fine !== undefined) return Effect.succeed(fine[0])
    const refused = looks.find(([, look]) => look === "not executable")
    if (refused !== undefined) {
      return Effect.fail(
        new ProgramError({
          detail: `${shown(refused[0])} may not be executed by this user: chmod +x it, or name another program`,
        }),
      )
    }
    const where = isAbsolute(name)
      ? `there is no program ${shown(name)}`
      : `there is no program ${shown(name)} in the directories of PATH (${searched().join(":")})`
    const cure =
      install ?? (isAbsolute(name) ? "Install it, or correct the path" : "Install it, or write its whole path")
    return Effect.fail(new ProgramError({ detail: `${where}. ${cure}` }))
  })

/** Tells one version of a program from another without starting it; undefined where there is none. */
export const programVersion = (name: string): Effect.Effect<string | undefined> =>
  locateProgram(name).pipe(
    Effect.map((file) => {
      const { ino, mtimeMs, size } = statSync(file)
      return `${file} ${size} ${mtimeMs} ${ino}`
    }),
    Effect.catchCause(() => Effect.succeed(undefined)),
  )
