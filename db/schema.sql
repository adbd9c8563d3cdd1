-- Generated from the migrated database by `npm run codegen`; never edited.

-- Functions, by what they take and answer: their texts stand in db/functions and the migrations

-- accept_orders(p jsonb, p_patient boolean) returns TABLE(answer jsonb, facts jsonb)

-- account_calendar_changed() returns trigger

-- account_day_end(p_account text, p_date date) returns timestamp with time zone

-- add_business_days(p_date date, p_days integer) returns date

-- allocate_units(p_account text, p_transaction text, p_now timestamp with time zone) returns integer

-- bill_units(p_account text, p_purchase_order text, p_lines text[], p_invoice_lines text[]) returns TABLE(line_id text, quantity integer, delivered integer)

-- billable_lines(p_account text, p_purchase_order text) returns TABLE(line_id text, transaction_id text, client_reference text, accepted_at timestamp with time zone, payment_method text, sku text, name text, tax_class text, unit_price_minor bigint)

-- bills_ahead(po purchase_orders, t transactions) returns boolean

-- business_day_end(p_date date, p_zone text, p_cut_off time without time zone) returns timestamp with time zone

-- business_now(p_account text) returns timestamp with time zone

-- business_period(p_at timestamp with time zone, p_zone text, p_cut_off time without time zone, OUT business_date date, OUT period_start timestamp with time zone, OUT period_end timestamp with time zone) returns record

-- calendar_day_end(p_account text, p_customer text, p_date date) returns timestamp with time zone

-- calendar_on(p_account text, p_customer text, p_date date, OUT time_zone text, OUT cut_off time without time zone) returns record

-- calendar_period(p_account text, p_customer text, p_zone text, p_cut_off time without time zone, p_at timestamp with time zone, OUT business_date date, OUT period_start timestamp with time zone, OUT period_end timestamp with time zone) returns record

-- claim_attempt(p_account text, p_delivery text, p_slack_ms integer DEFAULT 0) returns jsonb

-- close_purchase_order(p_account text, p_po text, p_early boolean) returns void

-- code_outlives(p_account text, p_now timestamp with time zone) returns timestamp with time zone

-- codes_attached_for_ever() returns trigger

-- count_requests(p_key text, p_class text, p_second integer, p_account text, p_hour integer, p_day integer, p_number integer, OUT admitted integer, OUT refused_by text, OUT second_count integer, OUT hour_count integer, OUT day_count integer, OUT second_start timestamp with time zone, OUT hour_start timestamp with time zone, OUT day_start timestamp with time zone, OUT counted_at timestamp with time zone) returns record

-- create_month_partition(p_table text, p_month date) returns void

-- credit_notes_immutable() returns trigger

-- customer_balances_opened() returns trigger

-- customer_calendar_changed() returns trigger

-- deliveries_end_once() returns trigger

-- delivery_progress(p_delivery deliveries, p_last attempts) returns jsonb

-- disputes_move() returns trigger

-- emit_event(p_account text, p_event text, p_type text, p_object text, p_sequence integer, p_customer text, p_facts jsonb, p_at timestamp with time zone) returns void

-- emit_events(p_accounts text[], p_events text[], p_types text[], p_objects text[], p_sequences integer[], p_customers text[], p_facts jsonb[], p_ats timestamp with time zone[]) returns void

-- end_account_day(p_account text, p_day text) returns void

-- end_purchase_order(p_account text, p_po text) returns void

-- end_supplier_call(p_account text, p_supplier text, p_call text, p_reached boolean, p_said text) returns text

-- entries_balanced() returns trigger

-- facts_of_transactions(p_accounts text[], p_transactions text[]) returns TABLE(n bigint, facts jsonb)

-- fulfill_transaction(p_account text, p_transaction text) returns jsonb

-- has_open_purchase_orders(p_account text, p_date date) returns boolean

-- insert_refund(p_account text, p_payment text, p jsonb) returns text

-- invoice_lines_belong() returns trigger

-- invoice_owed(p_account text, p_invoice text) returns bigint

-- invoice_paid(p_account text, p_invoice text) returns bigint

-- invoices_immutable() returns trigger

-- invoices_reopened() returns trigger

-- invoices_settled() returns trigger

-- is_billable(u units, is_ahead boolean) returns boolean

-- is_time_zone(zone text) returns boolean

-- journal_moves(p_kind text, p_amounts jsonb) returns TABLE(kind text, amount_minor bigint)

-- keys_kept() returns trigger

-- lines_belong() returns trigger

-- lock_order_money(p_account text, p_transaction text) returns bigint

-- new_id(prefix text) returns text

-- open_ledger_accounts(p_account text, p_customer text, p_currency text) returns void

-- open_ledger_reconciliations(p_limit integer) returns integer

-- open_purchase_order(p_account text, p_customer text, p_currency text, p_zone text, p_cut_off time without time zone, p_now timestamp with time zone) returns purchase_orders

-- open_reconciliations(p_limit integer) returns integer

-- open_stories() returns TABLE(account_id text, workflow text, id text, subject_key text, subject jsonb, priority integer, created_at timestamp with time zone)

-- order_money(p_account text, p_transaction text) returns jsonb

-- order_state(p_account text, p_transaction text) returns jsonb

-- payment_intents_move() returns trigger

-- payment_intents_told() returns trigger

-- pool_covers(p_account text, p_lines jsonb, p_now timestamp with time zone) returns boolean

-- post_journal(p_account text, p_customer text, p_currency text, p_kind text, p_source text, p_amounts jsonb, p_at timestamp with time zone) returns text

-- posted_journal(p_account text, p_kind text, p_source text, p_kinds text[], p_minors bigint[]) returns text

-- price_lines(p_account text, p_items jsonb, p_currency text, p_price_override boolean) returns TABLE("position" integer, product_id text, variant_id text, sku text, name text, tax_class text, fulfillment_type text, quantity integer, currency text, unit_price_minor bigint, problem jsonb)

-- record_attempt(p_account text, p_delivery text, p_number integer, p_attempt jsonb, p_end text, p_reason text, p_delay_seconds integer) returns jsonb

-- refund_excess(p_txn transactions) returns void

-- refused(p_reason text, p_more jsonb DEFAULT '{}'::jsonb) returns jsonb

-- refused_credit(p_currency text, p_limit bigint, p_used bigint, p_total bigint) returns jsonb

-- refused_field(p_reason text, p_field text, p_message text) returns jsonb

-- release_codes(p_account text, p_transaction text) returns void

-- release_held_deliveries(p_account text, p_webhook text) returns void

-- request_account_day(p_account text, p_date date, p_again boolean) returns text

-- request_credit_note(p jsonb) returns jsonb

-- request_ledger_reconciliation(p_account text, p_date date) returns text

-- request_reconciliation(p_account text, p_date date) returns text

-- reserve_codes(p_account text, p_transaction text, p_now timestamp with time zone) returns void

-- retire_months(p_table text, p_before timestamp with time zone) returns void

-- route_parked_events(p_account text, p_payment text) returns integer

-- route_psp_event(p_provider text, p_event text) returns text

-- rows_immutable() returns trigger

-- schedule_invoice_run(p_account text, p_po text, p_now timestamp with time zone) returns void

-- schedule_issue(p_account text, p_po text) returns void

-- settle_purchase_order(p_account text, p_po text, p_at timestamp with time zone) returns void

-- start_dispute(p_dispute disputes) returns void

-- store_psp_event(p jsonb, p_payload bytea) returns text

-- sweep_leftovers() returns void

-- sweep_psp_events(p_limit integer) returns integer

-- sweep_stories(p_grace interval, p_limit integer) returns TABLE(workflow text, story_id text)

-- take_document_number(p_account text, p_kind text) returns TABLE(series text, value bigint, issue_date date, due_date date, issued_at timestamp with time zone)

-- take_place(p_webhook webhooks, p_delivery deliveries, OUT send_at timestamp with time zone, OUT hold_until timestamp with time zone) returns record

-- take_supplier_call(p_account text, p_supplier text, p_lease interval) returns jsonb

-- tax_of(p_net bigint, p_rate_bp integer) returns bigint

-- tell_dispute(p_account text, p_payment text, p_provider_id text, p_reason text) returns text

-- tell_order_refunded(p_account text, p_transaction text) returns void

-- test_clock_only_forward() returns trigger

-- transaction_facts(p_account text, p_transaction text) returns jsonb

-- transactions_belong() returns trigger

-- transactions_posted() returns trigger

-- units_belong() returns trigger

-- units_credited() returns trigger

-- units_move() returns trigger

-- units_posted() returns trigger

-- wake_deliveries(p_account text, p_webhook text, p_reason text) returns void

-- wake_dispute(p_account text, p_dispute text, p_reason text) returns void

-- wake_payment(p_account text, p_payment text, p_reason text) returns void

-- wake_purchase_order(p_po purchase_orders, p_reason text) returns void

-- wake_refund(p_account text, p_refund text, p_reason text) returns void

-- wake_story(p_account text, p_workflow text, p_story text, p_subject jsonb, p_reason text, p_priority integer) returns void

-- webhook_wants(p_events text[], p_type text, p_additive boolean) returns boolean

-- zone_offset_seconds(p_at timestamp with time zone, p_zone text) returns integer

-- Tables (partitions are made as months begin and are not listed)

create table account_day_files (
  account_day_id text not null,
  account_id text not null,
  filename text not null,
  content bytea not null,
  created_at timestamp with time zone default clock_timestamp() not null,
  constraint account_day_files_pkey PRIMARY KEY (account_day_id, filename),
  constraint account_day_files_account_id_account_day_id_fkey FOREIGN KEY (account_id, account_day_id) REFERENCES account_days(account_id, id)
);

create table account_days (
  id text not null,
  account_id text not null,
  business_date date not null,
  run integer not null,
  requested_at timestamp with time zone not null,
  written_at timestamp with time zone,
  complete boolean,
  recipients text[],
  subject text,
  body text,
  ended_at timestamp with time zone,
  created_at timestamp with time zone default clock_timestamp() not null,
  constraint account_days_pkey PRIMARY KEY (id),
  constraint account_days_account_id_business_date_run_key UNIQUE (account_id, business_date, run),
  constraint account_days_account_id_id_key UNIQUE (account_id, id),
  constraint account_days_account_id_fkey FOREIGN KEY (account_id) REFERENCES accounts(id),
  constraint account_days_check CHECK ((num_nulls(written_at, complete, recipients, subject, body) = ANY (ARRAY[0, 5]))),
  constraint account_days_check1 CHECK (((ended_at IS NULL) OR (written_at IS NOT NULL))),
  constraint account_days_run_check CHECK ((run >= 1))
);

create table accounts (
  id text not null,
  organization_id text not null,
  mode text not null,
  name text not null,
  time_zone text default 'UTC'::text not null,
  cut_off time without time zone default '24:00:00'::time without time zone not null,
  currency text not null,
  settle_window_seconds integer default 900 not null,
  payment_term_days integer default 14 not null,
  require_idempotency_key boolean default false not null,
  legal_name text not null,
  legal_address jsonb not null,
  country text not null,
  tax_id text,
  finance_email text not null,
  invoice_series text default 'INV'::text not null,
  created_at timestamp with time zone default clock_timestamp() not null,
  credit_note_series text default 'CN'::text not null,
  provider_reference text,
  code_validity_seconds_min integer default 86400 not null,
  bill_on text default 'allocation'::text not null,
  deadline_seconds integer default 86400 not null,
  locale text default 'en'::text not null,
  registration_id text,
  fiscal_year_first_month integer default 1 not null,
  bank_account text,
  bank_code text,
  finance_recipients text[],
  constraint accounts_pkey PRIMARY KEY (id),
  constraint accounts_id_mode_key UNIQUE (id, mode),
  constraint accounts_organization_id_mode_key UNIQUE (organization_id, mode),
  constraint accounts_currency_fkey FOREIGN KEY (currency) REFERENCES currencies(code),
  constraint accounts_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES organizations(id),
  constraint accounts_bank_account_check CHECK (((length(bank_account) >= 4) AND (length(bank_account) <= 34))),
  constraint accounts_bank_code CHECK (((bank_code IS NULL) OR (bank_account IS NOT NULL))),
  constraint accounts_bank_code_check CHECK (((length(bank_code) >= 1) AND (length(bank_code) <= 20))),
  constraint accounts_bill_on_check CHECK ((bill_on = ANY (ARRAY['allocation'::text, 'acceptance'::text]))),
  constraint accounts_code_validity_seconds_min_check CHECK (((code_validity_seconds_min >= 0) AND (code_validity_seconds_min <= 31536000))),
  constraint accounts_country_check CHECK ((country ~ '^[A-Z]{2}$'::text)),
  constraint accounts_credit_note_series_check CHECK ((credit_note_series ~ '^[A-Z0-9-]{1,12}$'::text)),
  constraint accounts_cut_off_check CHECK ((cut_off > '00:00:00'::time without time zone)),
  constraint accounts_deadline_seconds_check CHECK (((deadline_seconds >= 60) AND (deadline_seconds <= 2592000))),
  constraint accounts_finance_recipients_check CHECK (((cardinality(finance_recipients) >= 1) AND (cardinality(finance_recipients) <= 10))),
  constraint accounts_fiscal_year_first_month_check CHECK (((fiscal_year_first_month >= 1) AND (fiscal_year_first_month <= 12))),
  constraint accounts_invoice_series_check CHECK ((invoice_series ~ '^[A-Z0-9-]{1,12}$'::text)),
  constraint accounts_locale_check CHECK ((locale ~ '^[a-z]{2,3}(-[A-Z]{2})?$'::text)),
  constraint accounts_mode_check CHECK ((mode = ANY (ARRAY['live'::text, 'test'::text]))),
  constraint accounts_payment_term_days_check CHECK (((payment_term_days >= 0) AND (payment_term_days <= 365))),
  constraint accounts_registration_id_check CHECK (((length(registration_id) >= 1) AND (length(registration_id) <= 40))),
  constraint accounts_series_differ CHECK ((credit_note_series <> invoice_series)),
  constraint accounts_series_without_year CHECK (((invoice_series !~ '-[0-9]{4}$'::text) AND (credit_note_series !~ '-[0-9]{4}$'::text))),
  constraint accounts_settle_window_seconds_check CHECK (((settle_window_seconds >= 0) AND (settle_window_seconds <= 86400))),
  constraint accounts_time_zone_check CHECK (is_time_zone(time_zone))
);

