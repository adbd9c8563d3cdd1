-- Disputes: a payer's bank takes money back until it has decided. What we know of each, what was
-- answered to it, and the calls that answered.

insert into event_types (type, additive) values
  ('dispute.opened', true), ('dispute.evidence_due', true), ('dispute.under_review', true),
  ('dispute.won', true), ('dispute.lost', true);

alter table payment_intents
  -- Taken back by disputes that are open or lost.
  add column disputed_minor bigint not null default 0 check (disputed_minor >= 0);

create table disputes (
  id text primary key,
  account_id text not null,
  payment_id text not null,
  provider_id text not null,
  -- Business time. Null until the provider itself has been asked: an event is not believed.
  opened_at timestamptz,
  state text not null default 'needs_response'
    check (state in ('needs_response', 'under_review', 'won', 'lost')),
  reason text,
  amount_minor bigint check (amount_minor > 0),
  currency text references currencies (code),
  -- What left the balance at the provider, and what came back, without and with its fee.
  withdrawn_minor bigint not null default 0 check (withdrawn_minor >= 0),
  fee_minor bigint not null default 0 check (fee_minor >= 0),
  returned_minor bigint not null default 0,
  fee_returned_minor bigint not null default 0,
  -- Until when evidence is taken, and how many of the reminders before were sent.
  evidence_due_at timestamptz,
  reminders_sent integer not null default 0,
  -- Texts by kind of evidence.
  evidence jsonb not null default '{}',
  ask_at timestamptz,
  refresh_wanted_at timestamptz,
  run integer not null default 1,
  ended_at timestamptz,
  event_sequence integer not null default 0,
  created_at timestamptz not null default clock_timestamp(),
  updated_at timestamptz not null default clock_timestamp(),
  unique (account_id, id),
  unique (account_id, provider_id),
  foreign key (account_id, payment_id) references payment_intents (account_id, id),
  check (returned_minor between 0 and withdrawn_minor),
  check (fee_returned_minor between 0 and fee_minor),
  check (opened_at is null or (reason is not null and amount_minor is not null
    and currency is not null and evidence_due_at is not null))
);
create index disputes_opened on disputes (account_id, opened_at, id);
create index disputes_payment on disputes (account_id, payment_id);
create index disputes_open on disputes (account_id, id) where ended_at is null;

-- The legal moves of a dispute; anything else is refused by the database itself.
create table dispute_moves (
  from_state text not null,
  to_state text not null,
  created_at timestamptz not null default clock_timestamp(),
  primary key (from_state, to_state)
);
insert into dispute_moves (from_state, to_state) values
  ('needs_response', 'under_review'), ('needs_response', 'won'), ('needs_response', 'lost'),
  ('under_review', 'won'), ('under_review', 'lost');

create function disputes_move() returns trigger
language plpgsql as $$
begin
  if not exists (select 1 from dispute_moves where from_state = old.state and to_state = new.state) then
    raise exception 'a dispute cannot move from % to %', old.state, new.state using errcode = 'check_violation';
  end if;
  return new;
end $$;
create trigger disputes_move before update of state on disputes
  for each row when (old.state is distinct from new.state) execute function disputes_move();

-- Papers of the evidence, as they were sent; the provider's name of each once it has it.
create table dispute_files (
  id text primary key,
  account_id text not null,
  dispute_id text not null,
  kind text not null check (kind in ('transaction_details', 'shipping_proof', 'communication_logs')),
  name text not null,
  media text not null,
  content bytea not null check (octet_length(content) between 1 and 5242880),
  provider_id text,
  created_at timestamptz not null default clock_timestamp(),
  unique (dispute_id, kind),
  foreign key (account_id, dispute_id) references disputes (account_id, id)
);

-- What answers a dispute is an operation like those that move money: one at a time.
alter table payment_operations
  add column dispute_id text,
  add foreign key (account_id, dispute_id) references disputes (account_id, id),
  drop constraint payment_operations_kind_check,
  add constraint payment_operations_kind_check check (kind in
    ('authorize', 'capture', 'cancel', 'refund', 'respond', 'accept')),
  add constraint payment_operations_dispute_check check
    ((kind in ('respond', 'accept')) = (dispute_id is not null));
create unique index payment_operations_dispute_open on payment_operations (dispute_id)
  where dispute_id is not null and ended_at is null;
create index payment_operations_dispute on payment_operations (account_id, dispute_id, created_at)
  where dispute_id is not null;

create index psp_events_parked_payment on psp_events (payment_provider_id) where state = 'parked';
