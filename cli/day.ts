import { setTimeout as delay } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { z } from 'zod'
import { formatDecimal } from '../domain/money.ts'
import { openSandbox, type ApiClient } from './api-client.ts'
import { UsageError, type CommandContext } from './command.ts'

export const help = `bark day close [--customer cust_…] [--all]
  Closes the open purchase orders of the running sandbox account before their day ends, through the
  API, and prints the invoices that follow.
  --customer  those of this customer only
  --all       those of every customer (the default)
  A purchase order with codes still to come is invoiced when they have come, at the latest after the
  settle window; the command does not wait for that.
Exit code 0 when everything was closed, 1 when the API refused or an invoice did not follow.`

const FOLLOW_MS_MAX = 20_000 // an invoice is numbered, rendered and sent well within it
const ORDER_MS_MAX = 3_000 // an order of a moment ago gets its codes from the pool within it
const ASK_EVERY_MS = 200

const purchaseOrderShape = z.object({
  id: z.string(),
  number: z.string(),
  customer_id: z.string(),
  status: z.enum(['open', 'settling', 'invoiced', 'settled']),
  transaction_count: z.number(),
  currency: z.string(),
  total: z.number(),
  total_minor: z.number(),
  invoices: z.array(z.object({ id: z.string(), number: z.string() })),
})

const transactionShape = z.object({ id: z.string(), remaining: z.number() })

type PurchaseOrder = z.output<typeof purchaseOrderShape>

/** What became of one purchase order. */
type Closed = {
  purchaseOrder: PurchaseOrder
  /** Codes that its invoice still waits for. */
  codesToCome: number
}

/** Repeatable: what is closed stays as it is. */
export async function run(args: string[], context: CommandContext): Promise<number> {
  const customerId = readArguments(args)
  const api = openSandbox(context)
  const filter = new URLSearchParams({
    status: 'open',
    ...(customerId === null ? {} : { customer_id: customerId }),
  })
  const open = await api.list(`/v2/purchase-orders?${filter.toString()}`, purchaseOrderShape)
  for (const { id } of open) {
    await api.post(`/v2/purchase-orders/${id}/close`, undefined, purchaseOrderShape)
  }
  const closed = await Promise.all(open.map(({ id }) => follow(api, id)))
  print(closed, context)
  return closed.every(isDone) ? 0 : 1
}

function readArguments(args: string[]): string | null {
  const { values, positionals } = parse(args)
  if (positionals.length !== 1 || positionals[0] !== 'close') {
    throw new UsageError('bark day knows one thing to do: close')
  }
  if (values.all === true && values.customer !== undefined) {
    throw new UsageError('Give either --customer or --all')
  }
  return values.customer ?? null
}

function parse(args: string[]) {
  try {
    return parseArgs({
      args,
      allowPositionals: true,
      options: { customer: { type: 'string' }, all: { type: 'boolean' } },
    })
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error))
  }
}

/** Watches a closed purchase order until it is invoiced, or waits for codes. */
async function follow(api: ApiClient, id: string): Promise<Closed> {
  const beganAt = performance.now()
  for (;;) {
    const purchaseOrder = await api.get(`/v2/purchase-orders/${id}`, purchaseOrderShape)
    if (purchaseOrder.status !== 'settling') return { purchaseOrder, codesToCome: 0 }
    const transactions = await api.list(`/v2/purchase-orders/${id}/transactions`, transactionShape)
    const codesToCome = transactions.reduce((sum, { remaining }) => sum + remaining, 0)
    const waitedMs = performance.now() - beganAt
    const waitMsMax = codesToCome > 0 ? ORDER_MS_MAX : FOLLOW_MS_MAX
    if (waitedMs > waitMsMax) return { purchaseOrder, codesToCome }
    await delay(ASK_EVERY_MS)
  }
}

function isDone({ purchaseOrder, codesToCome }: Closed): boolean {
  return purchaseOrder.status !== 'settling' || codesToCome > 0
}

function print(closed: Closed[], { json, out, err, running }: CommandContext): void {
  if (json) {
    out(
      JSON.stringify({
        closed: closed.map(({ purchaseOrder, codesToCome }) => ({
          id: purchaseOrder.id,
          number: purchaseOrder.number,
          customer_id: purchaseOrder.customer_id,
          status: purchaseOrder.status,
          currency: purchaseOrder.currency,
          total: purchaseOrder.total,
          codes_to_come: codesToCome,
          invoices: purchaseOrder.invoices,
        })),
      }),
    )
    return
  }
  if (closed.length === 0) out('No purchase order is open: there is nothing to close.')
  for (const one of closed) {
    const { number, transaction_count, total_minor, currency, invoices } = one.purchaseOrder
    const total = formatDecimal(BigInt(total_minor), currency)
    out(`${number} is closed: ${count(transaction_count, 'order')}, ${total} ${currency}`)
    for (const invoice of invoices) {
      const page = running?.finance ? `  ${running.finance}/invoices/${invoice.id}` : ''
      out(`  invoice ${invoice.number}${page}`)
    }
    if (invoices.length > 0) continue
    if (one.codesToCome > 0) {
      out(`  its invoice waits for ${count(one.codesToCome, 'code')}, or for the settle window`)
    } else if (isDone(one)) out('  nothing was delivered, so there is no invoice')
    else err('  its invoice has not come yet: look at its workflow in the Temporal web UI')
  }
}

function count(n: number, noun: string): string {
  return `${n} ${noun}${n === 1 ? '' : 's'}`
}
