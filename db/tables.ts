/**
 * Generated from the migrated database by `npm run codegen`; never edited.
 * A closed list of words in a CHECK is a union here, so that a state which the database would
 * refuse does not type-check either.
 */
import type { ColumnType } from 'kysely'

/** May be left out of an INSERT: the database fills it. */
export type Generated<T> =
  T extends ColumnType<infer Select, infer Insert, infer Update>
    ? ColumnType<Select, Insert | undefined, Update>
    : ColumnType<T, T | undefined, T>

/** Only the database writes it. */
export type GeneratedAlways<T> =
  T extends ColumnType<infer Select, unknown, unknown>
    ? ColumnType<Select, never, never>
    : ColumnType<T, never, never>

export type JsonValue =
  string | number | boolean | null | JsonValue[] | { [key: string]: JsonValue | undefined }

/** Written as text (JSON.stringify): the driver would take an array for a PostgreSQL array. */
export type Json = ColumnType<JsonValue, string, string>

/** An instant; written as a Date or as RFC 3339 text, which keeps the microseconds. */
export type Timestamp = ColumnType<Date, Date | string, Date | string>

export interface AccountDayFiles {
  account_day_id: string
  account_id: string
  filename: string
  content: Buffer
  created_at: Generated<Timestamp>
}

export interface AccountDays {
  id: string
  account_id: string
  business_date: string
  run: number
  requested_at: Timestamp
  written_at: Timestamp | null
  complete: boolean | null
  recipients: string[] | null
  subject: string | null
  body: string | null
  ended_at: Timestamp | null
  created_at: Generated<Timestamp>
}

export interface Accounts {
  id: string
  organization_id: string
  mode: 'live' | 'test'
  name: string
  time_zone: Generated<string>
  cut_off: Generated<string>
  currency: string
  settle_window_seconds: Generated<number>
  payment_term_days: Generated<number>
  require_idempotency_key: Generated<boolean>
  legal_name: string
  legal_address: Json
  country: string
  tax_id: string | null
  finance_email: string
  invoice_series: Generated<string>
  created_at: Generated<Timestamp>
  credit_note_series: Generated<string>
  provider_reference: string | null
  code_validity_seconds_min: Generated<number>
  bill_on: Generated<'allocation' | 'acceptance'>
  deadline_seconds: Generated<number>
  locale: Generated<string>
  registration_id: string | null
  fiscal_year_first_month: Generated<number>
  bank_account: string | null
  bank_code: string | null
  finance_recipients: string[] | null
}

export interface ApiKeys {
  id: string
  account_id: string
  name: string
  environment: Generated<string>
  hash: Buffer
  last4: string
  scopes: string[]
  customer_id: string | null
  requests_per_second: number | null
  expires_at: Timestamp
  revoked_at: Timestamp | null
  last_used_at: Timestamp | null
  created_at: Generated<Timestamp>
  last_used_address: string | null
}

export interface Attempts {
  id: string
  account_id: string
  delivery_id: string
  number: number
  state: Generated<'sending' | 'delivered' | 'failed'>
  started_at: Timestamp
  finished_at: Timestamp | null
  duration_ms: number | null
  request_headers: Json | null
  status_code: number | null
  response_headers: Json | null
  response_body: string | null
  error: string | null
  retry_after: string | null
  created_at: Generated<Timestamp>
}

export interface Claims {
  id: string
  account_id: string
  customer_id: string
  transaction_id: string
  unit_id: string
  reason: string
  state: Generated<'open' | 'replaced' | 'refunded' | 'rejected'>
  replacement_unit_id: string | null
  tries: Generated<number>
  last_answer: string | null
  ask_at: Timestamp | null
  opened_at: Timestamp
  ended_at: Timestamp | null
  created_at: Generated<Timestamp>
}