create table api_keys (
  id text not null,
  account_id text not null,
  name text not null,
  environment text default 'production'::text not null,
  hash bytea not null,
  last4 text not null,
  scopes text[] not null,
  customer_id text,
  requests_per_second integer,
  expires_at timestamp with time zone not null,
  revoked_at timestamp with time zone,
  last_used_at timestamp with time zone,
  created_at timestamp with time zone default clock_timestamp() not null,
  last_used_address text,
  constraint api_keys_pkey PRIMARY KEY (id),
  constraint api_keys_hash_key UNIQUE (hash),
  constraint api_keys_account_id_customer_id_fkey FOREIGN KEY (account_id, customer_id) REFERENCES customers(account_id, id),
  constraint api_keys_account_id_fkey FOREIGN KEY (account_id) REFERENCES accounts(id),
  constraint api_keys_hash_check CHECK ((length(hash) = 32)),
  constraint api_keys_requests_per_second_check CHECK ((requests_per_second > 0))
);

create table attempts (
  id text not null,
  account_id text not null,
  delivery_id text not null,
  number smallint not null,
  state text default 'sending'::text not null,
  started_at timestamp with time zone not null,
  finished_at timestamp with time zone,
  duration_ms integer,
  request_headers jsonb,
  status_code integer,
  response_headers jsonb,
  response_body text,
  error text,
  retry_after text,
  created_at timestamp with time zone default clock_timestamp() not null,
  constraint attempts_pkey PRIMARY KEY (delivery_id, number, created_at),
  constraint attempts_check CHECK (((state = 'sending'::text) = (finished_at IS NULL))),
  constraint attempts_number_check CHECK (((number >= 1) AND (number <= 6))),
  constraint attempts_state_check CHECK ((state = ANY (ARRAY['sending'::text, 'delivered'::text, 'failed'::text])))
) partition by RANGE (created_at);

create table claims (
  id text not null,
  account_id text not null,
  customer_id text not null,
  transaction_id text not null,
  unit_id text not null,
  reason text not null,
  state text default 'open'::text not null,
  replacement_unit_id text,
  tries integer default 0 not null,
  last_answer text,
  ask_at timestamp with time zone,
  opened_at timestamp with time zone not null,
  ended_at timestamp with time zone,
  created_at timestamp with time zone default clock_timestamp() not null,
  constraint claims_pkey PRIMARY KEY (id),
  constraint claims_account_id_id_key UNIQUE (account_id, id),
  constraint claims_replacement_unit_id_key UNIQUE (replacement_unit_id),
  constraint claims_account_id_customer_id_fkey FOREIGN KEY (account_id, customer_id) REFERENCES customers(account_id, id),
  constraint claims_account_id_replacement_unit_id_fkey FOREIGN KEY (account_id, replacement_unit_id) REFERENCES units(account_id, id),
  constraint claims_account_id_transaction_id_fkey FOREIGN KEY (account_id, transaction_id) REFERENCES transactions(account_id, id),
  constraint claims_account_id_unit_id_fkey FOREIGN KEY (account_id, unit_id) REFERENCES units(account_id, id),
  constraint claims_check CHECK (((state = 'open'::text) = (ended_at IS NULL))),
  constraint claims_check1 CHECK (((state = 'replaced'::text) = (replacement_unit_id IS NOT NULL))),
  constraint claims_check2 CHECK (((state = 'open'::text) OR (ask_at IS NULL))),
  constraint claims_reason_check CHECK (((length(reason) >= 1) AND (length(reason) <= 500))),
  constraint claims_state_check CHECK ((state = ANY (ARRAY['open'::text, 'replaced'::text, 'refunded'::text, 'rejected'::text])))
);

create table code_reveals (
  id bigint generated always as identity,
  account_id text not null,
  transaction_id text not null,
  key_id text not null,
  address text not null,
  request_id text not null,
  code_ids text[] not null,
  created_at timestamp with time zone default clock_timestamp() not null,
  constraint code_reveals_pkey PRIMARY KEY (id),
  constraint code_reveals_account_id_transaction_id_fkey FOREIGN KEY (account_id, transaction_id) REFERENCES transactions(account_id, id)
);

create table codes (
  id text not null,
  account_id text not null,
  product_id text not null,
  variant_id text default ''::text not null,
  type text default 'code'::text not null,
  sealed bytea not null,
  key_version smallint not null,
  blind_index bytea not null,
  last4 text not null,
  expires_at timestamp with time zone,
  supplier_id text,
  supplier_reference text,
  unit_id text,
  allocated_at timestamp with time zone,
  quarantined_at timestamp with time zone,
  quarantine_reason text,
  created_at timestamp with time zone default clock_timestamp() not null,
  cost_minor bigint,
  cost_currency text,
  activation_at timestamp with time zone,
  face_value text,
  reserved_for text,
  constraint codes_pkey PRIMARY KEY (id),
  constraint codes_account_id_id_key UNIQUE (account_id, id),
  constraint codes_blind_index_key UNIQUE (blind_index),
  constraint codes_account_id_key_version_fkey FOREIGN KEY (account_id, key_version) REFERENCES data_keys(account_id, version),
  constraint codes_account_id_product_id_fkey FOREIGN KEY (account_id, product_id) REFERENCES products(account_id, id),
  constraint codes_account_id_reserved_for_fkey FOREIGN KEY (account_id, reserved_for) REFERENCES transactions(account_id, id),
  constraint codes_account_id_supplier_id_fkey FOREIGN KEY (account_id, supplier_id) REFERENCES suppliers(account_id, id),
  constraint codes_account_id_unit_id_fkey FOREIGN KEY (account_id, unit_id) REFERENCES units(account_id, id),
  constraint codes_cost_currency_fkey FOREIGN KEY (cost_currency) REFERENCES currencies(code),
  constraint codes_blind_index_check CHECK ((length(blind_index) = 32)),
  constraint codes_check CHECK (((unit_id IS NULL) = (allocated_at IS NULL))),
  constraint codes_check1 CHECK (((supplier_id IS NULL) = (supplier_reference IS NULL))),
  constraint codes_check2 CHECK (((unit_id IS NULL) OR (quarantined_at IS NULL))),
  constraint codes_check3 CHECK (((cost_minor IS NULL) = (cost_currency IS NULL))),
  constraint codes_check4 CHECK (((reserved_for IS NULL) OR (unit_id IS NULL))),
  constraint codes_cost_minor_check CHECK ((cost_minor >= 0)),
  constraint codes_face_value_check CHECK (((length(face_value) >= 1) AND (length(face_value) <= 60))),
  constraint codes_quarantine_reason_check CHECK ((quarantine_reason = ANY (ARRAY['surplus'::text, 'foreign'::text, 'late'::text, 'expires_too_soon'::text]))),
  constraint codes_sealed_check CHECK ((length(sealed) > 28)),
  constraint codes_type_check CHECK ((type = ANY (ARRAY['code'::text, 'code_pin'::text, 'url'::text])))
) with (autovacuum_vacuum_scale_factor=0.02, autovacuum_vacuum_threshold=1000);

create table counters (
  account_id text not null,
  series text not null,
  value bigint not null,
  created_at timestamp with time zone default clock_timestamp() not null,
  issued_on date,
  constraint counters_pkey PRIMARY KEY (account_id, series),
  constraint counters_account_id_fkey FOREIGN KEY (account_id) REFERENCES accounts(id),
  constraint counters_value_check CHECK ((value >= 0))
);

create table credit_note_documents (
  account_id text not null,
  credit_note_id text not null,
  format text not null,
  content bytea not null,
  sha256 bytea not null,
  created_at timestamp with time zone default clock_timestamp() not null,
  constraint credit_note_documents_pkey PRIMARY KEY (credit_note_id, format),
  constraint credit_note_documents_account_id_credit_note_id_fkey FOREIGN KEY (account_id, credit_note_id) REFERENCES credit_notes(account_id, id),
  constraint credit_note_documents_format_check CHECK ((format = ANY (ARRAY['pdf'::text, 'csv'::text, 'ubl'::text, 'cii'::text]))),
  constraint credit_note_documents_sha256_check CHECK ((length(sha256) = 32))
);

create table credit_note_lines (
  account_id text not null,
  credit_note_id text not null,
  "position" integer not null,
  sku text not null,
  name text not null,
  unit_price_minor bigint not null,
  quantity integer not null,
  net_minor bigint not null,
  tax_category text not null,
  tax_rate_bp integer not null,
  created_at timestamp with time zone default clock_timestamp() not null,
  constraint credit_note_lines_pkey PRIMARY KEY (credit_note_id, "position"),
  constraint credit_note_lines_account_id_credit_note_id_fkey FOREIGN KEY (account_id, credit_note_id) REFERENCES credit_notes(account_id, id),
  constraint credit_note_lines_check CHECK ((net_minor = (unit_price_minor * quantity))),
  constraint credit_note_lines_position_check CHECK (("position" >= 1)),
  constraint credit_note_lines_quantity_check CHECK ((quantity >= 1)),
  constraint credit_note_lines_tax_rate_bp_check CHECK (((tax_rate_bp >= 0) AND (tax_rate_bp <= 10000)))
);

create table credit_note_taxes (
  account_id text not null,
  credit_note_id text not null,
  category text not null,
  rate_bp integer not null,
  taxable_minor bigint not null,
  tax_minor bigint not null,
  created_at timestamp with time zone default clock_timestamp() not null,
  constraint credit_note_taxes_pkey PRIMARY KEY (credit_note_id, category, rate_bp),
  constraint credit_note_taxes_account_id_credit_note_id_fkey FOREIGN KEY (account_id, credit_note_id) REFERENCES credit_notes(account_id, id),
  constraint credit_note_taxes_rate_bp_check CHECK (((rate_bp >= 0) AND (rate_bp <= 10000))),
  constraint credit_note_taxes_tax_minor_check CHECK ((tax_minor >= 0)),
  constraint credit_note_taxes_taxable_minor_check CHECK ((taxable_minor >= 0))
);

create table credit_note_units (
  account_id text not null,
  credit_note_id text not null,
  unit_id text not null,
  net_minor bigint not null,
  created_at timestamp with time zone default clock_timestamp() not null,
  constraint credit_note_units_pkey PRIMARY KEY (credit_note_id, unit_id),
  constraint credit_note_units_account_id_credit_note_id_fkey FOREIGN KEY (account_id, credit_note_id) REFERENCES credit_notes(account_id, id),
  constraint credit_note_units_account_id_unit_id_fkey FOREIGN KEY (account_id, unit_id) REFERENCES units(account_id, id),
  constraint credit_note_units_net_minor_check CHECK ((net_minor >= 0))
);

create table credit_notes (
  id text not null,
  account_id text not null,
  customer_id text not null,
  invoice_id text not null,
  key text not null,
  reason text not null,
  state text default 'pending'::text not null,
  currency text not null,
  subtotal_minor bigint not null,
  tax_minor bigint not null,
  total_minor bigint not null,
  requested_at timestamp with time zone not null,
  series text,
  number_value bigint,
  number text,
  issue_date date,
  snapshot jsonb,
  snapshot_hash bytea,
  issued_at timestamp with time zone,
  sent_at timestamp with time zone,
  ended_at timestamp with time zone,
  created_at timestamp with time zone default clock_timestamp() not null,
  constraint credit_notes_pkey PRIMARY KEY (id),
  constraint credit_notes_account_id_id_key UNIQUE (account_id, id),
  constraint credit_notes_account_id_key_invoice_id_key UNIQUE (account_id, key, invoice_id),
  constraint credit_notes_account_id_number_key UNIQUE (account_id, number),
  constraint credit_notes_account_id_series_number_value_key UNIQUE (account_id, series, number_value),
  constraint credit_notes_account_id_customer_id_invoice_id_fkey FOREIGN KEY (account_id, customer_id, invoice_id) REFERENCES invoices(account_id, customer_id, id),
  constraint credit_notes_currency_fkey FOREIGN KEY (currency) REFERENCES currencies(code),
  constraint credit_notes_check CHECK ((total_minor = (subtotal_minor + tax_minor))),
  constraint credit_notes_check1 CHECK ((num_nulls(series, number_value, number, issue_date, snapshot, snapshot_hash, issued_at) =
CASE state
    WHEN 'pending'::text THEN 7
    ELSE 0
END)),
  constraint credit_notes_number_value_check CHECK ((number_value >= 1)),
  constraint credit_notes_reason_check CHECK (((length(reason) >= 1) AND (length(reason) <= 500))),
  constraint credit_notes_snapshot_hash_check CHECK ((length(snapshot_hash) = 32)),
  constraint credit_notes_state_check CHECK ((state = ANY (ARRAY['pending'::text, 'issued'::text]))),
  constraint credit_notes_subtotal_minor_check CHECK ((subtotal_minor >= 0)),
  constraint credit_notes_tax_minor_check CHECK ((tax_minor >= 0))
);

create table currencies (
  code text not null,
  exponent smallint not null,
  created_at timestamp with time zone default clock_timestamp() not null,
  constraint currencies_pkey PRIMARY KEY (code),
  constraint currencies_code_check CHECK ((code ~ '^[A-Z]{3}$'::text)),
  constraint currencies_exponent_check CHECK (((exponent >= 0) AND (exponent <= 4)))
);

