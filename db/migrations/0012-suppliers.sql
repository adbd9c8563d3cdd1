-- Suppliers that are connected by configuration: how they are reached, how fast they may be asked,
-- whether they answer at all, and what their codes cost.

alter table suppliers
  drop constraint suppliers_adapter_check,
  add constraint suppliers_adapter_check check (adapter in ('sandbox', 'http')),
  add column base_url text check (length(base_url) between 1 and 2048),
  -- Signs requests and answers; sealed for the supplier's own row.
  add column secret bytea check (length(secret) > 28),
  add column secret_key_version smallint,
  add column call_seconds_max integer not null default 10 check (call_seconds_max between 1 and 30),
  -- Calls allowed per second (null: any number) and at the same time.
  add column per_second_max integer check (per_second_max between 1 and 1000),
  add column in_flight_max integer not null default 16 check (in_flight_max between 1 and 100),
  -- Real time: the next free place in the stream of calls, and the end of the queue behind it.
  add column next_call_at timestamptz,
  add column queue_ends_at timestamptz,
  -- The circuit breaker (business time): calls in a row that were not answered; open since when and
  -- because of what; nobody is asked before the probe.
  add column breaker_failures integer not null default 0 check (breaker_failures >= 0),
  add column breaker_opened_at timestamptz,
  add column breaker_probe_at timestamptz,
  add column breaker_reason text,
  add column version integer not null default 1,
  add column updated_at timestamptz not null default clock_timestamp(),
  add check ((adapter = 'http') = (base_url is not null)),
  add check ((adapter = 'http') = (secret is not null)),
  add check ((secret is null) = (secret_key_version is null)),
  add check ((breaker_opened_at is null) = (breaker_probe_at is null)),
  add check ((breaker_opened_at is null) = (breaker_reason is null));
create index suppliers_created on suppliers (account_id, created_at, id);
create index suppliers_broken on suppliers (account_id, id) where breaker_opened_at is not null;

-- What a supplier sells can be named, switched off and changed.
alter table supplier_skus
  add column id text not null default new_id('ssku') unique,
  add column active boolean not null default true,
  add column version integer not null default 1,
  add column updated_at timestamptz not null default clock_timestamp(),
  add unique (account_id, id),
  add check (priority between 0 and 1000000);
create index supplier_skus_supplier on supplier_skus (account_id, supplier_id, created_at, id);

-- What one code costs: agreed when it is ordered, and as the supplier said when it sold it.
alter table sourcing_attempts
  add column cost_minor bigint check (cost_minor >= 0),
  add column cost_currency text references currencies (code),
  -- Business time at which the supplier was first asked under this reference.
  add column asked_at timestamptz,
  -- Somebody wants it undone: the next question is a cancellation.
  add column cancel_requested_at timestamptz,
  add check ((cost_minor is null) = (cost_currency is null));
alter table codes
  add column cost_minor bigint check (cost_minor >= 0),
  add column cost_currency text references currencies (code),
  add check ((cost_minor is null) = (cost_currency is null));

-- Calls that are on their way. A process that died leaves its row behind until the lease ends.
create table supplier_calls (
  id text primary key,
  account_id text not null,
  supplier_id text not null,
  -- Real time.
  leased_until timestamptz not null,
  created_at timestamptz not null default clock_timestamp(),
  foreign key (account_id, supplier_id) references suppliers (account_id, id)
);
create index supplier_calls_supplier on supplier_calls (supplier_id);

-- Leave to make one call, exact over any number of processes: callers of one supplier pass its row
-- one by one. Answers {call} or {hold_seconds, why}: `breaker` (ask after its probe) or `limit`.
-- Safe to repeat: leave that is not used ends with its lease.
create function take_supplier_call(p_account text, p_supplier text, p_lease interval) returns jsonb
language plpgsql as $$
declare
  v_supplier suppliers;
  v_clock timestamptz;
  v_now timestamptz;
  v_flying integer;
  v_first timestamptz;
  v_interval interval;
  v_hold timestamptz;
  v_call text := new_id('call');
