-- Accounts, keys, customers, and the business clock that everything else reads.

-- Prefix + 26 sortable characters: 12 hex digits of milliseconds, 14 hex digits (56 bits) of chance.
-- The clock here only sorts; no business date is read from it.
create function new_id(prefix text) returns text
language sql volatile as $$
  select prefix || '_'
    || lpad(to_hex((extract(epoch from clock_timestamp()) * 1000)::bigint), 12, '0')
    || substr(replace(gen_random_uuid()::text, '-', ''), 19, 14)
$$;

create table currencies (
  code text primary key check (code ~ '^[A-Z]{3}$'),
  exponent smallint not null check (exponent between 0 and 4),
  created_at timestamptz not null default clock_timestamp()
);

-- ISO 4217: active currencies and their minor units.
insert into currencies (code, exponent) values
  ('AED', 2), ('AFN', 2), ('ALL', 2), ('AMD', 2), ('AOA', 2), ('ARS', 2), ('AUD', 2), ('AWG', 2),
  ('AZN', 2), ('BAM', 2), ('BBD', 2), ('BDT', 2), ('BHD', 3), ('BIF', 0), ('BMD', 2), ('BND', 2),
  ('BOB', 2), ('BOV', 2), ('BRL', 2), ('BSD', 2), ('BTN', 2), ('BWP', 2), ('BYN', 2), ('BZD', 2),
  ('CAD', 2), ('CDF', 2), ('CHE', 2), ('CHF', 2), ('CHW', 2), ('CLF', 4), ('CLP', 0), ('CNY', 2),
  ('COP', 2), ('COU', 2), ('CRC', 2), ('CUP', 2), ('CVE', 2), ('CZK', 2), ('DJF', 0), ('DKK', 2),
  ('DOP', 2), ('DZD', 2), ('EGP', 2), ('ERN', 2), ('ETB', 2), ('EUR', 2), ('FJD', 2), ('FKP', 2),
  ('GBP', 2), ('GEL', 2), ('GHS', 2), ('GIP', 2), ('GMD', 2), ('GNF', 0), ('GTQ', 2), ('GYD', 2),
  ('HKD', 2), ('HNL', 2), ('HTG', 2), ('HUF', 2), ('IDR', 2), ('ILS', 2), ('INR', 2), ('IQD', 3),
  ('IRR', 2), ('ISK', 0), ('JMD', 2), ('JOD', 3), ('JPY', 0), ('KES', 2), ('KGS', 2), ('KHR', 2),
  ('KMF', 0), ('KPW', 2), ('KRW', 0), ('KWD', 3), ('KYD', 2), ('KZT', 2), ('LAK', 2), ('LBP', 2),
  ('LKR', 2), ('LRD', 2), ('LSL', 2), ('LYD', 3), ('MAD', 2), ('MDL', 2), ('MGA', 2), ('MKD', 2),
  ('MMK', 2), ('MNT', 2), ('MOP', 2), ('MRU', 2), ('MUR', 2), ('MVR', 2), ('MWK', 2), ('MXN', 2),
  ('MXV', 2), ('MYR', 2), ('MZN', 2), ('NAD', 2), ('NGN', 2), ('NIO', 2), ('NOK', 2), ('NPR', 2),
  ('NZD', 2), ('OMR', 3), ('PAB', 2), ('PEN', 2), ('PGK', 2), ('PHP', 2), ('PKR', 2), ('PLN', 2),
  ('PYG', 0), ('QAR', 2), ('RON', 2), ('RSD', 2), ('RUB', 2), ('RWF', 0), ('SAR', 2), ('SBD', 2),
  ('SCR', 2), ('SDG', 2), ('SEK', 2), ('SGD', 2), ('SHP', 2), ('SLE', 2), ('SOS', 2), ('SRD', 2),
  ('SSP', 2), ('STN', 2), ('SVC', 2), ('SYP', 2), ('SZL', 2), ('THB', 2), ('TJS', 2), ('TMT', 2),
  ('TND', 3), ('TOP', 2), ('TRY', 2), ('TTD', 2), ('TWD', 2), ('TZS', 2), ('UAH', 2), ('UGX', 0),
  ('USD', 2), ('USN', 2), ('UYI', 0), ('UYU', 2), ('UYW', 4), ('UZS', 2), ('VED', 2), ('VES', 2),
  ('VND', 0), ('VUV', 0), ('WST', 2), ('XAD', 2), ('XAF', 0), ('XCD', 2), ('XCG', 2), ('XOF', 0),
  ('XPF', 0), ('YER', 2), ('ZAR', 2), ('ZMW', 2), ('ZWG', 2);