create table customer_balances (
  account_id text not null,
  customer_id text not null,
  currency text not null,
  credit_limit_minor bigint,
  held_minor bigint default 0 not null,
  invoiced_minor bigint default 0 not null,
  created_at timestamp with time zone default clock_timestamp() not null,
  unallocated_minor bigint default 0 not null,
  constraint customer_balances_pkey PRIMARY KEY (account_id, customer_id, currency),
  constraint customer_balances_account_id_customer_id_fkey FOREIGN KEY (account_id, customer_id) REFERENCES customers(account_id, id),
  constraint customer_balances_currency_fkey FOREIGN KEY (currency) REFERENCES currencies(code),
  constraint customer_balances_credit_limit_minor_check CHECK ((credit_limit_minor >= 0)),
  constraint customer_balances_held_minor_check CHECK ((held_minor >= 0)),
  constraint customer_balances_invoiced_minor_check CHECK ((invoiced_minor >= 0)),
  constraint customer_balances_unallocated_minor_check CHECK ((unallocated_minor >= 0))
);

create table customers (
  id text not null,
  account_id text not null,
  email text not null,
  first_name text,
  last_name text,
  company text,
  phone text,
  tags text[] default '{}'::text[] not null,
  addresses jsonb default '[]'::jsonb not null,
  tax_id text,
  time_zone text,
  cut_off time without time zone,
  metadata jsonb default '{}'::jsonb not null,
  status text default 'active'::text not null,
  version integer default 1 not null,
  event_sequence integer default 0 not null,
  created_at timestamp with time zone default clock_timestamp() not null,
  updated_at timestamp with time zone default clock_timestamp() not null,
  invoice_recipients text[],
  invoice_formats text[],
  bill_on text,
  locale text,
  constraint customers_pkey PRIMARY KEY (id),
  constraint customers_account_id_id_key UNIQUE (account_id, id),
  constraint customers_account_id_fkey FOREIGN KEY (account_id) REFERENCES accounts(id),
  constraint customers_bill_on_check CHECK ((bill_on = ANY (ARRAY['allocation'::text, 'acceptance'::text]))),
  constraint customers_cut_off_check CHECK ((cut_off > '00:00:00'::time without time zone)),
  constraint customers_invoice_formats_check CHECK (((cardinality(invoice_formats) >= 1) AND (invoice_formats <@ ARRAY['pdf'::text, 'csv'::text, 'ubl'::text, 'cii'::text]))),
  constraint customers_invoice_recipients_check CHECK (((cardinality(invoice_recipients) >= 1) AND (cardinality(invoice_recipients) <= 10))),
  constraint customers_locale_check CHECK ((locale ~ '^[a-z]{2,3}(-[A-Z]{2})?$'::text)),
  constraint customers_status_check CHECK ((status = ANY (ARRAY['active'::text, 'inactive'::text]))),
  constraint customers_time_zone_check CHECK (((time_zone IS NULL) OR is_time_zone(time_zone)))
);

create table data_keys (
  account_id text not null,
  version smallint not null,
  key_id text,
  wrapped bytea,
  retired_at timestamp with time zone,
  created_at timestamp with time zone default clock_timestamp() not null,
  constraint data_keys_pkey PRIMARY KEY (account_id, version),
  constraint data_keys_account_id_fkey FOREIGN KEY (account_id) REFERENCES accounts(id),
  constraint data_keys_check CHECK (((key_id IS NULL) = (wrapped IS NULL))),
  constraint data_keys_version_check CHECK (((version >= 1) AND (version <= 32767))),
  constraint data_keys_wrapped_check CHECK ((length(wrapped) = 60))
);

create table deliveries (
  id text not null,
  account_id text not null,
  webhook_id text not null,
  event_id text not null,
  state text default 'pending'::text not null,
  reason text,
  attempt_count smallint default 0 not null,
  next_attempt_at timestamp with time zone not null,
  cause text default 'event'::text not null,
  copy_of text,
  sending_since timestamp with time zone,
  throttled_until timestamp with time zone,
  ended_at timestamp with time zone,
  created_at timestamp with time zone not null,
  constraint deliveries_pkey PRIMARY KEY (id),
  constraint deliveries_account_id_id_key UNIQUE (account_id, id),
  constraint deliveries_account_id_copy_of_fkey FOREIGN KEY (account_id, copy_of) REFERENCES deliveries(account_id, id),
  constraint deliveries_account_id_event_id_fkey FOREIGN KEY (account_id, event_id) REFERENCES events(account_id, id),
  constraint deliveries_account_id_webhook_id_fkey FOREIGN KEY (account_id, webhook_id) REFERENCES webhooks(account_id, id),
  constraint deliveries_attempt_count_check CHECK (((attempt_count >= 0) AND (attempt_count <= 6))),
  constraint deliveries_cause_check CHECK ((cause = ANY (ARRAY['event'::text, 'replay'::text, 'resend'::text, 'recovery'::text, 'test'::text]))),
  constraint deliveries_check CHECK (((state = 'pending'::text) = (ended_at IS NULL))),
  constraint deliveries_check1 CHECK (((cause = ANY (ARRAY['resend'::text, 'recovery'::text])) = (copy_of IS NOT NULL))),
  constraint deliveries_state_check CHECK ((state = ANY (ARRAY['pending'::text, 'delivered'::text, 'failed'::text, 'cancelled'::text])))
);

create table dispute_files (
  id text not null,
  account_id text not null,
  dispute_id text not null,
  kind text not null,
  name text not null,
  media text not null,
  content bytea not null,
  provider_id text,
  created_at timestamp with time zone default clock_timestamp() not null,
  constraint dispute_files_pkey PRIMARY KEY (id),
  constraint dispute_files_dispute_id_kind_key UNIQUE (dispute_id, kind),
  constraint dispute_files_account_id_dispute_id_fkey FOREIGN KEY (account_id, dispute_id) REFERENCES disputes(account_id, id),
  constraint dispute_files_content_check CHECK (((octet_length(content) >= 1) AND (octet_length(content) <= 5242880))),
  constraint dispute_files_kind_check CHECK ((kind = ANY (ARRAY['transaction_details'::text, 'shipping_proof'::text, 'communication_logs'::text])))
);

create table dispute_moves (
  from_state text not null,
  to_state text not null,
  created_at timestamp with time zone default clock_timestamp() not null,
  constraint dispute_moves_pkey PRIMARY KEY (from_state, to_state)
);

create table disputes (
  id text not null,
  account_id text not null,
  payment_id text not null,
  provider_id text not null,
  opened_at timestamp with time zone,
  state text default 'needs_response'::text not null,
  reason text,
  amount_minor bigint,
  currency text,
  withdrawn_minor bigint default 0 not null,
  fee_minor bigint default 0 not null,
  returned_minor bigint default 0 not null,
  fee_returned_minor bigint default 0 not null,
  evidence_due_at timestamp with time zone,
  reminders_sent integer default 0 not null,
  evidence jsonb default '{}'::jsonb not null,
  ask_at timestamp with time zone,
  refresh_wanted_at timestamp with time zone,
  run integer default 1 not null,
  ended_at timestamp with time zone,
  event_sequence integer default 0 not null,
  created_at timestamp with time zone default clock_timestamp() not null,
  updated_at timestamp with time zone default clock_timestamp() not null,
  constraint disputes_pkey PRIMARY KEY (id),
  constraint disputes_account_id_id_key UNIQUE (account_id, id),
  constraint disputes_account_id_provider_id_key UNIQUE (account_id, provider_id),
  constraint disputes_account_id_payment_id_fkey FOREIGN KEY (account_id, payment_id) REFERENCES payment_intents(account_id, id),
  constraint disputes_currency_fkey FOREIGN KEY (currency) REFERENCES currencies(code),
  constraint disputes_amount_minor_check CHECK ((amount_minor > 0)),
  constraint disputes_check CHECK (((returned_minor >= 0) AND (returned_minor <= withdrawn_minor))),
  constraint disputes_check1 CHECK (((fee_returned_minor >= 0) AND (fee_returned_minor <= fee_minor))),
  constraint disputes_check2 CHECK (((opened_at IS NULL) OR ((reason IS NOT NULL) AND (amount_minor IS NOT NULL) AND (currency IS NOT NULL) AND (evidence_due_at IS NOT NULL)))),
  constraint disputes_fee_minor_check CHECK ((fee_minor >= 0)),
  constraint disputes_state_check CHECK ((state = ANY (ARRAY['needs_response'::text, 'under_review'::text, 'won'::text, 'lost'::text]))),
  constraint disputes_withdrawn_minor_check CHECK ((withdrawn_minor >= 0))
);

create table document_sends (
  id text not null,
  account_id text not null,
  invoice_id text not null,
  number integer not null,
  recipients text[],
  formats text[],
  requested_at timestamp with time zone not null,
  ended_at timestamp with time zone,
  created_at timestamp with time zone default clock_timestamp() not null,
  credit_note_id text,
  constraint document_sends_pkey PRIMARY KEY (id),
  constraint document_sends_account_id_id_key UNIQUE (account_id, id),
  constraint document_sends_number UNIQUE NULLS NOT DISTINCT (invoice_id, credit_note_id, number),
  constraint document_sends_account_id_credit_note_id_fkey FOREIGN KEY (account_id, credit_note_id) REFERENCES credit_notes(account_id, id),
  constraint document_sends_account_id_invoice_id_fkey FOREIGN KEY (account_id, invoice_id) REFERENCES invoices(account_id, id),
  constraint document_sends_number_check CHECK ((number >= 2))
);

create table entries (
  journal_id text not null,
  ledger_account_id text not null,
  account_id text not null,
  currency text not null,
  amount_minor bigint not null,
  created_at timestamp with time zone default clock_timestamp() not null,
  constraint entries_pkey PRIMARY KEY (journal_id, ledger_account_id),
  constraint entries_amount_minor_check CHECK ((amount_minor <> 0))
);

create table event_types (
  type text not null,
  additive boolean not null,
  created_at timestamp with time zone default clock_timestamp() not null,
  constraint event_types_pkey PRIMARY KEY (type)
);

create table events (
  id text not null,
  account_id text not null,
  type text not null,
  object_id text not null,
  sequence integer not null,
  customer_id text,
  facts jsonb not null,
  xid xid8 default pg_current_xact_id() not null,
  occurred_at timestamp with time zone not null,
  created_at timestamp with time zone default clock_timestamp() not null,
  constraint events_pkey PRIMARY KEY (id),
  constraint events_account_id_id_key UNIQUE (account_id, id),
  constraint events_account_id_object_id_sequence_key UNIQUE (account_id, object_id, sequence),
  constraint events_type_fkey FOREIGN KEY (type) REFERENCES event_types(type),
  constraint events_sequence_check CHECK ((sequence >= 1))
);

create table expiry_warnings (
  account_id text not null,
  product_id text not null,
  variant_id text default ''::text not null,
  expires_on date not null,
  window_days smallint not null,
  created_at timestamp with time zone default clock_timestamp() not null,
  constraint expiry_warnings_pkey PRIMARY KEY (account_id, product_id, variant_id, expires_on, window_days),
  constraint expiry_warnings_account_id_product_id_fkey FOREIGN KEY (account_id, product_id) REFERENCES products(account_id, id)
);

create table former_calendars (
  account_id text not null,
  customer_id text,
  held_until date not null,
  time_zone text,
  cut_off time without time zone,
  created_at timestamp with time zone default clock_timestamp() not null,
  constraint former_calendars_account_id_customer_id_held_until_key UNIQUE NULLS NOT DISTINCT (account_id, customer_id, held_until),
  constraint former_calendars_account_id_customer_id_fkey FOREIGN KEY (account_id, customer_id) REFERENCES customers(account_id, id),
  constraint former_calendars_account_id_fkey FOREIGN KEY (account_id) REFERENCES accounts(id),
  constraint former_calendars_check CHECK (((customer_id IS NOT NULL) OR (num_nulls(time_zone, cut_off) = 0)))
);

create table idempotency_keys (
  account_id text not null,
  customer_scope text not null,
  operation text not null,
  key text not null,
  fingerprint bytea not null,
  transaction_id text,
  answer bytea,
  expires_at timestamp with time zone,
  created_at timestamp with time zone default clock_timestamp() not null,
  key_version smallint,
  constraint idempotency_keys_pkey PRIMARY KEY (account_id, customer_scope, operation, key),
  constraint idempotency_keys_account_id_key_version_fkey FOREIGN KEY (account_id, key_version) REFERENCES data_keys(account_id, version),
  constraint idempotency_keys_check CHECK (((answer IS NULL) = (key_version IS NULL))),
  constraint idempotency_keys_fingerprint_check CHECK ((length(fingerprint) = 32)),
  constraint idempotency_keys_key_check CHECK (((length(key) >= 1) AND (length(key) <= 255)))
);

create table invoice_documents (
  account_id text not null,
  invoice_id text not null,
  format text not null,
  content bytea not null,
  sha256 bytea not null,
  created_at timestamp with time zone default clock_timestamp() not null,
  constraint invoice_documents_pkey PRIMARY KEY (invoice_id, format),
  constraint invoice_documents_account_id_invoice_id_fkey FOREIGN KEY (account_id, invoice_id) REFERENCES invoices(account_id, id),
  constraint invoice_documents_format_check CHECK ((format = ANY (ARRAY['pdf'::text, 'csv'::text, 'ubl'::text, 'cii'::text]))),
  constraint invoice_documents_sha256_check CHECK ((length(sha256) = 32))
);

create table invoice_lines (
  id text not null,
  account_id text not null,
  invoice_id text not null,
  "position" integer not null,
  sku text not null,
  name text not null,
  unit_price_minor bigint not null,
  quantity integer not null,
  net_minor bigint not null,
  tax_category text not null,
  tax_rate_bp integer not null,
  created_at timestamp with time zone default clock_timestamp() not null,
  constraint invoice_lines_pkey PRIMARY KEY (id),
  constraint invoice_lines_account_id_id_key UNIQUE (account_id, id),
  constraint invoice_lines_invoice_id_position_key UNIQUE (invoice_id, "position"),
  constraint invoice_lines_check CHECK ((net_minor = (unit_price_minor * quantity))),
  constraint invoice_lines_position_check CHECK (("position" >= 1)),
  constraint invoice_lines_quantity_check CHECK ((quantity >= 1)),
  constraint invoice_lines_tax_rate_bp_check CHECK (((tax_rate_bp >= 0) AND (tax_rate_bp <= 10000)))
);

