-- Whether an order's units are billed before they are delivered: its purchase order is billed on
-- acceptance, and it is on credit.
create or replace function bills_ahead(po purchase_orders, t transactions) returns boolean
language sql immutable as $$
  select po.bill_on = 'acceptance' and t.payment_method = 'credit'
$$;