export interface CodeReveals {
  id: GeneratedAlways<bigint>
  account_id: string
  transaction_id: string
  key_id: string
  address: string
  request_id: string
  code_ids: string[]
  created_at: Generated<Timestamp>
}

export interface Codes {
  id: string
  account_id: string
  product_id: string
  variant_id: Generated<string>
  type: Generated<'code' | 'code_pin' | 'url'>
  sealed: Buffer
  key_version: number
  blind_index: Buffer
  last4: string
  expires_at: Timestamp | null
  supplier_id: string | null
  supplier_reference: string | null
  unit_id: string | null
  allocated_at: Timestamp | null
  quarantined_at: Timestamp | null
  quarantine_reason: 'surplus' | 'foreign' | 'late' | 'expires_too_soon' | null
  created_at: Generated<Timestamp>
  cost_minor: bigint | null
  cost_currency: string | null
  activation_at: Timestamp | null
  face_value: string | null
  reserved_for: string | null
}

export interface Counters {
  account_id: string
  series: string
  value: bigint
  created_at: Generated<Timestamp>
  issued_on: string | null
}

export interface CreditNoteDocuments {
  account_id: string
  credit_note_id: string
  format: 'pdf' | 'csv' | 'ubl' | 'cii'
  content: Buffer
  sha256: Buffer
  created_at: Generated<Timestamp>
}

export interface CreditNoteLines {
  account_id: string
  credit_note_id: string
  position: number
  sku: string
  name: string
  unit_price_minor: bigint
  quantity: number
  net_minor: bigint
  tax_category: string
  tax_rate_bp: number
  created_at: Generated<Timestamp>
}

export interface CreditNoteTaxes {
  account_id: string
  credit_note_id: string
  category: string
  rate_bp: number
  taxable_minor: bigint
  tax_minor: bigint
  created_at: Generated<Timestamp>
}

export interface CreditNoteUnits {
  account_id: string
  credit_note_id: string
  unit_id: string
  net_minor: bigint
  created_at: Generated<Timestamp>
}

export interface CreditNotes {
  id: string
  account_id: string
  customer_id: string
  invoice_id: string
  key: string
  reason: string
  state: Generated<'pending' | 'issued'>
  currency: string
  subtotal_minor: bigint
  tax_minor: bigint
  total_minor: bigint
  requested_at: Timestamp
  series: string | null
  number_value: bigint | null
  number: string | null
  issue_date: string | null
  snapshot: Json | null
  snapshot_hash: Buffer | null
  issued_at: Timestamp | null
  sent_at: Timestamp | null
  ended_at: Timestamp | null
  created_at: Generated<Timestamp>
}

export interface Currencies {
  code: string
  exponent: number
  created_at: Generated<Timestamp>
}

export interface CustomerBalances {
  account_id: string
  customer_id: string
  currency: string
  credit_limit_minor: bigint | null
  /** Balance of the customer's held account. */
  held_minor: Generated<bigint>
  /** Balance of the customer's receivable account. */
  invoiced_minor: Generated<bigint>
  created_at: Generated<Timestamp>
  /** Balance of the customer's unallocated_cash account. */
  unallocated_minor: Generated<bigint>
}

export interface Customers {
  id: string
  account_id: string
  email: string
  first_name: string | null
  last_name: string | null
  company: string | null
  phone: string | null
  tags: Generated<string[]>
  addresses: Generated<Json>
  tax_id: string | null
  time_zone: string | null
  cut_off: string | null
  metadata: Generated<Json>
  status: Generated<'active' | 'inactive'>
  version: Generated<number>
  event_sequence: Generated<number>
  created_at: Generated<Timestamp>
  updated_at: Generated<Timestamp>
  invoice_recipients: string[] | null
  invoice_formats: string[] | null
  bill_on: 'allocation' | 'acceptance' | null
  locale: string | null
}

export interface DataKeys {
  account_id: string
  version: number
  key_id: string | null
  wrapped: Buffer | null
  retired_at: Timestamp | null
  created_at: Generated<Timestamp>
}

