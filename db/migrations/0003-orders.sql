-- Orders: the daily purchase order, its transactions, their lines and units, and the codes.

create table purchase_orders (
  id text primary key,
  account_id text not null,
  customer_id text not null,
  currency text not null references currencies (code),
  business_date date not null,
  -- 1 for the day's first; a day closed early goes on with 2.
  sequence integer not null check (sequence >= 1),
  state text not null default 'open' check (state in ('open', 'settling', 'invoiced', 'settled')),
  -- The period and how it was computed, kept as it was when the day opened.
  time_zone text not null,
  cut_off time not null,
  period_start timestamptz not null,
  period_end timestamptz not null,
  -- The period's end as announced to the client; an early close moves only period_end.
  scheduled_end timestamptz not null,
  offset_start_seconds integer not null,
  offset_end_seconds integer not null,
  server_version text not null default current_setting('server_version'),
  closed_at timestamptz,
  settle_until timestamptz,
  manifest_hash bytea,
  -- An operator's hold stops finalizing, never the close.
  held_at timestamptz,
  invoiced_at timestamptz,
  -- When its workflow had nothing left to do.
  ended_at timestamptz,
  opened_at timestamptz not null,
  created_at timestamptz not null default clock_timestamp(),
  unique (account_id, id),
  unique (account_id, customer_id, id),
  unique (account_id, customer_id, currency, id),
  unique (account_id, customer_id, currency, business_date, sequence),
  foreign key (account_id, customer_id) references customers (account_id, id),
  check (period_start <= period_end),
  check ((state = 'open') = (closed_at is null)),
  check ((closed_at is null) = (settle_until is null)),
  check ((state in ('invoiced', 'settled')) = (invoiced_at is not null))
);
create unique index purchase_orders_open on purchase_orders (account_id, customer_id, currency)
  where state = 'open';
create index purchase_orders_last on purchase_orders (account_id, customer_id, currency, period_end);
create index purchase_orders_created on purchase_orders (account_id, created_at, id);
create index purchase_orders_unfinished on purchase_orders (account_id, id) where ended_at is null;

-- One create-order call. `ord_X` on the wire is the same row as `txn_X`.
create table transactions (
  id text primary key,
  account_id text not null,
  customer_id text not null,
  purchase_order_id text not null,
  -- 1, 2, 3 … within the purchase order, without gaps.
  position integer not null check (position >= 1),
  -- The purchase order's: the foreign key holds both together.
  currency text not null,
  total_minor bigint not null check (total_minor >= 0),
  unit_count integer not null check (unit_count between 1 and 10000),
  client_reference text check (length(client_reference) between 1 and 255),
  -- What the client asked for; equal content under one client_reference is a replay.
  content_hash bytea not null check (length(content_hash) = 32),
  payment_method text not null,
  allow_backorder boolean not null,
  deadline_at timestamptz not null,
  shipping_address jsonb,
  billing_address jsonb,
  shipping_method text,
  metadata jsonb not null default '{}',
  -- An operator or client gave up what is not delivered.
  cancel_requested_at timestamptz,
  event_sequence integer not null default 1,
  -- Business time, read under the customer's lock.
  accepted_at timestamptz not null,
  -- When no unit was open any more.
  ended_at timestamptz,
  created_at timestamptz not null default clock_timestamp(),
  unique (account_id, id),
  unique (account_id, purchase_order_id, id),
  unique (purchase_order_id, position),
  unique (account_id, customer_id, client_reference),
  foreign key (account_id, customer_id, purchase_order_id)
    references purchase_orders (account_id, customer_id, id)
);
create index transactions_accepted on transactions (account_id, accepted_at, id);
create index transactions_customer on transactions (account_id, customer_id, accepted_at, id);
create index transactions_unfinished on transactions (account_id, id) where ended_at is null;

