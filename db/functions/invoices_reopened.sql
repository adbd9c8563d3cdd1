-- A purchase order whose invoice owes something again is not settled any more.
create or replace function invoices_reopened() returns trigger
language plpgsql as $$
begin
  update purchase_orders set state = 'invoiced'
  where account_id = new.account_id and id = new.purchase_order_id and state = 'settled';
  return null;
end $$;
create or replace trigger invoices_reopened after update of state on invoices
  for each row when (old.state = 'paid' and new.state = 'open') execute function invoices_reopened();
