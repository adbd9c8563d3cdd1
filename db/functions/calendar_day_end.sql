-- The end of a business date. Never before the end of the dates before it, so that days tile: one
-- whose calendar would end it earlier than that has no length. Zones and cut-offs are 50 hours apart
-- at most, so no date further back can end later.
create or replace function calendar_day_end(p_account text, p_customer text, p_date date) returns timestamptz
language sql stable as $$
  select max(business_day_end(day.date, c.time_zone, c.cut_off))
  from (select p_date - back as date from generate_series(0, 3) back) day,
    calendar_on(p_account, p_customer, day.date) c
$$;
