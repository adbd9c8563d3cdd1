import { healthRoutes } from './health.ts'
import type { Route } from './route.ts'
import { codeImportRoutes } from './v2/code-imports.ts'
import { codeReportRoutes } from './v2/code-reports.ts'
import { billingSettingsRoutes } from './v2/billing-settings.ts'
import { claimRoutes } from './v2/claims.ts'
import { codeRoutes } from './v2/codes.ts'
import { creditNoteRoutes } from './v2/credit-notes.ts'
import { customerRoutes } from './v2/customers.ts'
import { dayCloseRoutes } from './v2/day-close.ts'
import { deliveryRoutes } from './v2/deliveries.ts'
import { disputeRoutes } from './v2/disputes.ts'
import { eventRoutes } from './v2/events.ts'
import { fulfillmentSettingsRoutes } from './v2/fulfillment-settings.ts'
import { inventoryRoutes } from './v2/inventory.ts'
import { invoiceCreditRoutes } from './v2/invoice-credits.ts'
import { documentMailRoutes } from './v2/document-mails.ts'
import { invoiceRoutes } from './v2/invoices.ts'
import { ledgerReconciliationRoutes } from './v2/ledger-reconciliations.ts'
import { orderCancelRoutes } from './v2/order-cancels.ts'
import { orderProofRoutes } from './v2/order-proofs.ts'
import { orderRoutes } from './v2/orders.ts'
import { paymentReconciliationRoutes } from './v2/payment-reconciliations.ts'
import { paymentRoutes } from './v2/payments.ts'
import { productRoutes } from './v2/products.ts'
import { purchaseOrderRoutes } from './v2/purchase-orders.ts'
import { receivedPaymentRoutes } from './v2/received-payments.ts'
import { recoveryRoutes } from './v2/recoveries.ts'
import { refundRoutes } from './v2/refunds.ts'
import { rootRoutes } from './v2/root.ts'
import { sellerRoutes } from './v2/seller.ts'
import { statementRoutes } from './v2/statements.ts'
import { supplierSkuRoutes } from './v2/supplier-skus.ts'
import { supplierRoutes } from './v2/suppliers.ts'
import { testClockRoutes } from './v2/test-clock.ts'
import { unitCancellationRoutes } from './v2/unit-cancellations.ts'
import { transactionRoutes } from './v2/transactions.ts'
import { webhookSecretRoutes } from './v2/webhook-secrets.ts'
import { webhookRoutes } from './v2/webhooks.ts'

/** Every route of the API: the app mounts them, the OpenAPI document lists them. */
export const ROUTES: readonly Route[] = [
  ...healthRoutes,
  ...rootRoutes,
  ...productRoutes,
  ...customerRoutes,
  ...statementRoutes,
  ...orderRoutes,
  ...orderCancelRoutes,
  ...orderProofRoutes,
  ...transactionRoutes,
  ...codeRoutes,
  ...codeImportRoutes,
  ...inventoryRoutes,
  ...codeReportRoutes,
  ...claimRoutes,
  ...unitCancellationRoutes,
  ...fulfillmentSettingsRoutes,
  ...purchaseOrderRoutes,
  ...invoiceRoutes,
  ...invoiceCreditRoutes,
  ...documentMailRoutes,
  ...billingSettingsRoutes,
  ...sellerRoutes,
  ...creditNoteRoutes,
  ...dayCloseRoutes,
  ...ledgerReconciliationRoutes,
  ...receivedPaymentRoutes,
  ...supplierRoutes,
  ...supplierSkuRoutes,
  ...disputeRoutes,
  ...paymentReconciliationRoutes,
  ...paymentRoutes,
  ...refundRoutes,
  ...webhookRoutes,
  ...webhookSecretRoutes,
  ...deliveryRoutes,
  ...recoveryRoutes,
  ...eventRoutes,
  ...testClockRoutes,
]
