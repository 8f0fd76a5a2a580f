//! Unit tests run in parallel; those that time phones and sockets run alone, a file at a time.

import { availableParallelism } from 'node:os'
import { defineConfig } from 'vitest/config'

const root = new URL('..', import.meta.url).pathname
/** Tests of the running product: they measure sound and rates, so they want the machine alone. */
const PRODUCT = [
  'test/interop/**/*.test.ts',
  'test/product/**/*.test.ts',
  'test/endurance/**/*.test.ts',
]
const shared = { root, pool: 'forks' as const, testTimeout: 60_000, hookTimeout: 60_000 }

export default defineConfig({
  test: {
    ...shared,
    projects: [
      {
        test: {
          ...shared,
          name: 'unit',
          include: ['test/**/*.test.ts'],
          exclude: PRODUCT,
          // Left to itself it leaves one idle: half of the machine where there are two.
          maxWorkers: availableParallelism(),
          sequence: { groupOrder: 0 },
        },
      },
      {
        test: {
          ...shared,
          name: 'product',
          include: PRODUCT,
          fileParallelism: false,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
})
