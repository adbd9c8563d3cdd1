import { readFileSync } from 'node:fs'
import { z } from 'zod'

/**
 * Settings in two halves: `readEnv` parses what stands in the environment, `toConfig` gives the
 * product's settings with defaults and cross-checks. Only composition roots call them.
 * `.env.example` is the manual page: one entry per key, with unit, default and consequence.
 */

const DEVELOPMENT_KEY = Buffer.alloc(32, 'bark development key').toString('base64')

const booleanText = z.enum(['true', 'false']).transform((text) => text === 'true')
const port = z.coerce.number().int().min(0).max(65535)
const count = z.coerce.number().int().min(1)
const isKey = (text: string): boolean => Buffer.from(text, 'base64').length === 32
const key32 = z.string().refine(isKey, 'must be 32 bytes in base64')
const keys32 = z
  .string()
  .refine((text) => list(text).every(isKey), 'must be 32 bytes in base64 each')

const buildName = z.string().regex(/^[\w.+-]{1,100}$/)

const envShape = z.object({
  BARK_MODE: z.enum(['development', 'production']).default('development'),
  DATABASE_URL: z.string().min(1),
  DATABASE_POOL_SIZE_MAX: count.max(200).default(16),
  TEMPORAL_ADDRESS: z.string().default('127.0.0.1:7233'),
  TEMPORAL_NAMESPACE: z.string().default('default'),
  TEMPORAL_UI_URL: z.url().default('http://127.0.0.1:8233'),
  TEMPORAL_TASK_QUEUE: z.string().default('bark'),
  TEMPORAL_SCHEDULES: booleanText.default(true),
  WORKFLOW_BUNDLE_PATH: z.string().optional(),
  WORKER_BUILD_ID: buildName.optional(),
  WORKER_DEPLOYMENT_NAME: buildName.default('bark'),
  API_HOST: z.string().default('127.0.0.1'),
  API_PORT: port.default(8080),
  API_PUBLIC_URL: z.url().optional(),
  API_ALLOW_PLAIN_HTTP: booleanText.optional(),
  API_TRUSTED_PROXIES: z.string().default(''),
  API_CONNECTIONS_MAX: count.default(2_000),
  API_IN_FLIGHT_MAX: count.default(256),
  CODE_ENCRYPTION_KEY: key32.optional(),
  CODE_ENCRYPTION_KEYS_FORMER: keys32.default(''),
  CODE_ENCRYPTION_KEY_FILE: z.string().optional(),
  CODE_BLIND_INDEX_KEY: key32.optional(),
  CURSOR_SIGNING_KEY: key32.optional(),
  SANDBOX_SUPPLIER_URL: z.url().default('http://127.0.0.1:8090'),
  SANDBOX_PSP_URL: z.url().default('http://127.0.0.1:8091'),
  SANDBOX_PSP_WEBHOOK_SECRET: z.string().min(8).default('whsec_sandbox'),
  STRIPE_SECRET_KEY: z.string().startsWith('sk_').optional(),
  STRIPE_WEBHOOK_SECRET: z.string().startsWith('whsec_').optional(),
  PSP_CALLS_PER_SECOND_MAX: count.default(25),
  PSP_CALL_MS_MAX: count.default(8_000),
  SUPPLIER_ALLOWED_PRIVATE_HOSTS: z.string().optional(),
  WEBHOOK_ALLOWED_PRIVATE_HOSTS: z.string().optional(),
  TAX_POLICIES_FILE: z.string().optional(),
  MAIL_SMTP_URL: z.string().optional(),
  MAIL_FROM: z.string().default('Bark Billing <billing@bark.example>'),
  OUTBOX_ROWS_MAX: count.default(1_000_000),
  OUTBOX_AGE_SECONDS_MAX: count.default(900),
  WORKFLOW_TASKS_MAX: count.default(32),
  LOG_LEVEL: z.enum(['debug', 'info', 'warn', 'error', 'silent']).default('info'),
})

export type Env = z.infer<typeof envShape>

