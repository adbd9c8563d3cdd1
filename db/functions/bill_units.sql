-- Marks the units of some lines that can be billed with the invoice line that will bill them, the n-th
-- line with the n-th invoice line, and counts them by line in the same statement: what is billed is what
-- was marked, whatever is being delivered or given up at the same time. The pairs are an object and no
-- table, because PostgreSQL expects few units of a purchase order and would join a long day's in loops.
create or replace function bill_units(
  p_account text, p_purchase_order text, p_lines text[], p_invoice_lines text[]
) returns table (line_id text, quantity integer, delivered integer)
language plpgsql as $$
#variable_conflict use_column
declare
  v_invoice_lines constant jsonb := jsonb_object(p_lines, p_invoice_lines);
begin
  return query
    with billed as (
      update units u set invoice_line_id = v_invoice_lines ->> u.line_id
      where u.account_id = p_account and u.purchase_order_id = p_purchase_order
        and v_invoice_lines ? u.line_id
        and is_billable(u, (select bills_ahead(po, t) from purchase_orders po, transactions t
          where po.id = u.purchase_order_id and t.id = u.transaction_id))
      returning u.line_id, u.allocated_at
    )
    select b.line_id, count(*)::integer, count(b.allocated_at)::integer from billed b group by b.line_id;
end $$;