export interface Deliveries {
  id: string
  account_id: string
  webhook_id: string
  event_id: string
  state: Generated<'pending' | 'delivered' | 'failed' | 'cancelled'>
  reason: string | null
  attempt_count: Generated<number>
  next_attempt_at: Timestamp
  cause: Generated<'event' | 'replay' | 'resend' | 'recovery' | 'test'>
  copy_of: string | null
  sending_since: Timestamp | null
  throttled_until: Timestamp | null
  ended_at: Timestamp | null
  created_at: Timestamp
}

export interface DisputeFiles {
  id: string
  account_id: string
  dispute_id: string
  kind: 'transaction_details' | 'shipping_proof' | 'communication_logs'
  name: string
  media: string
  content: Buffer
  provider_id: string | null
  created_at: Generated<Timestamp>
}

export interface DisputeMoves {
  from_state: string
  to_state: string
  created_at: Generated<Timestamp>
}

export interface Disputes {
  id: string
  account_id: string
  payment_id: string
  provider_id: string
  opened_at: Timestamp | null
  state: Generated<'needs_response' | 'under_review' | 'won' | 'lost'>
  reason: string | null
  amount_minor: bigint | null
  currency: string | null
  withdrawn_minor: Generated<bigint>
  fee_minor: Generated<bigint>
  returned_minor: Generated<bigint>
  fee_returned_minor: Generated<bigint>
  evidence_due_at: Timestamp | null
  reminders_sent: Generated<number>
  evidence: Generated<Json>
  ask_at: Timestamp | null
  refresh_wanted_at: Timestamp | null
  run: Generated<number>
  ended_at: Timestamp | null
  event_sequence: Generated<number>
  created_at: Generated<Timestamp>
  updated_at: Generated<Timestamp>
}

export interface DocumentSends {
  id: string
  account_id: string
  invoice_id: string
  number: number
  recipients: string[] | null
  formats: string[] | null
  requested_at: Timestamp
  ended_at: Timestamp | null
  created_at: Generated<Timestamp>
  credit_note_id: string | null
}

export interface Entries {
  journal_id: string
  ledger_account_id: string
  account_id: string
  currency: string
  amount_minor: bigint
  created_at: Generated<Timestamp>
}

export interface EventTypes {
  type: string
  additive: boolean
  created_at: Generated<Timestamp>
}

export interface Events {
  id: string
  account_id: string
  type: string
  object_id: string
  sequence: number
  customer_id: string | null
  facts: Json
  xid: Generated<string>
  occurred_at: Timestamp
  created_at: Generated<Timestamp>
}

export interface ExpiryWarnings {
  account_id: string
  product_id: string
  variant_id: Generated<string>
  expires_on: string
  window_days: number
  created_at: Generated<Timestamp>
}

export interface FormerCalendars {
  account_id: string
  customer_id: string | null
  held_until: string
  time_zone: string | null
  cut_off: string | null
  created_at: Generated<Timestamp>
}

export interface IdempotencyKeys {
  account_id: string
  customer_scope: string
  operation: string
  key: string
  fingerprint: Buffer
  transaction_id: string | null
  answer: Buffer | null
  expires_at: Timestamp | null
  created_at: Generated<Timestamp>
  key_version: number | null
}

export interface InvoiceDocuments {
  account_id: string
  invoice_id: string
  format: 'pdf' | 'csv' | 'ubl' | 'cii'
  content: Buffer
  sha256: Buffer
  created_at: Generated<Timestamp>
}

export interface InvoiceLines {
  id: string
  account_id: string
  invoice_id: string
  position: number
  sku: string
  name: string
  unit_price_minor: bigint
  quantity: number
  net_minor: bigint
  tax_category: string
  tax_rate_bp: number
  created_at: Generated<Timestamp>
}