/** Names of every setting, for the test that compares them with `.env.example`. */
export const ENV_KEYS: readonly string[] = Object.keys(envShape.shape)

export type Config = {
  mode: 'development' | 'production'
  database: { url: string; poolSizeMax: number }
  temporal: {
    address: string
    namespace: string
    uiUrl: string
    /** Workflows and SQL activities. */
    taskQueue: string
    /** Suppliers, webhooks, mail: whatever may be slow. */
    outsideTaskQueue: string
    schedules: boolean
    bundlePath: string | undefined
    /** The worker's version; undefined: it takes any work and Temporal knows no versions. */
    buildId: string | undefined
    deploymentName: string
    workflowTasksMax: number
  }
  api: {
    host: string
    port: number
    publicUrl: string | undefined
    allowPlainHttp: boolean
    trustedProxies: string[]
    connectionsMax: number
    inFlightMax: number
  }
  keys: {
    /** Key-encryption keys: the one in use, and former ones that still open something. */
    encryption: { current: Buffer; former: Buffer[] }
    blindIndex: Buffer
    cursors: Buffer
  }
  payments: {
    /** Where test accounts pay. */
    sandboxUrl: string
    sandboxWebhookSecret: string
    /** Live accounts pay at Stripe; without a key they take no payments. */
    stripeSecretKey: string | undefined
    stripeWebhookSecret: string | undefined
    /** Of one process to one provider. */
    callsPerSecondMax: number
    callMsMax: number
  }
  /** `allowedPrivateHosts`: entries like a webhook's, for suppliers that merchants connect. */
  supplier: { sandboxUrl: string; allowedPrivateHosts: string[] }
  /** `host` or `host:port` entries that webhooks may reach although they are not public. */
  webhooks: { allowedPrivateHosts: string[] }
  /** JSON with the merchant's own tax policies; undefined: the shipped ones. */
  tax: { policiesFile: string | undefined }
  mail: { smtpUrl: string | undefined; from: string }
  outbox: { rowsMax: number; ageSecondsMax: number }
  log: { level: Env['LOG_LEVEL'] }
}

