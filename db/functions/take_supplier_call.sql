-- Leave to make one call, exact over any number of processes: callers of one supplier pass its row
-- one by one. Answers {call} or {hold_seconds, why}: `breaker` (ask after its probe) or `limit`.
-- Safe to repeat: leave that is not used ends with its lease.
create or replace function take_supplier_call(p_account text, p_supplier text, p_lease interval) returns jsonb
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
