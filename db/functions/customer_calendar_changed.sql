-- Keeps the calendar that is replaced, until the next business date that has not begun. Triggers, so
-- that no way to set a calendar can move a day that was announced. What was set and changed again
-- before it held leaves nothing behind.
create or replace function customer_calendar_changed() returns trigger
language plpgsql as $$
declare
  v_begun date;
begin
  select greatest(
      (calendar_period(old.account_id, old.id, coalesce(old.time_zone, a.time_zone),
        coalesce(old.cut_off, a.cut_off), business_now(old.account_id))).business_date,
      (select max(business_date) from purchase_orders
        where account_id = old.account_id and customer_id = old.id))
    into v_begun from accounts a where a.id = old.account_id;
  insert into former_calendars (account_id, customer_id, held_until, time_zone, cut_off)
  values (old.account_id, old.id, v_begun + 1, old.time_zone, old.cut_off)
  on conflict do nothing;
  return new;
end $$;
create or replace trigger customer_calendar_changed before update of time_zone, cut_off on customers
  for each row when (old.time_zone is distinct from new.time_zone
    or old.cut_off is distinct from new.cut_off)
  execute function customer_calendar_changed();
