import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { UsageError } from '../../cli/command.ts'
import { run } from '../../cli/keys.ts'
import { apiKeyMode } from '../../domain/api-key.ts'
import { SCOPES } from '../../domain/scope.ts'
import { serveApi, type ServedApi } from '../api/serve.ts'
import { makeAccount, makeCustomer, makeKey, type TestAccount } from '../factories.ts'
import { eventually } from '../harness.ts'
import { commandContext } from './context.ts'

let api: ServedApi
let account: TestAccount
let customerId: string

beforeAll(async () => {
  api = await serveApi('cli-keys')
  account = await makeAccount(api.database)
  customerId = await makeCustomer(api.database, account.accountId)
  await makeCustomer(api.database, account.accountId)
})
afterAll(() => api.stop())

const here = () => ({ running: { account_id: account.accountId } })

async function listCustomerIds(key: string): Promise<string[]> {
  const { body } = await api.client(key).get<{ data: { id: string }[] }>('/v2/customers')
  return body.data.map(({ id }) => id)
}

describe('bark keys create', () => {
  test('prints a key that opens the account, and nothing else on standard output', async () => {
    const { context, out, err } = commandContext(api.config, here())
    expect(await run(['create'], context)).toBe(0)
    expect(out).toHaveLength(1)
    expect(apiKeyMode(out[0] ?? '')).toBe('test')
    expect(await listCustomerIds(out[0] ?? '')).toHaveLength(2)
    expect(err.join('\n')).not.toContain(out[0])
  })

  test('binds a key to a customer, who then sees only itself and may not look after the shop', async () => {
    const { context, out } = commandContext(api.config, here())
    expect(await run(['create', '--customer', customerId], context)).toBe(0)
    const [key = ''] = out
    expect(await listCustomerIds(key)).toEqual([customerId])
    expect((await api.client(key).post('/v2/products', {})).status).toBe(403)
  })

  test('gives the scopes that are asked for and no more', async () => {
    const { context, out } = commandContext(api.config, { ...here(), json: true })
    const args = ['create', '--scopes', 'products:read, events:read', '--name', 'Till 4']
    expect(await run(args, context)).toBe(0)
    const made = JSON.parse(out[0] ?? '')
    expect(made).toMatchObject({
      account_id: account.accountId,
      customer_id: null,
      name: 'Till 4',
      scopes: ['products:read', 'events:read'],
    })
    const days = (Date.parse(made.expires_at) - Date.now()) / 86_400_000
    expect(Math.round(days)).toBe(90)
    expect((await api.client(made.key).get('/v2/products')).status).toBe(200)
    expect((await api.client(made.key).get('/v2/customers')).status).toBe(403)
  })

  test('leaves price overrides out unless they are asked for', async () => {
    const { context, out } = commandContext(api.config, { ...here(), json: true })
    await run(['create'], context)
    const all = SCOPES.filter((scope) => scope !== 'orders:price_override')
    expect(JSON.parse(out[0] ?? '').scopes).toEqual(all)
    await run(['create', '--scopes', 'orders:price_override'], context)
    expect(JSON.parse(out[1] ?? '').scopes).toEqual(['orders:price_override'])
  })

  test('keeps the hash of a key and not the key', async () => {
    const { context, out } = commandContext(api.config, here())
    await run(['create'], context)
    const rows = await api.database.db.selectFrom('api_keys').selectAll().execute()
    const printed = JSON.stringify(rows, (_, value: unknown) =>
      typeof value === 'bigint' ? String(value) : value,
    )
    expect(printed).not.toContain((out[0] ?? '').slice(5, 30))
  })

  test.each([
    [['make'], /knows these things to do: create, list, rotate-encryption/],
    [['create', '--scopes', 'orders:read,everything'], /no scope "everything"/],
    [['create', '--scopes', ''], /no scope ""/],
    [['create', '--customer', 'cust_0199c0de5a000123456789abcd'], /no customer/],
    [['create', '--account', 'acc_0199c0de5a000123456789abcd'], /no account/],
    [['create', '--forever'], /--forever/],
  ])('refuses %j in words', async (args, words) => {
    const { context, out } = commandContext(api.config, here())
    const trying = run(args, context)
    await expect(trying).rejects.toThrow(UsageError)
    await expect(trying).rejects.toThrow(words)
    expect(out).toEqual([])
  })

  test("refuses another account's customer, and a start without an account", async () => {
    const other = await makeAccount(api.database)
    const args = ['create', '--account', other.accountId, '--customer', customerId]
    await expect(run(args, commandContext(api.config).context)).rejects.toThrow(/no customer/)
    await expect(run(['create'], commandContext(api.config).context)).rejects.toThrow(/--account/)
  })
})

describe('bark keys list', () => {
  test('says when and from where each key was last used, and never a key', async () => {
    const other = await makeAccount(api.database)
    const unused = await makeKey(api.database, other)
    const list = async () => {
      const spoken = commandContext(api.config, { running: { account_id: other.accountId } })
      expect(await run(['list'], spoken.context)).toBe(0)
      return spoken.out
    }
    expect((await list()).every((line) => line.endsWith('never used'))).toBe(true)
    await listCustomerIds(other.key)
    const lines = await eventually(list, (seen) => seen.some((line) => line.includes('last used')))
    expect(lines).toHaveLength(2)
    const used = lines.find((line) => line.includes(`…${other.key.slice(-4)}`))
    expect(used).toMatch(/last used \d{4}-\d\d-\d\d \d\d:\d\d UTC from (::ffff:)?127\.0\.0\.1$/)
    expect(lines.find((line) => line.includes(`…${unused.slice(-4)}`))).toContain('never used')
    expect(lines.join('\n')).not.toContain(other.key)
  })

  test('a busy key is written once a minute and not with every request', async () => {
    const busy = await makeAccount(api.database)
    const writes = async () => {
      const { rows } = await api.database.pool.query<{ n: bigint }>(
        `select last_used_at, xmin::text::bigint as n from api_keys where account_id = $1
           and last_used_at is not null`,
        [busy.accountId],
      )
      return rows.map(({ n }) => String(n))
    }
    await listCustomerIds(busy.key)
    const [first] = await eventually(writes, (rows) => rows.length === 1)
    for (let n = 0; n < 5; n++) await listCustomerIds(busy.key)
    const late = await makeAccount(api.database)
    await listCustomerIds(late.key)
    // When the later key is written, whatever the busy one had to write is written too.
    await eventually(
      () =>
        api.database.db
          .selectFrom('api_keys')
          .select('last_used_at')
          .where('account_id', '=', late.accountId)
          .executeTakeFirstOrThrow(),
      (row) => row.last_used_at !== null,
    )
    expect(await writes()).toEqual([first])
  })
})