create table invoice_prepayments (
  account_id text not null,
  invoice_id text not null,
  transaction_id text not null,
  amount_minor bigint not null,
  created_at timestamp with time zone default clock_timestamp() not null,
  constraint invoice_prepayments_pkey PRIMARY KEY (invoice_id, transaction_id),
  constraint invoice_prepayments_account_id_invoice_id_fkey FOREIGN KEY (account_id, invoice_id) REFERENCES invoices(account_id, id),
  constraint invoice_prepayments_account_id_transaction_id_fkey FOREIGN KEY (account_id, transaction_id) REFERENCES transactions(account_id, id),
  constraint invoice_prepayments_amount_minor_check CHECK ((amount_minor > 0))
);

create table invoice_runs (
  id text not null,
  account_id text not null,
  customer_id text not null,
  purchase_order_id text not null,
  run integer not null,
  due_at timestamp with time zone not null,
  billed_at timestamp with time zone,
  manifest_hash bytea,
  ended_at timestamp with time zone,
  created_at timestamp with time zone default clock_timestamp() not null,
  constraint invoice_runs_pkey PRIMARY KEY (id),
  constraint invoice_runs_account_id_id_key UNIQUE (account_id, id),
  constraint invoice_runs_purchase_order_id_run_key UNIQUE (purchase_order_id, run),
  constraint invoice_runs_account_id_customer_id_purchase_order_id_fkey FOREIGN KEY (account_id, customer_id, purchase_order_id) REFERENCES purchase_orders(account_id, customer_id, id),
  constraint invoice_runs_check CHECK (((ended_at IS NULL) OR (billed_at IS NOT NULL))),
  constraint invoice_runs_run_check CHECK ((run >= 2))
);

create table invoice_taxes (
  account_id text not null,
  invoice_id text not null,
  category text not null,
  rate_bp integer not null,
  taxable_minor bigint not null,
  tax_minor bigint not null,
  credited_minor bigint default 0 not null,
  credited_tax_minor bigint default 0 not null,
  created_at timestamp with time zone default clock_timestamp() not null,
  constraint invoice_taxes_pkey PRIMARY KEY (invoice_id, category, rate_bp),
  constraint invoice_taxes_account_id_invoice_id_fkey FOREIGN KEY (account_id, invoice_id) REFERENCES invoices(account_id, id),
  constraint invoice_taxes_check CHECK (((credited_minor >= 0) AND (credited_minor <= taxable_minor))),
  constraint invoice_taxes_check1 CHECK (((credited_tax_minor >= 0) AND (credited_tax_minor <= tax_minor))),
  constraint invoice_taxes_rate_bp_check CHECK (((rate_bp >= 0) AND (rate_bp <= 10000))),
  constraint invoice_taxes_tax_minor_check CHECK ((tax_minor >= 0)),
  constraint invoice_taxes_taxable_minor_check CHECK ((taxable_minor >= 0))
);

create table invoices (
  id text not null,
  account_id text not null,
  customer_id text not null,
  purchase_order_id text not null,
  tax_group text not null,
  run integer not null,
  series text not null,
  number_value bigint not null,
  number text not null,
  business_date date not null,
  issue_date date not null,
  due_date date not null,
  currency text not null,
  subtotal_minor bigint not null,
  tax_minor bigint not null,
  total_minor bigint not null,
  snapshot jsonb not null,
  snapshot_hash bytea not null,
  state text default 'open'::text not null,
  sent_at timestamp with time zone,
  issued_at timestamp with time zone not null,
  created_at timestamp with time zone default clock_timestamp() not null,
  credited_minor bigint default 0 not null,
  constraint invoices_pkey PRIMARY KEY (id),
  constraint invoices_account_id_id_key UNIQUE (account_id, id),
  constraint invoices_account_id_number_key UNIQUE (account_id, number),
  constraint invoices_account_id_series_number_value_key UNIQUE (account_id, series, number_value),
  constraint invoices_customer_id UNIQUE (account_id, customer_id, id),
  constraint invoices_purchase_order_id_tax_group_run_key UNIQUE (purchase_order_id, tax_group, run),
  constraint invoices_account_id_customer_id_purchase_order_id_fkey FOREIGN KEY (account_id, customer_id, purchase_order_id) REFERENCES purchase_orders(account_id, customer_id, id),
  constraint invoices_currency_fkey FOREIGN KEY (currency) REFERENCES currencies(code),
  constraint invoices_check CHECK ((total_minor = (subtotal_minor + tax_minor))),
  constraint invoices_check1 CHECK ((due_date >= issue_date)),
  constraint invoices_credited CHECK (((credited_minor >= 0) AND (credited_minor <= total_minor))),
  constraint invoices_number_value_check CHECK ((number_value >= 1)),
  constraint invoices_run_check CHECK ((run >= 1)),
  constraint invoices_snapshot_hash_check CHECK ((length(snapshot_hash) = 32)),
  constraint invoices_state_check CHECK ((state = ANY (ARRAY['open'::text, 'paid'::text, 'void'::text]))),
  constraint invoices_subtotal_minor_check CHECK ((subtotal_minor >= 0)),
  constraint invoices_tax_minor_check CHECK ((tax_minor >= 0))
);

create table journals (
  id text not null,
  account_id text not null,
  customer_id text,
  currency text not null,
  kind text not null,
  source_id text not null,
  occurred_at timestamp with time zone not null,
  created_at timestamp with time zone default clock_timestamp() not null,
  constraint journals_pkey PRIMARY KEY (id),
  constraint journals_account_id_source_id_kind_key UNIQUE (account_id, source_id, kind)
);

create table ledger_account_kinds (
  kind text not null,
  class text not null,
  description text not null,
  created_at timestamp with time zone default clock_timestamp() not null,
  constraint ledger_account_kinds_pkey PRIMARY KEY (kind),
  constraint ledger_account_kinds_class_check CHECK ((class = ANY (ARRAY['asset'::text, 'liability'::text, 'revenue'::text, 'expense'::text, 'memo'::text])))
);

create table ledger_accounts (
  id text not null,
  account_id text not null,
  customer_id text,
  owner_id text generated always as (COALESCE(customer_id, account_id)) stored not null,
  currency text not null,
  kind text not null,
  created_at timestamp with time zone default clock_timestamp() not null,
  constraint ledger_accounts_pkey PRIMARY KEY (id),
  constraint ledger_accounts_account_id_owner_id_currency_kind_key UNIQUE (account_id, owner_id, currency, kind),
  constraint ledger_accounts_account_id_customer_id_fkey FOREIGN KEY (account_id, customer_id) REFERENCES customers(account_id, id),
  constraint ledger_accounts_account_id_fkey FOREIGN KEY (account_id) REFERENCES accounts(id),
  constraint ledger_accounts_currency_fkey FOREIGN KEY (currency) REFERENCES currencies(code),
  constraint ledger_accounts_kind_fkey FOREIGN KEY (kind) REFERENCES ledger_account_kinds(kind)
);

create table ledger_reconciliations (
  id text not null,
  account_id text not null,
  business_date date not null,
  run integer not null,
  requested_at timestamp with time zone not null,
  lines jsonb,
  identities integer,
  differing integer,
  ended_at timestamp with time zone,
  created_at timestamp with time zone default clock_timestamp() not null,
  constraint ledger_reconciliations_pkey PRIMARY KEY (id),
  constraint ledger_reconciliations_account_id_business_date_run_key UNIQUE (account_id, business_date, run),
  constraint ledger_reconciliations_account_id_id_key UNIQUE (account_id, id),
  constraint ledger_reconciliations_account_id_fkey FOREIGN KEY (account_id) REFERENCES accounts(id),
  constraint ledger_reconciliations_check CHECK (((differing >= 0) AND (differing <= identities))),
  constraint ledger_reconciliations_check1 CHECK ((num_nulls(lines, identities, differing, ended_at) = ANY (ARRAY[0, 4]))),
  constraint ledger_reconciliations_identities_check CHECK ((identities >= 0)),
  constraint ledger_reconciliations_run_check CHECK ((run >= 1))
);

create table lines (
  id text not null,
  account_id text not null,
  transaction_id text not null,
  "position" integer not null,
  product_id text not null,
  variant_id text,
  sku text not null,
  name text not null,
  tax_class text not null,
  fulfillment_type text not null,
  quantity integer not null,
  unit_price_minor bigint not null,
  total_minor bigint not null,
  created_at timestamp with time zone default clock_timestamp() not null,
  constraint lines_pkey PRIMARY KEY (id),
  constraint lines_transaction_id_position_key UNIQUE (transaction_id, "position"),
  constraint lines_check CHECK ((total_minor = (unit_price_minor * quantity))),
  constraint lines_position_check CHECK (("position" >= 1)),
  constraint lines_quantity_check CHECK (((quantity >= 1) AND (quantity <= 10000))),
  constraint lines_unit_price_minor_check CHECK ((unit_price_minor >= 0))
);

create table mails (
  id text not null,
  account_id text not null,
  key text not null,
  sender text not null,
  recipients text[] not null,
  subject text not null,
  body text not null,
  attachments jsonb default '[]'::jsonb not null,
  invoice_id text,
  sent_at timestamp with time zone,
  last_error text,
  created_at timestamp with time zone default clock_timestamp() not null,
  credit_note_id text,
  message_id text,
  state text default 'queued'::text not null,
  refused text[] default '{}'::text[] not null,
  bounced_at timestamp with time zone,
  account_day_id text,
  constraint mails_pkey PRIMARY KEY (id),
  constraint mails_account_id_key_key UNIQUE (account_id, key),
  constraint mails_account_id_account_day_id_fkey FOREIGN KEY (account_id, account_day_id) REFERENCES account_days(account_id, id),
  constraint mails_account_id_credit_note_id_fkey FOREIGN KEY (account_id, credit_note_id) REFERENCES credit_notes(account_id, id),
  constraint mails_account_id_fkey FOREIGN KEY (account_id) REFERENCES accounts(id),
  constraint mails_account_id_invoice_id_fkey FOREIGN KEY (account_id, invoice_id) REFERENCES invoices(account_id, id),
  constraint mails_bounced CHECK (((state = 'bounced'::text) = (bounced_at IS NOT NULL))),
  constraint mails_state_check CHECK ((state = ANY (ARRAY['queued'::text, 'sent'::text, 'bounced'::text])))
);

create table operator_decisions (
  account_id text not null,
  story_id text not null,
  key text not null,
  verb text not null,
  note text,
  created_at timestamp with time zone default clock_timestamp() not null,
  constraint operator_decisions_pkey PRIMARY KEY (story_id, key),
  constraint operator_decisions_account_id_fkey FOREIGN KEY (account_id) REFERENCES accounts(id)
);

create table organizations (
  id text not null,
  name text not null,
  plan text not null,
  created_at timestamp with time zone default clock_timestamp() not null,
  requests_per_hour integer,
  requests_per_day integer,
  constraint organizations_pkey PRIMARY KEY (id),
  constraint organizations_plan_check CHECK ((plan = ANY (ARRAY['free'::text, 'starter'::text, 'professional'::text, 'enterprise'::text, 'sandbox'::text]))),
  constraint organizations_requests_per_day_check CHECK ((requests_per_day > 0)),
  constraint organizations_requests_per_hour_check CHECK ((requests_per_hour > 0))
);

create table outbox (
  id bigint generated always as identity,
  account_id text not null,
  verb text not null,
  workflow text not null,
  subject jsonb not null,
  signal jsonb,
  priority smallint default 3 not null,
  attempts integer default 0 not null,
  available_at timestamp with time zone default clock_timestamp() not null,
  leased_until timestamp with time zone,
  parked_at timestamp with time zone,
  last_error text,
  created_at timestamp with time zone default clock_timestamp() not null,
  constraint outbox_pkey PRIMARY KEY (id),
  constraint outbox_check CHECK (((verb = 'signal'::text) = (signal IS NOT NULL))),
  constraint outbox_priority_check CHECK (((priority >= 1) AND (priority <= 5))),
  constraint outbox_verb_check CHECK ((verb = ANY (ARRAY['start'::text, 'signal'::text])))
) with (autovacuum_vacuum_scale_factor=0.0, autovacuum_vacuum_threshold=5000, fillfactor=70);

create table payment_differences (
  id text not null,
  account_id text not null,
  reconciliation_id text not null,
  kind text not null,
  about text not null,
  subject text not null,
  payment_id text,
  currency text not null,
  ours_minor bigint,
  theirs_minor bigint,
  ours text,
  theirs text,
  last_seen_run integer not null,
  resolved_at timestamp with time zone,
  created_at timestamp with time zone default clock_timestamp() not null,
  constraint payment_differences_pkey PRIMARY KEY (id),
  constraint payment_differences_account_id_id_key UNIQUE (account_id, id),
  constraint payment_differences_account_id_reconciliation_id_kind_subje_key UNIQUE (account_id, reconciliation_id, kind, subject),
  constraint payment_differences_account_id_payment_id_fkey FOREIGN KEY (account_id, payment_id) REFERENCES payment_intents(account_id, id),
  constraint payment_differences_account_id_reconciliation_id_fkey FOREIGN KEY (account_id, reconciliation_id) REFERENCES payment_reconciliations(account_id, id),
  constraint payment_differences_currency_fkey FOREIGN KEY (currency) REFERENCES currencies(code),
  constraint payment_differences_about_check CHECK ((about = ANY (ARRAY['payment'::text, 'refund'::text, 'dispute'::text, 'balance'::text]))),
  constraint payment_differences_kind_check CHECK ((kind = ANY (ARRAY['missing_here'::text, 'missing_there'::text, 'amount_mismatch'::text, 'status_mismatch'::text])))
);

