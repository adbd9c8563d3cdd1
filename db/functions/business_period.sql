-- The business day that holds an instant: calendar arithmetic in the zone, half-open, as instants.
create or replace function business_period(
  p_at timestamptz, p_zone text, p_cut_off time,
  out business_date date, out period_start timestamptz, out period_end timestamptz
) language plpgsql stable as $$
begin
  business_date := (p_at at time zone p_zone)::date;
  while p_at >= business_day_end(business_date, p_zone, p_cut_off) loop
    business_date := business_date + 1;
  end loop;
  while p_at < business_day_end(business_date - 1, p_zone, p_cut_off) loop
    business_date := business_date - 1;
  end loop;
  period_start := business_day_end(business_date - 1, p_zone, p_cut_off);
  period_end := business_day_end(business_date, p_zone, p_cut_off);
end $$;