export interface InvoicePrepayments {
  account_id: string
  invoice_id: string
  transaction_id: string
  amount_minor: bigint
  created_at: Generated<Timestamp>
}

export interface InvoiceRuns {
  id: string
  account_id: string
  customer_id: string
  purchase_order_id: string
  run: number
  due_at: Timestamp
  billed_at: Timestamp | null
  manifest_hash: Buffer | null
  ended_at: Timestamp | null
  created_at: Generated<Timestamp>
}

export interface InvoiceTaxes {
  account_id: string
  invoice_id: string
  category: string
  rate_bp: number
  taxable_minor: bigint
  tax_minor: bigint
  credited_minor: Generated<bigint>
  credited_tax_minor: Generated<bigint>
  created_at: Generated<Timestamp>
}

export interface Invoices {
  id: string
  account_id: string
  customer_id: string
  purchase_order_id: string
  tax_group: string
  run: number
  series: string
  number_value: bigint
  number: string
  business_date: string
  issue_date: string
  due_date: string
  currency: string
  subtotal_minor: bigint
  tax_minor: bigint
  total_minor: bigint
  snapshot: Json
  snapshot_hash: Buffer
  state: Generated<'open' | 'paid' | 'void'>
  sent_at: Timestamp | null
  issued_at: Timestamp
  created_at: Generated<Timestamp>
  credited_minor: Generated<bigint>
}

export interface Journals {
  id: string
  account_id: string
  customer_id: string | null
  currency: string
  kind: string
  source_id: string
  occurred_at: Timestamp
  created_at: Generated<Timestamp>
}

export interface LedgerAccountKinds {
  kind: string
  class: 'asset' | 'liability' | 'revenue' | 'expense' | 'memo'
  description: string
  created_at: Generated<Timestamp>
}

export interface LedgerAccounts {
  id: string
  account_id: string
  customer_id: string | null
  owner_id: GeneratedAlways<string>
  currency: string
  kind: string
  created_at: Generated<Timestamp>
}

export interface LedgerReconciliations {
  id: string
  account_id: string
  business_date: string
  run: number
  requested_at: Timestamp
  lines: Json | null
  identities: number | null
  differing: number | null
  ended_at: Timestamp | null
  created_at: Generated<Timestamp>
}

export interface Lines {
  id: string
  account_id: string
  transaction_id: string
  position: number
  product_id: string
  variant_id: string | null
  sku: string
  name: string
  tax_class: string
  fulfillment_type: string
  quantity: number
  unit_price_minor: bigint
  total_minor: bigint
  created_at: Generated<Timestamp>
}

export interface Mails {
  id: string
  account_id: string
  key: string
  sender: string
  recipients: string[]
  subject: string
  body: string
  attachments: Generated<Json>
  invoice_id: string | null
  sent_at: Timestamp | null
  last_error: string | null
  created_at: Generated<Timestamp>
  credit_note_id: string | null
  message_id: string | null
  state: Generated<'queued' | 'sent' | 'bounced'>
  refused: Generated<string[]>
  bounced_at: Timestamp | null
  account_day_id: string | null
}

export interface OperatorDecisions {
  account_id: string
  story_id: string
  key: string
  verb: string
  note: string | null
  created_at: Generated<Timestamp>
}

export interface Organizations {
  id: string
  name: string
  plan: 'free' | 'starter' | 'professional' | 'enterprise' | 'sandbox'
  created_at: Generated<Timestamp>
  /** Agreed instead of the plan's; null: the plan's. */
  requests_per_hour: number | null
  /** Agreed instead of the plan's; null: the plan's. */
  requests_per_day: number | null
}

export interface Outbox {
  id: GeneratedAlways<bigint>
  account_id: string
  verb: 'start' | 'signal'
  workflow: string
  subject: Json
  signal: Json | null
  priority: Generated<number>
  attempts: Generated<number>
  available_at: Generated<Timestamp>
  leased_until: Timestamp | null
  parked_at: Timestamp | null
  last_error: string | null
  created_at: Generated<Timestamp>
}

