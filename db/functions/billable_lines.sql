-- The lines of a purchase order with units that can be billed, in the order of their acceptance.
create or replace function billable_lines(p_account text, p_purchase_order text)
returns table (line_id text, transaction_id text, client_reference text, accepted_at timestamptz,
  payment_method text, sku text, name text, tax_class text, unit_price_minor bigint)
language plpgsql stable as $$
#variable_conflict use_column
begin
  return query
    select l.id, t.id, t.client_reference, t.accepted_at, t.payment_method, l.sku, l.name, l.tax_class,
      l.unit_price_minor
    from purchase_orders po
    join transactions t on t.account_id = po.account_id and t.purchase_order_id = po.id
    join lines l on l.account_id = t.account_id and l.transaction_id = t.id
    where po.account_id = p_account and po.id = p_purchase_order
      and exists (select 1 from units u
        where u.line_id = l.id and u.purchase_order_id = po.id and is_billable(u, po, t))
    order by t.position, l.position;
end $$;
