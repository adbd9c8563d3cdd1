-- The same for the calendar of an account, which customers inherit.
create or replace function account_calendar_changed() returns trigger
language plpgsql as $$
declare
  v_begun date;
begin
  v_begun := greatest(
    (calendar_period(old.id, null, old.time_zone, old.cut_off, business_now(old.id))).business_date,
    (select max(business_date) from purchase_orders where account_id = old.id));
  insert into former_calendars (account_id, held_until, time_zone, cut_off)
  values (old.id, v_begun + 1, old.time_zone, old.cut_off)
  on conflict do nothing;
  return new;
end $$;
create or replace trigger account_calendar_changed before update of time_zone, cut_off on accounts
  for each row when (old.time_zone <> new.time_zone or old.cut_off <> new.cut_off)
  execute function account_calendar_changed();
