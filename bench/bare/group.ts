import { createServer } from 'node:http'
import { text } from 'node:stream/consumers'
import { Pool } from 'pg'
import { z } from 'zod'

/**
 * The program to beat in E1: one set-based statement that sums the units of all given purchase orders
 * into headers and lines. No lock, no number, no tax, no snapshot, no ledger. Settings: DATABASE_URL,
 * PORT.
 *
 *   POST /bill  {"ids"}: answers how many headers were written
 */

const batch = z.object({ ids: z.array(z.string()) })

const pool = new Pool({ connectionString: process.env['DATABASE_URL'], max: 1 })
await pool.query(`
  create table if not exists bare_invoices (id uuid primary key, purchase_order_id text, gross_minor bigint);
  create table if not exists bare_invoice_lines (invoice_id uuid references bare_invoices, sku text,
    unit_price_minor bigint, quantity bigint, gross_minor bigint)`)

const BILL = {
  name: 'bill-bare',
  text: `
    with headers as (
      insert into bare_invoices (id, purchase_order_id, gross_minor)
      select gen_random_uuid(), purchase_order_id, sum(gross_minor)
      from units where purchase_order_id = any ($1::text[]) and state = 'allocated'
      group by purchase_order_id
      returning id, purchase_order_id
    ), lines as (
      insert into bare_invoice_lines (invoice_id, sku, unit_price_minor, quantity, gross_minor)
      select h.id, l.sku, l.unit_price_minor, count(*), sum(u.gross_minor)
      from headers h join units u on u.purchase_order_id = h.purchase_order_id and u.state = 'allocated'
      join lines l on l.id = u.line_id
      group by h.id, l.sku, l.unit_price_minor
    )
    select count(*)::integer as invoices from headers`,
}

async function bill(body: string): Promise<object> {
  const { ids } = batch.parse(JSON.parse(body))
  const { rows } = await pool.query<{ invoices: number }>({ ...BILL, values: [ids] })
  return rows[0] ?? {}
}

createServer((request, response) => {
  text(request)
    .then(bill)
    .then(
      (answer) => response.end(JSON.stringify(answer)),
      (error: unknown) => response.writeHead(500).end(String(error)),
    )
}).listen(Number(process.env['PORT']), '127.0.0.1', () => {
  console.log('{"msg":"ready"}')
})
process.once('disconnect', () => process.exit(0))