export interface PaymentDifferences {
  id: string
  account_id: string
  reconciliation_id: string
  kind: 'missing_here' | 'missing_there' | 'amount_mismatch' | 'status_mismatch'
  about: 'payment' | 'refund' | 'dispute' | 'balance'
  subject: string
  payment_id: string | null
  currency: string
  ours_minor: bigint | null
  theirs_minor: bigint | null
  ours: string | null
  theirs: string | null
  last_seen_run: number
  resolved_at: Timestamp | null
  created_at: Generated<Timestamp>
}

export interface PaymentIntents {
  id: string
  account_id: string
  customer_id: string | null
  transaction_id: string | null
  amount_minor: bigint
  currency: string
  capture_method: 'automatic' | 'manual'
  method: string
  token: string | null
  card: Json | null
  state: 'requires_payment_method' | 'requires_action' | 'processing' | 'requires_capture' | 'succeeded' | 'cancelled' | 'failed'
  provider_id: string | null
  authorized_minor: Generated<bigint>
  captured_minor: Generated<bigint>
  fee_minor: Generated<bigint>
  refunded_minor: Generated<bigint>
  refund_held_minor: Generated<bigint>
  last_error: Json | null
  action_url: string | null
  return_url: string | null
  capture_before: Timestamp | null
  metadata: Generated<Json>
  ask_at: Timestamp | null
  ask_count: Generated<number>
  state_since: Timestamp
  refresh_wanted_at: Timestamp | null
  run: Generated<number>
  ended_at: Timestamp | null
  version: Generated<number>
  event_sequence: Generated<number>
  created_at: Timestamp
  updated_at: Generated<Timestamp>
  disputed_minor: Generated<bigint>
}

export interface PaymentMoves {
  from_state: string
  to_state: string
  created_at: Generated<Timestamp>
}

export interface PaymentOperations {
  id: string
  account_id: string
  payment_id: string
  refund_id: string | null
  kind: 'authorize' | 'capture' | 'cancel' | 'refund' | 'respond' | 'accept'
  state: Generated<'created' | 'submitted' | 'succeeded' | 'declined' | 'errored' | 'unknown'>
  idempotency_key: string
  amount_minor: bigint | null
  method: string | null
  token: string | null
  tries: Generated<number>
  asks: Generated<number>
  submitted_at: Timestamp | null
  next_at: Timestamp | null
  error: Json | null
  decided_by: string | null
  ended_at: Timestamp | null
  created_at: Timestamp
  dispute_id: string | null
}

export interface PaymentReconciliations {
  id: string
  account_id: string
  business_date: string
  run: Generated<number>
  payments_seen: Generated<number>
  movements_seen: Generated<number>
  requested_at: Generated<Timestamp>
  ended_at: Timestamp | null
  created_at: Generated<Timestamp>
}

export interface PlanWindows {
  account_id: string
  hour_start: Timestamp
  hour_count: number
  previous_hour_count: number
  day_start: Timestamp
  day_count: number
  created_at: Generated<Timestamp>
}

export interface PostingRules {
  journal: string
  measure: string
  debit: string
  credit: string
  created_at: Generated<Timestamp>
}

export interface Products {
  id: string
  account_id: string
  sku: string
  name: string
  description: Generated<string>
  price_minor: bigint
  currency: string
  status: Generated<'active' | 'draft' | 'archived'>
  fulfillment_type: Generated<'physical' | 'digital_code'>
  tax_class: Generated<'multi_purpose_voucher' | 'single_purpose_voucher' | 'digital_service' | 'goods' | 'fee'>
  categories: Generated<string[]>
  images: Generated<Json>
  metadata: Generated<Json>
  version: Generated<number>
  event_sequence: Generated<number>
  created_at: Generated<Timestamp>
  updated_at: Generated<Timestamp>
}

