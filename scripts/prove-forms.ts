/** One long form of the tests: `npm run prove -- --<option> N`. */
export type Form = {
  option: string
  /** What it asks for so many of. */
  words: string
  files: string[]
  /** Says to the tests how many. */
  variable: string
  /** What may stand for N; a number or `all` when left out. */
  takes?: RegExp
  /** How many `--all` asks for. */
  all: string
}

/** Every long form; test/laws/prove.test.ts finds the one that is forgotten. */
export const FORMS: readonly Form[] = [
  {
    option: 'cells',
    words: 'kills, each at one message of the story (a link = each of its messages; all = days)',
    files: ['test/faults/cells.test.ts'],
    variable: 'BARK_PROVE_CELLS',
    takes: /^(\d+|[a-z]+(-[a-z]+)?)$/,
    all: '300',
  },
  {
    option: 'random',
    words: 'storms of several faults at once',
    files: ['test/faults/storm.test.ts'],
    variable: 'BARK_PROVE_RANDOM',
    all: '200',
  },
  {
    option: 'lost-replies',
    words: 'lost acknowledgements on every link',
    files: ['test/faults/lost-replies.test.ts'],
    variable: 'BARK_PROVE_LOST_REPLIES',
    all: '200',
  },
  {
    option: 'planted',
    words: 'planted bugs, each of which must be caught (all = every one)',
    files: ['test/faults/scenarios.test.ts', 'test/faults/planted.test.ts'],
    variable: 'BARK_PROVE_PLANTED',
    all: 'all',
  },
  {
    option: 'deploys',
    words: 'transactions under way while workers are exchanged',
    files: ['test/faults/deploy.test.ts'],
    variable: 'BARK_PROVE_DEPLOYS',
    all: '1000',
  },
  {
    option: 'webhooks',
    words: 'events told to three endpoints, with a kill for every ten of them',
    files: ['test/faults/webhook-storm.test.ts'],
    variable: 'BARK_PROVE_WEBHOOKS',
    all: '2000',
  },
  {
    option: 'throttle',
    words: 'deliveries queued at an endpoint that takes ten a second',
    files: ['test/webhooks/throttle-fleet.test.ts'],
    variable: 'BARK_PROVE_THROTTLE',
    all: '1000',
  },
  {
    option: 'neighbours',
    words: 'pairs of windows of an endpoint beside ill ones and beside well ones',
    files: ['test/webhooks/neighbours.test.ts'],
    variable: 'BARK_PROVE_NEIGHBOURS',
    all: '6',
  },
  {
    option: 'payments',
    words: 'payments with random operations and faults',
    files: ['test/payments/random-runs.test.ts'],
    variable: 'BARK_PROVE_PAYMENTS',
    all: '10000',
  },
  {
    option: 'payment-replies',
    words: 'lost replies of each call to the payment provider',
    files: ['test/payments/lost-replies.test.ts'],
    variable: 'BARK_PROVE_LOST',
    all: '200',
  },
  {
    option: 'payment-kills',
    words: 'calls to the provider whose worker process is killed',
    files: ['test/payments/worker-kills.test.ts'],
    variable: 'BARK_PROVE_KILLS',
    all: '200',
  },
  {
    option: 'money-steps',
    words: 'steps of the stories about money that fail in every way (all)',
    files: ['test/workflows/money-steps.test.ts'],
    variable: 'BARK_PROVE_STEPS',
    all: 'all',
  },
  {
    option: 'payment-day',
    words: 'payments of a day, compared with the provider',
    files: ['test/payments/reconciliation.test.ts'],
    variable: 'BARK_RECONCILE_PAYMENTS',
    all: '10000',
  },
  {
    option: 'event-orders',
    words: "orders in which a provider's events may come",
    files: ['test/payments/event-orders.test.ts'],
    variable: 'BARK_PROVE_EVENT_ORDERS',
    all: '720',
  },
  {
    option: 'suppliers',
    words: 'random orders from suppliers that misbehave',
    files: ['test/sourcing/random-runs.test.ts'],
    variable: 'BARK_PROVE_SUPPLIERS',
    all: '1000',
  },
  {
    option: 'scarcity',
    words: 'requests for half as many codes, with kills of the worker',
    files: ['test/faults/scarce-codes.test.ts'],
    variable: 'BARK_PROVE_SCARCITY',
    all: '10000',
  },
  {
    option: 'import',
    words: 'codes in one file',
    files: ['test/cli/large-import.test.ts'],
    variable: 'BARK_PROVE_IMPORT',
    all: '1000000',
  },
  {
    option: 'large-order',
    words: 'units of one order',
    files: ['test/costs/large-order.test.ts'],
    variable: 'BARK_PROVE_LARGE_ORDER',
    all: '10000',
  },
  {
    option: 'batches',
    words: 'random batches of orders beside the same orders one by one',
    files: ['test/db/accept-orders.test.ts'],
    variable: 'BARK_PROVE_BATCHES',
    all: '500',
  },
  {
    option: 'polls',
    words: 'interleavings of polls and deliveries',
    files: ['test/api/v2/codes/interleaving.test.ts'],
    variable: 'BARK_PROVE_POLLS',
    all: '100',
  },
  {
    option: 'limit-seconds',
    words: 'seconds of overload of four processes by one key',
    files: ['test/api/gateway/limit-exactness.test.ts'],
    variable: 'BARK_PROVE_LIMIT_SECONDS',
    all: '30',
  },
  {
    option: 'rotation',
    words: 'orders while keys rotate',
    files: ['test/secrecy/rotation.test.ts'],
    variable: 'BARK_PROVE_ROTATION',
    all: '500',
  },
  {
    option: 'ledger-days',
    words: 'random days after which every identity of finance holds',
    files: ['test/db/reconciliation.test.ts'],
    variable: 'BARK_PROVE_LEDGER_DAYS',
    all: '200',
  },
  {
    option: 'closes',
    words: 'closes, and what ten times as many cost',
    files: ['test/costs/linear.test.ts'],
    variable: 'BARK_PROVE_CLOSES',
    all: '300',
  },
  {
    option: 'zones',
    words: 'zones whose clock changes go through the real workflows',
    files: ['test/year/clock-changes.test.ts'],
    variable: 'BARK_PROVE_ZONES',
    all: 'all',
  },
  {
    option: 'matrix',
    words: 'every variant of every row of the fault matrix (all)',
    files: ['test/faults/matrix'],
    variable: 'BARK_PROVE_MATRIX',
    all: 'all',
  },
]
