-- The business day that holds an instant. `p_zone` and `p_cut_off` are what is set now, which is all
-- there is to know unless a former calendar still holds around that instant.
create or replace function calendar_period(
  p_account text, p_customer text, p_zone text, p_cut_off time, p_at timestamptz,
  out business_date date, out period_start timestamptz, out period_end timestamptz
) language plpgsql stable as $$
begin
  select * into business_date, period_start, period_end
    from business_period(p_at, p_zone, p_cut_off);
  if not exists (select 1 from former_calendars f
    where f.account_id = p_account and (f.customer_id is null or f.customer_id = p_customer)
      and f.held_until > calendar_period.business_date - 4)
  then
    return;
  end if;
  while p_at >= calendar_day_end(p_account, p_customer, business_date) loop
    business_date := business_date + 1;
  end loop;
  while p_at < calendar_day_end(p_account, p_customer, business_date - 1) loop
    business_date := business_date - 1;
  end loop;
  period_start := calendar_day_end(p_account, p_customer, business_date - 1);
  period_end := calendar_day_end(p_account, p_customer, business_date);
end $$;
