-- A call is over. Calls in a row without an answer open the breaker: nobody is asked for 10 s, 30 s,
-- 1 m, 5 m and then every 15 m, but for one that tries, because every order that waits looks again at
-- each try. One answer closes it and wakes them all. Answers what changed: `opened`, `closed` or null.
-- Safe to repeat: it counts only while the call is under way.
create or replace function end_supplier_call(
  p_account text, p_supplier text, p_call text, p_reached boolean, p_said text
) returns text
language plpgsql as $$
declare
  c_failures_max constant integer := 5;
  c_woken_max constant integer := 1000;
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
    if v_supplier.breaker_opened_at is null then
      return null;
    end if;
    insert into outbox (account_id, verb, workflow, subject, signal)
    select t.account_id, 'signal', 'fulfillTransaction', jsonb_build_object('transaction_id', t.id),
      jsonb_build_object('name', 'wokenUp',
        'input', jsonb_build_object('reason', v_supplier.name || ' answers again'))
    from transactions t
    where t.account_id = p_account and t.ended_at is null and exists (
      select 1 from units u
      join supplier_skus ss on ss.account_id = u.account_id and ss.product_id = u.product_id
        and ss.variant_id = u.variant_id and ss.supplier_id = p_supplier
      where u.account_id = t.account_id and u.transaction_id = t.id
        and u.state in ('queued', 'backordered', 'sourcing', 'unknown'))
    order by t.accepted_at, t.id limit c_woken_max;
    return 'closed';
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
        * (array[10, 30, 60, 300, 900])[least(v_failures - c_failures_max, 4) + 1]
    where account_id = p_account and id = p_supplier;
  return case when v_supplier.breaker_opened_at is null then 'opened' end;
end $$;
