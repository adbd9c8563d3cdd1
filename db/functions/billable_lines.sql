-- The lines of a purchase order with units that can be billed, in the order of their acceptance. Units are
-- read once and their parents by key: a join planned while tables were small is quadratic in a long day.
create or replace function billable_lines(p_account text, p_purchase_order text)
returns table (line_id text, transaction_id text, client_reference text, accepted_at timestamptz,
  payment_method text, sku text, name text, tax_class text, unit_price_minor bigint)
language plpgsql stable as $$
#variable_conflict use_column
begin
  return query
    select l.id, t.id, t.client_reference, t.accepted_at, t.payment_method, l.sku, l.name, l.tax_class,
      l.unit_price_minor
    from (
      select u.line_id, u.transaction_id, bool_or(is_billable(u, false)) as is_delivered
      from units u
      where u.account_id = p_account and u.purchase_order_id = p_purchase_order and is_billable(u, true)
      group by u.line_id, u.transaction_id
    ) billable
    cross join lateral (select po as found from purchase_orders po where po.id = p_purchase_order limit 1) po
    cross join lateral (select t.*, t as found from transactions t where t.id = billable.transaction_id limit 1) t
    cross join lateral (select * from lines l where l.id = billable.line_id limit 1) l
    where billable.is_delivered or bills_ahead(po.found, t.found)
    order by t.position, l.position;
end $$;