create table payment_intents (
  id text not null,
  account_id text not null,
  customer_id text,
  transaction_id text,
  amount_minor bigint not null,
  currency text not null,
  capture_method text not null,
  method text not null,
  token text,
  card jsonb,
  state text not null,
  provider_id text,
  authorized_minor bigint default 0 not null,
  captured_minor bigint default 0 not null,
  fee_minor bigint default 0 not null,
  refunded_minor bigint default 0 not null,
  refund_held_minor bigint default 0 not null,
  last_error jsonb,
  action_url text,
  return_url text,
  capture_before timestamp with time zone,
  metadata jsonb default '{}'::jsonb not null,
  ask_at timestamp with time zone,
  ask_count integer default 0 not null,
  state_since timestamp with time zone not null,
  refresh_wanted_at timestamp with time zone,
  run integer default 0 not null,
  ended_at timestamp with time zone,
  version integer default 1 not null,
  event_sequence integer default 0 not null,
  created_at timestamp with time zone not null,
  updated_at timestamp with time zone default clock_timestamp() not null,
  disputed_minor bigint default 0 not null,
  constraint payment_intents_pkey PRIMARY KEY (id),
  constraint payment_intents_account_id_id_key UNIQUE (account_id, id),
  constraint payment_intents_account_id_provider_id_key UNIQUE (account_id, provider_id),
  constraint payment_intents_account_id_customer_id_fkey FOREIGN KEY (account_id, customer_id) REFERENCES customers(account_id, id),
  constraint payment_intents_account_id_fkey FOREIGN KEY (account_id) REFERENCES accounts(id),
  constraint payment_intents_account_id_transaction_id_fkey FOREIGN KEY (account_id, transaction_id) REFERENCES transactions(account_id, id),
  constraint payment_intents_currency_fkey FOREIGN KEY (currency) REFERENCES currencies(code),
  constraint payment_intents_amount_minor_check CHECK ((amount_minor > 0)),
  constraint payment_intents_authorized_minor_check CHECK ((authorized_minor >= 0)),
  constraint payment_intents_capture_method_check CHECK ((capture_method = ANY (ARRAY['automatic'::text, 'manual'::text]))),
  constraint payment_intents_captured_minor_check CHECK ((captured_minor >= 0)),
  constraint payment_intents_check CHECK ((authorized_minor <= amount_minor)),
  constraint payment_intents_check1 CHECK ((captured_minor <= authorized_minor)),
  constraint payment_intents_check2 CHECK (((refunded_minor + refund_held_minor) <= captured_minor)),
  constraint payment_intents_disputed_minor_check CHECK ((disputed_minor >= 0)),
  constraint payment_intents_refund_held_minor_check CHECK ((refund_held_minor >= 0)),
  constraint payment_intents_refunded_minor_check CHECK ((refunded_minor >= 0)),
  constraint payment_intents_state_check CHECK ((state = ANY (ARRAY['requires_payment_method'::text, 'requires_action'::text, 'processing'::text, 'requires_capture'::text, 'succeeded'::text, 'cancelled'::text, 'failed'::text])))
);

create table payment_moves (
  from_state text not null,
  to_state text not null,
  created_at timestamp with time zone default clock_timestamp() not null,
  constraint payment_moves_pkey PRIMARY KEY (from_state, to_state)
);

create table payment_operations (
  id text not null,
  account_id text not null,
  payment_id text not null,
  refund_id text,
  kind text not null,
  state text default 'created'::text not null,
  idempotency_key text not null,
  amount_minor bigint,
  method text,
  token text,
  tries integer default 0 not null,
  asks integer default 0 not null,
  submitted_at timestamp with time zone,
  next_at timestamp with time zone,
  error jsonb,
  decided_by text,
  ended_at timestamp with time zone,
  created_at timestamp with time zone not null,
  dispute_id text,
  constraint payment_operations_pkey PRIMARY KEY (id),
  constraint payment_operations_account_id_id_key UNIQUE (account_id, id),
  constraint payment_operations_account_id_idempotency_key_key UNIQUE (account_id, idempotency_key),
  constraint payment_operations_account_id_dispute_id_fkey FOREIGN KEY (account_id, dispute_id) REFERENCES disputes(account_id, id),
  constraint payment_operations_account_id_payment_id_fkey FOREIGN KEY (account_id, payment_id) REFERENCES payment_intents(account_id, id),
  constraint payment_operations_account_id_refund_id_fkey FOREIGN KEY (account_id, refund_id) REFERENCES refunds(account_id, id),
  constraint payment_operations_check CHECK (((kind = 'refund'::text) = (refund_id IS NOT NULL))),
  constraint payment_operations_check1 CHECK (((state = ANY (ARRAY['succeeded'::text, 'declined'::text, 'errored'::text])) = (ended_at IS NOT NULL))),
  constraint payment_operations_check2 CHECK (((state = 'created'::text) = (submitted_at IS NULL))),
  constraint payment_operations_dispute_check CHECK (((kind = ANY (ARRAY['respond'::text, 'accept'::text])) = (dispute_id IS NOT NULL))),
  constraint payment_operations_kind_check CHECK ((kind = ANY (ARRAY['authorize'::text, 'capture'::text, 'cancel'::text, 'refund'::text, 'respond'::text, 'accept'::text]))),
  constraint payment_operations_state_check CHECK ((state = ANY (ARRAY['created'::text, 'submitted'::text, 'succeeded'::text, 'declined'::text, 'errored'::text, 'unknown'::text])))
);

create table payment_reconciliations (
  id text not null,
  account_id text not null,
  business_date date not null,
  run integer default 1 not null,
  payments_seen integer default 0 not null,
  movements_seen integer default 0 not null,
  requested_at timestamp with time zone default clock_timestamp() not null,
  ended_at timestamp with time zone,
  created_at timestamp with time zone default clock_timestamp() not null,
  constraint payment_reconciliations_pkey PRIMARY KEY (id),
  constraint payment_reconciliations_account_id_business_date_key UNIQUE (account_id, business_date),
  constraint payment_reconciliations_account_id_id_key UNIQUE (account_id, id),
  constraint payment_reconciliations_account_id_fkey FOREIGN KEY (account_id) REFERENCES accounts(id)
);

create unlogged table plan_windows (
  account_id text not null,
  hour_start timestamp with time zone not null,
  hour_count integer not null,
  previous_hour_count integer not null,
  day_start timestamp with time zone not null,
  day_count integer not null,
  created_at timestamp with time zone default clock_timestamp() not null,
  constraint plan_windows_pkey PRIMARY KEY (account_id),
  constraint plan_windows_account_id_fkey FOREIGN KEY (account_id) REFERENCES accounts(id)
) with (fillfactor=50);

create table posting_rules (
  journal text not null,
  measure text not null,
  debit text not null,
  credit text not null,
  created_at timestamp with time zone default clock_timestamp() not null,
  constraint posting_rules_pkey PRIMARY KEY (journal, measure),
  constraint posting_rules_credit_fkey FOREIGN KEY (credit) REFERENCES ledger_account_kinds(kind),
  constraint posting_rules_debit_fkey FOREIGN KEY (debit) REFERENCES ledger_account_kinds(kind),
  constraint posting_rules_check CHECK ((debit <> credit))
);

create table products (
  id text not null,
  account_id text not null,
  sku text not null,
  name text not null,
  description text default ''::text not null,
  price_minor bigint not null,
  currency text not null,
  status text default 'active'::text not null,
  fulfillment_type text default 'physical'::text not null,
  tax_class text default 'multi_purpose_voucher'::text not null,
  categories text[] default '{}'::text[] not null,
  images jsonb default '[]'::jsonb not null,
  metadata jsonb default '{}'::jsonb not null,
  version integer default 1 not null,
  event_sequence integer default 0 not null,
  created_at timestamp with time zone default clock_timestamp() not null,
  updated_at timestamp with time zone default clock_timestamp() not null,
  constraint products_pkey PRIMARY KEY (id),
  constraint products_account_id_id_key UNIQUE (account_id, id),
  constraint products_account_id_fkey FOREIGN KEY (account_id) REFERENCES accounts(id),
  constraint products_currency_fkey FOREIGN KEY (currency) REFERENCES currencies(code),
  constraint products_fulfillment_type_check CHECK ((fulfillment_type = ANY (ARRAY['physical'::text, 'digital_code'::text]))),
  constraint products_price_minor_check CHECK (((price_minor >= 0) AND (price_minor <= '100000000000'::bigint))),
  constraint products_status_check CHECK ((status = ANY (ARRAY['active'::text, 'draft'::text, 'archived'::text]))),
  constraint products_tax_class_check CHECK ((tax_class = ANY (ARRAY['multi_purpose_voucher'::text, 'single_purpose_voucher'::text, 'digital_service'::text, 'goods'::text, 'fee'::text])))
);

create table psp_events (
  provider text not null,
  id text not null,
  type text not null,
  provider_account text,
  payload bytea not null,
  payment_provider_id text,
  payment_id text,
  refund_id text,
  dispute_provider_id text,
  state text default 'parked'::text not null,
  matched_account_id text,
  tries integer default 0 not null,
  next_try_at timestamp with time zone,
  created_at timestamp with time zone default clock_timestamp() not null,
  constraint psp_events_pkey PRIMARY KEY (provider, id),
  constraint psp_events_matched_account_id_fkey FOREIGN KEY (matched_account_id) REFERENCES accounts(id),
  constraint psp_events_provider_check CHECK ((provider = ANY (ARRAY['sandbox'::text, 'stripe'::text]))),
  constraint psp_events_state_check CHECK ((state = ANY (ARRAY['matched'::text, 'parked'::text, 'ignored'::text])))
);

create table purchase_orders (
  id text not null,
  account_id text not null,
  customer_id text not null,
  currency text not null,
  business_date date not null,
  sequence integer not null,
  state text default 'open'::text not null,
  time_zone text not null,
  cut_off time without time zone not null,
  period_start timestamp with time zone not null,
  period_end timestamp with time zone not null,
  scheduled_end timestamp with time zone not null,
  offset_start_seconds integer not null,
  offset_end_seconds integer not null,
  server_version text default current_setting('server_version'::text) not null,
  closed_at timestamp with time zone,
  settle_until timestamp with time zone,
  manifest_hash bytea,
  held_at timestamp with time zone,
  invoiced_at timestamp with time zone,
  ended_at timestamp with time zone,
  opened_at timestamp with time zone not null,
  created_at timestamp with time zone default clock_timestamp() not null,
  bill_on text default 'allocation'::text not null,
  issue_after timestamp with time zone,
  constraint purchase_orders_pkey PRIMARY KEY (id),
  constraint purchase_orders_account_id_customer_id_currency_business_da_key UNIQUE (account_id, customer_id, currency, business_date, sequence),
  constraint purchase_orders_account_id_customer_id_currency_id_key UNIQUE (account_id, customer_id, currency, id),
  constraint purchase_orders_account_id_customer_id_id_key UNIQUE (account_id, customer_id, id),
  constraint purchase_orders_account_id_id_key UNIQUE (account_id, id),
  constraint purchase_orders_account_id_customer_id_fkey FOREIGN KEY (account_id, customer_id) REFERENCES customers(account_id, id),
  constraint purchase_orders_currency_fkey FOREIGN KEY (currency) REFERENCES currencies(code),
  constraint purchase_orders_bill_on_check CHECK ((bill_on = ANY (ARRAY['allocation'::text, 'acceptance'::text]))),
  constraint purchase_orders_check CHECK ((period_start <= period_end)),
  constraint purchase_orders_check1 CHECK (((state = 'open'::text) = (closed_at IS NULL))),
  constraint purchase_orders_check2 CHECK (((closed_at IS NULL) = (settle_until IS NULL))),
  constraint purchase_orders_check3 CHECK (((state = ANY (ARRAY['invoiced'::text, 'settled'::text])) = (invoiced_at IS NOT NULL))),
  constraint purchase_orders_sequence_check CHECK ((sequence >= 1)),
  constraint purchase_orders_state_check CHECK ((state = ANY (ARRAY['open'::text, 'settling'::text, 'invoiced'::text, 'settled'::text])))
);

create unlogged table rate_limits (
  key_id text not null,
  class text not null,
  window_start timestamp with time zone not null,
  count integer not null,
  created_at timestamp with time zone default clock_timestamp() not null,
  constraint rate_limits_pkey PRIMARY KEY (key_id, class)
) with (fillfactor=50);

create table received_payment_reversals (
  id text not null,
  account_id text not null,
  received_payment_id text not null,
  reopened_minor bigint not null,
  reason text not null,
  reversed_on date not null,
  recorded_at timestamp with time zone not null,
  created_at timestamp with time zone default clock_timestamp() not null,
  constraint received_payment_reversals_pkey PRIMARY KEY (id),
  constraint received_payment_reversals_account_id_id_key UNIQUE (account_id, id),
  constraint received_payment_reversals_account_id_received_payment_id_key UNIQUE (account_id, received_payment_id),
  constraint received_payment_reversals_account_id_received_payment_id_fkey FOREIGN KEY (account_id, received_payment_id) REFERENCES received_payments(account_id, id),
  constraint received_payment_reversals_reason_check CHECK (((length(reason) >= 1) AND (length(reason) <= 500))),
  constraint received_payment_reversals_reopened_minor_check CHECK ((reopened_minor >= 0))
);

create table received_payments (
  id text not null,
  account_id text not null,
  customer_id text not null,
  invoice_id text not null,
  currency text not null,
  amount_minor bigint not null,
  allocated_minor bigint not null,
  method text not null,
  reference text not null,
  received_on date not null,
  recorded_at timestamp with time zone not null,
  created_at timestamp with time zone default clock_timestamp() not null,
  constraint received_payments_pkey PRIMARY KEY (id),
  constraint received_payments_account_id_id_key UNIQUE (account_id, id),
  constraint received_payments_account_id_invoice_id_reference_key UNIQUE (account_id, invoice_id, reference),
  constraint received_payments_account_id_customer_id_invoice_id_fkey FOREIGN KEY (account_id, customer_id, invoice_id) REFERENCES invoices(account_id, customer_id, id),
  constraint received_payments_currency_fkey FOREIGN KEY (currency) REFERENCES currencies(code),
  constraint received_payments_amount_minor_check CHECK ((amount_minor > 0)),
  constraint received_payments_check CHECK (((allocated_minor >= 0) AND (allocated_minor <= amount_minor))),
  constraint received_payments_method_check CHECK ((method = ANY (ARRAY['bank_transfer'::text, 'cheque'::text, 'cash'::text, 'other'::text]))),
  constraint received_payments_reference_check CHECK (((length(reference) >= 1) AND (length(reference) <= 140)))
);

