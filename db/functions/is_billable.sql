-- Whether a unit can be billed: it was delivered, or it is not given up where its purchase order is billed
-- on acceptance and its order is on credit. A replacement is never billed.
create or replace function is_billable(u units, po purchase_orders, t transactions) returns boolean
language sql immutable as $$
  select u.invoice_line_id is null and u.replaces_unit_id is null
    and (u.state = 'allocated' or (po.bill_on = 'acceptance' and t.payment_method = 'credit'
      and u.state in ('queued', 'sourcing', 'backordered', 'unknown')))
$$;
