-- Finance was told. What was still open then may be done by now: then it is told again. Safe to repeat.
create or replace function end_account_day(p_account text, p_day text) returns void
language plpgsql as $$
declare
  v_day account_days;
begin
  select * into v_day from account_days where account_id = p_account and id = p_day
    for no key update;
  if v_day.ended_at is not null then
    return;
  end if;
  update account_days set ended_at = business_now(p_account)
    where account_id = p_account and id = p_day;
  if not v_day.complete and not has_open_purchase_orders(p_account, v_day.business_date) then
    perform request_account_day(p_account, v_day.business_date, true);
  end if;
end $$;