create table organizations (
  id text primary key,
  name text not null,
  plan text not null check (plan in ('free', 'starter', 'professional', 'enterprise', 'sandbox')),
  created_at timestamptz not null default clock_timestamp()
);

create function is_time_zone(zone text) returns boolean
language plpgsql stable as $$
begin
  perform now() at time zone zone;
  return zone ~ '^[A-Za-z]+([/_+-][A-Za-z0-9_+-]+)*$';
exception when invalid_parameter_value then
  return false;
end $$;

-- The tenant. An organization has one live and one test account; everything else belongs to one.
create table accounts (
  id text primary key,
  organization_id text not null references organizations (id),
  mode text not null check (mode in ('live', 'test')),
  name text not null,
  time_zone text not null default 'UTC' check (is_time_zone(time_zone)),
  -- The local time at which a business day ends; 24:00 is midnight.
  cut_off time not null default '24:00' check (cut_off > '00:00'),
  currency text not null references currencies (code),
  settle_window_seconds integer not null default 900 check (settle_window_seconds between 0 and 86400),
  payment_term_days integer not null default 14 check (payment_term_days between 0 and 365),
  require_idempotency_key boolean not null default false,
  legal_name text not null,
  legal_address jsonb not null,
  country text not null check (country ~ '^[A-Z]{2}$'),
  tax_id text,
  finance_email text not null,
  invoice_series text not null default 'INV' check (invoice_series ~ '^[A-Z0-9-]{1,12}$'),
  created_at timestamptz not null default clock_timestamp(),
  unique (organization_id, mode),
  unique (id, mode)
);

-- Only test accounts have a clock that can be moved, and only forward.
create table test_clocks (
  account_id text primary key,
  account_mode text not null default 'test' check (account_mode = 'test'),
  offset_ms bigint not null default 0 check (offset_ms >= 0),
  -- While advancing: where the clock shall end, and since when (real time) it stands at this stop.
  target_at timestamptz,
  stopped_since timestamptz,
  created_at timestamptz not null default clock_timestamp(),
  foreign key (account_id, account_mode) references accounts (id, mode)
);

create function test_clock_only_forward() returns trigger
language plpgsql as $$
begin
  if new.offset_ms < old.offset_ms then
    raise exception 'a test clock only moves forward' using errcode = 'check_violation';
  end if;
  return new;
end $$;
create trigger test_clocks_forward before update on test_clocks
  for each row execute function test_clock_only_forward();

create table customers (
  id text primary key,
  account_id text not null references accounts (id),
  email text not null,
  first_name text,
  last_name text,
  company text,
  phone text,
  tags text[] not null default '{}',
  addresses jsonb not null default '[]',
  tax_id text,
  time_zone text check (time_zone is null or is_time_zone(time_zone)),
  cut_off time check (cut_off > '00:00'),
  metadata jsonb not null default '{}',
  status text not null default 'active' check (status in ('active', 'inactive')),
  version integer not null default 1,
  event_sequence integer not null default 0,
  created_at timestamptz not null default clock_timestamp(),
  updated_at timestamptz not null default clock_timestamp(),
  unique (account_id, id)
);
create unique index customers_email on customers (account_id, lower(email));
create index customers_created on customers (account_id, created_at, id);