create table lines (
  id text primary key,
  account_id text not null,
  transaction_id text not null,
  position integer not null check (position >= 1),
  product_id text not null,
  variant_id text,
  sku text not null,
  name text not null,
  tax_class text not null,
  fulfillment_type text not null,
  quantity integer not null check (quantity between 1 and 10000),
  unit_price_minor bigint not null check (unit_price_minor >= 0),
  total_minor bigint not null,
  created_at timestamptz not null default clock_timestamp(),
  unique (account_id, id),
  unique (account_id, transaction_id, id),
  unique (transaction_id, position),
  foreign key (account_id, transaction_id) references transactions (account_id, id),
  foreign key (account_id, product_id) references products (account_id, id),
  foreign key (account_id, product_id, variant_id) references variants (account_id, product_id, id),
  check (total_minor = unit_price_minor * quantity)
);

-- The legal documents. A snapshot is immutable: see the trigger below.
create table counters (
  account_id text not null references accounts (id),
  series text not null,
  value bigint not null check (value >= 0),
  created_at timestamptz not null default clock_timestamp(),
  primary key (account_id, series)
);

create table invoices (
  id text primary key,
  account_id text not null,
  customer_id text not null,
  purchase_order_id text not null,
  tax_group text not null,
  run integer not null check (run >= 1),
  series text not null,
  number_value bigint not null check (number_value >= 1),
  number text not null,
  business_date date not null,
  issue_date date not null,
  due_date date not null,
  currency text not null references currencies (code),
  subtotal_minor bigint not null check (subtotal_minor >= 0),
  tax_minor bigint not null check (tax_minor >= 0),
  total_minor bigint not null,
  snapshot jsonb not null,
  snapshot_hash bytea not null check (length(snapshot_hash) = 32),
  state text not null default 'open' check (state in ('open', 'paid', 'void')),
  sent_at timestamptz,
  issued_at timestamptz not null,
  created_at timestamptz not null default clock_timestamp(),
  unique (account_id, id),
  unique (purchase_order_id, tax_group, run),
  unique (account_id, number),
  unique (account_id, series, number_value),
  foreign key (account_id, customer_id, purchase_order_id)
    references purchase_orders (account_id, customer_id, id),
  check (total_minor = subtotal_minor + tax_minor),
  check (due_date >= issue_date)
);
create index invoices_created on invoices (account_id, created_at, id);
create index invoices_customer on invoices (account_id, customer_id, created_at, id);

create table invoice_lines (
  id text primary key,
  account_id text not null,
  invoice_id text not null,
  position integer not null check (position >= 1),
  sku text not null,
  name text not null,
  unit_price_minor bigint not null,
  quantity integer not null check (quantity >= 1),
  net_minor bigint not null,
  tax_category text not null,
  tax_rate_bp integer not null check (tax_rate_bp between 0 and 10000),
  created_at timestamptz not null default clock_timestamp(),
  unique (account_id, id),
  unique (invoice_id, position),
  foreign key (account_id, invoice_id) references invoices (account_id, id),
  check (net_minor = unit_price_minor * quantity)
);

create function invoices_immutable() returns trigger
language plpgsql as $$
begin
  if tg_op = 'DELETE' then
    raise exception 'an issued invoice is never deleted' using errcode = 'check_violation';
  end if;
  if (to_jsonb(new) - array['state', 'sent_at']) is distinct from (to_jsonb(old) - array['state', 'sent_at']) then
    raise exception 'an issued invoice never changes' using errcode = 'check_violation';
  end if;
  return new;
end $$;
create trigger invoices_immutable before update or delete on invoices
  for each row execute function invoices_immutable();

create function rows_immutable() returns trigger
language plpgsql as $$
begin
  raise exception '% is append-only', tg_table_name using errcode = 'check_violation';
end $$;
create trigger invoice_lines_immutable before update or delete on invoice_lines
  for each row execute function rows_immutable();