begin
  select * into v_supplier from suppliers
    where account_id = p_account and id = p_supplier for no key update;
  if not found then
    raise exception 'no supplier % in %', p_supplier, p_account using errcode = 'no_data_found';
  end if;
  v_clock := clock_timestamp();
  v_now := business_now(p_account);
  if v_supplier.breaker_probe_at > v_now then
    return jsonb_build_object('why', 'breaker',
      'hold_seconds', extract(epoch from v_supplier.breaker_probe_at - v_now));
  end if;
  delete from supplier_calls where supplier_id = p_supplier and leased_until <= v_clock;
  select count(*), min(leased_until) into v_flying, v_first
    from supplier_calls where supplier_id = p_supplier;
  if v_flying >= v_supplier.in_flight_max then
    v_hold := least(v_first, v_clock + interval '500 milliseconds');
  elsif v_supplier.next_call_at > v_clock then
    v_hold := v_supplier.next_call_at;
  end if;
  if v_hold is not null then
    -- Those who come back later come one after the other.
    v_interval := interval '1 second' / coalesce(v_supplier.per_second_max, 100);
    v_hold := greatest(v_hold, v_supplier.queue_ends_at + v_interval);
    update suppliers set queue_ends_at = v_hold where account_id = p_account and id = p_supplier;
    return jsonb_build_object('why', 'limit', 'hold_seconds', extract(epoch from v_hold - v_clock));
  end if;
  update suppliers
    set next_call_at = case when per_second_max is not null
          then v_clock + interval '1 second' / per_second_max end,
      -- Half-open: one call tries, the others wait for what it hears, or for its end.
      breaker_probe_at = case when breaker_opened_at is not null then v_now + p_lease end
    where account_id = p_account and id = p_supplier
      and (per_second_max is not null or breaker_opened_at is not null);
  insert into supplier_calls (id, account_id, supplier_id, leased_until)
    values (v_call, p_account, p_supplier, v_clock + p_lease);
  return jsonb_build_object('call', v_call);
end $$;

-- A call is over. Calls in a row without an answer open the breaker: nobody is asked for 10, 30 and
-- then every 60 seconds, but for one that tries; one answer closes it. Answers what changed:
-- `opened`, `closed` or null. Safe to repeat: it counts only while the call is under way.
create function end_supplier_call(
  p_account text, p_supplier text, p_call text, p_reached boolean, p_said text
) returns text
language plpgsql as $$
declare
  c_failures_max constant integer := 5;
  v_supplier suppliers;
  v_failures integer;
begin
  select * into v_supplier from suppliers
    where account_id = p_account and id = p_supplier for no key update;
  delete from supplier_calls where account_id = p_account and id = p_call;
  if not found then
    return null;
  end if;
  if p_reached then
    update suppliers set breaker_failures = 0, breaker_opened_at = null, breaker_probe_at = null,
        breaker_reason = null
      where account_id = p_account and id = p_supplier and breaker_failures > 0;
    return case when v_supplier.breaker_opened_at is not null then 'closed' end;
  end if;
  v_failures := v_supplier.breaker_failures + 1;
  if v_failures < c_failures_max then
    update suppliers set breaker_failures = v_failures
      where account_id = p_account and id = p_supplier;
    return null;
  end if;
  update suppliers
    set breaker_failures = v_failures, breaker_reason = p_said,
      breaker_opened_at = coalesce(breaker_opened_at, business_now(p_account)),
      breaker_probe_at = business_now(p_account) + interval '1 second'
        * case v_failures - c_failures_max when 0 then 10 when 1 then 30 else 60 end
    where account_id = p_account and id = p_supplier;
  return case when v_supplier.breaker_opened_at is null then 'opened' end;
end $$;