/** Parses the environment; throws one error that names every bad setting. */
export function readEnv(source: Record<string, string | undefined>): Env {
  const filled = Object.fromEntries(
    Object.entries(source).filter(([name, value]) => ENV_KEYS.includes(name) && value !== ''),
  )
  const parsed = envShape.safeParse(filled)
  if (parsed.success) return parsed.data
  const problems = parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`)
  throw new Error(`Settings are not usable (see .env.example):\n  ${problems.join('\n  ')}`)
}

/** The product's settings. Refuses to run in production mode on development secrets. */
export function toConfig(env: Env): Config {
  const development = env.BARK_MODE === 'development'
  const loopback = development ? '127.0.0.1,localhost,[::1]' : ''
  const secret = (name: string, value: string | undefined): Buffer => {
    if (value === undefined && !development)
      throw new Error(`${name} must be set in production mode`)
    const key = Buffer.from(value ?? DEVELOPMENT_KEY, 'base64')
    if (!development && key.equals(Buffer.from(DEVELOPMENT_KEY, 'base64'))) {
      throw new Error(`${name} is the development key, which production mode refuses`)
    }
    return key
  }
  const [current, ...former] = encryptionKeys(env)
  const keys = {
    encryption: {
      current: secret('CODE_ENCRYPTION_KEY', current),
      former: former.map((key) => secret('A former CODE_ENCRYPTION_KEY', key)),
    },
    blindIndex: secret('CODE_BLIND_INDEX_KEY', env.CODE_BLIND_INDEX_KEY),
    cursors: secret('CURSOR_SIGNING_KEY', env.CURSOR_SIGNING_KEY),
  }
  if (!development) requireDifferent(keys)
  return {
    mode: env.BARK_MODE,
    database: { url: env.DATABASE_URL, poolSizeMax: env.DATABASE_POOL_SIZE_MAX },
    temporal: {
      address: env.TEMPORAL_ADDRESS,
      namespace: env.TEMPORAL_NAMESPACE,
      uiUrl: env.TEMPORAL_UI_URL.replace(/\/$/, ''),
      taskQueue: env.TEMPORAL_TASK_QUEUE,
      outsideTaskQueue: `${env.TEMPORAL_TASK_QUEUE}-outside`,
      schedules: env.TEMPORAL_SCHEDULES,
      bundlePath: env.WORKFLOW_BUNDLE_PATH,
      buildId: env.WORKER_BUILD_ID,
      deploymentName: env.WORKER_DEPLOYMENT_NAME,
      workflowTasksMax: env.WORKFLOW_TASKS_MAX,
    },
    api: {
      host: env.API_HOST,
      port: env.API_PORT,
      publicUrl: env.API_PUBLIC_URL?.replace(/\/$/, ''),
      allowPlainHttp: env.API_ALLOW_PLAIN_HTTP ?? development,
      trustedProxies: list(env.API_TRUSTED_PROXIES),
      connectionsMax: env.API_CONNECTIONS_MAX,
      inFlightMax: env.API_IN_FLIGHT_MAX,
    },
    keys,
    payments: {
      sandboxUrl: env.SANDBOX_PSP_URL.replace(/\/$/, ''),
      sandboxWebhookSecret: env.SANDBOX_PSP_WEBHOOK_SECRET,
      stripeSecretKey: env.STRIPE_SECRET_KEY,
      stripeWebhookSecret: env.STRIPE_WEBHOOK_SECRET,
      callsPerSecondMax: env.PSP_CALLS_PER_SECOND_MAX,
      callMsMax: env.PSP_CALL_MS_MAX,
    },
    supplier: {
      sandboxUrl: env.SANDBOX_SUPPLIER_URL.replace(/\/$/, ''),
      allowedPrivateHosts: list(env.SUPPLIER_ALLOWED_PRIVATE_HOSTS ?? loopback),
    },
    webhooks: { allowedPrivateHosts: list(env.WEBHOOK_ALLOWED_PRIVATE_HOSTS ?? loopback) },
    tax: { policiesFile: env.TAX_POLICIES_FILE },
    mail: { smtpUrl: env.MAIL_SMTP_URL, from: env.MAIL_FROM },
    outbox: { rowsMax: env.OUTBOX_ROWS_MAX, ageSecondsMax: env.OUTBOX_AGE_SECONDS_MAX },
    log: { level: env.LOG_LEVEL },
  }
}

/** The key-encryption keys in base64, the current one first: of the file, else of the environment. */
function encryptionKeys(env: Env): (string | undefined)[] {
  const { CODE_ENCRYPTION_KEY: key, CODE_ENCRYPTION_KEY_FILE: file } = env
  if (file === undefined) return [key, ...list(env.CODE_ENCRYPTION_KEYS_FORMER)]
  if (key !== undefined || env.CODE_ENCRYPTION_KEYS_FORMER !== '') {
    throw new Error('CODE_ENCRYPTION_KEY_FILE and CODE_ENCRYPTION_KEY cannot both be set')
  }
  const lines = readFileSync(file, 'utf8').split('\n')
  const kept = lines.map((line) => line.trim()).filter((line) => line !== '' && line[0] !== '#')
  if (kept.length > 0 && kept.every(isKey)) return kept
  throw new Error('CODE_ENCRYPTION_KEY_FILE must hold keys of 32 bytes in base64, one on each line')
}

/** Each key has one purpose: one that leaks must not open what another one protects. */
function requireDifferent({ encryption, blindIndex, cursors }: Config['keys']): void {
  const all = [encryption.current, ...encryption.former, blindIndex, cursors]
  if (new Set(all.map((key) => key.toString('base64'))).size === all.length) return
  throw new Error(
    'CODE_ENCRYPTION_KEY, its former ones, CODE_BLIND_INDEX_KEY and CURSOR_SIGNING_KEY must differ',
  )
}

function list(text: string): string[] {
  return text
    .split(',')
    .map((entry) => entry.trim())
    .filter((entry) => entry !== '')
}