-- The bytes that were sent, so that they can be read again for ever.
create table invoice_documents (
  account_id text not null,
  invoice_id text not null,
  format text not null check (format in ('pdf', 'csv', 'ubl', 'cii')),
  content bytea not null,
  sha256 bytea not null check (length(sha256) = 32),
  created_at timestamptz not null default clock_timestamp(),
  primary key (invoice_id, format),
  foreign key (account_id, invoice_id) references invoices (account_id, id)
);
create trigger invoice_documents_immutable before update or delete on invoice_documents
  for each row execute function rows_immutable();

-- One requested piece: the atom of fulfilment, billing, refund and commission.
create table units (
  id text primary key,
  account_id text not null,
  purchase_order_id text not null,
  transaction_id text not null,
  line_id text not null,
  position integer not null check (position >= 1),
  product_id text not null,
  -- '' for the product itself.
  variant_id text not null default '',
  price_minor bigint not null check (price_minor >= 0),
  state text not null default 'queued' check (state in
    ('queued', 'sourcing', 'allocated', 'backordered', 'unknown', 'failed', 'cancelled', 'reversed')),
  reason text,
  allocated_at timestamptz,
  invoice_line_id text,
  created_at timestamptz not null default clock_timestamp(),
  unique (account_id, id),
  unique (transaction_id, position),
  foreign key (account_id, transaction_id, line_id) references lines (account_id, transaction_id, id),
  foreign key (account_id, purchase_order_id, transaction_id)
    references transactions (account_id, purchase_order_id, id),
  -- Deferred: billing marks and counts the units first, and writes the lines from the counts.
  foreign key (account_id, invoice_line_id) references invoice_lines (account_id, id)
    deferrable initially deferred,
  check ((allocated_at is not null) = (state in ('allocated', 'reversed'))),
  check (invoice_line_id is null or allocated_at is not null)
);
create index units_open on units (transaction_id) where state in ('queued', 'sourcing', 'backordered', 'unknown');
create index units_waiting on units (account_id, product_id, variant_id, id)
  where state in ('queued', 'backordered');
create index units_billable on units (purchase_order_id) where invoice_line_id is null;
create index units_invoiced on units (invoice_line_id) where invoice_line_id is not null;

-- The legal moves of a unit; anything else is refused by the database itself.
create table unit_moves (
  from_state text not null,
  to_state text not null,
  created_at timestamptz not null default clock_timestamp(),
  primary key (from_state, to_state)
);
insert into unit_moves (from_state, to_state) values
  ('queued', 'allocated'), ('queued', 'sourcing'), ('queued', 'backordered'), ('queued', 'failed'),
  ('queued', 'cancelled'), ('sourcing', 'allocated'), ('sourcing', 'backordered'),
  ('sourcing', 'unknown'), ('sourcing', 'failed'), ('sourcing', 'cancelled'),
  ('unknown', 'sourcing'), ('unknown', 'allocated'), ('unknown', 'backordered'),
  ('unknown', 'failed'), ('unknown', 'cancelled'), ('backordered', 'allocated'),
  ('backordered', 'sourcing'), ('backordered', 'failed'), ('backordered', 'cancelled'),
  ('allocated', 'reversed');

create function units_move() returns trigger
language plpgsql as $$
begin
  if not exists (select 1 from unit_moves where from_state = old.state and to_state = new.state) then
    raise exception 'a unit cannot move from % to %', old.state, new.state using errcode = 'check_violation';
  end if;
  return new;
end $$;
create trigger units_move before update of state on units
  for each row when (old.state is distinct from new.state) execute function units_move();

