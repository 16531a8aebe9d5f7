import { defineConfig } from "vitest/config"

// Vitest 5 formats failures with Map.groupBy, which Node 20 lacks.
const polyfill = Map as unknown as {
  groupBy?: (items: Iterable<unknown>, key: (item: unknown, index: number) => unknown) => Map<unknown, Array<unknown>>
}
polyfill.groupBy ??= (items, key) => {
  const groups = new Map<unknown, Array<unknown>>()
  let index = 0
  for (const item of items) {
    const name = key(item, index++)
    const group = groups.get(name)
    if (group === undefined) groups.set(name, [item])
    else group.push(item)
  }
  return groups
}

/** Files that put something in a module's place, or look at what the process as a whole holds: each in a process of its own. */
const alone = [
  "test/layers/disk/flush.test.ts",
  "test/layers/processors/imageOptimizer/gifsicle.test.ts",
  "test/layers/programs/**/*.test.ts",
  "test/layers/watchers/**/*.test.ts",
  "test/streams/links.test.ts",
]
// Suites that need real servers have a config of their own: `npm run test:servers`.
const servers = "test/servers/**"

export default defineConfig({
  test: {
    testTimeout: 120_000,
    hookTimeout: 120_000,
    // One more than the cores of a small machine: the tests of the program wait for it most of the time.
    maxWorkers: 3,
    projects: [
      { extends: true, test: { name: "alone", include: alone, isolate: true } },
      // Most of what a small file costs is loading the modules that all files load: these do it once.
      {
        extends: true,
        test: { name: "together", include: ["test/**/*.test.ts"], exclude: [...alone, servers], isolate: false },
      },
    ],
  },
})