create table refunds (
  id text not null,
  account_id text not null,
  payment_id text not null,
  amount_minor bigint not null,
  currency text not null,
  state text default 'pending'::text not null,
  reason text,
  cause text not null,
  cause_key text,
  refund_application_fee boolean default false not null,
  line_ids text[] default '{}'::text[] not null,
  metadata jsonb default '{}'::jsonb not null,
  provider_id text,
  last_error jsonb,
  expected_by date not null,
  ask_at timestamp with time zone,
  ask_count integer default 0 not null,
  refresh_wanted_at timestamp with time zone,
  run integer default 1 not null,
  ended_at timestamp with time zone,
  created_at timestamp with time zone not null,
  updated_at timestamp with time zone default clock_timestamp() not null,
  constraint refunds_pkey PRIMARY KEY (id),
  constraint refunds_account_id_cause_key_key UNIQUE (account_id, cause_key),
  constraint refunds_account_id_id_key UNIQUE (account_id, id),
  constraint refunds_account_id_provider_id_key UNIQUE (account_id, provider_id),
  constraint refunds_account_id_payment_id_fkey FOREIGN KEY (account_id, payment_id) REFERENCES payment_intents(account_id, id),
  constraint refunds_currency_fkey FOREIGN KEY (currency) REFERENCES currencies(code),
  constraint refunds_amount_minor_check CHECK ((amount_minor > 0)),
  constraint refunds_cause_check CHECK ((cause = ANY (ARRAY['request'::text, 'units_failed'::text, 'order_cancelled'::text, 'late_money'::text]))),
  constraint refunds_state_check CHECK ((state = ANY (ARRAY['pending'::text, 'succeeded'::text, 'failed'::text, 'unknown'::text])))
);

create table schema_functions (
  name text not null,
  sha256 text not null,
  created_at timestamp with time zone default clock_timestamp() not null,
  constraint schema_functions_pkey PRIMARY KEY (name)
);

create table schema_migrations (
  name text not null,
  sha256 text not null,
  created_at timestamp with time zone default clock_timestamp() not null,
  constraint schema_migrations_pkey PRIMARY KEY (name)
);

create table skus (
  account_id text not null,
  sku text not null,
  product_id text not null,
  variant_id text,
  created_at timestamp with time zone default clock_timestamp() not null,
  constraint skus_pkey PRIMARY KEY (account_id, sku),
  constraint skus_account_id_product_id_fkey FOREIGN KEY (account_id, product_id) REFERENCES products(account_id, id),
  constraint skus_account_id_product_id_variant_id_fkey FOREIGN KEY (account_id, product_id, variant_id) REFERENCES variants(account_id, product_id, id)
);

create table sourcing_attempts (
  id text not null,
  account_id text not null,
  unit_id text not null,
  transaction_id text not null,
  supplier_id text not null,
  group_number integer not null,
  reference text not null,
  state text default 'placing'::text not null,
  tries integer default 0 not null,
  last_answer text,
  ask_at timestamp with time zone,
  unknown_at timestamp with time zone,
  leased_until timestamp with time zone,
  created_at timestamp with time zone default clock_timestamp() not null,
  updated_at timestamp with time zone default clock_timestamp() not null,
  cost_minor bigint,
  cost_currency text,
  asked_at timestamp with time zone,
  cancel_requested_at timestamp with time zone,
  constraint sourcing_attempts_pkey PRIMARY KEY (id),
  constraint sourcing_attempts_account_id_reference_key UNIQUE (account_id, reference),
  constraint sourcing_attempts_unit_id_group_number_key UNIQUE (unit_id, group_number),
  constraint sourcing_attempts_account_id_supplier_id_fkey FOREIGN KEY (account_id, supplier_id) REFERENCES suppliers(account_id, id),
  constraint sourcing_attempts_account_id_unit_id_fkey FOREIGN KEY (account_id, unit_id) REFERENCES units(account_id, id),
  constraint sourcing_attempts_cost_currency_fkey FOREIGN KEY (cost_currency) REFERENCES currencies(code),
  constraint sourcing_attempts_check CHECK (((state = 'unknown'::text) = (unknown_at IS NOT NULL))),
  constraint sourcing_attempts_check1 CHECK (((state <> 'placing'::text) OR (leased_until IS NOT NULL))),
  constraint sourcing_attempts_check2 CHECK (((cost_minor IS NULL) = (cost_currency IS NULL))),
  constraint sourcing_attempts_cost_minor_check CHECK ((cost_minor >= 0)),
  constraint sourcing_attempts_group_number_check CHECK ((group_number >= 1)),
  constraint sourcing_attempts_state_check CHECK ((state = ANY (ARRAY['placing'::text, 'processing'::text, 'unknown'::text, 'delivered'::text, 'none'::text, 'not_placed'::text, 'rejected'::text])))
);

create table sourcing_routes (
  account_id text not null,
  transaction_id text not null,
  supplier_id text not null,
  preference text not null,
  created_at timestamp with time zone default clock_timestamp() not null,
  updated_at timestamp with time zone default clock_timestamp() not null,
  constraint sourcing_routes_pkey PRIMARY KEY (transaction_id, supplier_id),
  constraint sourcing_routes_account_id_supplier_id_fkey FOREIGN KEY (account_id, supplier_id) REFERENCES suppliers(account_id, id),
  constraint sourcing_routes_account_id_transaction_id_fkey FOREIGN KEY (account_id, transaction_id) REFERENCES transactions(account_id, id),
  constraint sourcing_routes_preference_check CHECK ((preference = ANY (ARRAY['first'::text, 'never'::text])))
);

create table stock_levels (
  account_id text not null,
  product_id text not null,
  variant_id text default ''::text not null,
  low_threshold integer,
  available integer default 0 not null,
  state text default 'out'::text not null,
  next_expiry_at timestamp with time zone,
  looked_at timestamp with time zone default clock_timestamp() not null,
  created_at timestamp with time zone default clock_timestamp() not null,
  constraint stock_levels_pkey PRIMARY KEY (account_id, product_id, variant_id),
  constraint stock_levels_account_id_product_id_fkey FOREIGN KEY (account_id, product_id) REFERENCES products(account_id, id),
  constraint stock_levels_available_check CHECK ((available >= 0)),
  constraint stock_levels_low_threshold_check CHECK (((low_threshold >= 1) AND (low_threshold <= 1000000))),
  constraint stock_levels_state_check CHECK ((state = ANY (ARRAY['ok'::text, 'low'::text, 'out'::text])))
);

create table supplier_calls (
  id text not null,
  account_id text not null,
  supplier_id text not null,
  leased_until timestamp with time zone not null,
  created_at timestamp with time zone default clock_timestamp() not null,
  constraint supplier_calls_pkey PRIMARY KEY (id),
  constraint supplier_calls_account_id_supplier_id_fkey FOREIGN KEY (account_id, supplier_id) REFERENCES suppliers(account_id, id)
);

create table supplier_skus (
  account_id text not null,
  supplier_id text not null,
  product_id text not null,
  variant_id text default ''::text not null,
  supplier_sku text not null,
  priority integer default 100 not null,
  cost_minor bigint not null,
  currency text not null,
  created_at timestamp with time zone default clock_timestamp() not null,
  id text default new_id('ssku'::text) not null,
  active boolean default true not null,
  version integer default 1 not null,
  updated_at timestamp with time zone default clock_timestamp() not null,
  constraint supplier_skus_pkey PRIMARY KEY (account_id, product_id, variant_id, supplier_id),
  constraint supplier_skus_account_id_id_key UNIQUE (account_id, id),
  constraint supplier_skus_id_key UNIQUE (id),
  constraint supplier_skus_account_id_product_id_fkey FOREIGN KEY (account_id, product_id) REFERENCES products(account_id, id),
  constraint supplier_skus_account_id_supplier_id_fkey FOREIGN KEY (account_id, supplier_id) REFERENCES suppliers(account_id, id),
  constraint supplier_skus_currency_fkey FOREIGN KEY (currency) REFERENCES currencies(code),
  constraint supplier_skus_cost_minor_check CHECK ((cost_minor >= 0)),
  constraint supplier_skus_priority_check CHECK (((priority >= 0) AND (priority <= 1000000)))
);

create table suppliers (
  id text not null,
  account_id text not null,
  name text not null,
  adapter text not null,
  active boolean default true not null,
  created_at timestamp with time zone default clock_timestamp() not null,
  base_url text,
  secret bytea,
  secret_key_version smallint,
  call_seconds_max integer default 10 not null,
  per_second_max integer,
  in_flight_max integer default 16 not null,
  next_call_at timestamp with time zone,
  queue_ends_at timestamp with time zone,
  breaker_failures integer default 0 not null,
  breaker_opened_at timestamp with time zone,
  breaker_probe_at timestamp with time zone,
  breaker_reason text,
  version integer default 1 not null,
  updated_at timestamp with time zone default clock_timestamp() not null,
  constraint suppliers_pkey PRIMARY KEY (id),
  constraint suppliers_account_id_id_key UNIQUE (account_id, id),
  constraint suppliers_account_id_name_key UNIQUE (account_id, name),
  constraint suppliers_account_id_fkey FOREIGN KEY (account_id) REFERENCES accounts(id),
  constraint suppliers_account_id_secret_key_version_fkey FOREIGN KEY (account_id, secret_key_version) REFERENCES data_keys(account_id, version),
  constraint suppliers_adapter_check CHECK ((adapter = ANY (ARRAY['sandbox'::text, 'http'::text]))),
  constraint suppliers_base_url_check CHECK (((length(base_url) >= 1) AND (length(base_url) <= 2048))),
  constraint suppliers_breaker_failures_check CHECK ((breaker_failures >= 0)),
  constraint suppliers_call_seconds_max_check CHECK (((call_seconds_max >= 1) AND (call_seconds_max <= 30))),
  constraint suppliers_check CHECK (((adapter = 'http'::text) = (base_url IS NOT NULL))),
  constraint suppliers_check1 CHECK (((adapter = 'http'::text) = (secret IS NOT NULL))),
  constraint suppliers_check2 CHECK (((secret IS NULL) = (secret_key_version IS NULL))),
  constraint suppliers_check3 CHECK (((breaker_opened_at IS NULL) = (breaker_probe_at IS NULL))),
  constraint suppliers_check4 CHECK (((breaker_opened_at IS NULL) = (breaker_reason IS NULL))),
  constraint suppliers_in_flight_max_check CHECK (((in_flight_max >= 1) AND (in_flight_max <= 100))),
  constraint suppliers_per_second_max_check CHECK (((per_second_max >= 1) AND (per_second_max <= 1000))),
  constraint suppliers_secret_check CHECK ((length(secret) > 28))
);

create table test_clocks (
  account_id text not null,
  account_mode text default 'test'::text not null,
  offset_ms bigint default 0 not null,
  target_at timestamp with time zone,
  stopped_since timestamp with time zone,
  created_at timestamp with time zone default clock_timestamp() not null,
  wake_at timestamp with time zone,
  constraint test_clocks_pkey PRIMARY KEY (account_id),
  constraint test_clocks_account_id_account_mode_fkey FOREIGN KEY (account_id, account_mode) REFERENCES accounts(id, mode),
  constraint test_clocks_account_mode_check CHECK ((account_mode = 'test'::text)),
  constraint test_clocks_offset_ms_check CHECK ((offset_ms >= 0))
);

create table transactions (
  id text not null,
  account_id text not null,
  customer_id text not null,
  purchase_order_id text not null,
  "position" integer not null,
  currency text not null,
  total_minor bigint not null,
  unit_count integer not null,
  client_reference text,
  content_hash bytea not null,
  payment_method text not null,
  allow_backorder boolean not null,
  deadline_at timestamp with time zone not null,
  shipping_address jsonb,
  billing_address jsonb,
  shipping_method text,
  metadata jsonb default '{}'::jsonb not null,
  cancel_requested_at timestamp with time zone,
  event_sequence integer default 1 not null,
  accepted_at timestamp with time zone not null,
  ended_at timestamp with time zone,
  created_at timestamp with time zone default clock_timestamp() not null,
  units_cancel_requested_at timestamp with time zone,
  payment_token text,
  pay_by timestamp with time zone,
  due_minor bigint,
  paid_at timestamp with time zone,
  cancel_reason text,
  cancel_note text,
  cancel_refunds boolean default true not null,
  constraint transactions_pkey PRIMARY KEY (id),
  constraint transactions_account_id_customer_id_client_reference_key UNIQUE (account_id, customer_id, client_reference),
  constraint transactions_account_id_id_key UNIQUE (account_id, id),
  constraint transactions_purchase_order_id_position_key UNIQUE (purchase_order_id, "position"),
  constraint transactions_check CHECK (((payment_method = 'credit'::text) = (pay_by IS NULL))),
  constraint transactions_check1 CHECK (((pay_by IS NOT NULL) OR ((due_minor IS NULL) AND (paid_at IS NULL) AND (payment_token IS NULL)))),
  constraint transactions_client_reference_check CHECK (((length(client_reference) >= 1) AND (length(client_reference) <= 255))),
  constraint transactions_content_hash_check CHECK ((length(content_hash) = 32)),
  constraint transactions_due_minor_check CHECK ((due_minor >= 0)),
  constraint transactions_position_check CHECK (("position" >= 1)),
  constraint transactions_total_minor_check CHECK ((total_minor >= 0)),
  constraint transactions_unit_count_check CHECK (((unit_count >= 1) AND (unit_count <= 10000)))
);

