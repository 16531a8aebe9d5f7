/**
 * Where the compiled entry of a worker thread is.
 *
 * @since 1.0.0
 */

/**
 * The URL of a worker module beside the module at `from` (its `import.meta.url`); `name` is without extension. Sources
 * that run untranspiled (tests) find the worker in dist/, which `npm test` builds first.
 */
export const workerEntry = (name: string, from: string): URL => {
  const url = new URL(`./${name}.js`, from)
  if (!from.endsWith(".ts")) return url
  const at = url.pathname.lastIndexOf("/src/")
  return new URL(`${url.pathname.slice(0, at)}/dist/${url.pathname.slice(at + 5)}`, url)
}
