import { createServer } from 'node:http'
import { text } from 'node:stream/consumers'
import { z } from 'zod'
import { invoiceActivities } from '../activities/invoices.ts'
import { readEnv, toConfig } from '../config.ts'
import { openDatabase } from '../db/client.ts'
import { billingDeps } from '../test/billing.ts'
import { inParallel } from './load.ts'

/**
 * Our side of E1 and E2: the activity that issues the invoices of a closed purchase order, called
 * without Temporal, in a process of its own whose memory can be read. Settings: PORT, and those of a
 * worker.
 *
 *   POST /bill  {"accountId", "ids"}: bills these purchase orders, some at a time
 */

const LANES = 4 // a number is taken under one lock of the account: more only wait

const order = z.object({ accountId: z.string(), ids: z.array(z.string()) })

const config = toConfig(readEnv(process.env))
const database = openDatabase({
  url: config.database.url,
  poolSizeMax: LANES,
  applicationName: 'bark-bench-finalize',
  onError: () => undefined, // the next statement says it
})
const { billPurchaseOrder } = invoiceActivities(billingDeps({ database, config }))

async function bill(body: string): Promise<number> {
  const { accountId, ids } = order.parse(JSON.parse(body))
  let invoices = 0
  await inParallel(ids.length, LANES, async (n) => {
    const issued = await billPurchaseOrder({ accountId, purchaseOrderId: ids[n] ?? '' })
    invoices += issued.invoices.length
  })
  return invoices
}

createServer((request, response) => {
  text(request)
    .then(bill)
    .then(
      (invoices) => response.end(JSON.stringify({ invoices })),
      (error: unknown) => response.writeHead(500).end(String(error)),
    )
}).listen(Number(process.env['PORT']), '127.0.0.1', () => {
  console.log('{"msg":"ready"}')
})
process.once('disconnect', () => process.exit(0))