export interface PspEvents {
  provider: 'sandbox' | 'stripe'
  id: string
  type: string
  provider_account: string | null
  payload: Buffer
  payment_provider_id: string | null
  payment_id: string | null
  refund_id: string | null
  dispute_provider_id: string | null
  state: Generated<'matched' | 'parked' | 'ignored'>
  matched_account_id: string | null
  tries: Generated<number>
  next_try_at: Timestamp | null
  created_at: Generated<Timestamp>
}

export interface PurchaseOrders {
  id: string
  account_id: string
  customer_id: string
  currency: string
  business_date: string
  sequence: number
  state: Generated<'open' | 'settling' | 'invoiced' | 'settled'>
  time_zone: string
  cut_off: string
  period_start: Timestamp
  period_end: Timestamp
  scheduled_end: Timestamp
  offset_start_seconds: number
  offset_end_seconds: number
  server_version: Generated<string>
  closed_at: Timestamp | null
  settle_until: Timestamp | null
  manifest_hash: Buffer | null
  held_at: Timestamp | null
  invoiced_at: Timestamp | null
  ended_at: Timestamp | null
  opened_at: Timestamp
  created_at: Generated<Timestamp>
  bill_on: Generated<'allocation' | 'acceptance'>
  issue_after: Timestamp | null
}

export interface RateLimits {
  key_id: string
  class: string
  window_start: Timestamp
  count: number
  created_at: Generated<Timestamp>
}

export interface ReceivedPaymentReversals {
  id: string
  account_id: string
  received_payment_id: string
  reopened_minor: bigint
  reason: string
  reversed_on: string
  recorded_at: Timestamp
  created_at: Generated<Timestamp>
}

export interface ReceivedPayments {
  id: string
  account_id: string
  customer_id: string
  invoice_id: string
  currency: string
  amount_minor: bigint
  allocated_minor: bigint
  method: 'bank_transfer' | 'cheque' | 'cash' | 'other'
  reference: string
  received_on: string
  recorded_at: Timestamp
  created_at: Generated<Timestamp>
}

export interface Refunds {
  id: string
  account_id: string
  payment_id: string
  amount_minor: bigint
  currency: string
  state: Generated<'pending' | 'succeeded' | 'failed' | 'unknown'>
  reason: string | null
  cause: 'request' | 'units_failed' | 'order_cancelled' | 'late_money'
  cause_key: string | null
  refund_application_fee: Generated<boolean>
  line_ids: Generated<string[]>
  metadata: Generated<Json>
  provider_id: string | null
  last_error: Json | null
  expected_by: string
  ask_at: Timestamp | null
  ask_count: Generated<number>
  refresh_wanted_at: Timestamp | null
  run: Generated<number>
  ended_at: Timestamp | null
  created_at: Timestamp
  updated_at: Generated<Timestamp>
}

export interface SchemaFunctions {
  name: string
  sha256: string
  created_at: Generated<Timestamp>
}

export interface SchemaMigrations {
  name: string
  sha256: string
  created_at: Generated<Timestamp>
}

export interface Skus {
  account_id: string
  sku: string
  product_id: string
  variant_id: string | null
  created_at: Generated<Timestamp>
}

export interface SourcingAttempts {
  id: string
  account_id: string
  unit_id: string
  transaction_id: string
  supplier_id: string
  group_number: number
  reference: string
  state: Generated<'placing' | 'processing' | 'unknown' | 'delivered' | 'none' | 'not_placed' | 'rejected'>
  tries: Generated<number>
  last_answer: string | null
  ask_at: Timestamp | null
  unknown_at: Timestamp | null
  leased_until: Timestamp | null
  created_at: Generated<Timestamp>
  updated_at: Generated<Timestamp>
  cost_minor: bigint | null
  cost_currency: string | null
  asked_at: Timestamp | null
  cancel_requested_at: Timestamp | null
}

