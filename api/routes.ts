import { healthRoutes } from './health.ts'
import type { Route } from './route.ts'
import { codeImportRoutes } from './v2/codes/code-imports.ts'
import { codeReportRoutes } from './v2/codes/code-reports.ts'
import { billingSettingsRoutes } from './v2/billing/billing-settings.ts'
import { claimRoutes } from './v2/codes/claims.ts'
import { codeRoutes } from './v2/codes/codes.ts'
import { creditNoteRoutes } from './v2/billing/credit-notes.ts'
import { customerRoutes } from './v2/store/customers.ts'
import { dayCloseRoutes } from './v2/billing/day-close.ts'
import { deliveryRoutes } from './v2/webhooks/deliveries.ts'
import { disputeRoutes } from './v2/payments/disputes.ts'
import { eventRoutes } from './v2/webhooks/events.ts'
import { fulfillmentSettingsRoutes } from './v2/codes/fulfillment-settings.ts'
import { inventoryRoutes } from './v2/codes/inventory.ts'
import { invoiceCreditRoutes } from './v2/billing/invoice-credits.ts'
import { documentMailRoutes } from './v2/billing/document-mails.ts'
import { invoiceRoutes } from './v2/billing/invoices.ts'
import { ledgerReconciliationRoutes } from './v2/billing/ledger-reconciliations.ts'
import { orderCancelRoutes } from './v2/orders/order-cancels.ts'
import { orderProofRoutes } from './v2/orders/order-proofs.ts'
import { orderRoutes } from './v2/orders/orders.ts'
import { paymentReconciliationRoutes } from './v2/payments/payment-reconciliations.ts'
import { paymentRoutes } from './v2/payments/payments.ts'
import { productRoutes } from './v2/store/products.ts'
import { purchaseOrderRoutes } from './v2/orders/purchase-orders.ts'
import { receivedPaymentRoutes } from './v2/billing/received-payments.ts'
import { recoveryRoutes } from './v2/webhooks/recoveries.ts'
import { refundRoutes } from './v2/payments/refunds.ts'
import { rootRoutes } from './v2/root.ts'
import { sellerRoutes } from './v2/billing/seller.ts'
import { statementRoutes } from './v2/billing/statements.ts'
import { supplierSkuRoutes } from './v2/codes/supplier-skus.ts'
import { supplierRoutes } from './v2/codes/suppliers.ts'
import { testClockRoutes } from './v2/test-clock.ts'
import { unitCancellationRoutes } from './v2/orders/unit-cancellations.ts'
import { transactionRoutes } from './v2/orders/transactions.ts'
import { webhookSecretRoutes } from './v2/webhooks/webhook-secrets.ts'
import { webhookRoutes } from './v2/webhooks/webhooks.ts'

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
