-- Payments at a provider: what was asked for, each operation on it, refunds, and what the provider
-- told. `payment/pi_…` is the only writer of a payment once it exists.

-- Where the merchant has an account of its own at the provider.
alter table accounts add column provider_reference text;

create table payment_intents (
  id text primary key,
  account_id text not null,
  customer_id text,
  transaction_id text,
  amount_minor bigint not null check (amount_minor > 0),
  currency text not null references currencies (code),
  capture_method text not null check (capture_method in ('automatic', 'manual')),
  method text not null,
  -- The provider's name for a card; never a number.
  token text,
  card jsonb,
  state text not null check (state in ('requires_payment_method', 'requires_action', 'processing',
    'requires_capture', 'succeeded', 'cancelled', 'failed')),
  provider_id text,
  authorized_minor bigint not null default 0 check (authorized_minor >= 0),
  captured_minor bigint not null default 0 check (captured_minor >= 0),
  fee_minor bigint not null default 0,
  refunded_minor bigint not null default 0 check (refunded_minor >= 0),
  -- Of refunds that are on their way or unknown.
  refund_held_minor bigint not null default 0 check (refund_held_minor >= 0),
  last_error jsonb,
  action_url text,
  return_url text,
  capture_before timestamptz,
  metadata jsonb not null default '{}',
  -- When to ask the provider by ourselves, how often that was done in this state, and since when.
  ask_at timestamptz,
  ask_count integer not null default 0,
  state_since timestamptz not null,
  -- The provider told something: it is asked before anything is believed.
  refresh_wanted_at timestamptz,
  -- Runs of its workflow so far; 0 before the first. `ended_at` while none has anything to do.
  run integer not null default 0,
  ended_at timestamptz,
  version integer not null default 1,
  event_sequence integer not null default 0,
  created_at timestamptz not null,
  updated_at timestamptz not null default clock_timestamp(),
  unique (account_id, id),
  unique (account_id, provider_id),
  foreign key (account_id) references accounts (id),
  foreign key (account_id, customer_id) references customers (account_id, id),
  foreign key (account_id, transaction_id) references transactions (account_id, id),
  check (authorized_minor <= amount_minor),
  check (captured_minor <= authorized_minor),
  check (refunded_minor + refund_held_minor <= captured_minor)
);
create index payment_intents_created on payment_intents (account_id, created_at, id);
create index payment_intents_transaction on payment_intents (account_id, transaction_id)
  where transaction_id is not null;
create index payment_intents_open on payment_intents (account_id, id) where ended_at is null;

-- The legal moves of a payment; anything else is refused by the database itself.
create table payment_moves (
  from_state text not null,
  to_state text not null,
  created_at timestamptz not null default clock_timestamp(),
  primary key (from_state, to_state)
);
insert into payment_moves (from_state, to_state)
select f, t from (values
  ('requires_payment_method', array['requires_action', 'processing', 'requires_capture', 'succeeded', 'failed', 'cancelled']),
  ('requires_action', array['processing', 'requires_capture', 'succeeded', 'failed', 'cancelled']),
  ('processing', array['requires_payment_method', 'requires_action', 'requires_capture', 'succeeded', 'failed', 'cancelled']),
  ('requires_capture', array['succeeded', 'cancelled']),
  ('failed', array['requires_action', 'processing', 'requires_capture', 'succeeded', 'cancelled'])
) as m (f, ts), unnest(ts) as t;

create function payment_intents_move() returns trigger
language plpgsql as $$
begin
  if not exists (select 1 from payment_moves where from_state = old.state and to_state = new.state) then
    raise exception 'a payment cannot move from % to %', old.state, new.state using errcode = 'check_violation';
  end if;
  return new;
end $$;
create trigger payment_intents_move before update of state on payment_intents
  for each row when (old.state is distinct from new.state) execute function payment_intents_move();

