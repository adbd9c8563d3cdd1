import { serve } from '@hono/node-server'
import { Hono } from 'hono'
import { Pool } from 'pg'

/**
 * The program to beat in C1 and C2: Hono and one named SELECT of one order's units with their sealed
 * codes, as they stand in our tables, printed as JSON. No key, no limit, no decryption, no audit.
 * Settings: DATABASE_URL, PORT, POOL_SIZE.
 */

const pool = new Pool({
  connectionString: process.env['DATABASE_URL'],
  max: Number(process.env['POOL_SIZE']),
})

const app = new Hono()
app.get('/orders/:id/codes', async (c) => {
  const { rows } = await pool.query<object>({
    name: 'select-bare-codes',
    text: `select u.id, u.position, u.state, c.id as code_id, c.sealed
             from units u left join codes c on c.unit_id = u.id
            where u.transaction_id = $1 order by u.position`,
    values: [c.req.param('id')],
  })
  return c.json({ data: rows })
})

serve({ fetch: app.fetch, hostname: '127.0.0.1', port: Number(process.env['PORT']) }, () => {
  console.log('{"msg":"ready"}')
})
process.once('disconnect', () => process.exit(0))
