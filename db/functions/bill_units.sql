-- Marks the units of some lines that can be billed with the invoice line that will bill them, the n-th
-- line with the n-th invoice line, and counts them by line in the same statement: what is billed is what
-- was marked, whatever is being delivered or given up at the same time.
create or replace function bill_units(
  p_account text, p_purchase_order text, p_lines text[], p_invoice_lines text[]
) returns table (line_id text, quantity integer, delivered integer)
language plpgsql as $$
#variable_conflict use_column
begin
  return query
    with billed as (
      update units u set invoice_line_id = bill.invoice_line_id
      from unnest(p_lines, p_invoice_lines) as bill (line_id, invoice_line_id), purchase_orders po, transactions t
      where u.account_id = p_account and u.purchase_order_id = p_purchase_order
        and po.id = u.purchase_order_id and t.id = u.transaction_id
        and u.line_id = bill.line_id and is_billable(u, po, t)
      returning u.line_id, u.allocated_at
    )
    select b.line_id, count(*)::integer, count(b.allocated_at)::integer from billed b group by b.line_id;
end $$;
