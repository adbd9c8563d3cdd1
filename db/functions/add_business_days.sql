-- The date so many business days (Monday to Friday) after a date.
create or replace function add_business_days(p_date date, p_days integer) returns date
language sql immutable as $$
  select day::date from generate_series(p_date + 1, p_date + 2 * p_days + 4, interval '1 day') day
  where extract(isodow from day) < 6 order by day offset p_days - 1 limit 1
$$;