export interface SourcingRoutes {
  account_id: string
  transaction_id: string
  supplier_id: string
  preference: 'first' | 'never'
  created_at: Generated<Timestamp>
  updated_at: Generated<Timestamp>
}

export interface StockLevels {
  account_id: string
  product_id: string
  variant_id: Generated<string>
  low_threshold: number | null
  available: Generated<number>
  state: Generated<'ok' | 'low' | 'out'>
  next_expiry_at: Timestamp | null
  looked_at: Generated<Timestamp>
  created_at: Generated<Timestamp>
}

export interface SupplierCalls {
  id: string
  account_id: string
  supplier_id: string
  leased_until: Timestamp
  created_at: Generated<Timestamp>
}

export interface SupplierSkus {
  account_id: string
  supplier_id: string
  product_id: string
  variant_id: Generated<string>
  supplier_sku: string
  priority: Generated<number>
  cost_minor: bigint
  currency: string
  created_at: Generated<Timestamp>
  id: Generated<string>
  active: Generated<boolean>
  version: Generated<number>
  updated_at: Generated<Timestamp>
}

export interface Suppliers {
  id: string
  account_id: string
  name: string
  adapter: 'sandbox' | 'http'
  active: Generated<boolean>
  created_at: Generated<Timestamp>
  base_url: string | null
  secret: Buffer | null
  secret_key_version: number | null
  call_seconds_max: Generated<number>
  per_second_max: number | null
  in_flight_max: Generated<number>
  next_call_at: Timestamp | null
  queue_ends_at: Timestamp | null
  breaker_failures: Generated<number>
  breaker_opened_at: Timestamp | null
  breaker_probe_at: Timestamp | null
  breaker_reason: string | null
  version: Generated<number>
  updated_at: Generated<Timestamp>
}

export interface TestClocks {
  account_id: string
  account_mode: Generated<'test'>
  offset_ms: Generated<bigint>
  target_at: Timestamp | null
  stopped_since: Timestamp | null
  created_at: Generated<Timestamp>
  wake_at: Timestamp | null
}

export interface Transactions {
  id: string
  account_id: string
  customer_id: string
  purchase_order_id: string
  position: number
  currency: string
  total_minor: bigint
  unit_count: number
  client_reference: string | null
  content_hash: Buffer
  payment_method: string
  allow_backorder: boolean
  deadline_at: Timestamp
  shipping_address: Json | null
  billing_address: Json | null
  shipping_method: string | null
  metadata: Generated<Json>
  cancel_requested_at: Timestamp | null
  event_sequence: Generated<number>
  accepted_at: Timestamp
  ended_at: Timestamp | null
  created_at: Generated<Timestamp>
  units_cancel_requested_at: Timestamp | null
  payment_token: string | null
  pay_by: Timestamp | null
  due_minor: bigint | null
  paid_at: Timestamp | null
  cancel_reason: string | null
  cancel_note: string | null
  cancel_refunds: Generated<boolean>
}

export interface UnitMoves {
  from_state: string
  to_state: string
  created_at: Generated<Timestamp>
}

export interface Units {
  id: string
  account_id: string
  purchase_order_id: string
  transaction_id: string
  line_id: string
  position: number
  product_id: string
  variant_id: Generated<string>
  price_minor: bigint
  state: Generated<'queued' | 'sourcing' | 'allocated' | 'backordered' | 'unknown' | 'failed' | 'cancelled' | 'reversed'>
  reason: string | null
  allocated_at: Timestamp | null
  invoice_line_id: string | null
  created_at: Generated<Timestamp>
  credited_minor: Generated<bigint>
  replaces_unit_id: string | null
  cancel_requested_at: Timestamp | null
  gross_minor: bigint | null
}

export interface Variants {
  id: string
  account_id: string
  product_id: string
  sku: string
  price_minor: bigint | null
  attributes: Generated<Json>
  image: string | null
  position: number
  removed_at: Timestamp | null
  created_at: Generated<Timestamp>
}

