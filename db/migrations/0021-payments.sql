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

-- "Look at SQL again" for the workflow of a payment, or a new run of it if it had ended.
create function wake_payment(p_account text, p_payment text, p_reason text) returns void
language plpgsql as $$
declare
  v_payment payment_intents;
begin
  update payment_intents set run = run + 1, ended_at = null
    where account_id = p_account and id = p_payment and ended_at is not null
    returning * into v_payment;
  if found then
    insert into outbox (account_id, verb, workflow, subject, priority)
    values (p_account, 'start', 'processPayment', jsonb_build_object('payment_id', p_payment,
      'run', v_payment.run, 'amount_minor', v_payment.amount_minor, 'currency', v_payment.currency,
      'customer_id', v_payment.customer_id, 'transaction_id', v_payment.transaction_id), 1);
    return;
  end if;
  select * into v_payment from payment_intents where account_id = p_account and id = p_payment;
  -- Whoever has something to do does not wait: a test clock stops until it is done.
  delete from waits where story_id = p_payment;
  insert into outbox (account_id, verb, workflow, subject, signal, priority)
  values (p_account, 'signal', 'processPayment',
    jsonb_build_object('payment_id', p_payment, 'run', v_payment.run),
    jsonb_build_object('name', 'wokenUp', 'input', jsonb_build_object('reason', p_reason)), 1);
end $$;

create function wake_refund(p_account text, p_refund text, p_reason text) returns void
language plpgsql as $$
declare
  v_refund refunds;
begin
  update refunds set run = run + 1, ended_at = null
    where account_id = p_account and id = p_refund and ended_at is not null
    returning * into v_refund;
  if found then
    insert into outbox (account_id, verb, workflow, subject, priority)
    values (p_account, 'start', 'refundPayment', jsonb_build_object('refund_id', p_refund,
      'run', v_refund.run, 'amount_minor', v_refund.amount_minor, 'currency', v_refund.currency), 3);
    return;
  end if;
  select * into v_refund from refunds where account_id = p_account and id = p_refund;
  -- Whoever has something to do does not wait: a test clock stops until it is done.
  delete from waits where story_id = p_refund;
  insert into outbox (account_id, verb, workflow, subject, signal)
  values (p_account, 'signal', 'refundPayment',
    jsonb_build_object('refund_id', p_refund, 'run', v_refund.run),
    jsonb_build_object('name', 'wokenUp', 'input', jsonb_build_object('reason', p_reason)));
end $$;

-- Finds whose a provider's event is, and lets that story look. Safe to repeat: waking only says
-- "ask the provider", and asking twice changes nothing. Answers the state that the event is in.
create function route_psp_event(p_provider text, p_event text) returns text
language plpgsql as $$
declare
  v_event psp_events;
  v_payment payment_intents;
begin
  select * into v_event from psp_events where provider = p_provider and id = p_event for update;
  if not found or v_event.state <> 'parked' then
    return v_event.state;
  end if;
  -- A test account's events come from the sandbox only, a live one's from Stripe only.
  select p.* into v_payment from payment_intents p join accounts a on a.id = p.account_id
    where a.mode = case p_provider when 'sandbox' then 'test' else 'live' end
      and (v_event.provider_account is null
        or v_event.provider_account = coalesce(a.provider_reference, 'acct_' || substr(a.id, 5)))
      and (p.id = coalesce(v_event.payment_id, (select r.payment_id from refunds r where r.id = v_event.refund_id))
        or p.provider_id = v_event.payment_provider_id)
    order by p.id = v_event.payment_id desc limit 1 for no key update of p;
  if not found then
    update psp_events set tries = tries + 1,
      next_try_at = case when tries < 12 then
        clock_timestamp() + least(60 * 2 ^ tries, 21600) * interval '1 second' end
      where provider = p_provider and id = p_event;
    return 'parked';
  end if;
  update psp_events set state = 'matched', matched_account_id = v_payment.account_id,
      payment_id = v_payment.id, next_try_at = null
    where provider = p_provider and id = p_event;
  if v_event.refund_id is not null then
    update refunds set refresh_wanted_at = clock_timestamp()
      where account_id = v_payment.account_id and id = v_event.refund_id;
    if found then
      perform wake_refund(v_payment.account_id, v_event.refund_id, v_event.type);
    end if;
    return 'matched';
  end if;
  update payment_intents set refresh_wanted_at = clock_timestamp()
    where account_id = v_payment.account_id and id = v_payment.id;
  perform wake_payment(v_payment.account_id, v_payment.id, v_event.type);
  return 'matched';
end $$;

-- Stores what a provider told, once per event id, and routes it.
create function store_psp_event(p jsonb, p_payload bytea) returns text
language plpgsql as $$
begin
  insert into psp_events (provider, id, type, provider_account, payload, payment_provider_id,
    payment_id, refund_id, dispute_provider_id, state, next_try_at)
  values (p ->> 'provider', p ->> 'id', p ->> 'type', p ->> 'provider_account', p_payload,
    p ->> 'payment_provider_id', p ->> 'payment_id', p ->> 'refund_id',
    p ->> 'dispute_provider_id',
    case when (p ->> 'wanted')::boolean then 'parked' else 'ignored' end,
    case when (p ->> 'wanted')::boolean then clock_timestamp() end)
  on conflict do nothing;
  return route_psp_event(p ->> 'provider', p ->> 'id');
end $$;

-- Events whose payment is known by now. Bounded per call.
create function sweep_psp_events(p_limit integer) returns integer
language sql volatile as $$
  select count(route_psp_event(provider, id))::integer from (
    select provider, id from psp_events
    where state = 'parked' and next_try_at < clock_timestamp()
    order by next_try_at limit p_limit for update skip locked) due
$$;

-- As `sweep_stories` does for orders: stories about money that nobody carries on.
create function sweep_money(p_grace interval, p_limit integer)
returns table (workflow text, story_id text)
language plpgsql as $$
declare
  v_story record;
begin
  for v_story in
    select s.* from (
      select account_id, id, 'processPayment' as flow, 'payment_id' as name, created_at
        from payment_intents where ended_at is null
      union all
      select account_id, id, 'refundPayment', 'refund_id', created_at
        from refunds where ended_at is null) s
    where s.created_at < business_now(s.account_id) - p_grace
      and not exists (select 1 from waits w where w.story_id = s.id
        and (w.needs_person or w.due_at > business_now(s.account_id) - p_grace))
      and not exists (select 1 from outbox o where o.account_id = s.account_id
        and o.workflow = s.flow and o.subject @> jsonb_build_object(s.name, s.id))
    order by s.created_at limit p_limit
  loop
    insert into outbox (account_id, verb, workflow, subject, priority)
    select v_story.account_id, 'start', v_story.flow, jsonb_build_object(v_story.name, v_story.id,
      'run', coalesce((select run from payment_intents where id = v_story.id),
        (select run from refunds where id = v_story.id))), 3;
    case v_story.flow
      when 'processPayment' then perform wake_payment(v_story.account_id, v_story.id, 'swept');
      else perform wake_refund(v_story.account_id, v_story.id, 'swept');
    end case;
    workflow := v_story.flow;
    story_id := v_story.id;
    return next;
  end loop;
end $$;
