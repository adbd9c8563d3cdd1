-- A purchase order's workflow has nothing left to do. The last one of its date lets finance hear of the
-- date, again if it was told without it: whoever ends one locks the date, so one of them is the last.
-- Safe to repeat.
create or replace function end_purchase_order(p_account text, p_po text) returns void
language plpgsql as $$
declare
  v_date date;
  v_day account_days;
begin
  update purchase_orders set ended_at = business_now(p_account)
    where account_id = p_account and id = p_po and ended_at is null
    returning business_date into v_date;
  if not found then
    return;
  end if;
  select * into v_day from account_days where account_id = p_account and business_date = v_date
    order by run desc limit 1 for no key update;
  if v_day.id is null or has_open_purchase_orders(p_account, v_date) then
    return;
  elsif v_day.ended_at is null then
    perform wake_story(p_account, 'closeAccountDay', v_day.id, jsonb_build_object(
        'account_day_id', v_day.id, 'business_date', v_date, 'run', v_day.run),
      'a purchase order of the date is done', 5);
  elsif not v_day.complete then
    perform request_account_day(p_account, v_date, true);
  end if;
end $$;
