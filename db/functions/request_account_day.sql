-- Tells finance of a business date: once, or with `p_again` once more when it was told before. One that
-- is under way goes on. Answers its id. Safe to repeat.
create or replace function request_account_day(p_account text, p_date date, p_again boolean) returns text
language plpgsql as $$
declare
  v_last account_days;
  v_day account_days;
  v_run integer;
begin
  select * into v_last from account_days where account_id = p_account and business_date = p_date
    order by run desc limit 1 for no key update;
  if found and (v_last.ended_at is null or not p_again) then
    return v_last.id;
  end if;
  v_run := coalesce(v_last.run, 0) + 1;
  insert into account_days (id, account_id, business_date, run, requested_at)
  values (p_account || '/' || p_date || case when v_run = 1 then '' else '/' || v_run end,
    p_account, p_date, v_run, business_now(p_account))
  on conflict do nothing returning * into v_day;
  if not found then
    select * into strict v_day from account_days
      where account_id = p_account and business_date = p_date order by run desc limit 1;
    return v_day.id;
  end if;
  insert into outbox (account_id, verb, workflow, subject, priority)
  values (p_account, 'start', 'closeAccountDay', jsonb_build_object('account_day_id', v_day.id,
    'business_date', p_date, 'run', v_run), 5);
  return v_day.id;
end $$;
