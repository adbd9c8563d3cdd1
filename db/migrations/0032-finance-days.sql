-- What finance hears of a business date: a digest of all customers, once its last purchase order is done.

-- Who gets it; null is the address that the account's documents name.
alter table accounts add column finance_recipients text[]
  check (cardinality(finance_recipients) between 1 and 10);

-- One per telling of a date: `acc_X/2026-11-22`, and `/2` and up when it is told again. What was told is
-- frozen when it is written.
create table account_days (
  id text primary key,
  account_id text not null references accounts (id),
  business_date date not null,
  run integer not null check (run >= 1),
  requested_at timestamptz not null,
  written_at timestamptz,
  -- False while purchase orders of the date were still open: it is told again when they are done.
  complete boolean,
  recipients text[],
  subject text,
  body text,
  -- When its workflow had nothing left to do.
  ended_at timestamptz,
  created_at timestamptz not null default clock_timestamp(),
  unique (account_id, id),
  unique (account_id, business_date, run),
  check (num_nulls(written_at, complete, recipients, subject, body) in (0, 5)),
  check (ended_at is null or written_at is not null)
);
create unique index account_days_unfinished on account_days (account_id, business_date)
  where ended_at is null;

create table account_day_files (
  account_day_id text not null,
  account_id text not null,
  filename text not null,
  content bytea not null,
  created_at timestamptz not null default clock_timestamp(),
  primary key (account_day_id, filename),
  foreign key (account_id, account_day_id) references account_days (account_id, id)
);
create trigger account_day_files_immutable before update or delete on account_day_files
  for each row execute function rows_immutable();

alter table mails add column account_day_id text,
  add foreign key (account_id, account_day_id) references account_days (account_id, id);

create index invoices_issue_date on invoices (account_id, issue_date);
create index credit_notes_issue_date on credit_notes (account_id, issue_date);

-- The nightly report of the ledger: what finance may rely on, whether it held, and where not.
insert into event_types (type, additive) values ('ledger.out_of_balance', true);

create table ledger_reconciliations (
  id text primary key,
  account_id text not null references accounts (id),
  -- The business date after which it was made; `run` counts those of one date.
  business_date date not null,
  run integer not null check (run >= 1),
  requested_at timestamptz not null,
  -- Each identity in words with the rows that break it, the first of them; null until it was made.
  lines jsonb,
  identities integer check (identities >= 0),
  differing integer check (differing between 0 and identities),
  ended_at timestamptz,
  created_at timestamptz not null default clock_timestamp(),
  unique (account_id, id),
  unique (account_id, business_date, run),
  check (num_nulls(lines, identities, differing, ended_at) in (0, 4))
);
create unique index ledger_reconciliations_unfinished on ledger_reconciliations (account_id)
  where ended_at is null;
create index ledger_reconciliations_created on ledger_reconciliations (account_id, created_at, id);

-- When its invoice may take its number: purchase orders that end together are spread over a while.
alter table purchase_orders add column issue_after timestamptz;
create index purchase_orders_ending on purchase_orders (account_id, scheduled_end)
  where state in ('open', 'settling');

-- Cash that a payment had brought too much, and that has paid another invoice before the payment went back.
insert into posting_rules (journal, measure, debit, credit) values
  ('allocation_reversed', 'amount', 'receivable', 'unallocated_cash');
