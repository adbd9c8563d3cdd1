/** The connections of a cluster, each through a proxy of its own. */
export const LINKS = [
  'client-api',
  'api-postgres',
  'worker-postgres',
  'worker-temporal',
  'temporal-postgres',
  'worker-supplier',
  'worker-receiver',
  'worker-psp',
  'psp-api',
] as const
export type LinkName = (typeof LINKS)[number]