export interface Waits {
  story_id: string
  account_id: string
  workflow: string
  subject: Json
  due_at: Timestamp | null
  needs_person: Generated<boolean>
  reason: string
  created_at: Generated<Timestamp>
  clock_offset_ms: Generated<bigint>
}

export interface WebhookSecrets {
  id: string
  account_id: string
  webhook_id: string
  sealed: Buffer
  key_version: number
  expires_at: Timestamp | null
  created_at: Generated<Timestamp>
}

export interface Webhooks {
  id: string
  account_id: string
  url: string
  events: string[]
  description: Generated<string>
  metadata: Generated<Json>
  active: Generated<boolean>
  disabled_at: Timestamp | null
  disabled_reason: 'endpoint_gone' | 'only_failures' | null
  deleted_at: Timestamp | null
  per_second_max: number | null
  in_flight_max: Generated<number>
  next_place_at: Timestamp | null
  queue_ends_at: Timestamp | null
  rotation_signs_with: Generated<'old' | 'new'>
  failing_since: Timestamp | null
  exhausted_count: Generated<number>
  version: Generated<number>
  event_sequence: Generated<number>
  created_at: Generated<Timestamp>
  updated_at: Generated<Timestamp>
}

export interface DB {
  account_day_files: AccountDayFiles
  account_days: AccountDays
  accounts: Accounts
  api_keys: ApiKeys
  attempts: Attempts
  claims: Claims
  code_reveals: CodeReveals
  codes: Codes
  counters: Counters
  credit_note_documents: CreditNoteDocuments
  credit_note_lines: CreditNoteLines
  credit_note_taxes: CreditNoteTaxes
  credit_note_units: CreditNoteUnits
  credit_notes: CreditNotes
  currencies: Currencies
  customer_balances: CustomerBalances
  customers: Customers
  data_keys: DataKeys
  deliveries: Deliveries
  dispute_files: DisputeFiles
  dispute_moves: DisputeMoves
  disputes: Disputes
  document_sends: DocumentSends
  entries: Entries
  event_types: EventTypes
  events: Events
  expiry_warnings: ExpiryWarnings
  former_calendars: FormerCalendars
  idempotency_keys: IdempotencyKeys
  invoice_documents: InvoiceDocuments
  invoice_lines: InvoiceLines
  invoice_prepayments: InvoicePrepayments
  invoice_runs: InvoiceRuns
  invoice_taxes: InvoiceTaxes
  invoices: Invoices
  journals: Journals
  ledger_account_kinds: LedgerAccountKinds
  ledger_accounts: LedgerAccounts
  ledger_reconciliations: LedgerReconciliations
  lines: Lines
  mails: Mails
  operator_decisions: OperatorDecisions
  organizations: Organizations
  outbox: Outbox
  payment_differences: PaymentDifferences
  payment_intents: PaymentIntents
  payment_moves: PaymentMoves
  payment_operations: PaymentOperations
  payment_reconciliations: PaymentReconciliations
  plan_windows: PlanWindows
  posting_rules: PostingRules
  products: Products
  psp_events: PspEvents
  purchase_orders: PurchaseOrders
  rate_limits: RateLimits
  received_payment_reversals: ReceivedPaymentReversals
  received_payments: ReceivedPayments
  refunds: Refunds
  schema_functions: SchemaFunctions
  schema_migrations: SchemaMigrations
  skus: Skus
  sourcing_attempts: SourcingAttempts
  sourcing_routes: SourcingRoutes
  stock_levels: StockLevels
  supplier_calls: SupplierCalls
  supplier_skus: SupplierSkus
  suppliers: Suppliers
  test_clocks: TestClocks
  transactions: Transactions
  unit_moves: UnitMoves
  units: Units
  variants: Variants
  waits: Waits
  webhook_secrets: WebhookSecrets
  webhooks: Webhooks
}
