/**
 * What a process for processors gets of the daemon's environment: enough to find and run programs, and no secret.
 *
 * @since 1.0.0
 */

/** Names of variables that are passed on; those that begin with `LC_` are, too. */
const passed = new Set([
  "PATH",
  "HOME",
  "USER",
  "LOGNAME",
  "SHELL",
  "LANG",
  "TZ",
  "TMPDIR",
  "JAVA_HOME",
  "LD_LIBRARY_PATH",
  "DYLD_LIBRARY_PATH",
  "FONTCONFIG_PATH",
  "FONTCONFIG_FILE",
  "SYSTEMROOT",
  "TEMP",
  "TMP",
])

/** The part of an environment that processors get. */
export const reducedEnvironment = (environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv =>
  Object.fromEntries(
    Object.entries(environment).filter(([name]) => passed.has(name.toUpperCase()) || name.startsWith("LC_")),
  )
