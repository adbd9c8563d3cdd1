import { defineConfig } from 'vitest/config'
import { BaseSequencer, type TestSpecification } from 'vitest/node'

function asked(variable: string): boolean {
  return process.env[variable] !== undefined
}

/**
 * Files that share one process with what came before, so that the modules are loaded once: nothing in
 * them changes a global, measures the process or needs a runtime of its own. It takes two thirds off
 * the processor time of a small file.
 */
const TOGETHER_FOLDERS = [
  'account-days',
  'activities',
  'api',
  'claims',
  'credit-notes',
  'db',
  'docs',
  'documents',
  'domain',
  'invoices',
  'laws',
  'ledger',
  'mails',
  'pages',
  'payments',
  'received-payments',
  'sandbox',
  'scenarios',
  'sourcing',
  'wire',
  'workflows',
]
const TOGETHER = [
  ...TOGETHER_FOLDERS.map((folder) => `test/${folder}/**/*.test.ts`),
  'test/webhooks/!(dialer|neighbours).test.ts', // these two measure their process
]

/** On request only, because they need a calm machine (docs/promises.md). */
const ON_REQUEST = [
  ...(asked('BARK_PROVE_NEIGHBOURS') ? [] : ['test/webhooks/neighbours.test.ts']),
  ...(asked('BARK_PROVE_DEPLOYS') ? [] : ['test/faults/deploy.test.ts']),
  // It starts and kills worker processes.
  ...(asked('BARK_PROVE_KILLS') ? [] : ['test/payments/worker-kills.test.ts']),
]

const TAKES_MINUTES = /\/test\/(faults\/|workflows\/every-step)/

/** What takes minutes begins first: at the end of a run one process would do it while the other is idle. */
class MinutesFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files)
    const takesMinutes = ({ moduleId }: TestSpecification) => TAKES_MINUTES.test(moduleId)
    return [...sorted.filter(takesMinutes), ...sorted.filter((file) => !takesMinutes(file))]
  }
}

/** `npm test` starts PostgreSQL and Temporal first and names them in BARK_TEST_…; see test/stack.ts. */
export default defineConfig({
  test: {
    pool: 'forks',
    sequence: { sequencer: MinutesFirst },
    maxWorkers: 2,
    testTimeout: 30_000,
    hookTimeout: 60_000, // the first file of a run makes the template database
    teardownTimeout: 10_000,
    expect: { requireAssertions: true }, // a test without an assertion cannot fail
    projects: [
      {
        extends: true,
        test: { name: 'together', include: TOGETHER, exclude: ON_REQUEST, isolate: false },
      },
      {
        extends: true,
        test: {
          name: 'alone',
          include: ['test/**/*.test.ts'],
          exclude: [...TOGETHER, ...ON_REQUEST],
        },
      },
    ],
  },
})
