import { Client } from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { listMigrations, migrate } from '../../db/migrate.ts'
import { createEmptyDatabase, type TestDatabase } from '../stack.ts'

/** Orders that were accepted, delivered, given up and billed before there was a ledger. */

let testDatabase: TestDatabase
let client: Client

beforeAll(async () => {
  testDatabase = await createEmptyDatabase('ledger_opening')
  client = new Client({ connectionString: testDatabase.url })
  await client.connect()
  const migrations = await listMigrations()
  const ledger = migrations.findIndex(({ name }) => name.endsWith('-ledger.sql'))
  if (ledger < 1) throw new Error('There is no migration that begins the ledger')
  await client.query(`create table schema_migrations (
    name text primary key, sha256 text not null, created_at timestamptz not null default clock_timestamp())`)
  for (const { name, sql, sha256 } of migrations.slice(0, ledger)) {
    await client.query(sql)
    await client.query('insert into schema_migrations (name, sha256) values ($1, $2)', [
      name,
      sha256,
    ])
  }
})
afterAll(async () => {
  await client.end()
  await testDatabase.drop()
})

/** Two customers with three units each of 10.00: one delivered and billed with tax, one given up. */
const BEFORE = `
  insert into organizations (id, name, plan) values ('org_1', 'Acme', 'sandbox');
  insert into accounts (id, organization_id, mode, name, currency, legal_name, legal_address, country,
    finance_email) values ('acc_1', 'org_1', 'live', 'Acme', 'USD', 'Acme', '{}', 'DE', 'a@b.example');
  insert into products (id, account_id, sku, name, price_minor, currency, status, fulfillment_type)
    values ('prod_1', 'acc_1', 'S', 'Card', 1000, 'USD', 'active', 'digital_code');
  insert into skus (account_id, sku, product_id) values ('acc_1', 'S', 'prod_1');
  insert into customers (id, account_id, email)
    select 'cust_' || n, 'acc_1', n || '@b.example' from generate_series(1, 2) n;
  insert into customer_balances (account_id, customer_id, currency)
    select account_id, id, 'USD' from customers;
  select accept_order(jsonb_build_object('account_id', 'acc_1', 'customer_id', id,
    'transaction_id', 'txn_' || id, 'content_hash', repeat('00', 32), 'payment_method', 'credit',
    'allow_backorder', true, 'items', '[{"sku": "S", "quantity": 3}]'::jsonb)) from customers;
  update units set state = 'allocated', allocated_at = clock_timestamp() where position = 1;
  update units set state = 'failed' where position = 2;
  insert into invoices (id, account_id, customer_id, purchase_order_id, tax_group, run, series,
    number_value, number, business_date, issue_date, due_date, currency, subtotal_minor, tax_minor,
    total_minor, snapshot, snapshot_hash, issued_at)
  select 'inv_1', account_id, customer_id, id, 'taxed', 1, 'INV', 1, 'INV-1', business_date,
    business_date, business_date, 'USD', 1000, 190, 1190, '{}', decode(repeat('00', 32), 'hex'), now()
  from purchase_orders where customer_id = 'cust_1';
  update customer_balances set held_minor = case customer_id when 'cust_1' then 1000 else 2000 end,
    invoiced_minor = case customer_id when 'cust_1' then 1190 else 0 end;`

test('gets the journals that it would have had, and the balances stay', async () => {
  await client.query(BEFORE)
  await migrate(testDatabase.url)
  const { rows } = await client.query<{ customer_id: string; kind: string; minor: number }>(
    `select a.customer_id, a.kind, sum(e.amount_minor)::int as minor from entries e
     join ledger_accounts a on a.id = e.ledger_account_id
     group by 1, 2 having sum(e.amount_minor) <> 0 order by 1, 2`,
  )
  const balances = Map.groupBy(rows, (row) => row.customer_id)
  const of = (id: string) =>
    Object.fromEntries((balances.get(id) ?? []).map((row) => [row.kind, row.minor]))
  expect(of('cust_1')).toEqual({
    held: 1000,
    held_offset: -1000,
    receivable: 1190,
    revenue: -1000,
    tax_payable: -190,
  })
  expect(of('cust_2')).toEqual({
    held: 2000,
    held_offset: -2000,
    unbilled: 1000,
    revenue: -1000,
  })
  const kept = await client.query(
    `select held_minor::int, invoiced_minor::int from customer_balances order by customer_id`,
  )
  expect(kept.rows).toEqual([
    { held_minor: 1000, invoiced_minor: 1190 },
    { held_minor: 2000, invoiced_minor: 0 },
  ])
})

test('goes on from there', async () => {
  await client.query(
    `update units set state = 'allocated', allocated_at = clock_timestamp()
     where transaction_id = 'txn_cust_2' and position = 3`,
  )
  const { rows } = await client.query<{ source_id: string }>(
    `select source_id from journals where customer_id = 'cust_2' order by source_id`,
  )
  expect(rows.map((row) => row.source_id)).toEqual([
    'txn_cust_2',
    'txn_cust_2/0',
    'txn_cust_2/0',
    'txn_cust_2/3',
  ])
})
