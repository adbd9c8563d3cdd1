-- Claims: a delivered code that its buyer calls invalid, and what becomes of it.

-- A unit that replaces another one of the same order: it has a code of its own and is never billed.
alter table units
  add column replaces_unit_id text unique,
  add foreign key (account_id, replaces_unit_id) references units (account_id, id),
  add check (replaces_unit_id is null or (price_minor = 0 and invoice_line_id is null));

create table claims (
  id text primary key,
  account_id text not null,
  customer_id text not null,
  transaction_id text not null,
  unit_id text not null,
  -- What the customer says is wrong.
  reason text not null check (length(reason) between 1 and 500),
  state text not null default 'open' check (state in ('open', 'replaced', 'refunded', 'rejected')),
  replacement_unit_id text unique,
  -- Answers heard of the supplier, silence included, and the last of them in a few words.
  tries integer not null default 0,
  last_answer text,
  -- Business time of the next question to the supplier; null when a person decides.
  ask_at timestamptz,
  -- Business time.
  opened_at timestamptz not null,
  ended_at timestamptz,
  created_at timestamptz not null default clock_timestamp(),
  unique (account_id, id),
  foreign key (account_id, customer_id) references customers (account_id, id),
  foreign key (account_id, transaction_id) references transactions (account_id, id),
  foreign key (account_id, unit_id) references units (account_id, id),
  foreign key (account_id, replacement_unit_id) references units (account_id, id),
  check ((state = 'open') = (ended_at is null)),
  check ((state = 'replaced') = (replacement_unit_id is not null)),
  check (state = 'open' or ask_at is null)
);
-- A code is claimed once; only a rejected claim leaves room for another one.
create unique index claims_once on claims (unit_id) where state <> 'rejected';
create index claims_opened on claims (account_id, opened_at, id);
create index claims_customer on claims (account_id, customer_id, opened_at, id);
create index claims_open on claims (account_id, id) where state = 'open';
