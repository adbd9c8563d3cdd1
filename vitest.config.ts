import { defineConfig } from 'vitest/config'

function asked(variable: string): boolean {
  return process.env[variable] !== undefined
}

/** `npm test` starts PostgreSQL and Temporal first and names them in BARK_TEST_…; see test/stack.ts. */
export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // On request only, because they need a calm machine (docs/promises.md).
    exclude: [
      ...(asked('BARK_PROVE_NEIGHBOURS') ? [] : ['test/webhooks/neighbours.test.ts']),
      ...(asked('BARK_PROVE_DEPLOYS') ? [] : ['test/faults/deploy.test.ts']),
      // It starts and kills worker processes.
      ...(asked('BARK_PROVE_KILLS') ? [] : ['test/payments/worker-kills.test.ts']),
    ],
    pool: 'forks', // each file its own process: the Temporal SDK has one runtime per process
    maxWorkers: 2,
    testTimeout: 30_000,
    hookTimeout: 60_000, // the first file of a run makes the template database
    teardownTimeout: 10_000,
    expect: { requireAssertions: true }, // a test without an assertion cannot fail
  },
})