create table refunds (
  id text primary key,
  account_id text not null,
  payment_id text not null,
  amount_minor bigint not null check (amount_minor > 0),
  currency text not null references currencies (code),
  state text not null default 'pending' check (state in ('pending', 'succeeded', 'failed', 'unknown')),
  reason text,
  -- Who wanted it: a request, or a rule that refunds unasked.
  cause text not null check (cause in ('request', 'units_failed', 'order_cancelled', 'late_money')),
  -- Makes a refund that a rule asks for happen once.
  cause_key text,
  refund_application_fee boolean not null default false,
  line_ids text[] not null default '{}',
  metadata jsonb not null default '{}',
  provider_id text,
  last_error jsonb,
  expected_by date not null,
  ask_at timestamptz,
  ask_count integer not null default 0,
  refresh_wanted_at timestamptz,
  run integer not null default 1,
  ended_at timestamptz,
  created_at timestamptz not null,
  updated_at timestamptz not null default clock_timestamp(),
  unique (account_id, id),
  unique (account_id, provider_id),
  unique (account_id, cause_key),
  foreign key (account_id, payment_id) references payment_intents (account_id, id)
);
create index refunds_created on refunds (account_id, created_at, id);
create index refunds_payment on refunds (account_id, payment_id);
create index refunds_open on refunds (account_id, id) where ended_at is null;

-- The real state machine: one call that moves money. The key stands here before the call is made.
create table payment_operations (
  id text primary key,
  account_id text not null,
  payment_id text not null,
  refund_id text,
  kind text not null check (kind in ('authorize', 'capture', 'cancel', 'refund')),
  state text not null default 'created'
    check (state in ('created', 'submitted', 'succeeded', 'declined', 'errored', 'unknown')),
  idempotency_key text not null,
  amount_minor bigint,
  -- What the payer pays with, for an authorization.
  method text,
  token text,
  -- Calls that sent the key, and questions about what became of it.
  tries integer not null default 0,
  asks integer not null default 0,
  -- Business time.
  submitted_at timestamptz,
  next_at timestamptz,
  error jsonb,
  decided_by text,
  ended_at timestamptz,
  created_at timestamptz not null,
  unique (account_id, id),
  unique (account_id, idempotency_key),
  foreign key (account_id, payment_id) references payment_intents (account_id, id),
  foreign key (account_id, refund_id) references refunds (account_id, id),
  check ((kind = 'refund') = (refund_id is not null)),
  check ((state in ('succeeded', 'declined', 'errored')) = (ended_at is not null)),
  check ((state = 'created') = (submitted_at is null))
);
create index payment_operations_payment on payment_operations (account_id, payment_id, created_at);
create unique index payment_operations_refund on payment_operations (refund_id) where refund_id is not null;
-- One authorization, capture or cancellation of a payment at a time; one capture that took effect.
create unique index payment_operations_open on payment_operations (payment_id)
  where kind in ('authorize', 'capture', 'cancel') and ended_at is null;
create unique index payment_operations_capture on payment_operations (payment_id)
  where kind = 'capture' and state not in ('declined', 'errored');

-- What a provider told, as it came. Whose it is, is found out afterwards.
create table psp_events (
  provider text not null check (provider in ('sandbox', 'stripe')),
  id text not null,
  type text not null,
  provider_account text,
  payload bytea not null,
  -- What it is about, by the provider's names and by ours where the provider keeps them.
  payment_provider_id text,
  payment_id text,
  refund_id text,
  dispute_provider_id text,
  state text not null default 'parked' check (state in ('matched', 'parked', 'ignored')),
  matched_account_id text references accounts (id),
  tries integer not null default 0,
  next_try_at timestamptz,
  created_at timestamptz not null default clock_timestamp(),
  primary key (provider, id)
);
create index psp_events_parked on psp_events (next_try_at) where state = 'parked' and next_try_at is not null;

-- A refund that had been made and came back.
insert into posting_rules (journal, measure, debit, credit) values
  ('refund_returned', 'amount', 'psp_clearing', 'prepayments');