-- What a customer on credit owes or has ordered. `held` is accepted and not yet billed,
-- `invoiced` is billed and not yet paid. A null limit is unlimited.
create table customer_balances (
  account_id text not null,
  customer_id text not null,
  currency text not null references currencies (code),
  credit_limit_minor bigint check (credit_limit_minor >= 0),
  held_minor bigint not null default 0 check (held_minor >= 0),
  invoiced_minor bigint not null default 0 check (invoiced_minor >= 0),
  created_at timestamptz not null default clock_timestamp(),
  primary key (account_id, customer_id, currency),
  foreign key (account_id, customer_id) references customers (account_id, id)
);

create table api_keys (
  id text primary key,
  account_id text not null references accounts (id),
  name text not null,
  environment text not null default 'production',
  -- SHA-256 of the whole key; the key itself is never stored.
  hash bytea not null unique check (length(hash) = 32),
  last4 text not null,
  scopes text[] not null,
  -- A bound key reads and orders for this customer only.
  customer_id text,
  requests_per_second integer check (requests_per_second > 0),
  expires_at timestamptz not null,
  revoked_at timestamptz,
  last_used_at timestamptz,
  created_at timestamptz not null default clock_timestamp(),
  foreign key (account_id, customer_id) references customers (account_id, id)
);

-- Keys for orders are kept for ever and point to the transaction, whose immutable rows are the
-- facts of the answer; other operations keep the encrypted answer for 24 hours.
create table idempotency_keys (
  -- No foreign key on the hot path: it would share-lock the account's one row with every order.
  account_id text not null,
  -- The customer a key is bound to, or '' for an unbound key.
  customer_scope text not null,
  operation text not null,
  key text not null check (length(key) between 1 and 255),
  fingerprint bytea not null check (length(fingerprint) = 32),
  transaction_id text,
  answer bytea,
  expires_at timestamptz,
  created_at timestamptz not null default clock_timestamp(),
  primary key (account_id, customer_scope, operation, key)
);
create index idempotency_keys_expiry on idempotency_keys (expires_at) where expires_at is not null;

-- Counters of the limiter, one row per key and class: survive a clean restart, and a crash may
-- forget the current windows.
create unlogged table rate_limits (
  key_id text not null,
  class text not null,
  window_start timestamptz not null,
  count integer not null,
  created_at timestamptz not null default clock_timestamp(),
  primary key (key_id, class)
) with (fillfactor = 50);

-- Committed commands to Temporal: start a workflow or wake one. Deleted once Temporal has it.
create table outbox (
  id bigint generated always as identity primary key,
  -- No foreign key, for the same reason as in idempotency_keys.
  account_id text not null,
  verb text not null check (verb in ('start', 'signal')),
  workflow text not null,
  -- The ids from which `workflows/contract.ts` builds the workflow id and the arguments.
  subject jsonb not null,
  -- For signals: {name, input}.
  signal jsonb,
  priority smallint not null default 3 check (priority between 1 and 5),
  attempts integer not null default 0,
  available_at timestamptz not null default clock_timestamp(),
  leased_until timestamptz,
  parked_at timestamptz,
  last_error text,
  created_at timestamptz not null default clock_timestamp(),
  check ((verb = 'signal') = (signal is not null))
) with (autovacuum_vacuum_scale_factor = 0.0, autovacuum_vacuum_threshold = 5000, fillfactor = 70);
create index outbox_ready on outbox (account_id, id) where parked_at is null;

-- Which story waits until when (business time), or for a person. A story is a transaction, a
-- purchase order, a delivery; its row goes when it acts again or ends.
create table waits (
  story_id text primary key,
  account_id text not null references accounts (id),
  workflow text not null,
  subject jsonb not null,
  due_at timestamptz,
  needs_person boolean not null default false,
  reason text not null,
  created_at timestamptz not null default clock_timestamp(),
  check (needs_person or due_at is not null)
);
create index waits_due on waits (account_id, due_at);
