import type { FinancePurchaseOrder } from '../../../db/finance.ts'
import { purchaseOrderNumber } from '../../../domain/purchase-order.ts'
import type { ApiDeps } from '../../deps.ts'
import type { Caller } from '../../route.ts'
import type { Markup } from '../layout.ts'

/** What a page is made from; `accountId` owns everything that it shows. */
export type FinanceView = {
  deps: ApiDeps
  accountId: string
  caller: Caller
  /** Whether the key may do more than look: forms that it may not send are not shown. */
  mayWrite: boolean
  /** IANA zone of the account. */
  timeZone: string
  /** The account's business clock. */
  now: Date
  id: string
  query: Readonly<Record<string, string>>
}

export type FinanceContent = { title: string; body: Markup }

/** A page: reads what the account owns and prints it. */
export type FinancePage = (view: FinanceView) => Promise<FinanceContent>

/** The number that people read. */
export function numberOf(
  po: Pick<FinancePurchaseOrder, 'business_date' | 'currency' | 'sequence' | 'customer_id'>,
): string {
  return purchaseOrderNumber({
    businessDate: po.business_date,
    currency: po.currency,
    sequence: po.sequence,
    customerId: po.customer_id,
  })
}