create table unit_moves (
  from_state text not null,
  to_state text not null,
  created_at timestamp with time zone default clock_timestamp() not null,
  constraint unit_moves_pkey PRIMARY KEY (from_state, to_state)
);

create table units (
  id text not null,
  account_id text not null,
  purchase_order_id text not null,
  transaction_id text not null,
  line_id text not null,
  "position" integer not null,
  product_id text not null,
  variant_id text default ''::text not null,
  price_minor bigint not null,
  state text default 'queued'::text not null,
  reason text,
  allocated_at timestamp with time zone,
  invoice_line_id text,
  created_at timestamp with time zone default clock_timestamp() not null,
  credited_minor bigint default 0 not null,
  replaces_unit_id text,
  cancel_requested_at timestamp with time zone,
  gross_minor bigint,
  constraint units_pkey PRIMARY KEY (id),
  constraint units_account_id_id_key UNIQUE (account_id, id),
  constraint units_transaction_id_position_key UNIQUE (transaction_id, "position"),
  constraint units_account_id_invoice_line_id_fkey FOREIGN KEY (account_id, invoice_line_id) REFERENCES invoice_lines(account_id, id) DEFERRABLE INITIALLY DEFERRED,
  constraint units_account_id_replaces_unit_id_fkey FOREIGN KEY (account_id, replaces_unit_id) REFERENCES units(account_id, id),
  constraint units_check CHECK (((allocated_at IS NOT NULL) = (state = ANY (ARRAY['allocated'::text, 'reversed'::text])))),
  constraint units_check1 CHECK ((gross_minor >= price_minor)),
  constraint units_check2 CHECK (((replaces_unit_id IS NULL) OR ((price_minor = 0) AND (invoice_line_id IS NULL)))),
  constraint units_credited CHECK ((((credited_minor >= 0) AND (credited_minor <= price_minor)) AND ((credited_minor = 0) OR (invoice_line_id IS NOT NULL)))),
  constraint units_credited_when CHECK (((credited_minor = 0) OR (state = ANY (ARRAY['allocated'::text, 'reversed'::text, 'failed'::text, 'cancelled'::text])))),
  constraint units_position_check CHECK (("position" >= 1)),
  constraint units_price_minor_check CHECK ((price_minor >= 0)),
  constraint units_state_check CHECK ((state = ANY (ARRAY['queued'::text, 'sourcing'::text, 'allocated'::text, 'backordered'::text, 'unknown'::text, 'failed'::text, 'cancelled'::text, 'reversed'::text])))
) with (fillfactor=80);

create table variants (
  id text not null,
  account_id text not null,
  product_id text not null,
  sku text not null,
  price_minor bigint,
  attributes jsonb default '{}'::jsonb not null,
  image text,
  "position" integer not null,
  removed_at timestamp with time zone,
  created_at timestamp with time zone default clock_timestamp() not null,
  constraint variants_pkey PRIMARY KEY (id),
  constraint variants_account_id_id_key UNIQUE (account_id, id),
  constraint variants_account_id_product_id_id_key UNIQUE (account_id, product_id, id),
  constraint variants_account_id_product_id_fkey FOREIGN KEY (account_id, product_id) REFERENCES products(account_id, id),
  constraint variants_price_minor_check CHECK (((price_minor >= 0) AND (price_minor <= '100000000000'::bigint)))
);

create table waits (
  story_id text not null,
  account_id text not null,
  workflow text not null,
  subject jsonb not null,
  due_at timestamp with time zone,
  needs_person boolean default false not null,
  reason text not null,
  created_at timestamp with time zone default clock_timestamp() not null,
  clock_offset_ms bigint default 0 not null,
  constraint waits_pkey PRIMARY KEY (story_id),
  constraint waits_account_id_fkey FOREIGN KEY (account_id) REFERENCES accounts(id),
  constraint waits_check CHECK ((needs_person OR (due_at IS NOT NULL)))
);

create table webhook_secrets (
  id text not null,
  account_id text not null,
  webhook_id text not null,
  sealed bytea not null,
  key_version smallint not null,
  expires_at timestamp with time zone,
  created_at timestamp with time zone default clock_timestamp() not null,
  constraint webhook_secrets_pkey PRIMARY KEY (id),
  constraint webhook_secrets_account_id_key_version_fkey FOREIGN KEY (account_id, key_version) REFERENCES data_keys(account_id, version),
  constraint webhook_secrets_account_id_webhook_id_fkey FOREIGN KEY (account_id, webhook_id) REFERENCES webhooks(account_id, id),
  constraint webhook_secrets_sealed_check CHECK ((length(sealed) > 28))
);

create table webhooks (
  id text not null,
  account_id text not null,
  url text not null,
  events text[] not null,
  description text default ''::text not null,
  metadata jsonb default '{}'::jsonb not null,
  active boolean default true not null,
  disabled_at timestamp with time zone,
  disabled_reason text,
  deleted_at timestamp with time zone,
  per_second_max integer,
  in_flight_max integer default 16 not null,
  next_place_at timestamp with time zone,
  queue_ends_at timestamp with time zone,
  rotation_signs_with text default 'old'::text not null,
  failing_since timestamp with time zone,
  exhausted_count integer default 0 not null,
  version integer default 1 not null,
  event_sequence integer default 0 not null,
  created_at timestamp with time zone default clock_timestamp() not null,
  updated_at timestamp with time zone default clock_timestamp() not null,
  constraint webhooks_pkey PRIMARY KEY (id),
  constraint webhooks_account_id_id_key UNIQUE (account_id, id),
  constraint webhooks_account_id_fkey FOREIGN KEY (account_id) REFERENCES accounts(id),
  constraint webhooks_check CHECK (((disabled_at IS NULL) = (disabled_reason IS NULL))),
  constraint webhooks_check1 CHECK (((disabled_at IS NULL) OR (NOT active))),
  constraint webhooks_disabled_reason_check CHECK ((disabled_reason = ANY (ARRAY['endpoint_gone'::text, 'only_failures'::text]))),
  constraint webhooks_events_check CHECK ((cardinality(events) >= 1)),
  constraint webhooks_in_flight_max_check CHECK (((in_flight_max >= 1) AND (in_flight_max <= 100))),
  constraint webhooks_per_second_max_check CHECK (((per_second_max >= 1) AND (per_second_max <= 1000))),
  constraint webhooks_rotation_signs_with_check CHECK ((rotation_signs_with = ANY (ARRAY['old'::text, 'new'::text])))
);

-- Indexes

CREATE UNIQUE INDEX account_days_unfinished ON public.account_days USING btree (account_id, business_date) WHERE (ended_at IS NULL);

CREATE INDEX attempts_delivery ON ONLY public.attempts USING btree (account_id, delivery_id, number);

CREATE INDEX claims_customer ON public.claims USING btree (account_id, customer_id, opened_at, id);

CREATE UNIQUE INDEX claims_once ON public.claims USING btree (unit_id) WHERE (state <> 'rejected'::text);

CREATE INDEX claims_open ON public.claims USING btree (account_id, id) WHERE (state = 'open'::text);

CREATE INDEX claims_opened ON public.claims USING btree (account_id, opened_at, id);

CREATE INDEX code_reveals_transaction ON public.code_reveals USING btree (account_id, transaction_id);

CREATE INDEX codes_pool ON public.codes USING btree (account_id, product_id, variant_id, COALESCE(expires_at, 'infinity'::timestamp with time zone), id) WHERE ((unit_id IS NULL) AND (quarantined_at IS NULL));

CREATE INDEX codes_quarantined ON public.codes USING btree (account_id, created_at, id) WHERE (quarantined_at IS NOT NULL);

CREATE INDEX codes_reserved ON public.codes USING btree (reserved_for) WHERE (reserved_for IS NOT NULL);

CREATE UNIQUE INDEX codes_unit ON public.codes USING btree (unit_id) WHERE (unit_id IS NOT NULL);

CREATE INDEX credit_note_units_unit ON public.credit_note_units USING btree (unit_id);

CREATE INDEX credit_notes_created ON public.credit_notes USING btree (account_id, created_at, id);

CREATE INDEX credit_notes_customer ON public.credit_notes USING btree (account_id, customer_id, created_at, id);

CREATE INDEX credit_notes_invoice ON public.credit_notes USING btree (invoice_id);

CREATE INDEX credit_notes_issue_date ON public.credit_notes USING btree (account_id, issue_date);

CREATE INDEX credit_notes_unfinished ON public.credit_notes USING btree (account_id, id) WHERE (ended_at IS NULL);

CREATE INDEX customers_created ON public.customers USING btree (account_id, created_at, id);

CREATE UNIQUE INDEX customers_email ON public.customers USING btree (account_id, lower(email));

CREATE INDEX deliveries_event ON public.deliveries USING btree (account_id, event_id);

CREATE UNIQUE INDEX deliveries_fan_out ON public.deliveries USING btree (event_id, webhook_id) WHERE (cause = ANY (ARRAY['event'::text, 'replay'::text]));

CREATE INDEX deliveries_pending ON public.deliveries USING btree (account_id, webhook_id, id) WHERE (state = 'pending'::text);

CREATE UNIQUE INDEX deliveries_recovered_once ON public.deliveries USING btree (copy_of) WHERE (cause = 'recovery'::text);

CREATE INDEX deliveries_sending ON public.deliveries USING btree (webhook_id) WHERE (sending_since IS NOT NULL);

CREATE INDEX deliveries_throttled ON public.deliveries USING btree (webhook_id) WHERE (throttled_until IS NOT NULL);

CREATE INDEX deliveries_webhook ON public.deliveries USING btree (account_id, webhook_id, created_at, id);

CREATE INDEX disputes_open ON public.disputes USING btree (account_id, id) WHERE (ended_at IS NULL);

CREATE INDEX disputes_opened ON public.disputes USING btree (account_id, opened_at, id);

CREATE INDEX disputes_payment ON public.disputes USING btree (account_id, payment_id);

CREATE INDEX document_sends_unfinished ON public.document_sends USING btree (account_id, id) WHERE (ended_at IS NULL);

CREATE INDEX entries_ledger_account ON public.entries USING btree (ledger_account_id, journal_id) INCLUDE (amount_minor);

CREATE INDEX events_order ON public.events USING btree (account_id, xid, id);

CREATE INDEX idempotency_keys_expiry ON public.idempotency_keys USING btree (expires_at) WHERE (expires_at IS NOT NULL);

CREATE INDEX idempotency_keys_sealed ON public.idempotency_keys USING btree (account_id, key_version) WHERE (key_version IS NOT NULL);

CREATE INDEX invoice_prepayments_transaction ON public.invoice_prepayments USING btree (transaction_id);

CREATE INDEX invoice_runs_unfinished ON public.invoice_runs USING btree (account_id, id) WHERE (ended_at IS NULL);

CREATE UNIQUE INDEX invoice_runs_waiting ON public.invoice_runs USING btree (purchase_order_id) WHERE (billed_at IS NULL);

CREATE INDEX invoices_created ON public.invoices USING btree (account_id, created_at, id);

CREATE INDEX invoices_customer ON public.invoices USING btree (account_id, customer_id, created_at, id);

CREATE INDEX invoices_issue_date ON public.invoices USING btree (account_id, issue_date);

CREATE INDEX ledger_reconciliations_created ON public.ledger_reconciliations USING btree (account_id, created_at, id);

CREATE UNIQUE INDEX ledger_reconciliations_unfinished ON public.ledger_reconciliations USING btree (account_id) WHERE (ended_at IS NULL);

CREATE INDEX mails_created ON public.mails USING btree (account_id, created_at);

CREATE INDEX mails_credit_note ON public.mails USING btree (account_id, credit_note_id) WHERE (credit_note_id IS NOT NULL);

CREATE INDEX mails_invoice ON public.mails USING btree (account_id, invoice_id) WHERE (invoice_id IS NOT NULL);

CREATE UNIQUE INDEX mails_message_id ON public.mails USING btree (account_id, message_id);

CREATE INDEX outbox_ready ON public.outbox USING btree (account_id, id) WHERE (parked_at IS NULL);

CREATE INDEX payment_differences_created ON public.payment_differences USING btree (account_id, created_at, id);

CREATE INDEX payment_intents_created ON public.payment_intents USING btree (account_id, created_at, id);

CREATE INDEX payment_intents_open ON public.payment_intents USING btree (account_id, id) WHERE (ended_at IS NULL);

CREATE INDEX payment_intents_transaction ON public.payment_intents USING btree (account_id, transaction_id) WHERE (transaction_id IS NOT NULL);

CREATE UNIQUE INDEX payment_operations_capture ON public.payment_operations USING btree (payment_id) WHERE ((kind = 'capture'::text) AND (state <> ALL (ARRAY['declined'::text, 'errored'::text])));

CREATE INDEX payment_operations_dispute ON public.payment_operations USING btree (account_id, dispute_id, created_at) WHERE (dispute_id IS NOT NULL);

CREATE UNIQUE INDEX payment_operations_dispute_open ON public.payment_operations USING btree (dispute_id) WHERE ((dispute_id IS NOT NULL) AND (ended_at IS NULL));

CREATE UNIQUE INDEX payment_operations_open ON public.payment_operations USING btree (payment_id) WHERE ((kind = ANY (ARRAY['authorize'::text, 'capture'::text, 'cancel'::text])) AND (ended_at IS NULL));

CREATE INDEX payment_operations_payment ON public.payment_operations USING btree (account_id, payment_id, created_at);

CREATE UNIQUE INDEX payment_operations_refund ON public.payment_operations USING btree (refund_id) WHERE (refund_id IS NOT NULL);

CREATE INDEX payment_reconciliations_open ON public.payment_reconciliations USING btree (account_id, id) WHERE (ended_at IS NULL);

CREATE INDEX products_created ON public.products USING btree (account_id, created_at, id);

CREATE INDEX products_name ON public.products USING btree (account_id, lower(name), id);

CREATE INDEX products_price ON public.products USING btree (account_id, price_minor, id);

