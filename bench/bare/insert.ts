import { randomUUID } from 'node:crypto'
import { serve } from '@hono/node-server'
import { Hono } from 'hono'
import { Pool } from 'pg'

/**
 * The program to beat in A1 and A3: Hono, a body read as JSON, one named INSERT of one row, 201. No
 * key, no validation, no idempotency, no order. Settings: DATABASE_URL, PORT, POOL_SIZE.
 */

const pool = new Pool({
  connectionString: process.env['DATABASE_URL'],
  max: Number(process.env['POOL_SIZE']),
})
await pool.query(
  'create table if not exists bare_orders (id uuid primary key, body jsonb not null)',
)

const app = new Hono()
app.post('/orders', async (c) => {
  const body: unknown = await c.req.json()
  const id = randomUUID()
  await pool.query({
    name: 'insert-bare-order',
    text: 'insert into bare_orders (id, body) values ($1, $2)',
    values: [id, body],
  })
  return c.json({ id }, 201)
})

serve({ fetch: app.fetch, hostname: '127.0.0.1', port: Number(process.env['PORT']) }, () => {
  console.log('{"msg":"ready"}')
})
process.once('disconnect', () => process.exit(0))
