import { defineConfig } from 'vitest/config'

/** `npm test` starts PostgreSQL and Temporal first and names them in BARK_TEST_…; see test/stack.ts. */
export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // On request only, with BARK_PROVE_MATRIX=all: they need a calm machine (docs/promises.md).
    exclude: [
      ...(process.env['BARK_PROVE_MATRIX'] === 'all'
        ? []
        : [
            'test/faults/deploy.test.ts',
            'test/faults/matrix/slow-parties.test.ts',
            'test/webhooks/neighbours.test.ts',
          ]),
      // It starts and kills worker processes: with BARK_PROVE_KILLS only.
      ...(process.env['BARK_PROVE_KILLS'] === undefined
        ? ['test/payments/worker-kills.test.ts']
        : []),
    ],
    pool: 'forks', // each file its own process: the Temporal SDK has one runtime per process
    maxWorkers: 2,
    testTimeout: 30_000,
    hookTimeout: 60_000, // the first file of a run makes the template database
    teardownTimeout: 10_000,
    expect: { requireAssertions: true }, // a test without an assertion cannot fail
  },
})
