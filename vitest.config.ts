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

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    // Suites that need real servers have a config of their own: `npm run test:servers`.
    exclude: ["test/servers/**"],
    // A busy machine is slow, not wrong: tests wait for what happens, and say themselves what did not.
    testTimeout: 120_000,
    hookTimeout: 60_000,
    maxWorkers: 2,
  },
})
