-- The calendar of a business date, of a customer or (null) of the account itself.
create or replace function calendar_on(
  p_account text, p_customer text, p_date date, out time_zone text, out cut_off time
) language sql stable as $$
  select coalesce(own.time_zone, whole.time_zone), coalesce(own.cut_off, whole.cut_off)
  from (
    select f.time_zone, f.cut_off, f.held_until from former_calendars f
    where f.account_id = p_account and f.customer_id is null and f.held_until > p_date
    union all
    select a.time_zone, a.cut_off, 'infinity' from accounts a where a.id = p_account
    order by held_until limit 1
  ) whole
  left join (
    select f.time_zone, f.cut_off, f.held_until from former_calendars f
    where f.account_id = p_account and f.customer_id = p_customer and f.held_until > p_date
    union all
    select c.time_zone, c.cut_off, 'infinity' from customers c
    where c.account_id = p_account and c.id = p_customer
    order by held_until limit 1
  ) own on true
$$;
