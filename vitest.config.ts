import { defineConfig } from 'vitest/config'

/** `npm test` starts PostgreSQL and Temporal first and names them in BARK_TEST_…; see test/stack.ts. */
export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    pool: 'forks', // each file its own process: the Temporal SDK has one runtime per process
    maxWorkers: 2,
    testTimeout: 30_000,
    hookTimeout: 60_000, // the first file of a run makes the template database
    teardownTimeout: 10_000,
    expect: { requireAssertions: true }, // a test without an assertion cannot fail
  },
})