-- One redeemable secret, encrypted; attached to at most one unit, for ever.
create table codes (
  id text primary key,
  account_id text not null,
  product_id text not null,
  variant_id text not null default '',
  type text not null default 'code' check (type in ('code', 'code_pin', 'url')),
  -- AES-256-GCM of {code, pin, serial, url}: nonce 12, ciphertext, tag 16.
  sealed bytea not null check (length(sealed) > 28),
  key_version smallint not null,
  -- HMAC of the secret under a key of its own; keeps one secret from being stored twice.
  blind_index bytea not null unique check (length(blind_index) = 32),
  last4 text not null,
  expires_at timestamptz,
  -- Null: imported into the own pool.
  supplier_id text,
  -- Our reference under which the supplier sold it.
  supplier_reference text,
  unit_id text unique,
  allocated_at timestamptz,
  quarantined_at timestamptz,
  quarantine_reason text,
  created_at timestamptz not null default clock_timestamp(),
  unique (account_id, id),
  foreign key (account_id, product_id) references products (account_id, id),
  foreign key (account_id, supplier_id) references suppliers (account_id, id),
  foreign key (account_id, unit_id) references units (account_id, id),
  check ((unit_id is null) = (allocated_at is null)),
  check ((supplier_id is null) = (supplier_reference is null)),
  check (unit_id is null or quarantined_at is null)
) with (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000);
create index codes_pool on codes (account_id, product_id, variant_id, id)
  where unit_id is null and quarantined_at is null;

create function codes_attached_for_ever() returns trigger
language plpgsql as $$
begin
  if old.unit_id is not null and new.unit_id is distinct from old.unit_id then
    raise exception 'a code stays with its unit for ever' using errcode = 'check_violation';
  end if;
  return new;
end $$;
create trigger codes_attached before update of unit_id on codes
  for each row execute function codes_attached_for_ever();

-- Who saw which codes, when, from where. One row per answer that held codes.
create table code_reveals (
  id bigint generated always as identity primary key,
  account_id text not null,
  transaction_id text not null,
  key_id text not null,
  address text not null,
  request_id text not null,
  code_ids text[] not null,
  created_at timestamptz not null default clock_timestamp(),
  foreign key (account_id, transaction_id) references transactions (account_id, id)
);
create index code_reveals_transaction on code_reveals (account_id, transaction_id);
create trigger code_reveals_immutable before update or delete on code_reveals
  for each row execute function rows_immutable();

-- One try to buy one unit from one supplier. The reference is stored before the supplier hears it
-- and is used again until it is answered; only `none` and `rejected` allow another one.
create table sourcing_attempts (
  id text primary key,
  account_id text not null,
  unit_id text not null,
  transaction_id text not null,
  supplier_id text not null,
  group_number integer not null check (group_number >= 1),
  reference text not null,
  state text not null default 'placing'
    check (state in ('placing', 'processing', 'unknown', 'delivered', 'none', 'not_placed', 'rejected')),
  -- Answers heard under this reference, silence included; the back-off grows with it.
  tries integer not null default 0,
  last_answer text,
  -- Business time: when to ask about it again, or, once none, when this supplier may be asked again.
  ask_at timestamptz,
  -- Business time since which the outcome is unknown.
  unknown_at timestamptz,
  -- Real time until which the process that asks about it now may still act on the answer.
  leased_until timestamptz,
  created_at timestamptz not null default clock_timestamp(),
  updated_at timestamptz not null default clock_timestamp(),
  unique (account_id, reference),
  unique (unit_id, group_number),
  foreign key (account_id, unit_id) references units (account_id, id),
  foreign key (account_id, supplier_id) references suppliers (account_id, id),
  check ((state = 'unknown') = (unknown_at is not null)),
  check (state <> 'placing' or leased_until is not null)
);
create unique index sourcing_attempts_open on sourcing_attempts (unit_id)
  where state in ('placing', 'processing', 'unknown');
create index sourcing_attempts_transaction on sourcing_attempts (transaction_id);

-- What was sent or is to be sent by mail. Development reads it as /inbox.
create table mails (
  id text primary key,
  account_id text not null references accounts (id),
  -- Business key: sending twice under one key sends once.
  key text not null,
  sender text not null,
  recipients text[] not null,
  subject text not null,
  body text not null,
  attachments jsonb not null default '[]',
  invoice_id text,
  sent_at timestamptz,
  last_error text,
  created_at timestamptz not null default clock_timestamp(),
  unique (account_id, key),
  foreign key (account_id, invoice_id) references invoices (account_id, id)
);
create index mails_created on mails (account_id, created_at);