CREATE INDEX products_updated ON public.products USING btree (account_id, updated_at, id);

CREATE INDEX psp_events_parked ON public.psp_events USING btree (next_try_at) WHERE ((state = 'parked'::text) AND (next_try_at IS NOT NULL));

CREATE INDEX psp_events_parked_payment ON public.psp_events USING btree (payment_provider_id) WHERE (state = 'parked'::text);

CREATE INDEX purchase_orders_business_date ON public.purchase_orders USING btree (account_id, business_date, id);

CREATE INDEX purchase_orders_created ON public.purchase_orders USING btree (account_id, created_at, id);

CREATE INDEX purchase_orders_ending ON public.purchase_orders USING btree (account_id, scheduled_end) WHERE (state = ANY (ARRAY['open'::text, 'settling'::text]));

CREATE INDEX purchase_orders_last ON public.purchase_orders USING btree (account_id, customer_id, currency, period_end);

CREATE UNIQUE INDEX purchase_orders_open ON public.purchase_orders USING btree (account_id, customer_id, currency) WHERE (state = 'open'::text);

CREATE INDEX purchase_orders_unfinished ON public.purchase_orders USING btree (account_id, id) WHERE (ended_at IS NULL);

CREATE INDEX received_payments_created ON public.received_payments USING btree (account_id, created_at, id);

CREATE INDEX refunds_created ON public.refunds USING btree (account_id, created_at, id);

CREATE INDEX refunds_open ON public.refunds USING btree (account_id, id) WHERE (ended_at IS NULL);

CREATE INDEX refunds_payment ON public.refunds USING btree (account_id, payment_id);

CREATE INDEX skus_product ON public.skus USING btree (account_id, product_id);

CREATE UNIQUE INDEX sourcing_attempts_open ON public.sourcing_attempts USING btree (unit_id) WHERE (state = ANY (ARRAY['placing'::text, 'processing'::text, 'unknown'::text]));

CREATE INDEX sourcing_attempts_transaction ON public.sourcing_attempts USING btree (transaction_id);

CREATE INDEX stock_levels_looked ON public.stock_levels USING btree (looked_at);

CREATE INDEX supplier_calls_supplier ON public.supplier_calls USING btree (supplier_id);

CREATE INDEX supplier_skus_supplier ON public.supplier_skus USING btree (account_id, supplier_id, created_at, id);

CREATE INDEX suppliers_broken ON public.suppliers USING btree (account_id, id) WHERE (breaker_opened_at IS NOT NULL);

CREATE INDEX suppliers_created ON public.suppliers USING btree (account_id, created_at, id);

CREATE INDEX test_clocks_advancing ON public.test_clocks USING btree (account_id) WHERE (target_at IS NOT NULL);

CREATE INDEX test_clocks_wake ON public.test_clocks USING btree (wake_at) WHERE (wake_at IS NOT NULL);

CREATE INDEX transactions_accepted ON public.transactions USING btree (account_id, accepted_at, id);

CREATE INDEX transactions_customer ON public.transactions USING btree (account_id, customer_id, accepted_at, id);

CREATE INDEX transactions_unfinished ON public.transactions USING btree (account_id, id) WHERE (ended_at IS NULL);

CREATE INDEX units_given_up ON public.units USING btree (account_id, transaction_id) WHERE (state = ANY (ARRAY['failed'::text, 'cancelled'::text]));

CREATE INDEX units_open ON public.units USING btree (transaction_id) WHERE (state = ANY (ARRAY['queued'::text, 'sourcing'::text, 'backordered'::text, 'unknown'::text]));

CREATE INDEX units_purchase_order ON public.units USING btree (purchase_order_id);

CREATE UNIQUE INDEX units_replaces ON public.units USING btree (replaces_unit_id) WHERE (replaces_unit_id IS NOT NULL);

CREATE INDEX units_waiting ON public.units USING btree (account_id, product_id, variant_id, id) WHERE (state = ANY (ARRAY['queued'::text, 'backordered'::text]));

CREATE INDEX variants_product ON public.variants USING btree (account_id, product_id, "position");

CREATE INDEX waits_due ON public.waits USING btree (account_id, due_at);

CREATE UNIQUE INDEX webhook_secrets_current ON public.webhook_secrets USING btree (webhook_id) WHERE (expires_at IS NULL);

CREATE INDEX webhooks_created ON public.webhooks USING btree (account_id, created_at, id) WHERE (deleted_at IS NULL);

CREATE INDEX webhooks_failing ON public.webhooks USING btree (failing_since) WHERE (failing_since IS NOT NULL);

-- Triggers

CREATE TRIGGER account_day_files_immutable BEFORE DELETE OR UPDATE ON public.account_day_files FOR EACH ROW EXECUTE FUNCTION rows_immutable();

CREATE TRIGGER account_calendar_changed BEFORE UPDATE OF time_zone, cut_off ON public.accounts FOR EACH ROW WHEN (((old.time_zone <> new.time_zone) OR (old.cut_off <> new.cut_off))) EXECUTE FUNCTION account_calendar_changed();

CREATE TRIGGER code_reveals_immutable BEFORE DELETE OR UPDATE ON public.code_reveals FOR EACH ROW EXECUTE FUNCTION rows_immutable();

CREATE TRIGGER codes_attached BEFORE UPDATE OF unit_id ON public.codes FOR EACH ROW EXECUTE FUNCTION codes_attached_for_ever();

CREATE TRIGGER credit_note_documents_immutable BEFORE DELETE OR UPDATE ON public.credit_note_documents FOR EACH ROW EXECUTE FUNCTION rows_immutable();

CREATE TRIGGER credit_note_lines_immutable BEFORE DELETE OR UPDATE ON public.credit_note_lines FOR EACH ROW EXECUTE FUNCTION rows_immutable();

CREATE TRIGGER credit_note_taxes_immutable BEFORE DELETE OR UPDATE ON public.credit_note_taxes FOR EACH ROW EXECUTE FUNCTION rows_immutable();

CREATE TRIGGER credit_note_units_immutable BEFORE DELETE OR UPDATE ON public.credit_note_units FOR EACH ROW EXECUTE FUNCTION rows_immutable();

CREATE TRIGGER credit_notes_immutable BEFORE DELETE OR UPDATE ON public.credit_notes FOR EACH ROW EXECUTE FUNCTION credit_notes_immutable();

CREATE TRIGGER customer_balances_opened AFTER INSERT ON public.customer_balances FOR EACH ROW EXECUTE FUNCTION customer_balances_opened();

CREATE TRIGGER customer_calendar_changed BEFORE UPDATE OF time_zone, cut_off ON public.customers FOR EACH ROW WHEN (((old.time_zone IS DISTINCT FROM new.time_zone) OR (old.cut_off IS DISTINCT FROM new.cut_off))) EXECUTE FUNCTION customer_calendar_changed();

CREATE TRIGGER deliveries_end_once BEFORE UPDATE OF state ON public.deliveries FOR EACH ROW EXECUTE FUNCTION deliveries_end_once();

CREATE TRIGGER disputes_move BEFORE UPDATE OF state ON public.disputes FOR EACH ROW WHEN ((old.state IS DISTINCT FROM new.state)) EXECUTE FUNCTION disputes_move();

CREATE TRIGGER entries_balanced AFTER INSERT ON public.entries REFERENCING NEW TABLE AS entered FOR EACH STATEMENT EXECUTE FUNCTION entries_balanced();

CREATE TRIGGER entries_immutable BEFORE DELETE OR UPDATE ON public.entries FOR EACH ROW EXECUTE FUNCTION rows_immutable();

CREATE TRIGGER events_immutable BEFORE DELETE OR UPDATE ON public.events FOR EACH ROW EXECUTE FUNCTION rows_immutable();

CREATE TRIGGER former_calendars_immutable BEFORE DELETE OR UPDATE ON public.former_calendars FOR EACH ROW EXECUTE FUNCTION rows_immutable();

CREATE TRIGGER invoice_documents_immutable BEFORE DELETE OR UPDATE ON public.invoice_documents FOR EACH ROW EXECUTE FUNCTION rows_immutable();

CREATE TRIGGER invoice_lines_belong AFTER INSERT ON public.invoice_lines REFERENCING NEW TABLE AS entered FOR EACH STATEMENT EXECUTE FUNCTION invoice_lines_belong();

CREATE TRIGGER invoice_lines_immutable BEFORE DELETE OR UPDATE ON public.invoice_lines FOR EACH ROW EXECUTE FUNCTION rows_immutable();

CREATE TRIGGER invoice_prepayments_immutable BEFORE DELETE OR UPDATE ON public.invoice_prepayments FOR EACH ROW EXECUTE FUNCTION rows_immutable();

CREATE TRIGGER invoices_immutable BEFORE DELETE OR UPDATE ON public.invoices FOR EACH ROW EXECUTE FUNCTION invoices_immutable();

CREATE TRIGGER invoices_reopened AFTER UPDATE OF state ON public.invoices FOR EACH ROW WHEN (((old.state = 'paid'::text) AND (new.state = 'open'::text))) EXECUTE FUNCTION invoices_reopened();

CREATE TRIGGER invoices_settled AFTER UPDATE OF state ON public.invoices FOR EACH ROW WHEN ((new.state = ANY (ARRAY['paid'::text, 'void'::text]))) EXECUTE FUNCTION invoices_settled();

CREATE TRIGGER journals_immutable BEFORE DELETE OR UPDATE ON public.journals FOR EACH ROW EXECUTE FUNCTION rows_immutable();

CREATE TRIGGER ledger_accounts_immutable BEFORE DELETE OR UPDATE ON public.ledger_accounts FOR EACH ROW EXECUTE FUNCTION rows_immutable();

CREATE TRIGGER lines_belong AFTER INSERT ON public.lines REFERENCING NEW TABLE AS entered FOR EACH STATEMENT EXECUTE FUNCTION lines_belong();

CREATE TRIGGER lines_kept BEFORE DELETE OR UPDATE OF id, account_id, transaction_id, product_id, variant_id ON public.lines FOR EACH ROW EXECUTE FUNCTION keys_kept();

CREATE TRIGGER operator_decisions_immutable BEFORE DELETE OR UPDATE ON public.operator_decisions FOR EACH ROW EXECUTE FUNCTION rows_immutable();

CREATE TRIGGER payment_intents_move BEFORE UPDATE OF state ON public.payment_intents FOR EACH ROW WHEN ((old.state IS DISTINCT FROM new.state)) EXECUTE FUNCTION payment_intents_move();

CREATE TRIGGER payment_intents_told AFTER UPDATE OF state ON public.payment_intents FOR EACH ROW WHEN (((new.transaction_id IS NOT NULL) AND (new.state = 'succeeded'::text) AND (old.state <> 'succeeded'::text))) EXECUTE FUNCTION payment_intents_told();

CREATE TRIGGER products_kept BEFORE DELETE OR UPDATE OF id, account_id ON public.products FOR EACH ROW EXECUTE FUNCTION keys_kept();

CREATE TRIGGER purchase_orders_kept BEFORE DELETE OR UPDATE OF id, account_id, customer_id, currency ON public.purchase_orders FOR EACH ROW EXECUTE FUNCTION keys_kept();

CREATE TRIGGER received_payment_reversals_immutable BEFORE DELETE OR UPDATE ON public.received_payment_reversals FOR EACH ROW EXECUTE FUNCTION rows_immutable();

CREATE TRIGGER received_payments_immutable BEFORE DELETE OR UPDATE ON public.received_payments FOR EACH ROW EXECUTE FUNCTION rows_immutable();

CREATE TRIGGER test_clocks_forward BEFORE UPDATE ON public.test_clocks FOR EACH ROW EXECUTE FUNCTION test_clock_only_forward();

CREATE TRIGGER transactions_belong AFTER INSERT ON public.transactions REFERENCING NEW TABLE AS entered FOR EACH STATEMENT EXECUTE FUNCTION transactions_belong();

CREATE TRIGGER transactions_kept BEFORE DELETE OR UPDATE OF id, account_id, customer_id, purchase_order_id ON public.transactions FOR EACH ROW EXECUTE FUNCTION keys_kept();

CREATE TRIGGER transactions_posted AFTER INSERT ON public.transactions REFERENCING NEW TABLE AS entered FOR EACH STATEMENT EXECUTE FUNCTION transactions_posted();

CREATE TRIGGER units_belong AFTER INSERT ON public.units REFERENCING NEW TABLE AS entered FOR EACH STATEMENT EXECUTE FUNCTION units_belong();

CREATE TRIGGER units_credited AFTER UPDATE ON public.units REFERENCING NEW TABLE AS units_after FOR EACH STATEMENT EXECUTE FUNCTION units_credited();

CREATE TRIGGER units_kept BEFORE DELETE OR UPDATE OF id, account_id, purchase_order_id, transaction_id, line_id, product_id, variant_id ON public.units FOR EACH ROW EXECUTE FUNCTION keys_kept();

CREATE TRIGGER units_move BEFORE UPDATE OF state ON public.units FOR EACH ROW WHEN ((old.state IS DISTINCT FROM new.state)) EXECUTE FUNCTION units_move();

CREATE TRIGGER units_posted AFTER UPDATE ON public.units REFERENCING OLD TABLE AS units_before NEW TABLE AS units_after FOR EACH STATEMENT EXECUTE FUNCTION units_posted();

CREATE TRIGGER variants_kept BEFORE DELETE OR UPDATE OF id, account_id, product_id ON public.variants FOR EACH ROW EXECUTE FUNCTION keys_kept();

-- Comments

comment on column customer_balances.held_minor is 'Balance of the customer''s held account.';

comment on column customer_balances.invoiced_minor is 'Balance of the customer''s receivable account.';

comment on column customer_balances.unallocated_minor is 'Balance of the customer''s unallocated_cash account.';

comment on column organizations.requests_per_hour is 'Agreed instead of the plan''s; null: the plan''s.';

comment on column organizations.requests_per_day is 'Agreed instead of the plan''s; null: the plan''s.';
