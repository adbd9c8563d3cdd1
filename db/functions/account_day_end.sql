-- When a business date is over for the account and for everybody who may order from it. Customers that
-- share a calendar are asked once.
create or replace function account_day_end(p_account text, p_date date) returns timestamptz
language sql stable as $$
  select greatest(calendar_day_end(p_account, null, p_date),
    (select max(calendar_day_end(p_account, shared.customer_id, p_date)) from (
      select min(c.id) as customer_id from customers c
      left join former_calendars f on f.account_id = c.account_id and f.customer_id = c.id
        and f.held_until > p_date - 4
      where c.account_id = p_account and c.status = 'active'
      group by c.time_zone, c.cut_off, f.customer_id) shared))
$$;
