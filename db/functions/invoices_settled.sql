-- A purchase order is settled when nothing of it is open or unbilled and its invoices are paid or
-- void. Said by the last of them, whatever paid or voided it.
create or replace function invoices_settled() returns trigger
language plpgsql as $$
begin
  update purchase_orders po set state = 'settled'
  where po.account_id = new.account_id and po.id = new.purchase_order_id and po.state = 'invoiced'
    and not exists (select 1 from transactions t where t.account_id = po.account_id
      and t.purchase_order_id = po.id and t.ended_at is null)
    and not exists (select 1 from units u where u.account_id = po.account_id
      and u.purchase_order_id = po.id and u.state = 'allocated' and u.invoice_line_id is null
      and u.replaces_unit_id is null)
    and not exists (select 1 from invoices i where i.account_id = po.account_id
      and i.purchase_order_id = po.id and i.state = 'open');
  return null;
end $$;
create or replace trigger invoices_settled after update of state on invoices
  for each row when (new.state in ('paid', 'void')) execute function invoices_settled();
