-- The daily comparison of our payments with what the provider says of them.

insert into event_types (type, additive) values ('payment.difference_found', true);

-- One per account and day of its own calendar; `run` counts how often it was compared.
create table payment_reconciliations (
  id text primary key,
  account_id text not null references accounts (id),
  business_date date not null,
  run integer not null default 1,
  -- Rows that were compared in the last run.
  payments_seen integer not null default 0,
  movements_seen integer not null default 0,
  requested_at timestamptz not null default clock_timestamp(),
  ended_at timestamptz,
  created_at timestamptz not null default clock_timestamp(),
  unique (account_id, business_date),
  unique (account_id, id)
);
create index payment_reconciliations_open on payment_reconciliations (account_id, id)
  where ended_at is null;

-- What did not agree. A later run of the day finds it again, or it is resolved.
create table payment_differences (
  id text primary key,
  account_id text not null,
  reconciliation_id text not null,
  kind text not null
    check (kind in ('missing_here', 'missing_there', 'amount_mismatch', 'status_mismatch')),
  -- What it is about, by the provider's name, or by ours where the provider has none.
  about text not null check (about in ('payment', 'refund', 'dispute', 'balance')),
  subject text not null,
  payment_id text,
  currency text not null references currencies (code),
  ours_minor bigint,
  theirs_minor bigint,
  ours text,
  theirs text,
  last_seen_run integer not null,
  resolved_at timestamptz,
  created_at timestamptz not null default clock_timestamp(),
  unique (account_id, id),
  unique (account_id, reconciliation_id, kind, subject),
  foreign key (account_id, reconciliation_id) references payment_reconciliations (account_id, id),
  foreign key (account_id, payment_id) references payment_intents (account_id, id)
);
create index payment_differences_created on payment_differences (account_id, created_at, id);
