-- The units of an order by state: everything about an order that changes. A replacement is not
-- something that was ordered: it does not count.
create or replace function order_state(p_account text, p_transaction text) returns jsonb
language sql stable as $$
  select coalesce(jsonb_object_agg(state, n), '{}') from (
    select state, count(*) as n from units
    where (account_id = p_account) is true and transaction_id = p_transaction and replaces_unit_id is null
    group by state) counted
$$;
