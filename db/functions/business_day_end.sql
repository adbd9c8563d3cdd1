-- When a business day ends: at `cut_off` local time of its date, so days of 0, 23, 24 and 25 hours
-- come out right.
create or replace function business_day_end(p_date date, p_zone text, p_cut_off time) returns timestamptz
language sql stable as $$
  select (p_date + p_cut_off::interval) at time zone p_zone
$$;
